/**
 * Operators that compute in integers, in both spellings: a single node with scales and zero points among its operands, or its expanded form.
 *
 *   QLinearConv(x, xs, xz, w, ws, wz, ys, yz, b)
 *   = QuantizeLinear(Conv(DequantizeLinear(x, xs, xz), DequantizeLinear(w, ws, wz), DequantizeLinear(b, xs * ws)), ys, yz)
 *
 * QLinearConv and QLinearMatMul are ONNX's; the others are ONNX Runtime's (com.microsoft), as its quantiser writes them.
 */
import { floatAttr, givenInt, intAttr } from './attrs';
import { wrapAxis } from './axis';
import type { Node, Value } from './types';

/** An integer operand with its scale and zero point. */
export interface Quantised {
  readonly integers: Value;
  readonly scale: Value;
  readonly zero: Value | undefined;
}

/** The real-valued computation of an integer operator, on its operands as real numbers. */
export interface Form {
  /** The equivalent operator over real numbers. */
  readonly means: string;
  readonly operands: readonly Quantised[];
  /** Bias of a layer: one value per output, in units of the product of the scales of data and weight. */
  readonly bias?: Value | undefined;
  /** Quantisation of the result. */
  readonly scale: Value;
  readonly zero: Value | undefined;
  /** Set if operand 1 is a weight: the axis along which its scales run. */
  readonly weightAxis?: number | undefined;
}

/** One operand, followed by scale and zero point of the result. */
function unary(node: Node, means: string): Form | undefined {
  const [integers, scaleIn, zeroIn, scale, zero] = node.inputs;
  return integers && scaleIn && scale ? { means, operands: [{ integers, scale: scaleIn, zero: zeroIn }], scale, zero } : undefined;
}
/** ONNX Runtime's pools may have their channels last; ONNX's cannot. */
const pool = (node: Node, means: string): Form | undefined => (givenInt(node, 'channels_last') ? undefined : unary(node, means));

/** The first two operands, each with its scale and zero point. */
function pairOf({ inputs: [a, aScale, aZero, b, bScale, bZero] }: Node): readonly Quantised[] | undefined {
  if (!a || !aScale || !b || !bScale) return undefined;
  return [
    { integers: a, scale: aScale, zero: aZero },
    { integers: b, scale: bScale, zero: bZero },
  ];
}

function binary(node: Node, means: string): Form | undefined {
  const operands = pairOf(node);
  const [scale, zero] = node.inputs.slice(6);
  return operands && scale && { means, operands, scale, zero };
}

function convolution(node: Node): Form | undefined {
  const form = binary(node, 'Conv');
  return form && { ...form, bias: node.inputs[8], weightAxis: 0 };
}

function product(node: Node): Form | undefined {
  const form = binary(node, 'MatMul');
  return form?.operands[1]?.integers.type?.shape?.length === 2 ? { ...form, weightAxis: 1 } : undefined;
}

function gemm(node: Node): Form | undefined {
  const operands = pairOf(node);
  const [bias, scale, zero] = node.inputs.slice(6);
  // Without a scale of its own, the result is floating-point.
  if (!operands || !scale || floatAttr(node, 'alpha') !== 1 || intAttr(node, 'transA') !== 0) return undefined;
  return { means: 'Gemm', operands, bias, scale, zero, weightAxis: intAttr(node, 'transB') === 0 ? 1 : 0 };
}

function concatenation(node: Node): Form | undefined {
  const [scale, zero, ...rest] = node.inputs;
  const operands: Quantised[] = [];
  for (let at = 0; at < rest.length; at += 3) {
    const [integers, own] = [rest[at], rest[at + 1]];
    if (!integers || !own) return undefined;
    operands.push({ integers, scale: own, zero: rest[at + 2] });
  }
  return scale && operands.length > 0 ? { means: 'Concat', operands, scale, zero } : undefined;
}

/** Softmax in opsets before 13 covers all axes from `axis` on: equivalent if only the last one is longer than 1. */
function softmax(node: Node): Form | undefined {
  const opset = givenInt(node, 'opset');
  const shape = node.inputs[0]?.type?.shape;
  if (opset === undefined || !shape) return undefined;
  const from = wrapAxis(intAttr(node, 'axis'), shape.length);
  return opset >= 13 || shape.slice(from + 1).every((dim) => dim === 1) ? unary(node, 'Softmax') : undefined;
}

const FORMS: ReadonlyMap<string, (node: Node) => Form | undefined> = new Map([
  ['QLinearConv', convolution],
  ['QLinearMatMul', product],
  ['com.microsoft.QGemm', gemm],
  ['com.microsoft.QLinearAdd', (node) => binary(node, 'Add')],
  ['com.microsoft.QLinearMul', (node) => binary(node, 'Mul')],
  ['com.microsoft.QLinearConcat', concatenation],
  ['com.microsoft.QLinearAveragePool', (node) => pool(node, 'AveragePool')],
  ['com.microsoft.QLinearGlobalAveragePool', (node) => pool(node, 'GlobalAveragePool')],
  ['com.microsoft.QLinearSigmoid', (node) => unary(node, 'Sigmoid')],
  ['com.microsoft.QLinearLeakyRelu', (node) => unary(node, 'LeakyRelu')],
  ['com.microsoft.QLinearSoftmax', softmax],
]);

/** Real-valued form of the node; undefined if it is not an integer operator, or if its meaning goes beyond its operands. */
export const formOf = (node: Node): Form | undefined => FORMS.get(node.op)?.(node);
