/**
 * The image sizes that a model accepts, per image input and axis:  multiple * n + rest  pixels, and at least `minimum`.
 *
 * Derived from the graph's conditions on its lengths (conditions.ts), not by running it. A converted model runs at every size from the minimum on; if its
 * network accepts only some sizes, the graph cuts the image to the next smaller one (passes/fit-images). The metadata record them:
 *
 *   convolutionize.sizes   {"image":{"height":{"multiple":32,"rest":0,"minimum":224},"width":{"multiple":32,"rest":0,"minimum":224}}}
 */
import { jsonIn } from '../../formats/json';
import { imageInputs } from '../axis-roles';
import type { Graph } from '../graph';
import type { Model } from '../model';
import { inferShapes, type ShapeInference } from '../shape-inference';
import { type AxisName, axisName, LETTERS, type Letter, type PerAxis } from '../spatial';
import { sizeConditions } from './conditions';
import { cutsOf } from './cut';
import { type SizeFamily, solveSizes } from './solve';
import { sizeSymbols, type Windows, windowsOf } from './windows';

export type { SizeFamily };

/** Accepted sizes of an image. An axis of fixed length has multiple 0: that length is the only one. */
export type ImageSizes = PerAxis<SizeFamily>;

const SIZES = 'convolutionize.sizes';

/**
 * Accepted sizes by image input. `windows`: the size that the model was made for, if the model does not record it; inputs for which neither gives it are
 * omitted. The model is not modified.
 */
export function sizesTaken(model: Model, windows: Windows = windowsOf(model)): ReadonlyMap<string, ImageSizes> {
  const declared = declaredSizes(model);
  if (declared.size > 0) return declared;
  const copy = model.clone();
  return sizesOf(copy.graph, inferShapes(copy), windows);
}

/** The same from the graph alone. Types must be inferred. */
export function sizesOf(graph: Graph, inference: ShapeInference, windows: Windows): ReadonlyMap<string, ImageSizes> {
  const { families } = solveSizes(sizeConditions(graph, inference), sizeSymbols(graph, windows));
  const sizes = new Map<string, ImageSizes>();
  for (const [image, roles] of imageInputs(graph)) {
    const cuts = cutsOf(image);
    const letters = LETTERS.filter((letter) => roles.includes(letter));
    const along = (letter: Letter): SizeFamily | undefined => {
      const axis = roles.indexOf(letter);
      const dim = image.type?.shape?.[axis];
      if (typeof dim === 'number') return { multiple: 0, rest: dim, minimum: dim };
      const family = families.get(dim ?? '');
      const cut = cuts.find((candidate) => candidate.axis === axis);
      return family && cut ? { ...cutFamily(cut), minimum: upTo(family.minimum, cut) } : family;
    };
    const known = perKnownAxis(letters, along);
    if (known) sizes.set(image.name, known);
  }
  return sizes;
}

/** undefined if the sizes are not known along every axis. */
function perKnownAxis(letters: readonly Letter[], along: (letter: Letter) => SizeFamily | undefined): ImageSizes | undefined {
  const known = letters.flatMap((letter): (readonly [AxisName, SizeFamily])[] => {
    const family = along(letter);
    return family ? [[axisName(letter), family]] : [];
  });
  return known.length === letters.length ? Object.fromEntries(known) : undefined;
}

const cutFamily = ({ multiple, rest }: { readonly multiple: number; readonly rest: number }): Omit<SizeFamily, 'minimum'> => ({
  multiple,
  rest,
});
/** The smallest size of a family that is at least `least`. */
const upTo = (least: number, { multiple, rest }: { readonly multiple: number; readonly rest: number }): number =>
  Math.max(Math.ceil((least - rest) / multiple), 0) * multiple + rest;

/** The largest accepted size that does not exceed `length`; undefined if the image is too small. */
export function largestTaken({ multiple, rest, minimum }: SizeFamily, length: number): number | undefined {
  if (length < minimum) return undefined;
  return multiple === 0 ? rest : length - ((((length - rest) % multiple) + multiple) % multiple);
}

/** The size of the family nearest to `length` according to `round`, and at least its minimum. */
export function nearestTaken({ multiple, rest, minimum }: SizeFamily, length: number, round: (steps: number) => number): number {
  return multiple === 0 ? rest : Math.max(minimum, rest + multiple * round((length - rest) / multiple));
}

/** `every height from 224 on`, `heights of 32 n + 11, from 75 on`, `a height of 224`. */
export function describeFamily({ multiple, rest, minimum }: SizeFamily, what: string): string {
  if (multiple === 0) return `a ${what} of ${rest}`;
  if (multiple === 1) return `every ${what} from ${minimum} on`;
  return `${what}s of ${multiple} n${rest === 0 ? '' : ` + ${rest}`}, from ${minimum} on`;
}

/** Writes the accepted sizes into the metadata. */
export function declareSizes(model: Model, inference: ShapeInference = inferShapes(model)): void {
  const sizes = sizesOf(model.graph, inference, windowsOf(model));
  model.metadata.delete(SIZES);
  if (sizes.size > 0) model.metadata.set(SIZES, JSON.stringify(Object.fromEntries(sizes)));
}

function declaredSizes(model: Model): ReadonlyMap<string, ImageSizes> {
  const sizes = new Map<string, ImageSizes>();
  const images = new Map([...imageInputs(model.graph)].map(([{ name }, roles]) => [name, roles]));
  for (const [input, size] of Object.entries(jsonIn(model.metadata.get(SIZES)) ?? {})) {
    const letters = LETTERS.filter((letter) => images.get(input)?.includes(letter));
    const known = perKnownAxis(letters, (letter) => familyIn(size, axisName(letter)));
    if (letters.length > 0 && known) sizes.set(input, known);
  }
  return sizes;
}

function familyIn(size: unknown, axis: string): SizeFamily | undefined {
  const family = property(size, axis);
  const [multiple, rest, minimum] = ['multiple', 'rest', 'minimum'].map((name) => property(family, name));
  return isCount(multiple) && isCount(rest) && isCount(minimum) ? { multiple, rest, minimum } : undefined;
}
const property = (of: unknown, name: string): unknown =>
  typeof of === 'object' && of !== null ? Object.entries(of).find(([key]) => key === name)?.[1] : undefined;
const isCount = (value: unknown): value is number => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
