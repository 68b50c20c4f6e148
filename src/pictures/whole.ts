/** One prediction for a whole image from a network that outputs maps: the mean of all cells, as in the lecture, or the maximum. */
import { product, type Source } from '../sources/source';
import type { Combine } from './grid';
import type { Encoding } from './preprocessing';
import { scan } from './scan';
import { imageOf, type MapNetwork, planView, type Shown, type ViewOptions } from './views';

export interface WholeOptions extends ViewOptions {
  readonly combine: Combine;
  readonly softmax: boolean;
  readonly onProgress?: ((share: number) => void) | undefined;
}

export interface WholeScores {
  /** One score per class. */
  readonly scores: Float64Array;
  /** Number of cells along each axis. */
  readonly cells: readonly number[];
  /** Size of the image as the network saw it: the nearest size that it accepts. */
  readonly size: readonly number[];
}

/** `file` is used in messages. Throws CompileError as `planView` does. */
export async function scoresOfWhole(
  network: MapNetwork,
  source: Source & Shown,
  encoding: Encoding,
  { combine, softmax, onProgress, ...options }: WholeOptions,
  file: string,
): Promise<WholeScores> {
  const planned = planView(network, source, 1, options, file);
  const { tiling, plan } = planned;
  const counts = tiling.along.map(({ cells }) => cells);
  const cells = product(counts);
  const scores = new Float64Array(tiling.classes).fill(combine === 'max' ? Number.NEGATIVE_INFINITY : 0);
  await scan(
    {
      tiling,
      plan,
      softmax,
      image: (spans) => imageOf(source, planned, encoding, spans),
      run: (image) => network.run(image),
      onDone: onProgress,
    },
    ({ data }) => {
      const area = data.length / scores.length;
      for (let k = 0; k < scores.length; k++)
        for (let at = k * area; at < (k + 1) * area; at++) {
          const score = data[at] ?? 0;
          scores[k] = combine === 'max' ? Math.max(scores[k] ?? score, score) : (scores[k] ?? 0) + score / cells;
        }
    },
  );
  return { scores, cells: counts, size: planned.size };
}
