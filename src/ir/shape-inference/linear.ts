/** Products of matrices, and recurrent layers. */
import { intAttr, stringAttr } from '../attrs';
import { multiplyDims } from '../dims';
import type { Dim, Node } from '../types';
import { broadcastShapes, dtypeOf, type Infer, like, type Shape, shapeOf, typed, unify } from './context';

function product(a: Shape, b: Shape, node: Node): Shape {
  if (!a || !b || a.length === 0 || b.length === 0) return undefined;
  const left = a.length === 1 ? [1, ...a] : a;
  const right = b.length === 1 ? [...b, 1] : b;
  unify(left[left.length - 1], right[right.length - 2], node, 'columns of the first operand and rows of the second');
  const batch = broadcastShapes([left.slice(0, -2), right.slice(0, -2)], node) ?? [];
  return [...batch, ...(a.length === 1 ? [] : [left[left.length - 2]]), ...(b.length === 1 ? [] : [right[right.length - 1]])];
}

const matMul: Infer = (node) => like(node, product(shapeOf(node), shapeOf(node, 1), node));

const gemm: Infer = (node) => {
  const [a, b] = [shapeOf(node), shapeOf(node, 1)];
  if (a?.length !== 2 || b?.length !== 2) return like(node, undefined);
  const [rows, inner] = intAttr(node, 'transA', 0) ? [a[1], a[0]] : a;
  const [depth, columns] = intAttr(node, 'transB', 0) ? [b[1], b[0]] : b;
  unify(inner, depth, node, 'columns of the first operand and rows of the second');
  return like(node, [rows, columns]);
};

const fusedMatMul: Infer = (node) => {
  const swap = (shape: Shape, flag: string): Shape =>
    shape && intAttr(node, flag, 0) && shape.length >= 2
      ? [...shape.slice(0, -2), shape[shape.length - 1], shape[shape.length - 2]]
      : shape;
  return like(node, product(swap(shapeOf(node), 'transA'), swap(shapeOf(node, 1), 'transB'), node));
};

const einsum: Infer = (node) => {
  const equation = stringAttr(node, 'equation', '').replace(/\s/g, '');
  const [left = '', right] = equation.split('->');
  if (equation.includes('.')) return like(node, undefined);
  const sizes = new Map<string, Dim>();
  for (const [slot, term] of left.split(',').entries()) {
    const shape = shapeOf(node, slot);
    if (!shape) return like(node, undefined);
    [...term].forEach((letter, axis) => {
      const known = sizes.get(letter);
      sizes.set(
        letter,
        known === 1 ? shape[axis] : shape[axis] === 1 && sizes.has(letter) ? known : unify(known, shape[axis], node, `axis '${letter}'`),
      );
    });
  }
  const letters =
    right ??
    [...sizes.keys()]
      .filter((letter) => left.split(letter).length === 2)
      .sort()
      .join('');
  return like(
    node,
    [...letters].map((letter) => sizes.get(letter)),
  );
};

/** [sequence, batch, inputs] -> [sequence, directions, batch, hidden], and the last states. */
const recurrent: Infer = (node) => {
  const shape = shapeOf(node);
  const hidden = intAttr(node, 'hidden_size', 0);
  const directions = stringAttr(node, 'direction', 'forward') === 'bidirectional' ? 2 : 1;
  if (!shape || !hidden) return node.outputs.map(() => typed(dtypeOf(node), undefined));
  const batchFirst = intAttr(node, 'layout', 0) !== 0;
  const [sequence, batch] = batchFirst ? [shape[1], shape[0]] : shape;
  const state = batchFirst ? [batch, directions, hidden] : [directions, batch, hidden];
  const all = batchFirst ? [batch, sequence, directions, hidden] : [sequence, directions, batch, hidden];
  return node.outputs.map((_, index) => typed(dtypeOf(node), index === 0 ? all : state));
};

/** Q [batch, heads, length, size] or [batch, length, heads * size]; the result has V's size a head. */
const attention: Infer = (node) => {
  const [query, value] = [shapeOf(node), shapeOf(node, 2)];
  if (!query || !value) return like(node, undefined);
  if (query.length === 4) return like(node, [query[0], query[1], query[2], value[3]]);
  const [heads, kvHeads] = [intAttr(node, 'q_num_heads', 1), intAttr(node, 'kv_num_heads', 1)];
  const width = value[2];
  return like(node, [query[0], query[1], typeof width === 'number' ? multiplyDims(width / kvHeads, heads) : undefined]);
};

export const linear: Readonly<Record<string, Infer>> = {
  Attention: attention,
  Einsum: einsum,
  'com.microsoft.FusedGemm': gemm,
  'com.microsoft.FusedMatMul': fusedMatMul,
  Gemm: gemm,
  GRU: recurrent,
  LSTM: recurrent,
  MatMul: matMul,
  MatMulInteger: (node) => [typed('int32', product(shapeOf(node), shapeOf(node, 1), node))],
  QLinearMatMul: (node) => [typed(dtypeOf(node, 7), product(shapeOf(node), shapeOf(node, 3), node))],
  RNN: recurrent,
};
