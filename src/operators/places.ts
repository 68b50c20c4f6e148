/** Operators whose results are sizes or positions. */
import type { OnnxOp } from '../ir/operators';
import { uncounted } from './multiply-adds';
import { type Operator, pointwise } from './operator';

const sizes = pointwise('sizes');
/** Coordinates, masks and indices: values that depend on the position they are at. */
const places = pointwise('places');

export const placesAndSizes = {
  AffineGrid: places,
  BlackmanWindow: places,
  ConstantOfShape: pointwise('constant', { settings: [0], family: 'view' }),
  EyeLike: places,
  HammingWindow: places,
  HannWindow: places,
  MelWeightMatrix: pointwise('places', { multiplyAdds: uncounted }),
  NonZero: places,
  OneHot: pointwise('places', { weights: [] }),
  Range: pointwise('places', { weights: [], family: 'view' }),
  Shape: pointwise('sizes', { family: 'view' }),
  Size: sizes,
  Trilu: places,
} satisfies Partial<Record<OnnxOp, Operator>>;
