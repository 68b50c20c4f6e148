/**
 * Operators that compute in integers, with scales and zero points among their operands: ONNX's own, and those written by ONNX Runtime's quantiser
 * (com.microsoft). They move with the image exactly as their float counterparts do.
 */
import { givenInt } from '../ir/attrs';
import type { OnnxOp } from '../ir/operators';
import { perResult, perRow } from './multiply-adds';
import { type Operator, operator, POINT, pointwise } from './operator';
import { dynamicQuantisation } from './others';
import { reductions } from './reductions';
import { windows } from './windows';

/** A pool with ONNX's layout. Only ONNX Runtime's variants can have their channels last. */
const channelsFirst =
  (reads: Operator['reads']): Operator['reads'] =>
  (node, axis) =>
    givenInt(node, 'channels_last') ? { kind: 'unknown', why: 'has its channels last' } : reads(node, axis);

/** Slots of scales and zero points. */
const UNARY = { settings: [1, 2, 3, 4], weights: [] };
const BINARY = { settings: [1, 2, 4, 5, 6, 7] };
const SCALE = { settings: [1, 2], weights: [] };
/** Slots of a concatenation, with room to spare: scale and zero point of the result, then three slots per operand. */
const JOINED = [0, 1, ...Array.from({ length: 1024 }, (_, at) => [3 * at + 3, 3 * at + 4]).flat()];

/** Operators of ONNX's own domain. */
export const integers = {
  QLinearConv: operator('same', 'a window, all channels of its group', windows.Conv.reads, {
    ...BINARY,
    weights: [3, 8],
    family: 'conv',
    multiplyAdds: perResult,
  }),
  QLinearMatMul: operator('product', 'a whole axis of each operand', () => POINT, {
    ...BINARY,
    weights: [3],
    family: 'linear',
    multiplyAdds: perRow,
  }),
} satisfies Partial<Record<OnnxOp, Operator>>;

const each = (slots: { readonly settings: readonly number[] }): Operator => pointwise('each', slots);

/** Operators of ONNX Runtime's domain. */
export const runtimeIntegers: ReadonlyMap<string, Operator> = new Map([
  ['DynamicQuantizeMatMul', dynamicQuantisation],
  ['DynamicQuantizeLSTM', dynamicQuantisation],
  ['MatMulIntegerToFloat', operator('product', 'a whole axis of each operand', () => POINT, { settings: [2, 3, 4, 5], weights: [1, 6] })],
  ['DequantizeLinear', pointwise('same', { settings: [1, 2], weights: [0] })],
  [
    'QGemm',
    operator('product', 'a whole axis of each operand', () => POINT, {
      settings: [1, 2, 4, 5, 7, 8],
      weights: [3, 6],
      multiplyAdds: perRow,
    }),
  ],
  ['QLinearAdd', each(BINARY)],
  ['QLinearAveragePool', operator('same', 'a window', channelsFirst(windows.AveragePool.reads), UNARY)],
  ['QLinearConcat', operator('joined', 'the same place', () => POINT, { settings: JOINED })],
  ['QLinearGlobalAveragePool', operator('same', 'all places', channelsFirst(reductions.GlobalAveragePool.reads), UNARY)],
  ['QLinearLeakyRelu', each(UNARY)],
  ['QLinearMul', each(BINARY)],
  ['QLinearSigmoid', each(UNARY)],
  ['QLinearSoftmax', operator('same', 'the whole axis', reductions.Softmax.reads, UNARY)],
  ['QuantizeLinear', pointwise('same', SCALE)],
]);
