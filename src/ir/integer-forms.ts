/**
 * Operators that compute in integers, in both spellings: one node with scales and zero points among its operands, or what it means.
 *
 *   QLinearConv(x, xs, xz, w, ws, wz, ys, yz, b)
 *   = QuantizeLinear(Conv(DequantizeLinear(x, xs, xz), DequantizeLinear(w, ws, wz), DequantizeLinear(b, xs * ws)), ys, yz)
 *
 * QLinearConv and QLinearMatMul are ONNX's, the others ONNX Runtime's (com.microsoft), as its quantiser writes them.
 */
import { floatAttr, givenInt, intAttr } from './attrs';
import { wrapAxis } from './axis';
import type { Node, Value } from './types';

/** An operand in integers, with what its integers mean. */
export interface Quantised {
  readonly integers: Value;
  readonly scale: Value;
  readonly zero: Value | undefined;
}

/** What an integer operator computes, of its operands as real numbers. */
export interface Form {
  /** The operator over real numbers. */
  readonly means: string;
  readonly operands: readonly Quantised[];
  /** Of a layer: one number per output, in steps of the product of the scales of data and weight. */
  readonly bias?: Value | undefined;
  /** How the integers of the result are meant. */
  readonly scale: Value;
  readonly zero: Value | undefined;
  /** Whether operand 1 is a weight, and along which of its axes its scales run. */
  readonly weightAxis?: number | undefined;
}

/** One operand, then scale and zero point of the result. */
function unary(node: Node, means: string): Form | undefined {
  const [integers, scaleIn, zeroIn, scale, zero] = node.inputs;
  return integers && scaleIn && scale ? { means, operands: [{ integers, scale: scaleIn, zero: zeroIn }], scale, zero } : undefined;
}
/** Pools of ONNX Runtime may have their channels last, which ONNX's have not. */
const pool = (node: Node, means: string): Form | undefined => (givenInt(node, 'channels_last') ? undefined : unary(node, means));

/** The two operands that come first, each with its scale and zero point. */
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
  // Without a scale of its own the result is in floating point.
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

/** Softmax of opsets before 13 is over all axes from `axis` on: the same where nothing but the last one is longer than 1. */
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

/** The node as what it means; undefined where it is no integer operator, or one that says more than its operands do. */
export const formOf = (node: Node): Form | undefined => FORMS.get(node.op)?.(node);
