/**
 * Properties that a converted model claims for each of its maps: pixels between neighbouring cells, and the pixels that a cell depends on.
 * The checks verify these claims. Where the model claims nothing, there is nothing to verify, and the report says "not verified".
 */
import { meanedMap } from '../analysis/meaned-map';
import type { AxisField, ReceptiveField } from '../analysis/receptive-field';
import { evaluateDim } from '../ir/dims';
import { type Letter, type PlacesName, placesName } from '../ir/spatial';
import type { Dim, Value } from '../ir/types';
import { pixelStride } from '../operators/pixel-stride';
import type { Subject } from './subject';

export interface AxisClaim {
  /** Unit along the axis. */
  readonly name: PlacesName;
  /** Pixels between neighbouring cells; a fraction after upsampling. */
  readonly stride: number;
  /**
   * Pixels by which the image must move for the map to move by whole cells: the smallest multiple of the stride that is an integer, combined with the
   * period that the model declares.
   */
  readonly period: number;
  /** The claim holds at image sizes that are congruent to the original's modulo this number. */
  readonly congruent: number;
  /** Pixels cut off at the near and at the far end before a layer pads: cells that read closer to an end than this see padding. */
  readonly edges: readonly [number, number];
  /**
   * First pixel that cell 0 depends on, and the number of pixels; `isRounded`: these are rounded outwards from fractions. `whole`: all pixels;
   * undefined: the model does not declare it.
   */
  readonly field: { readonly start: number; readonly extent: number; readonly isRounded?: boolean } | 'whole' | undefined;
  /** Number of cells along the axis for an image of that many pixels; undefined if the sizes of the model do not determine it. */
  cells(pixels: number): number | undefined;
}

export interface Claim {
  readonly output: string;
  /** The output is the mean over a map, and the other fields describe that map. */
  readonly isMean?: boolean | undefined;
  /** Claims along each spatial axis, outermost first. */
  readonly axes: readonly AxisClaim[];
}

/** Cells along each axis for an image of these lengths; undefined if the sizes of the model do not determine them. */
export function cellsOf({ axes }: Claim, lengths: readonly number[]): readonly number[] | undefined {
  const cells = axes.map((axis, at) => axis.cells(lengths[at] ?? 0));
  return cells.every((number): number is number => number !== undefined) ? cells : undefined;
}

/** Claims of every output that is a map, and of means over a map. They describe the cells of the actual map, which may be finer than the network's own. */
export function claimsOf(subject: Subject): readonly Claim[] {
  const { graph } = subject.request.converted.model;
  return graph.outputs.flatMap((output): Claim[] => {
    const shape = subject.request.declared?.get(output.name) ?? output.type?.shape;
    const { letters } = subject;
    if (subject.head === 'image' && !subject.isMap(output.name)) {
      const map = meanedMap(output);
      const strides = subject.request.strides?.[output.name] ?? (map && pixelStride(map)) ?? [];
      const sizes = map?.type?.shape;
      if (sizes?.length !== 2 + letters.length) return [];
      return [
        {
          output: output.name,
          isMean: true,
          axes: letters.map((letter, axis) => axisClaim(subject, letter, strides[axis] ?? 1, 'whole', sizes[axis + 2])),
        },
      ];
    }
    if (shape?.length !== 2 + letters.length) return [];
    const fields = subject.request.contract?.fields?.[output.name];
    const strides = stridesOf(subject, output, fields);
    return [
      {
        output: output.name,
        axes: letters.map((letter, axis) => axisClaim(subject, letter, strides[axis] ?? 1, fields?.[placesName(letter)], shape[axis + 2])),
      },
    ];
  });
}

/** Strides as the model declares them, otherwise as derived from its graph. */
function stridesOf({ request, letters }: Subject, output: Value, fields: ReceptiveField | undefined): readonly number[] {
  const declared = request.strides?.[output.name];
  if (declared) return declared;
  const strides = pixelStride(output);
  const density = request.density?.[output.name];
  const of = (field: AxisField | 'whole' | undefined, other: number): number =>
    field && field !== 'whole' && !density && Number.isFinite(field.stride) ? field.stride : other;
  return strides.map((stride, axis) => of(fields && letters[axis] && fields[placesName(letters[axis])], stride));
}

function axisClaim(subject: Subject, letter: Letter, stride: number, field: AxisField | 'whole' | undefined, dim: Dim): AxisClaim {
  const symbol = subject.sizeName(letter);
  const isFixed = subject.isFixed(subject.letters.indexOf(letter));
  const name = placesName(letter);
  return {
    name,
    stride,
    period: commonMultiple(periodOf(stride), subject.request.contract?.period?.[name] ?? 1),
    congruent: subject.request.contract?.congruent?.[name] ?? 1,
    edges: subject.request.contract?.edges?.[name] ?? [0, 0],
    field: field === 'whole' || field === undefined ? field : wholePixels(field),
    cells: (pixels) =>
      symbol === undefined ? (isFixed && typeof dim === 'number' ? dim : undefined) : evaluateDim(dim, { [symbol]: pixels }),
  };
}

/** Field of cell 0, rounded outwards. */
export function wholePixels({ offset, window }: AxisField): {
  readonly start: number;
  readonly extent: number;
  readonly isRounded: boolean;
} {
  const start = Math.floor(offset);
  return { start, extent: Math.ceil(offset + window) - start, isRounded: !Number.isInteger(offset) || !Number.isInteger(window) };
}

/** Smallest multiple of the stride that is an integer number of pixels. */
export function periodOf(stride: number): number {
  for (let times = 1; times <= 64; times++)
    if (Math.abs(stride * times - Math.round(stride * times)) < 1e-9) return Math.round(stride * times);
  return stride;
}

export function commonMultiple(a: number, b: number): number {
  if (!Number.isInteger(a) || !Number.isInteger(b)) return a;
  let [x, y] = [a, b];
  while (y > 0) [x, y] = [y, x % y];
  return (a / x) * b;
}
