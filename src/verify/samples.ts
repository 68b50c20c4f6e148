/** Inputs by the dozen: kinds of different statistics in turn. */

import type { ImageWindow } from '../compile/input-size';
import { notComparable } from '../diagnostics/catalogue';
import type { Model } from '../ir/model';
import { tensorByteLength } from '../ir/tensor';
import { INPUT_KINDS, type InputKind } from './inputs';
import type { Numbers } from './onnx-runner';

export interface Sample {
  /** What it is, for reports: a kind of random input, or the name of a file. */
  readonly kind: string;
  readonly feeds: ReadonlyMap<string, Numbers>;
}

export function randomSamples(count: number, feeds: (kind: InputKind, round: number) => ReadonlyMap<string, Numbers>): readonly Sample[] {
  return Array.from({ length: count }, (_, at): Sample => {
    const kind = INPUT_KINDS[at % INPUT_KINDS.length] ?? 'normal';
    return { kind, feeds: feeds(kind, Math.floor(at / INPUT_KINDS.length)) };
  });
}

/** Small networks are cheap to run, and a unit that does not fire on one input may on another. Decided by size, not by time: the same every time. */
export function usualSamples(model: Model, image: Pick<ImageWindow, 'height' | 'width'> | undefined): number {
  const bytes = weightBytes(model);
  const wanted = bytes < 4e6 ? 16 : bytes < 40e6 ? 3 : 1;
  // All of them are in memory: large images are fewer.
  return INPUT_KINDS.length * Math.max(1, Math.min(wanted, Math.floor(2 ** 22 / (image ? image.height * image.width : 1))));
}

export const weightBytes = (model: Model): number =>
  model.graph.constants.reduce((sum, { constant }) => sum + tensorByteLength(constant), 0);

/** The samples of one part: the first, on which the noise is measured, is in all of them. */
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

/** `normal, smooth, 3 of each`; of files the names. */
export function describeSamples(samples: readonly Sample[]): string {
  const counts = new Map<string, number>();
  for (const { kind } of samples) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  const kinds = [...counts.keys()];
  const shown = kinds.length > 8 ? `${kinds.slice(0, 8).join(', ')} and ${kinds.length - 8} more` : kinds.join(', ');
  const each = new Set(counts.values());
  const [only] = each;
  return `inputs: ${shown}${each.size === 1 && only !== undefined && only > 1 ? `, ${only} of each` : ''}`;
}
