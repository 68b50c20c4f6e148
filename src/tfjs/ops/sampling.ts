/** Which places of an axis a place of the resized axis is made of, and how much of each: ONNX's definition of Resize, for one axis. */

export interface Sampling {
  readonly mode: 'nearest' | 'linear' | 'cubic';
  /** coordinate_transformation_mode */
  readonly coordinates: string;
  /** nearest_mode */
  readonly nearest: string;
  /** cubic_coeff_a */
  readonly cubic: number;
  readonly excludesOutside: boolean;
  readonly antialias: boolean;
}

export interface Scale {
  readonly factor: number;
  /** Afterwards; undefined where it is not known before. */
  readonly length: number | undefined;
}

export interface Tap {
  readonly place: number;
  readonly weight: number;
}

/** One row of taps per place afterwards. */
export function rowsOf(before: number, { factor, length }: Scale & { readonly length: number }, sampling: Sampling): Tap[][] {
  return Array.from({ length }, (_, at) => {
    const x = coordinate(at, before, length, factor, sampling.coordinates);
    if (sampling.mode === 'nearest') return [{ place: clamp(rounded(x, sampling.nearest), before), weight: 1 }];
    return spread(x, before, factor, sampling);
  });
}

function coordinate(at: number, before: number, after: number, factor: number, mode: string): number {
  switch (mode) {
    case 'asymmetric':
      return at / factor;
    case 'align_corners':
      return after === 1 ? 0 : (at * (before - 1)) / (after - 1);
    case 'pytorch_half_pixel':
      return after > 1 ? (at + 0.5) / factor - 0.5 : 0;
    case 'half_pixel_symmetric': {
      // The length that the factor asks for, which need not be whole, around the same middle.
      const adjustment = after / (factor * before);
      const offset = (before / 2) * (1 - adjustment);
      return offset + (at + 0.5) / factor - 0.5;
    }
    default:
      return (at + 0.5) / factor - 0.5;
  }
}

function rounded(x: number, mode: string): number {
  switch (mode) {
    case 'floor':
      return Math.floor(x);
    case 'ceil':
      return Math.ceil(x);
    case 'round_prefer_ceil':
      return Math.floor(x + 0.5);
    default:
      return Math.ceil(x - 0.5);
  }
}

/** The taps of a kernel around x; an antialiased one is as wide as what it shrinks. */
function spread(x: number, before: number, factor: number, sampling: Sampling): Tap[] {
  const stretch = sampling.antialias ? Math.min(factor, 1) : 1;
  const reach = (sampling.mode === 'linear' ? 1 : 2) / stretch;
  const kernel = sampling.mode === 'linear' ? triangle : cubicKernel(sampling.cubic);
  const taps: Tap[] = [];
  for (let place = Math.ceil(x - reach); place <= Math.floor(x + reach); place++) {
    const weight = kernel((x - place) * stretch);
    const isOutside = place < 0 || place >= before;
    if (weight === 0 || (isOutside && sampling.excludesOutside)) continue;
    taps.push({ place: clamp(place, before), weight });
  }
  const sum = taps.reduce((total, { weight }) => total + weight, 0);
  return sampling.antialias || sampling.excludesOutside ? taps.map(({ place, weight }) => ({ place, weight: weight / sum })) : taps;
}

const triangle = (x: number): number => Math.max(1 - Math.abs(x), 0);

/** Keys' cubic convolution. */
const cubicKernel =
  (a: number) =>
  (x: number): number => {
    const t = Math.abs(x);
    if (t <= 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
    if (t < 2) return a * (((t - 5) * t + 8) * t - 4);
    return 0;
  };

const clamp = (place: number, length: number): number => Math.min(Math.max(place, 0), length - 1);
