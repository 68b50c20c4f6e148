/** Computes internal values of a model: the model is cut after them, and run. */
import { nestedGraphs } from '../../ir/graph';
import type { Model } from '../../ir/model';
import { isFloatType } from '../../ir/tensor';
import { isConst, type Value } from '../../ir/types';
import type { Bench } from '../bench';
import { trunkOf } from '../cut';
import type { Numbers } from '../onnx-runner';
import { each, only, type Results } from '../results';

/** The part of a model that computes these values, by name. */
export function withOutputs(model: Model, values: readonly Value[]): Model {
  if (!model.graph.nodes.some((node) => nestedGraphs(node).length > 0)) return trunkOf(model, values);
  // Parts with nested graphs cannot be copied node by node.
  const copy = model.clone();
  const names = new Set(values.map(({ name }) => name));
  copy.graph.setOutputs(copy.graph.nodes.flatMap((node) => node.outputs).filter(({ name }) => names.has(name)));
  return copy;
}

/** Runs a model up to these values. Opens one session and releases it. */
export async function probe(
  bench: Bench,
  model: Model,
  values: readonly Value[],
  feeds: ReadonlyMap<string, Numbers>,
  role: string,
): Promise<Results> {
  const [results = new Map()] = await probeEach(bench, model, values, [feeds], role);
  return results;
}

/** The same on several inputs, in one session. */
export function probeEach(
  bench: Bench,
  model: Model,
  values: readonly Value[],
  feeds: readonly ReadonlyMap<string, Numbers>[],
  role: string,
): Promise<readonly Results[]> {
  return bench.within(bench.place(withOutputs(model, values), 'probe'), role, {}, (session) =>
    each(feeds, (one) => session.run(only(one, session.inputNames))),
  );
}

/** True if a value can be read: a computed value in floating point. */
export const isProbeable = (value: Value): boolean =>
  value.name !== '' && !isConst(value) && value.producer !== undefined && (value.type === undefined || isFloatType(value.type.dtype));
