/**
 * Resize along one axis whose size is known only at run time: the coordinates of sampling.ts, computed by the model itself, in float32.
 *
 *   nearest   GatherV2 with the nearest indices
 *   linear    the two positions around each coordinate, weighted by distance
 *   cubic     the four positions around it, weighted by Keys' polynomial
 */
import { int } from '../attrs';
import { type Emitter, type Ref, Unsupported } from '../emitter';
import { type Coordinates, type Rounding, type Sampling, TIE } from './sampling';

/** Resize of one axis of a value. */
export interface Stretch {
  readonly axis: number;
  /** Number of axes of the value. */
  readonly rank: number;
  /** A float scalar. */
  readonly factor: Ref;
  /** New length: an int32 scalar. */
  readonly length: Ref;
}

export function sampled(make: Emitter, x: Ref, stretch: Stretch, sampling: Sampling): Ref {
  const { axis } = stretch;
  if (sampling.antialias) throw new Unsupported('it is antialiased, and the size of the map is not known');
  // ONNX Runtime computes these in double, which TensorFlow.js does not have: a coordinate halfway between two positions might round the other way.
  if (sampling.mode === 'nearest' && sampling.coordinates === 'half_pixel_symmetric')
    throw new Unsupported('it takes the nearest place by half_pixel_symmetric, and the size of the map is not known');
  const now = new Arithmetic(make);
  const before = now.number(make.lengthOf(x, axis));
  const last = now.sub(before, 1);
  const place = now.coordinates(stretch, before, sampling.coordinates);
  const pick = (places: Ref): Ref =>
    make.node('GatherV2', [x, make.cast(now.between(places, last), 'DT_INT32'), make.int(axis)], { batch_dims: int(0) });
  const column = (numbers: Ref): Ref =>
    make.reshape(
      numbers,
      Array.from({ length: stretch.rank - axis }, (_, at) => (at === 0 ? -1 : 1)),
    );
  switch (sampling.mode) {
    case 'nearest':
      return pick(now.rounded(place, sampling.nearest));
    case 'linear': {
      const inside = now.between(place, last);
      const low = now.floor(inside);
      const share = column(now.sub(inside, low));
      const [near, far] = [pick(low), pick(now.add(low, 1))];
      return now.add(now.mul(near, now.sub(now.value(1), share)), now.mul(far, share));
    }
    case 'cubic': {
      const low = now.floor(place);
      const share = now.sub(place, low);
      const places = [-1, 0, 1, 2].map((step) => now.add(low, step));
      const weights = now.keys(share, sampling.cubic);
      const kept = sampling.excludesOutside ? now.inside(weights, places, last) : weights;
      return places.map((each, at) => now.mul(pick(each), column(kept[at] ?? now.value(0)))).reduce((sum, part) => now.add(sum, part));
    }
  }
}

/** Nodes for formulas over floats. */
class Arithmetic {
  constructor(private readonly make: Emitter) {}

  value = (operand: Ref | number): Ref => (typeof operand === 'number' ? this.make.float(operand) : operand);
  number = (whole: Ref): Ref => this.make.cast(whole, 'DT_FLOAT');
  private binary = (op: string, a: Ref | number, b: Ref | number): Ref => this.make.node(op, [this.value(a), this.value(b)]);
  add = (a: Ref | number, b: Ref | number): Ref => this.binary('AddV2', a, b);
  sub = (a: Ref | number, b: Ref | number): Ref => this.binary('Sub', a, b);
  mul = (a: Ref | number, b: Ref | number): Ref => this.binary('Mul', a, b);
  div = (a: Ref | number, b: Ref | number): Ref => this.binary('RealDiv', a, b);
  floor = (x: Ref): Ref => this.make.node('Floor', [x]);
  between = (x: Ref, last: Ref): Ref => this.binary('Minimum', this.binary('Maximum', x, 0), last);
  /** 1 where the comparison holds, otherwise 0. */
  private truth = (op: string, a: Ref | number, b: Ref | number): Ref => this.make.cast(this.binary(op, a, b), 'DT_FLOAT');

  /** Coordinate on the old axis of each position of the resized axis: see `coordinate` in sampling.ts. */
  coordinates({ factor, length }: Stretch, before: Ref, mode: Coordinates): Ref {
    const at = this.number(this.make.countTo(this.make.int(0), length));
    const after = this.number(length);
    const middle = this.div(this.add(at, 0.5), factor);
    switch (mode) {
      case 'asymmetric':
        return this.div(at, factor);
      case 'align_corners':
        // If the new length is one, `at` is 0.
        return this.div(this.mul(at, this.sub(before, 1)), this.binary('Maximum', this.sub(after, 1), 1));
      case 'pytorch_half_pixel':
        return this.mul(this.sub(middle, 0.5), this.truth('Greater', after, 1));
      case 'half_pixel_symmetric': {
        const adjustment = this.div(after, this.mul(factor, before));
        const offset = this.mul(this.mul(before, 0.5), this.sub(1, adjustment));
        return this.sub(this.add(offset, middle), 0.5);
      }
      case 'half_pixel':
        return this.sub(middle, 0.5);
      case 'tf_half_pixel_for_nn':
        return middle;
    }
  }

  /** Rounds by the distance from the floor: adding a half first would introduce another rounding. */
  rounded(x: Ref, mode: Rounding): Ref {
    const low = this.floor(x);
    const rest = this.sub(x, low);
    switch (mode) {
      case 'floor':
        return low;
      case 'ceil':
        return this.add(low, this.truth('Greater', rest, 0));
      case 'round_prefer_ceil':
        return this.add(low, this.truth('Greater', rest, 0.5 - TIE));
      case 'round_prefer_floor':
        return this.add(low, this.truth('GreaterEqual', rest, 0.5 + TIE));
    }
  }

  /** Weights of the positions at -1, 0, 1 and 2, for coordinates that are `share` after position 0. */
  keys(share: Ref, a: number): Ref[] {
    const near = (t: Ref): Ref => this.add(this.mul(this.mul(this.sub(this.mul(t, a + 2), a + 3), t), t), 1);
    const far = (t: Ref): Ref => this.mul(this.sub(this.mul(this.add(this.mul(this.sub(t, 5), t), 8), t), 4), a);
    const rest = this.sub(1, share);
    return [far(this.add(share, 1)), near(share), near(rest), far(this.add(rest, 1))];
  }

  /** Drops the weights of positions outside, and scales the others to a sum of 1. */
  inside(weights: readonly Ref[], places: readonly Ref[], last: Ref): Ref[] {
    const kept = weights.map((weight, at) => {
      const place = places[at] ?? last;
      return this.mul(weight, this.mul(this.truth('GreaterEqual', place, 0), this.truth('LessEqual', place, last)));
    });
    const sum = kept.reduce((total, weight) => this.add(total, weight));
    return kept.map((weight) => this.div(weight, sum));
  }
}
