/** Inferred shapes, judged by a run: every value of the model becomes an output. */
import { evaluateDim, namesOf } from '../../src/ir/dims';
import type { Model } from '../../src/ir/model';
import { inferShapes } from '../../src/ir/shape-inference';
import type { Dim } from '../../src/ir/types';
import { feedsFor, runModel } from './run';

/** Lines that say where inference and the run part; empty where all agree. `sizes`: what symbols stand for. */
export async function wrongShapes(source: Model, sizes: Readonly<Record<string, number>> = {}): Promise<string[]> {
  const model = source.clone();
  inferShapes(model);
  const { graph } = model;
  const values = graph.nodes.flatMap((node) => node.outputs).filter((value) => value.name !== '');
  const inferred = new Map(values.map((value) => [value.name, value.type]));
  // Types that were declared for outputs must not help the run.
  for (const value of values) graph.setType(value, value.type && { dtype: value.type.dtype });
  graph.setOutputs(values);
  const bound: Record<string, number> = { ...sizes };
  for (const input of graph.inputs) for (const dim of input.type?.shape ?? []) for (const name of namesOf(dim)) bound[name] ??= 2;
  const results = await runModel(model, feedsFor(graph.inputs, { sizes: bound }));
  return [...inferred].flatMap(([name, type]) => {
    const actual = results.get(name)?.shape;
    const expected = type?.shape?.map((dim: Dim) => evaluateDim(dim, bound));
    return expected && actual && expected.join() === actual.join()
      ? []
      : [`${name}: inferred [${type?.shape}] = [${expected}], ran as [${actual}]`];
  });
}
