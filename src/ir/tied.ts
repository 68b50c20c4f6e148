/**
 * Which spatial axes of the images slide, where it is not all of them: a network may have a meaning of its own for each place along one axis (a norm per bin
 * of a spectrogram, a bias per column), and slide along the other. The axes that do not slide keep the length that they have.
 *
 *   convolutionize.slides   ["height"]       written where not all spatial axes slide
 */
import { jsonIn } from '../formats/json';
import type { Model } from './model';
import { axisName, LETTERS, type Letter } from './spatial';

const SLIDES = 'convolutionize.slides';

/** The axes that do not slide, as a conversion wrote it down; undefined where it did not. */
export function tiedIn(metadata: ReadonlyMap<string, string>): readonly Letter[] | undefined {
  const names: unknown = jsonIn(metadata.get(SLIDES));
  if (!Array.isArray(names)) return undefined;
  return LETTERS.filter((letter) => !names.includes(axisName(letter)));
}

/** Ties all spatial axes but these, and writes it down. `letters`: the spatial axes that the images have. */
export function slideAlong(model: Model, sliding: readonly Letter[], letters: readonly Letter[]): void {
  const tied = letters.filter((letter) => !sliding.includes(letter));
  if (tied.length === 0) model.metadata.delete(SLIDES);
  else model.metadata.set(SLIDES, JSON.stringify(sliding.map(axisName)));
  model.graph.tie(tied);
}

/** The axes that slide, where it is not all of them: to convert another model as this one was. */
export function slidingNames({ graph, metadata }: Model): readonly string[] | undefined {
  const names: unknown = graph.tied.size === 0 ? undefined : jsonIn(metadata.get(SLIDES));
  return Array.isArray(names) ? names.filter((name): name is string => typeof name === 'string') : undefined;
}
