/** Sets of inputs, alternating between kinds of different statistics. */

import { notComparable } from '../diagnostics/catalogue';
import type { Model } from '../ir/model';
import { tensorByteLength } from '../ir/tensor';
import type { Budget } from './budget';
import { EXTREME_KINDS, INPUT_KINDS, type InputKind } from './inputs';
import type { Numbers } from './onnx-runner';
import { coarsestType, EPSILON } from './precision';

export interface Sample {
  /** Name for reports: the kind of random input, or the name of a file. */
  readonly kind: string;
  readonly feeds: ReadonlyMap<string, Numbers>;
}

/** Cycles through the kinds: first all of them once, then only the ordinary ones. */
export function randomSamples(
  count: number,
  kinds: readonly InputKind[],
  feeds: (kind: InputKind, round: number) => ReadonlyMap<string, Numbers>,
): readonly Sample[] {
  return Array.from({ length: count }, (_, at): Sample => {
    const later = at - kinds.length;
    const kind = (later < 0 ? kinds[at] : INPUT_KINDS[later % INPUT_KINDS.length]) ?? 'normal';
    return { kind, feeds: feeds(kind, later < 0 ? 0 : 1 + Math.floor(later / INPUT_KINDS.length)) };
  });
}

/** Inputs of extreme magnitude are only for networks that accept and compute in single precision or better. */
export function kindsFor(model: Model): readonly InputKind[] {
  const isFloat = model.graph.inputs.some(({ type }) => type?.dtype === 'float' || type?.dtype === 'double');
  const coarse = EPSILON[coarsestType(model)] ?? 0;
  return isFloat && coarse <= 2 ** -23 ? [...INPUT_KINDS, ...EXTREME_KINDS] : INPUT_KINDS;
}

/** Share of the budget. */
const SHARE = 0.05;

/**
 * Default number of samples. Small networks are cheap to run, and a unit that is inactive on one input may be active on another. The number depends
 * on the cost of the network and not on the clock, so it is always the same. `seconds`: cost of one sample. Every kind is used at least once.
 */
export function usualSamples(model: Model, budget: Budget, seconds: number): number {
  const bytes = weightBytes(model);
  const wanted = bytes < 4e6 ? 16 : bytes < 40e6 ? 3 : 1;
  const affordable = Math.floor((SHARE * budget.seconds) / Math.max(seconds, 1e-6) / INPUT_KINDS.length);
  return kindsFor(model).length + INPUT_KINDS.length * (Math.max(1, Math.min(wanted, affordable)) - 1);
}

export const weightBytes = (model: Model): number =>
  model.graph.constants.reduce((sum, { constant }) => sum + tensorByteLength(constant), 0);

/** The samples of one shard. The first sample, on which the noise is measured, is in all shards. */
export const partOf = (
  samples: readonly Sample[],
  shard: { readonly index: number; readonly of: number } | undefined,
): readonly Sample[] => (shard ? samples.filter((_, at) => at === 0 || (at - 1) % shard.of === shard.index - 1) : samples);

/** The sample that noise is measured on. */
export function referenceSample(samples: readonly Sample[]): Sample {
  const [first] = samples;
  if (!first) throw notComparable('there is no input to run them on');
  return first;
}

/** `normal, smooth, 3 of each`; for files, their names. */
export function describeSamples(samples: readonly Sample[]): string {
  const counts = new Map<string, number>();
  for (const { kind } of samples) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  const kinds = [...counts.keys()];
  const shown = kinds.length > 8 ? `${kinds.slice(0, 8).join(', ')} and ${kinds.length - 8} more` : kinds.join(', ');
  const each = new Set(counts.values());
  const [only] = each;
  return `inputs: ${shown}${each.size === 1 && only !== undefined && only > 1 ? `, ${only} of each` : ''}`;
}
