/** Matrix products, attention and recurrent layers. */
import { shapeMismatch } from '../../diagnostics/catalogue';
import { givenInt, intAttr, intsAttr, stringAttr } from '../attrs';
import { divideDim, multiplyDims } from '../dims';
import { table } from '../table';
import type { Dim, Node } from '../types';
import { agree, broadcastDims, broadcastShapes, dtypeOf, type Infer, like, type Shape, shapeOf, typed, vague } from './context';

function product(a: Shape, b: Shape, node: Node): Shape {
  if (!a || !b || a.length === 0 || b.length === 0) return undefined;
  const left = a.length === 1 ? [1, ...a] : a;
  const right = b.length === 1 ? [...b, 1] : b;
  agree(left[left.length - 1], right[right.length - 2], node, 'columns of the first operand and rows of the second');
  const batch = broadcastShapes([left.slice(0, -2), right.slice(0, -2)], node) ?? [];
  return [...batch, ...(a.length === 1 ? [] : [left[left.length - 2]]), ...(b.length === 1 ? [] : [right[right.length - 1]])];
}

const matMul: Infer = (node) => like(node, product(shapeOf(node), shapeOf(node, 1), node));

function gemmShape(node: Node, right: number): Shape {
  const [a, b] = [shapeOf(node), shapeOf(node, right)];
  if (!a || !b) return vague(2);
  if (a.length !== 2 || b.length !== 2) throw shapeMismatch(node, `it multiplies matrices, not values of ${a.length} and ${b.length} axes`);
  const [rows, inner] = intAttr(node, 'transA') ? [a[1], a[0]] : a;
  const [depth, columns] = intAttr(node, 'transB') ? [b[1], b[0]] : b;
  agree(inner, depth, node, 'columns of the first operand and rows of the second');
  return [rows, columns];
}
const gemm: Infer = (node) => {
  const shape = gemmShape(node, 1);
  const bias = shapeOf(node, 2);
  // The third input is broadcast to the product, never the other way round.
  if (bias && shape) {
    bias.forEach((dim, axis) => {
      if (dim !== 1) agree(dim, shape[axis - bias.length + 2], node, 'the bias and the product');
    });
  }
  return like(node, shape);
};

const fusedMatMul: Infer = (node) => {
  const swap = (shape: Shape, flag: 'transA' | 'transB'): Shape =>
    shape && intAttr(node, flag) && shape.length >= 2 ? [...shape.slice(0, -2), shape[shape.length - 1], shape[shape.length - 2]] : shape;
  // Flags that transpose batches are rare and not followed.
  if (givenInt(node, 'transBatchA') || givenInt(node, 'transBatchB')) return like(node, vague(shapeOf(node)?.length));
  return like(node, product(swap(shapeOf(node), 'transA'), swap(shapeOf(node, 1), 'transB'), node));
};

/** Weights of a few bits each; the attributes give K x N. */
const matMulNBits: Infer = (node) => {
  const shape = shapeOf(node);
  return like(node, shape && [...shape.slice(0, -1), givenInt(node, 'N') || undefined]);
};

const einsum: Infer = (node) => {
  const equation = stringAttr(node, 'equation').replace(/\s/g, '');
  const [left = '', right] = equation.split('->');
  const sizes = new Map<string, Dim>();
  const ellipses: (readonly Dim[])[] = [];
  for (const [slot, term] of left.split(',').entries()) {
    const shape = shapeOf(node, slot);
    if (!shape) return like(node, undefined);
    const [before = '', after] = term.split('...');
    const letters = before.length + (after?.length ?? 0);
    if (after === undefined ? letters !== shape.length : letters > shape.length)
      throw shapeMismatch(node, `'${term}' does not name the ${shape.length} axes of input ${slot}`);
    if (after !== undefined) ellipses.push(shape.slice(before.length, shape.length - after.length));
    [...before, ...(after ?? '')].forEach((letter, at) => {
      const dim = shape[at < before.length ? at : shape.length - letters + at];
      sizes.set(letter, sizes.has(letter) ? broadcastDims(sizes.get(letter), dim, node) : dim);
    });
  }
  const spread = broadcastShapes(ellipses, node) ?? [];
  const once = [...sizes.keys()].filter((letter) => left.split(letter).length === 2).sort();
  const result = right ?? `${ellipses.length > 0 ? '...' : ''}${once.join('')}`;
  const dims = (letters: string): Dim[] => [...letters].map((letter) => sizes.get(letter));
  const [before = '', after] = result.split('...');
  return like(node, [...dims(before), ...(after === undefined ? [] : [...spread, ...dims(after)])]);
};

/** [sequence, batch, inputs] -> [sequence, directions, batch, hidden], and the final states. */
const recurrent: Infer = (node) => {
  const shape = shapeOf(node);
  const hidden = givenInt(node, 'hidden_size');
  const directions = stringAttr(node, 'direction') === 'bidirectional' ? 2 : 1;
  if (!shape || !hidden) return node.outputs.map(() => typed(dtypeOf(node), undefined));
  const batchFirst = intAttr(node, 'layout') !== 0;
  const [sequence, batch] = batchFirst ? [shape[1], shape[0]] : shape;
  const state = batchFirst ? [batch, directions, hidden] : [directions, batch, hidden];
  const all = batchFirst ? [batch, sequence, directions, hidden] : [sequence, directions, batch, hidden];
  return node.outputs.map((_, index) => typed(dtypeOf(node), index === 0 ? all : state));
};

/** Q [batch, heads, length, size] or [batch, length, heads * size]; the result has V's size per head. */
const attention: Infer = (node) => {
  const [query, value] = [shapeOf(node), shapeOf(node, 2)];
  if (!query || !value) return like(node, vague(query?.length));
  if (query.length === 4) return like(node, [query[0], query[1], query[2], value[3]]);
  // A missing number of heads is an error of the model, which the runtime reports.
  const [heads, valueHeads] = [givenInt(node, 'q_num_heads'), givenInt(node, 'kv_num_heads')];
  if (heads === undefined || valueHeads === undefined) return like(node, vague(query.length));
  return like(node, [query[0], query[1], multiplyDims(divideDim(value[2], valueHeads), heads)]);
};

/** Projects to Q, K and V with a single weight, [inputs, 3 * hidden]. */
const packedAttention: Infer = (node) => {
  const [shape, weight, sizes] = [shapeOf(node), shapeOf(node, 1), intsAttr(node, 'qkv_hidden_sizes')];
  return like(node, shape && [shape[0], shape[1], sizes ? sizes[2] : divideDim(weight?.[1], 3)]);
};

/** Q, K and V [batch, length, hidden]; other packings are not followed. */
const multiHeadAttention: Infer = (node) => {
  const [query, value] = [shapeOf(node), shapeOf(node, 2)];
  return like(node, query?.length === 3 && value?.length === 3 ? [query[0], query[1], value[2]] : undefined);
};

export const linear: Readonly<Record<string, Infer>> = table({
  Attention: attention,
  Einsum: einsum,
  Gemm: gemm,
  GRU: recurrent,
  LSTM: recurrent,
  MatMul: matMul,
  MatMulInteger: (node) => [typed('int32', product(shapeOf(node), shapeOf(node, 1), node))],
  QLinearMatMul: (node) => [typed(dtypeOf(node, 7), product(shapeOf(node), shapeOf(node, 3), node))],
  RNN: recurrent,
  'com.microsoft.Attention': packedAttention,
  'com.microsoft.DynamicQuantizeMatMul': (node) => [typed('float', product(shapeOf(node), shapeOf(node, 1), node))],
  'com.microsoft.FusedGemm': gemm,
  'com.microsoft.FusedMatMul': fusedMatMul,
  'com.microsoft.MatMulIntegerToFloat': (node) => [typed(dtypeOf(node, 2), product(shapeOf(node), shapeOf(node, 1), node))],
  'com.microsoft.MatMulNBits': matMulNBits,
  'com.microsoft.MultiHeadAttention': multiHeadAttention,
  // Without a scale for the result, the sum remains float.
  'com.microsoft.QGemm': (node) => [typed(dtypeOf(node, 8) ?? 'float', gemmShape(node, 3))],
  'com.microsoft.TransposeMatMul': fusedMatMul,
});
