/**
 * ONNX's definition of Resize along one axis whose size is known: the positions that contribute to each new position, and their weights.
 *
 * Coordinates are computed in float32, as in ONNX Runtime: when a coordinate falls halfway between two positions, rounding decides which one is nearest.
 */
import { stringAttr } from '../../ir/attrs';
import type { Node } from '../../ir/types';
import { Unsupported } from '../emitter';

/** coordinate_transformation_mode; `tf_half_pixel_for_nn` is of opset 11, and ONNX Runtime supports it in all. */
const COORDINATES = [
  'half_pixel',
  'half_pixel_symmetric',
  'pytorch_half_pixel',
  'align_corners',
  'asymmetric',
  'tf_half_pixel_for_nn',
] as const;
export type Coordinates = (typeof COORDINATES)[number];
/** nearest_mode */
const ROUNDINGS = ['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil'] as const;
export type Rounding = (typeof ROUNDINGS)[number];
const MODES = ['nearest', 'linear', 'cubic'] as const;

export interface Sampling {
  readonly mode: (typeof MODES)[number];
  readonly coordinates: Coordinates;
  readonly nearest: Rounding;
  /** cubic_coeff_a */
  readonly cubic: number;
  readonly excludesOutside: boolean;
  readonly antialias: boolean;
}

/** Value of a string attribute, which must be one of the known words. Throws Unsupported with the word itself. */
function wordOf<Word extends string>(node: Node, attribute: string, known: readonly Word[]): Word {
  const word = stringAttr(node, attribute);
  const found = known.find((each) => each === word);
  if (found === undefined) throw new Unsupported(`its ${attribute} is '${word}'`);
  return found;
}
export const coordinatesOf = (node: Node): Coordinates => wordOf(node, 'coordinate_transformation_mode', COORDINATES);
export const roundingOf = (node: Node): Rounding => wordOf(node, 'nearest_mode', ROUNDINGS);
export const modeOf = (node: Node): Sampling['mode'] => wordOf(node, 'mode', MODES);

export interface Scale {
  readonly factor: number;
  /** New length. */
  readonly length: number;
}

export interface Tap {
  readonly place: number;
  readonly weight: number;
}

/** Rounds to float32, in which all of this is computed. */
const f32 = Math.fround;

/** New length, rounded as in ONNX Runtime. */
export const scaledLength = (before: number, factor: number): number => Math.floor(f32(before * f32(factor)));

/** One row of taps per new position. */
export function rowsOf(before: number, { factor, length }: Scale, sampling: Sampling): Tap[][] {
  return Array.from({ length }, (_, at) => {
    const x = coordinate(at, before, length, f32(factor), sampling.coordinates);
    return sampling.mode === 'nearest'
      ? [{ place: clamp(rounded(x, sampling.nearest), before), weight: 1 }]
      : spread(x, before, factor, sampling, KERNELS[sampling.mode](sampling));
  });
}

interface Kernel {
  readonly reach: number;
  readonly weight: (distance: number) => number;
}
const KERNELS: Readonly<Record<'linear' | 'cubic', (sampling: Sampling) => Kernel>> = {
  linear: () => ({ reach: 1, weight: (x) => Math.max(1 - Math.abs(x), 0) }),
  cubic: ({ cubic }) => ({ reach: 2, weight: keys(cubic) }),
};

function coordinate(at: number, before: number, after: number, factor: number, mode: Coordinates): number {
  const halfPixel = (): number => f32(f32((at + 0.5) / factor) - 0.5);
  switch (mode) {
    case 'asymmetric':
      return f32(at / factor);
    case 'align_corners':
      return after === 1 ? 0 : f32(f32(at * (before - 1)) / (after - 1));
    case 'pytorch_half_pixel':
      return after > 1 ? halfPixel() : 0;
    case 'half_pixel_symmetric': {
      // The length that the factor implies, which need not be an integer, centred on the same middle.
      const adjustment = f32(after / f32(factor * before));
      const offset = f32((before / 2) * f32(1 - adjustment));
      // The last step of this mode alone is computed in double.
      return f32(offset + (at + 0.5) / factor - 0.5);
    }
    case 'half_pixel':
      return halfPixel();
    case 'tf_half_pixel_for_nn':
      return f32((at + 0.5) / factor);
  }
}

/** Distance from the midpoint of two positions within which ONNX Runtime treats a coordinate as the midpoint (measured, 1.30). */
export const TIE = 1e-6;

function rounded(x: number, mode: Rounding): number {
  switch (mode) {
    case 'floor':
      return Math.floor(x);
    case 'ceil':
      return Math.ceil(x);
    case 'round_prefer_ceil':
      return Math.floor(x) + (x - Math.floor(x) > 0.5 - TIE ? 1 : 0);
    case 'round_prefer_floor':
      return Math.floor(x) + (x - Math.floor(x) >= 0.5 + TIE ? 1 : 0);
  }
}

/** The taps of a kernel around x; when shrinking with antialiasing, the kernel is widened by the inverse of the factor. */
function spread(x: number, before: number, factor: number, sampling: Sampling, kernel: Kernel): Tap[] {
  const stretch = sampling.antialias ? Math.min(factor, 1) : 1;
  const reach = kernel.reach / stretch;
  const taps: Tap[] = [];
  for (let place = Math.ceil(x - reach); place <= Math.floor(x + reach); place++) {
    const weight = kernel.weight((x - place) * stretch);
    const isOutside = place < 0 || place >= before;
    if (weight === 0 || (isOutside && sampling.excludesOutside)) continue;
    taps.push({ place: clamp(place, before), weight });
  }
  const sum = taps.reduce((total, { weight }) => total + weight, 0);
  return sampling.antialias || sampling.excludesOutside ? taps.map(({ place, weight }) => ({ place, weight: weight / sum })) : taps;
}

/** Keys' cubic convolution. */
const keys =
  (a: number) =>
  (x: number): number => {
    const t = Math.abs(x);
    if (t <= 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
    if (t < 2) return a * (((t - 5) * t + 8) * t - 4);
    return 0;
  };

const clamp = (place: number, length: number): number => Math.min(Math.max(place, 0), length - 1);
