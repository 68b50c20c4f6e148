/** The image size that a model was made for, as a conversion records it in the metadata, and the symbols that represent it. */
import { jsonIn } from '../../formats/json';
import { imageInputs } from '../axis-roles';
import type { Graph } from '../graph';
import type { Model } from '../model';
import { LETTERS } from '../spatial';
import type { SizeSymbol } from './solve';

export const WINDOW = 'convolutionize.window';

/** Lengths along the spatial axes, outermost first. */
export type Windows = ReadonlyMap<string, readonly number[]>;

/** Windows by image input; empty if the file does not record them, or records something invalid. */
export const windowsOf = (model: Model): Windows => sizesIn(model.metadata.get(WINDOW));

export function declareWindows(model: Model, windows: Iterable<readonly [input: string, size: readonly number[]]>): void {
  model.metadata.set(WINDOW, JSON.stringify(Object.fromEntries(windows)));
}

/** Parses lists of lengths by name, in JSON: `{"image":[224,224]}`. Anything else is omitted. */
export function sizesIn(text: string | undefined): Windows {
  const sizes = new Map<string, readonly number[]>();
  for (const [input, size] of Object.entries(jsonIn(text) ?? {})) {
    if (!Array.isArray(size)) continue;
    const lengths: unknown[] = size;
    if (lengths.length > 0 && lengths.every(isLength)) sizes.set(input, lengths);
  }
  return sizes;
}
const isLength = (value: unknown): value is number => typeof value === 'number' && Number.isSafeInteger(value) && value > 0;

/** The symbols of the spatial axes of the image inputs, with their original values. */
export function sizeSymbols(graph: Graph, windows: Windows): SizeSymbol[] {
  const symbols = new Map<string, number>();
  for (const [image, roles] of imageInputs(graph)) {
    const window = windows.get(image.name) ?? [];
    const letters: readonly string[] = LETTERS.filter((letter) => roles.includes(letter));
    for (const [axis, dim] of (image.type?.shape ?? []).entries()) {
      const original = window[letters.indexOf(roles[axis] ?? '')];
      if (typeof dim === 'string' && original !== undefined) symbols.set(dim, original);
    }
  }
  return [...symbols].map(([name, original]) => ({ name, original }));
}
