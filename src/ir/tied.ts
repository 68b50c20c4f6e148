/**
 * Records which spatial axes of the images slide, if not all do: positions along one axis of a network may have a meaning of their own (a norm per bin of a
 * spectrogram, a bias per column), while it slides along the other. Axes that do not slide keep their length.
 *
 *   convolutionize.slides   ["height"]       written if not all spatial axes slide
 */
import { jsonIn } from '../formats/json';
import type { Model } from './model';
import { axisName, LETTERS, type Letter } from './spatial';

const SLIDES = 'convolutionize.slides';

/** The axes that do not slide, as recorded by a conversion; undefined if not recorded. */
export function tiedIn(metadata: ReadonlyMap<string, string>): readonly Letter[] | undefined {
  const names: unknown = jsonIn(metadata.get(SLIDES));
  if (!Array.isArray(names)) return undefined;
  return LETTERS.filter((letter) => !names.includes(axisName(letter)));
}

/** Ties all spatial axes except these, and records it. `letters`: the spatial axes of the images. */
export function slideAlong(model: Model, sliding: readonly Letter[], letters: readonly Letter[]): void {
  const tied = letters.filter((letter) => !sliding.includes(letter));
  if (tied.length === 0) model.metadata.delete(SLIDES);
  else model.metadata.set(SLIDES, JSON.stringify(sliding.map(axisName)));
  model.graph.tie(tied);
}

/** The axes that slide, if not all do: used to convert another model in the same way. */
export function slidingNames({ graph, metadata }: Model): readonly string[] | undefined {
  const names: unknown = graph.tied.size === 0 ? undefined : jsonIn(metadata.get(SLIDES));
  return Array.isArray(names) ? names.filter((name): name is string => typeof name === 'string') : undefined;
}
