/** Operators whose results are sizes or positions. */
import type { OnnxOp } from '../ir/operators';
import { type Operator, pointwise } from './operator';

const sizes = pointwise('sizes');
/** Coordinates, masks and indices: values that depend on the position they are at. */
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
