/** Runs two models on the same inputs and compares what comes out, as strictly as a pass promises. */
import type { Model } from '../../src/ir/model';
import { isFloatType, readNumbers, tensorBytes } from '../../src/ir/tensor';
import type { Tensor, Value } from '../../src/ir/types';
import { printModel } from '../../src/onnx/text/printer';
import type { Numbers } from '../../src/rewrite/pass';
import { type FeedOptions, feedsFor, runModel } from './run';

/**
 * Largest difference, as a share of the largest number of the output. float32 carries 6e-8; sums of a few hundred products in another order stay
 * within 1e-6 on the small graphs of tests, and a weight rounded once more adds as much again for each layer.
 */
const TOLERANCE: Record<Numbers, number> = { identical: 0, reordered: 2e-6, rounding: 1e-5 };

/** Rejects with both texts and the first value that departs. Two runs: ordinary inputs, and large ones. Resolves to whether every bit was the same. */
export async function runBoth(before: Model, after: Model, numbers: Numbers, options: FeedOptions = {}): Promise<boolean> {
  let isSame = true;
  for (const [seed, scale] of [
    [1, 1],
    [2, 30],
  ] as const) {
    const feeds = feedsFor(before.graph.inputs, { seed, scale, ...options });
    const [expected, actual] = [await runModel(before, feeds), await runModel(after, feeds)];
    for (const [name, tensor] of expected) {
      const problem = departure(tensor, actual.get(name), numbers);
      if (!problem) {
        isSame &&= departure(tensor, actual.get(name), 'identical') === undefined;
        continue;
      }
      const first = await firstDeparture(before, after, numbers, feeds);
      throw new Error(
        `output '${name}': ${problem}\n${first ? `first to depart: ${first}\n` : ''}--- before\n${printModel(before)}--- after\n${printModel(after)}`,
      );
    }
  }
  return isSame;
}

/** What is wrong with `actual`, or undefined. `least`: the size of the terms of sums that may cancel, where that is known. */
export function departure(expected: Tensor, actual: Tensor | undefined, numbers: Numbers, least = 0): string | undefined {
  if (!actual) return 'it is missing';
  if (expected.dtype !== actual.dtype) return `${expected.dtype} became ${actual.dtype}`;
  if (expected.shape.join() !== actual.shape.join()) return `shape [${expected.shape}] became [${actual.shape}]`;
  if (!isFloatType(expected.dtype)) return sameBytes(expected, actual) ? undefined : 'other integers';
  const [a, b] = [readNumbers(expected), readNumbers(actual)];
  const largest = a.reduce((most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most), least);
  let worst = -1;
  let index = -1;
  a.forEach((value, at) => {
    const other = b[at] ?? Number.NaN;
    const gap = Object.is(value, other) || value === other ? 0 : Math.abs(value - other);
    if (!(gap <= worst)) [worst, index] = [Number.isNaN(gap) ? Number.POSITIVE_INFINITY : gap, at];
  });
  if (worst <= TOLERANCE[numbers] * largest) return undefined;
  return `element ${index} of [${expected.shape}] was ${a[index]} and is ${b[index]}, off by ${worst} (largest number ${largest}, numbers: '${numbers}')`;
}

const sameBytes = (a: Tensor, b: Tensor): boolean => Buffer.compare(tensorBytes(a), tensorBytes(b)) === 0;

/** Rewrites keep names, so inner values can be compared with their namesakes. */
async function firstDeparture(
  before: Model,
  after: Model,
  numbers: Numbers,
  feeds: ReadonlyMap<string, Tensor>,
): Promise<string | undefined> {
  const [a, b] = [before.clone(), after.clone()];
  const inner = (model: Model): Value[] =>
    model.graph.nodes.flatMap((node) => node.outputs).filter((value) => value.name !== '' && value.type);
  const there = new Map(inner(b).map((value) => [value.name, value]));
  const shared = inner(a).filter((value) => there.has(value.name));
  a.graph.setOutputs(shared);
  b.graph.setOutputs(shared.flatMap((value) => there.get(value.name) ?? []));
  try {
    const [expected, actual] = [await runModel(a, feeds), await runModel(b, feeds)];
    for (const { name, producer } of shared) {
      const tensor = expected.get(name);
      const problem = tensor && departure(tensor, actual.get(name), numbers);
      if (problem) return `'${name}' (${producer?.op}): ${problem}`;
    }
  } catch (error) {
    return `(not found: ${error})`;
  }
  return undefined;
}
