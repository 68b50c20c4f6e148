/** Quantised operators, computed with floats: they give the same integers, rounded half to even. */
import { intAttr } from '../../ir/attrs';
import { integerOperators } from '../../ir/integer-operators';
import { table } from '../../ir/table';
import type { Node, Value } from '../../ir/types';
import { bool } from '../attrs';
import { type Emitter, type Ref, Unsupported } from '../emitter';
import { whyNotWhole } from '../whole-sums';
import { dimsOf, inRange, type Lowering, numberIn, rankOf } from './lowering';

const RANGES: Readonly<Record<string, readonly [number, number]>> = table({
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32768, 32767],
  uint16: [0, 65535],
});

/** A scale or zero point, one for all or one per index of an axis, in a shape that broadcasts. */
function parameter(node: Node, make: Emitter, value: Value, x: Value | undefined): Ref {
  const source = value.type?.dtype === 'float' ? make.ref(value) : make.cast(make.ref(value), 'DT_FLOAT');
  const rank = rankOf(x);
  const own = rankOf(value);
  if (own === 0) return source;
  if (own !== 1 || intAttr(node, 'block_size') !== 0) throw new Unsupported('it has a scale per block');
  const length = dimsOf(value)[0];
  if (typeof length !== 'number') throw new Unsupported('the number of its scales is not known');
  if (length === 1) return make.reshape(source, []);
  const axis = inRange(intAttr(node, 'axis'), rank);
  return make.reshape(source, [length, ...Array.from({ length: rank - axis - 1 }, () => 1)]);
}

const asFloat = (make: Emitter, value: Value | undefined): Ref =>
  value?.type?.dtype === 'float' ? make.ref(value) : make.cast(make.ref(value), 'DT_FLOAT');

/**
 * A QuantizeLinear followed by a DequantizeLinear with the same parameters:
 *
 *   clip(round(x / scale) + zero) - zero   =   clip(round(x / scale)) between bounds without the zero point
 */
function roundedOff(node: Node, make: Emitter): Ref | undefined {
  const [x, scale, zero] = node.inputs;
  const quantising = x?.producer;
  if (quantising?.op !== 'QuantizeLinear') return undefined;
  const [source, ownScale, ownZero] = quantising.inputs;
  const bounds = boundsOf(x);
  const [by, again] = [numberIn(scale), numberIn(ownScale)];
  const [shift, back] = [ownZero ? numberIn(ownZero) : 0, zero ? numberIn(zero) : 0];
  if (!bounds || by === undefined || by !== again || shift === undefined || shift !== back) return undefined;
  const steps = make.node('Round', [make.node('RealDiv', [asFloat(make, source), make.float(by)])]);
  const inside = make.node('ClipByValue', [steps, make.float(bounds[0] - shift), make.float(bounds[1] - shift)]);
  return make.node('Mul', [inside, make.float(by)]);
}

const boundsOf = (value: Value | undefined): readonly [number, number] | undefined => RANGES[value?.type?.dtype ?? ''];

const dequantize: Lowering = (node, make) => {
  const [x, scale, zero] = node.inputs;
  if (!scale) throw new Unsupported('it has no scale');
  const rounded = roundedOff(node, make);
  if (rounded) return rounded;
  const source = asFloat(make, x);
  const shifted = zero ? make.node('Sub', [source, parameter(node, make, zero, x)]) : source;
  return make.node('Mul', [shifted, parameter(node, make, scale, x)]);
};

const quantize: Lowering = (node, make) => {
  const [x, scale, zero] = node.inputs;
  const bounds = boundsOf(node.outputs[0]);
  if (!scale || !bounds) throw new Unsupported(`it makes ${node.outputs[0]?.type?.dtype}`);
  const steps = make.node('Round', [make.node('RealDiv', [asFloat(make, x), parameter(node, make, scale, x)])]);
  const shifted = zero ? make.node('AddV2', [steps, parameter(node, make, zero, x)]) : steps;
  return make.cast(make.node('ClipByValue', [shifted, make.float(bounds[0]), make.float(bounds[1])]), 'DT_INT32');
};

/** uint8 with a scale computed from the values themselves. */
const dynamicQuantize: Lowering = (node, make) => {
  const [x] = node.inputs;
  const source = make.ref(x);
  const axes = make.ints(Array.from({ length: rankOf(x) }, (_, axis) => axis));
  const extreme = (op: 'Max' | 'Min'): Ref => make.node(op, [source, axes], { keep_dims: bool(false) });
  const high = make.node('Maximum', [extreme('Max'), make.float(0)]);
  const low = make.node('Minimum', [extreme('Min'), make.float(0)]);
  const scale = make.node('RealDiv', [make.node('Sub', [high, low]), make.float(255)]);
  const clip = (ref: Ref): Ref => make.node('ClipByValue', [ref, make.float(0), make.float(255)]);
  const zero = make.node('Round', [clip(make.node('Neg', [make.node('RealDiv', [low, scale])]))]);
  const steps = make.node('Round', [make.node('RealDiv', [source, scale])]);
  return [make.cast(clip(make.node('AddV2', [steps, zero])), 'DT_INT32'), scale, make.cast(zero, 'DT_INT32')];
};

const matMulInteger: Lowering = (node, make) => {
  const [a, b, zeroA, zeroB] = node.inputs;
  const centred = (value: Value | undefined, zero: Value | undefined, isRow: boolean): Ref => {
    if (!zero) return asFloat(make, value);
    const shift = asFloat(make, zero);
    // One zero point per row of A.
    return make.node('Sub', [
      asFloat(make, value),
      isRow && rankOf(zero) === 1 && dimsOf(zero)[0] !== 1 ? make.node('ExpandDims', [shift, make.int(1)]) : shift,
    ]);
  };
  if (rankOf(a) !== 2 || rankOf(b) !== 2) throw new Unsupported('its operands are not matrices');
  const product = make.node('MatMul', [centred(a, zeroA, true), centred(b, zeroB, false)], {
    transpose_a: bool(false),
    transpose_b: bool(false),
  });
  return make.cast(product, 'DT_INT32');
};

/** Whatever whole-numbers.ts has left: layers that float32 cannot compute exactly. */
const refused: Lowering = (node) => {
  throw new Unsupported(whyNotWhole(node) ?? 'its integers cannot be computed in float32');
};

export const quantised: Readonly<Record<string, Lowering>> = table({
  ...Object.fromEntries(integerOperators.map(([op]) => [op, refused])),
  ConvInteger: refused,
  DequantizeLinear: dequantize,
  DynamicQuantizeLinear: dynamicQuantize,
  MatMulInteger: matMulInteger,
  QuantizeLinear: quantize,
});
