/** Operators whose results are sizes, or tell where places are. */
import type { OnnxOp } from '../ir/operators';
import { type Operator, pointwise } from './operator';

const sizes = pointwise('sizes');
/** Coordinates, masks and indices: numbers that depend on where a place is. */
const places = pointwise('places');

export const placesAndSizes = {
  AffineGrid: places,
  BlackmanWindow: places,
  ConstantOfShape: pointwise('constant', { settings: [0] }),
  EyeLike: places,
  HammingWindow: places,
  HannWindow: places,
  MelWeightMatrix: places,
  NonZero: places,
  OneHot: pointwise('places', { weights: [] }),
  Range: pointwise('places', { weights: [] }),
  Shape: sizes,
  Size: sizes,
  Trilu: places,
} satisfies Partial<Record<OnnxOp, Operator>>;
