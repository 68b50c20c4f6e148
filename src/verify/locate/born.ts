/** Finds the node at which a model first produces NaN or infinity from finite values. */
import { CompileError } from '../../diagnostics/compile-error';
import type { Model } from '../../ir/model';
import type { Value } from '../../ir/types';
import type { Bench } from '../bench';
import type { Numbers } from '../onnx-runner';
import type { NotFinite } from '../report';
import type { Results } from '../results';
import type { Sample } from '../samples';
import { isProbeable, probe } from './probe';
import { firstDeparting } from './walk';

const AT_ONCE = 8;

/** Returns undefined if all outputs are finite on all samples. */
export async function notFiniteIn(
  bench: Bench,
  model: Model,
  samples: readonly Sample[],
  results: readonly Results[],
): Promise<NotFinite | undefined> {
  for (const [at, sample] of samples.entries()) {
    const end = model.graph.outputs.find(({ name }) => placeIn(results[at]?.get(name)) !== undefined);
    const numbers = end && results[at]?.get(end.name);
    if (end && numbers) return born(bench, model, sample, end, numbers);
  }
  return undefined;
}

async function born(bench: Bench, model: Model, sample: Sample, end: Value, numbers: Numbers): Promise<NotFinite | undefined> {
  bench.progress('looking for where NaN or infinity is born');
  const seen = new Map<Value, Numbers>([[end, numbers]]);
  const candidates = new Set(model.graph.nodes.flatMap((node) => node.outputs).filter(isProbeable));
  try {
    const { value, before } = await firstDeparting(
      model.graph,
      end,
      candidates,
      async (values) => {
        const results = await probe(bench, model, values, sample.feeds, 'a part of the original');
        for (const each of values) {
          const found = results.get(each.name);
          if (found && placeIn(found) !== undefined) seen.set(each, found);
        }
        return new Map(values.map((each) => [each, seen.has(each)]));
      },
      AT_ONCE,
    );
    const found = seen.get(value) ?? numbers;
    const place = placeIn(found) ?? 0;
    const fed = [...sample.feeds.values()].some((feed) => placeIn(feed) !== undefined);
    return {
      node: value.producer?.name ?? value.name,
      op: value.producer?.op ?? '',
      value: value.name,
      inputs: before.map(({ name }) => name),
      sample: sample.kind,
      number: String(found.data[place]),
      count: Array.from(found.data).filter((number) => !Number.isFinite(number)).length,
      of: found.data.length,
      fed,
    };
  } catch (error) {
    // A model that cannot be cut cannot be inspected; the verdict stands.
    if (error instanceof CompileError) return undefined;
    throw error;
  }
}

function placeIn(numbers: Numbers | undefined): number | undefined {
  const at = numbers?.data.findIndex((number) => !Number.isFinite(number)) ?? -1;
  return at < 0 ? undefined : at;
}
