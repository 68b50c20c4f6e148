/**
 * Matrix products. The fast path of the wasm backend multiplies two matrices, neither transposed: constant weights are brought into that form, and
 * inputs of more than two axes are flattened to one list of rows.
 *
 *   X [.., K] * W [K, M]   ->   Reshape [-1, K], MatMul (or _FusedMatMul with bias and activation), Reshape
 */
import { floatAttr, intAttr } from '../../ir/attrs';
import { sameDim } from '../../ir/dims';
import { computedTensor, permuted, readNumbers, reshaped } from '../../ir/tensor';
import type { Dim, Node, Tensor, Value } from '../../ir/types';
import { bool } from '../attrs';
import { type Emitter, type Ref, Unsupported } from '../emitter';
import { type Activation, activationAfter } from './activation';
import { fusedAttrs } from './conv';
import { dimsOf, isInt, type Lowering, rankOf } from './lowering';

export const matMul: Lowering = (node, make) => {
  const [a, b] = node.inputs;
  const [transA, transB] = [intAttr(node, 'transA') !== 0, intAttr(node, 'transB') !== 0];
  const [left, right] = [dimsOf(a), dimsOf(b)];
  const whole = isInt(a);
  const read = (value: Value | undefined): Ref => (isInt(value) ? make.cast(make.ref(value), 'DT_FLOAT') : make.ref(value));
  const back = (ref: Ref): Ref => (whole ? make.cast(ref, 'DT_INT32') : ref);
  if (!whole && !transA && right.length === 2 && left.length >= 2) return rows(node, make, left, transB);
  if (left.length === 2 && right.length === 2)
    return back(make.node('MatMul', [read(a), read(b)], { transpose_a: bool(transA), transpose_b: bool(transB) }));
  // A vector is a row on the left and a column on the right; the extra axis is removed afterwards.
  const x = left.length === 1 ? make.node('ExpandDims', [read(a), make.int(0)]) : read(a);
  const y = right.length === 1 ? make.node('ExpandDims', [read(b), make.int(1)]) : read(b);
  const rank = Math.max(left.length, right.length, 2);
  const product = make.node(rank === 2 ? 'MatMul' : 'BatchMatMulV2', aligned(make, [x, y], [left, right]), {
    [rank === 2 ? 'transpose_a' : 'adj_x']: bool(transA),
    [rank === 2 ? 'transpose_b' : 'adj_y']: bool(transB),
  });
  const gone = [...(left.length === 1 ? [rank - 2] : []), ...(right.length === 1 ? [rank - 1] : [])];
  if (gone.length === 0) return back(product);
  return back(make.node('Squeeze', [product], { squeeze_dims: { list: { i: gone.map(String) } } }));
};

/** The WebAssembly kernel can only repeat a single matrix for the whole batch: batches that broadcast axis by axis are expanded first. */
function aligned(make: Emitter, refs: readonly [Ref, Ref], shapes: readonly [readonly Dim[], readonly Dim[]]): readonly Ref[] {
  const batches = shapes.map((shape) => shape.slice(0, -2));
  const rank = Math.max(...batches.map((batch) => batch.length));
  const [a, b] = batches.map((batch) => [...Array.from({ length: rank - batch.length }, () => 1), ...batch]);
  if (!a || !b) return refs;
  const isOne = (batch: readonly Dim[]): boolean => batch.every((dim) => dim === 1);
  if (isOne(a) || isOne(b) || a.every((dim, axis) => sameDim(dim, b[axis]))) return refs;
  const common = a.map((dim, axis) => (dim === 1 ? b[axis] : dim));
  if (!common.every((dim) => typeof dim === 'number')) throw new Unsupported('its batches broadcast, and their sizes are not known');
  return refs.map((ref, side) => {
    const tail = (shapes[side] ?? []).slice(-2);
    const own = side === 0 ? a : b;
    if (own.every((dim, axis) => dim === common[axis])) return ref;
    return make.node('BroadcastTo', [ref, make.vector([...common, ...make.sizesOf(ref, shapes[side] ?? []).slice(-tail.length)])]);
  });
}

/** Multiplies rows by a matrix. */
function rows(node: Node, make: Emitter, left: readonly Dim[], transB: boolean): Ref {
  const [a, b] = node.inputs;
  const depth = left[left.length - 1];
  const columns = node.outputs[0]?.type?.shape?.at(-1);
  const weight = !b?.constant
    ? make.ref(b)
    : transB
      ? make.moved(b, 'transposed', (tensor) => permuted(tensor, [1, 0]))
      : make.moved(b, 'as it is', (tensor) => tensor);
  const isTransposed = transB && !b?.constant;
  const isFlat = left.length === 2;
  const x = make.ref(a);
  const list = isFlat ? x : make.reshape(x, [-1, typeof depth === 'number' ? depth : make.lengthOf(x, left.length - 1)]);
  const { bias, activation, absorbed } = biasAfter(node, make);
  const product = bias
    ? make.node('_FusedMatMul', [list, weight, bias, ...(activation?.slope ? [activation.slope] : [])], {
        transpose_a: bool(false),
        transpose_b: bool(isTransposed),
        ...fusedAttrs(activation, activation?.slope ? 2 : 1),
      })
    : make.node('MatMul', [list, weight], { transpose_a: bool(false), transpose_b: bool(isTransposed) });
  const result = isFlat
    ? product
    : make.reshape(product, [
        ...openOnce(make.sizesOf(x, left).slice(0, -1), left),
        typeof columns === 'number' ? columns : make.lengthOf(product, 1),
      ]);
  for (const later of absorbed) make.fused.set(later, result);
  return result;
}

/** Replaces a single unknown length by -1, so that it needs no arithmetic. */
function openOnce(sizes: readonly (number | Ref)[], dims: readonly Dim[]): (number | Ref)[] {
  const unknown = sizes.filter((size) => typeof size !== 'number').length;
  return sizes.map((size, axis) => (unknown === 1 && typeof dims[axis] !== 'number' ? -1 : size));
}

/** An Add of one value per column that is the only reader of the product, and an activation after it. */
function biasAfter(
  node: Node,
  make: Emitter,
): { readonly bias?: Ref; readonly activation?: Activation | undefined; readonly absorbed: readonly Node[] } {
  const [output] = node.outputs;
  const user = output?.uses[0]?.user;
  if (!make.options.fuse || user?.op !== 'Add' || !make.isPrivate(output, user)) return { absorbed: [] };
  const other = user.inputs.find((value) => value !== output);
  const columns = output.type?.shape?.at(-1);
  const shape = other?.constant?.shape;
  const isBias = shape && typeof columns === 'number' && shape.at(-1) === columns && shape.slice(0, -1).every((dim) => dim === 1);
  if (!other || !isBias || shape.length > rankOf(output)) return { absorbed: [] };
  const bias = make.weight(other, 'bias', (tensor) => reshaped(tensor, [columns]));
  const activation = activationAfter(user, make);
  return { bias, activation, absorbed: [user, ...(activation ? [activation.node] : [])] };
}

/** alpha * A B + beta * C; constant factors go into constant operands. */
export const gemm: Lowering = (node, make) => {
  const [a, b, c] = node.inputs;
  const [transA, transB] = [intAttr(node, 'transA') !== 0, intAttr(node, 'transB') !== 0];
  const [alpha, beta] = [floatAttr(node, 'alpha'), floatAttr(node, 'beta')];
  const read = (value: Value | undefined): Ref => (isInt(value) ? make.cast(make.ref(value), 'DT_FLOAT') : make.ref(value));
  const scale = (tensor: Tensor): Tensor => (alpha === 1 ? tensor : scaled(tensor, alpha));
  const put = (tensor: Tensor): Tensor => (transB ? permuted(scale(tensor), [1, 0]) : scale(tensor));
  const form = `gemm ${alpha} ${transB}`;
  const weight = !b?.constant ? read(b) : alpha === 1 ? make.moved(b, form, put) : make.weight(b, form, put);
  const attrs = { transpose_a: bool(transA), transpose_b: bool(transB && !b?.constant) };
  const columns = node.outputs[0]?.type?.shape?.[1];
  const shape = c?.constant?.shape;
  const isBias = shape && typeof columns === 'number' && shape.at(-1) === columns && shape.slice(0, -1).every((dim) => dim === 1);
  const isWhole = isInt(a);
  // The fused kernel of the wasm backend is wrong for a transposed left operand (measured, 4.22).
  if (c && isBias && (alpha === 1 || b?.constant) && !isWhole && !transA && make.options.fuse) {
    const bias = make.weight(c, `bias ${beta}`, (tensor) => reshaped(beta === 1 ? tensor : scaled(tensor, beta), [columns]));
    const activation = activationAfter(node, make);
    const result = make.node('_FusedMatMul', [read(a), weight, bias, ...(activation?.slope ? [activation.slope] : [])], {
      ...attrs,
      ...fusedAttrs(activation, activation?.slope ? 2 : 1),
    });
    if (activation) make.fused.set(activation.node, result);
    return result;
  }
  const product = make.node('MatMul', [read(a), weight], attrs);
  const multiplied = alpha === 1 || b?.constant ? product : make.node('Mul', [product, make.float(alpha)]);
  if (!c || beta === 0) return isWhole ? make.cast(multiplied, 'DT_INT32') : multiplied;
  const shift = beta === 1 ? read(c) : make.node('Mul', [read(c), make.float(beta)]);
  const result = make.node('AddV2', [multiplied, shift]);
  return isWhole ? make.cast(result, 'DT_INT32') : result;
};

const scaled = (tensor: Tensor, factor: number): Tensor =>
  computedTensor('float', tensor.shape, () => readNumbers(tensor).map((number) => number * factor));
