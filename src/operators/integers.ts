/**
 * Operators that compute in integers, with scales and zero points among their operands: ONNX's, and those that ONNX Runtime's quantiser writes
 * (com.microsoft). They move with the image as the layers do that they stand for.
 */
import { givenInt } from '../ir/attrs';
import type { OnnxOp } from '../ir/operators';
import { type Operator, operator, POINT, pointwise } from './operator';
import { reductions } from './reductions';
import { windows } from './windows';

/** A pool as ONNX has it, unless its channels are last, which only ONNX Runtime's can be. */
const channelsFirst =
  (reads: Operator['reads']): Operator['reads'] =>
  (node, axis) =>
    givenInt(node, 'channels_last') ? { kind: 'unknown', why: 'has its channels last' } : reads(node, axis);

/** Slots of scales and zero points. */
const UNARY = { settings: [1, 2, 3, 4], weights: [] };
const BINARY = { settings: [1, 2, 4, 5, 6, 7] };
const SCALE = { settings: [1, 2], weights: [] };
/** As many as a concatenation has, and more: scale and zero point of the result, then three slots for each operand. */
const JOINED = [0, 1, ...Array.from({ length: 1024 }, (_, at) => [3 * at + 3, 3 * at + 4]).flat()];

/** Of ONNX's own domain. */
export const integers = {
  QLinearConv: operator('same', 'a window, all channels of its group', windows.Conv.reads, { ...BINARY, weights: [3, 8] }),
  QLinearMatMul: operator('product', 'a whole axis of each operand', () => POINT, { ...BINARY, weights: [3] }),
} satisfies Partial<Record<OnnxOp, Operator>>;

const each = (slots: { readonly settings: readonly number[] }): Operator => pointwise('each', slots);

/** Of ONNX Runtime's. */
export const runtimeIntegers: ReadonlyMap<string, Operator> = new Map([
  ['DequantizeLinear', pointwise('same', { settings: [1, 2], weights: [0] })],
  ['QGemm', operator('product', 'a whole axis of each operand', () => POINT, { settings: [1, 2, 4, 5, 7, 8], weights: [3, 6] })],
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
