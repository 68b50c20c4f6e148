/**
 * Rules that make each operator of a head work on all windows at once: the same operator along the same axes, behind the axes [N, h', w'] (one per spatial
 * axis of the map). Each is exact because values of different windows are never combined: axes move, but the sums and their order stay.
 */

import { channelAffine } from '../../src/analysis/maps/channel-affine';
import { isLayer, isUnpadded } from '../../src/analysis/maps/trunk';
import { attributes, intAttr, intsAttr, stringAttr } from '../../src/ir/attrs';
import { permOf } from '../../src/ir/axis';
import { isNode } from '../../src/ir/match';
import { isBroadcasting, isQuantiser, isReduction, isUnaryElementwise } from '../../src/ir/operator-traits';
import { table } from '../../src/ir/table';
import { elementCount, fromNumbers, permuted, readNumbers, reshaped } from '../../src/ir/tensor';
import type { Attr, Dim, Node, Value } from '../../src/ir/types';
import { isConst, rankOf } from '../../src/ir/types';
import type { Builder } from '../../src/rewrite/builder';
import { recurrence } from './recurrent';
import { cellAxis, keptAxes, type Row, rankOfRow, rowShape, viewed, withoutBatch } from './row';

/** A node of the head, the rows of its operands, and the batch of the network. */
export interface HeadNode {
  readonly node: Node;
  readonly make: Builder;
  readonly batch: Dim;
  /** Undefined if the operand is the same for all windows and images. */
  row(slot: number): Row | undefined;
}

/** Rows of the outputs that are read, or the reason why there are none. */
export type Result = readonly Row[] | string;

export function perWindow(head: HeadNode): Result {
  const { node } = head;
  const first = head.row(0);
  if (node.inputs.some((_, slot) => (head.row(slot)?.batchAt ?? 0) > 0) && !MOVED.has(node.op) && !isUnaryElementwise(node.op))
    return 'its batch does not come first';
  if (isBroadcasting(node.op)) return broadcast(head);
  if (isNode(node, 'MatMul')) return matMul(head);
  if (isNode(node, 'Concat')) return concat(head);
  const rule = RULES[node.op];
  // A recurrent layer judges its other inputs itself: its first state is as long as the batch, so it may seem to follow the image.
  if (first && rule === recurrence) return rule(head, first);
  if (!first || node.inputs.slice(1).some((_, at) => head.row(at + 1))) return 'what it reads beside its data is computed from the image';
  if (isUnaryElementwise(node.op)) return elementwise(head, first);
  if (isQuantiser(node.op))
    return elementCount(node.inputs[1]?.constant?.shape ?? [2]) === 1
      ? elementwise(head, first)
      : 'it has a separate scale for each feature';
  if (isReduction(node.op)) return reduction(head, first);
  return rule ? rule(head, first) : 'no rule is known that makes it work for each window';
}

type Rule = (head: HeadNode, row: Row) => Result;

/** Operators that can handle a batch that is not the first axis. */
const MOVED = new Set(['Transpose', 'Reshape', 'Squeeze', 'Unsqueeze', 'RNN', 'GRU', 'LSTM']);
/** Whether a symbol distinguishes the batch from other axes. */
const hasName = (batch: Dim): boolean => typeof batch === 'string';
/** Number of elements over the axes in front of axis `at`. */
const inFront = (shape: readonly Dim[], at: number): number => elementCount(shape.slice(0, at).map(Number));

const view: Rule = (head, row) => {
  const shape = head.node.outputs[0]?.type?.shape;
  const batchAt = row.batchAt ?? 0;
  if (row.hasBatch && hasName(head.batch) && shape && (batchAt > 0 || shape[0] !== head.batch)) {
    const at = shape.indexOf(head.batch);
    const others = shape.filter((_, axis) => axis !== at);
    if (at < 0 || !others.every((dim): dim is number => typeof dim === 'number')) return 'it mixes the batch with other axes';
    const isPlain = inFront(row.shape, batchAt) === inFront(others, at) && elementCount(row.shape) === elementCount(others);
    return isPlain ? [{ ...viewed(head.make, row, others), batchAt: at }] : 'it mixes the batch with other axes';
  }
  const keeps = row.hasBatch && shape?.[0] === head.batch && typeof head.batch !== 'undefined';
  const own = rowShape(shape, head.batch, keeps);
  if (!own || (!keeps && head.batch !== 1) || elementCount(own) !== elementCount(row.shape)) return 'it mixes the batch with other axes';
  return [viewed(head.make, row, own, keeps)];
};

const alongAxis: Rule = (head, row) => {
  const axis = cellAxis(row, intAttr(head.node, 'axis'));
  if (axis === undefined) return 'it works along the batch';
  return results(head, [row.cells, ...head.node.inputs.slice(1)], new Map([...head.node.attrs, ...attributes({ axis })]), row);
};

/** A pool over all positions of the map: [C, h, w] to [C, 1, 1]. */
const globalPool =
  (reduce: string): Rule =>
  (head, row) => {
    const axes = row.shape.slice(1).map((_, at) => at - row.shape.length + 1);
    if (!row.hasBatch || axes.length === 0) return 'it is not a pool over a map';
    const cells = head.make.op(reduce, [row.cells, head.make.int64s('places', axes)], { keepdims: 1 });
    return [{ ...row, cells, shape: [row.shape[0] ?? 1, ...axes.map(() => 1)] }];
  };

const coveringPool =
  (reduce: string): Rule =>
  (head, row) => {
    const { node } = head;
    const kernel = intsAttr(node, 'kernel_shape');
    const covers = kernel?.every((size, axis) => size === row.shape[axis + 1]) && kernel.length === row.shape.length - 1;
    return covers && isUnpadded(node) && node.outputs.length === 1 ? globalPool(reduce)(head, row) : 'its windows are smaller than the map';
  };

const normalisation: Rule = (head, row) => {
  const { node } = head;
  const axis = cellAxis(row, intAttr(node, 'axis'));
  if (axis === undefined) return 'it normalises over the batch';
  if (node.outputs.slice(1).some((output) => output.uses.length > 0 || node.graph.isOutput(output))) return 'its mean is read';
  const cells = head.make.op(node.op, [row.cells, ...node.inputs.slice(1)], new Map([...node.attrs, ...attributes({ axis })]));
  return [{ ...row, cells }];
};

const batchNormalization: Rule = (head, row) => {
  const affine = channelAffine(head.node);
  if (!affine || !row.hasBatch || head.node.outputs.length > 1) return 'its statistics are computed';
  const { make, node } = head;
  const shape = [affine.channels, ...row.shape.slice(1).map(() => 1)];
  const constant = (name: string, numbers: (() => Float64Array) | undefined): Value | undefined =>
    numbers && make.constant(`${node.name}_${name}`, fromNumbers(row.cells.type?.dtype ?? 'float', shape, numbers()));
  const [scale, shift] = [constant('scale', affine.scale), constant('shift', affine.shift)];
  const scaled = scale ? make.op('Mul', [row.cells, scale]) : row.cells;
  return [{ ...row, cells: shift ? make.op('Add', [scaled, shift]) : scaled }];
};

const transpose: Rule = (head, row) => {
  const rank = rankOfRow(row);
  const perm = permOf(head.node, rank);
  if (row.hasBatch && hasName(head.batch) && ((row.batchAt ?? 0) > 0 || perm[0] !== 0)) {
    const others = perm.filter((axis) => axis !== (row.batchAt ?? 0)).map((axis) => (axis > (row.batchAt ?? 0) ? axis - 1 : axis));
    const turned = head.make.op('Transpose', [row.cells], {
      perm: [...keptAxes(row).keys(), ...others.map((axis) => axis + row.places + 1)],
    });
    return [{ ...row, cells: turned, shape: others.map((axis) => row.shape[axis] ?? 1), batchAt: perm.indexOf(row.batchAt ?? 0) }];
  }
  const keeps = row.hasBatch && perm[0] === 0;
  if (row.hasBatch && !keeps && head.batch !== 1) return 'it moves the batch';
  const from = keeps || !row.hasBatch ? row : withoutBatch(head.make, row);
  const moved = keeps ? perm.slice(1).map((axis) => axis + from.places) : perm.map((axis) => axis + from.places + 1);
  const cells = head.make.op('Transpose', [from.cells], { perm: [...keptAxes(from).keys(), ...moved] });
  return [{ ...from, cells, shape: moved.map((axis) => from.shape[axis - from.places - 1] ?? 1), hasBatch: keeps }];
};

const gemm: Rule = (head, row) => {
  const { node, make } = head;
  const [, weight, bias] = node.inputs;
  const isUnscaled = ['alpha', 'beta'].every((name) => !node.attrs.has(name) || node.attrs.get(name)?.value === 1);
  if (!weight || !isUnscaled || intAttr(node, 'transA') !== 0) return 'it scales or transposes its data';
  if (bias && row.hasBatch && (rankOf(bias) ?? 2) > 1 && bias.type?.shape?.[0] !== 1)
    return 'its bias differs from row to row of the batch';
  const turned =
    intAttr(node, 'transB') === 0
      ? weight
      : isConst(weight)
        ? make.constant(`${weight.name}_turned`, permuted(weight.constant, [1, 0]))
        : make.op('Transpose', [weight], { perm: [1, 0] });
  const product = make.op('MatMul', [row.cells, turned]);
  const shape = rowShape(node.outputs[0]?.type?.shape, head.batch, row.hasBatch);
  return shape ? [{ ...row, cells: bias ? make.op('Add', [product, bias]) : product, shape }] : 'its size is not known';
};

const convolution: Rule = (head, row) => {
  const { node, make } = head;
  const [, weight, bias] = node.inputs;
  if (!row.hasBatch || !isLayer(node) || !isConst(weight)) return 'its windows are smaller than the map';
  const [outputs = 0] = weight.constant.shape;
  const features = elementCount(row.shape);
  const rows = make.constant(`${weight.name}_rows`, permuted(reshaped(weight.constant, [outputs, features]), [1, 0]));
  const product = make.op('MatMul', [viewed(make, row, [features]).cells, rows]);
  const cells = bias ? make.op('Add', [product, bias]) : product;
  return [viewed(make, { ...row, cells, shape: [outputs] }, [outputs, ...row.shape.slice(1).map(() => 1)])];
};

const slice: Rule = (head, row) => {
  const { node, make } = head;
  const [, starts, ends, given, steps] = node.inputs;
  if (![starts, ends, given, steps].every((input) => !input || isConst(input))) return 'its ends are computed';
  const axes = given?.constant
    ? [...readNumbers(given.constant)]
    : [...readNumbers(starts?.constant ?? fromNumbers('int64', [0], []))].map((_, at) => at);
  const moved = axes.map((axis) => cellAxis(row, axis));
  if (!moved.every((axis) => axis !== undefined)) return 'it cuts the batch';
  return results(head, [row.cells, starts, ends, make.int64s(`${node.name}_axes`, moved), steps], node.attrs, row);
};

const gather: Rule = (head, row) => {
  const { node, make } = head;
  const indices = node.inputs[1]?.constant;
  if (!indices) return 'its indices are computed';
  const axis = cellAxis(row, intAttr(node, 'axis'));
  if (axis !== undefined) return results(head, [row.cells, node.inputs[1]], { axis }, row);
  // The only image of the batch.
  const isFirst = head.batch === 1 && indices.shape.length === 0 && [0, -1].includes(readNumbers(indices)[0] ?? 1);
  return isFirst ? [viewed(make, row, row.shape, false)] : 'it picks from the batch';
};

const expand: Rule = (head, row) => {
  const shape = rowShape(head.node.outputs[0]?.type?.shape, head.batch, row.hasBatch);
  if (!shape) return 'it repeats the batch';
  const from = viewed(head.make, row, [...shape.slice(row.shape.length).map(() => 1), ...row.shape]);
  const ones = keptAxes(row).map(() => 1);
  return [{ ...row, cells: head.make.op('Expand', [from.cells, head.make.int64s('spread', [...ones, ...shape])]), shape }];
};

/** For operators whose axis is an input. */
const runningAlong: Rule = (head, row) => {
  const given = head.node.inputs[1];
  if (!isConst(given)) return 'its axis is computed';
  const axis = cellAxis(row, readNumbers(given.constant)[0] ?? 0);
  if (axis === undefined) return 'it works along the batch';
  return results(head, [row.cells, head.make.constant(`${head.node.name}_axis`, fromNumbers('int64', [], [axis]))], head.node.attrs, row);
};

const RULES: Readonly<Record<string, Rule>> = table({
  Flatten: view,
  Reshape: view,
  Squeeze: view,
  Unsqueeze: view,
  Softmax: alongAxis,
  LogSoftmax: alongAxis,
  Hardmax: alongAxis,
  LpNormalization: alongAxis,
  TopK: alongAxis,
  Split: alongAxis,
  CumSum: runningAlong,
  CumProd: runningAlong,
  ArgMax: (head, row) => argument(head, row),
  ArgMin: (head, row) => argument(head, row),
  GlobalAveragePool: globalPool('ReduceMean'),
  GlobalMaxPool: globalPool('ReduceMax'),
  GlobalLpPool: (head, row) =>
    [1, 2].includes(intAttr(head.node, 'p')) ? globalPool(`ReduceL${intAttr(head.node, 'p')}`)(head, row) : 'its norm is neither 1 nor 2',
  AveragePool: coveringPool('ReduceMean'),
  MaxPool: coveringPool('ReduceMax'),
  LayerNormalization: normalisation,
  RMSNormalization: normalisation,
  BatchNormalization: batchNormalization,
  Conv: convolution,
  Transpose: transpose,
  RNN: recurrence,
  GRU: recurrence,
  LSTM: recurrence,
  Gemm: gemm,
  Slice: slice,
  Gather: gather,
  Expand: expand,
  // A single position has the same neighbours everywhere.
  Resize: (head, row) => (row.shape.slice(1).every((dim) => dim === 1) && !cropsOutside(head.node) ? expand(head, row) : 'it interpolates'),
});

const cropsOutside = (resize: Node): boolean => stringAttr(resize, 'coordinate_transformation_mode') === 'tf_crop_and_resize';

const elementwise: Rule = ({ node, make }, row) => [{ ...row, cells: make.op(node.op, [row.cells, ...node.inputs.slice(1)], node.attrs) }];

const reduction: Rule = (head, row) => {
  const { node, make } = head;
  const rank = rankOfRow(row);
  const given = node.inputs[1];
  if (given && !isConst(given)) return 'its axes are computed';
  const listed = given?.constant ? [...readNumbers(given.constant)] : [];
  if (listed.length === 0 && intAttr(node, 'noop_with_empty_axes') !== 0) return [row];
  const axes = (listed.length > 0 ? listed : Array.from({ length: rank }, (_, axis) => axis)).map((axis) =>
    axis < 0 ? axis + rank : axis,
  );
  const takesBatch = row.hasBatch && axes.includes(0);
  // A batch of one image is just a unit axis.
  if (takesBatch && head.batch !== 1) return 'it takes the images of a batch together';
  const from = takesBatch ? withoutBatch(make, row) : row;
  const moved = axes.map((axis) => cellAxis(from, axis) ?? 0);
  return results(head, [from.cells, make.int64s(`${node.name}_axes`, moved)], node.attrs, from);
};

const argument: Rule = (head, row) => {
  const axis = cellAxis(row, intAttr(head.node, 'axis'));
  if (axis === undefined) return 'it works along the batch';
  return results(head, [row.cells], new Map([...head.node.attrs, ...attributes({ axis })]), row);
};

/** Builds the same operator with other inputs and attributes; the shapes of its rows follow from the original's. */
function results(
  head: HeadNode,
  inputs: readonly (Value | undefined)[],
  attrs: ReadonlyMap<string, Attr> | { readonly axis: number },
  { hasBatch, places }: Row,
): Result {
  const { node, make, batch } = head;
  const made = make.ops(node.op, inputs, attrs, node.outputs.length);
  const rows = made.map((cells, at): Row | undefined => {
    const original = node.outputs[at]?.type?.shape;
    const shape = hasBatch ? rowShape(original, batch, true) : rowShape(original, batch, false);
    return shape && { cells, shape, hasBatch, places };
  });
  return rows.every((row): row is Row => row !== undefined) ? rows : 'its size is not known';
}

const placesOf = (rows: readonly (Row | undefined)[]): number => rows.find((row) => row !== undefined)?.places ?? 0;

/** Operands are aligned from the right: those with fewer axes get unit axes behind [N, h', w']. */
function broadcast({ node, make, row, batch }: HeadNode): Result {
  const rows = node.inputs.map((_, slot) => row(slot));
  const present = rows.filter((each): each is Row => each !== undefined);
  const rank = rankOf(node.outputs[0]);
  const hasBatch = present.some((each) => each.hasBatch && rankOfRow(each) === rank) && node.outputs[0]?.type?.shape?.[0] === batch;
  const shape = rowShape(node.outputs[0]?.type?.shape, batch, hasBatch);
  if (!shape) return 'its operands do not agree on the batch';
  for (const [slot, each] of rows.entries()) {
    if (each) {
      // An operand with fewer axes whose first is the batch would be broadcast along another axis.
      if (each.hasBatch && rankOfRow(each) !== rank && batch !== 1) return 'its operands do not agree on the batch';
      continue;
    }
    const own = node.inputs[slot]?.type?.shape;
    if (own && hasBatch && own.length === rank && own[0] !== 1)
      return `its operand '${node.inputs[slot]?.name}' differs from row to row of the batch`;
  }
  const inputs = node.inputs.map((input, slot) => {
    const each = rows[slot];
    if (!each) return input;
    const own = each.hasBatch && !(hasBatch && rankOfRow(each) === rank) ? [1, ...each.shape] : each.shape;
    const missing = shape.length - own.length;
    if (missing < 0) return viewed(make, each, own.slice(-missing)).cells;
    return viewed(make, each, [...new Array<number>(missing).fill(1), ...own]).cells;
  });
  return [{ cells: make.op(node.op, inputs, node.attrs), shape, hasBatch, places: placesOf(present) }];
}

function matMul({ node, make, row, batch }: HeadNode): Result {
  const given = [row(0), row(1)];
  const [left, right] = [rankOf(node.inputs[0]) ?? 0, rankOf(node.inputs[1]) ?? 0];
  // A batch of one may be an axis of the window like any other: attention in PyTorch merges it with the heads.
  const agree = new Set(given.flatMap((each) => each?.hasBatch ?? [])).size < 2;
  const [a, b] = agree || batch !== 1 ? given : given.map((each) => each && withoutBatch(make, each));
  const hasBatch = a?.hasBatch ?? b?.hasBatch ?? false;
  const shape = rowShape(node.outputs[0]?.type?.shape, batch, hasBatch);
  if (!shape) return 'its result has no batch';
  if (a && b) {
    if (a.hasBatch !== b.hasBatch || left !== right || left < (hasBatch ? 3 : 2)) return 'its operands do not agree on the batch';
  } else if (a) {
    if (right !== 2 && !(right > 2 && right < left)) return 'its weight is not a matrix';
  } else if (b) {
    // From the left along rows, among which the batch must not be. A first axis of length one is the same for every image.
    const isShared = left === right && node.inputs[0]?.type?.shape?.[0] === 1;
    if (hasBatch ? right < 3 || left < 2 || (left > right - 1 && !isShared) : left < 2 || left > right) return 'it works along the batch';
  }
  return [
    { cells: make.op('MatMul', [a?.cells ?? node.inputs[0], b?.cells ?? node.inputs[1]]), shape, hasBatch, places: placesOf([a, b]) },
  ];
}

function concat({ node, make, row, batch }: HeadNode): Result {
  const rows = node.inputs.map((_, slot) => row(slot));
  const [first] = rows;
  const axis = first && cellAxis(first, intAttr(node, 'axis'));
  if (!first || axis === undefined) return 'it lays rows of the batch next to each other';
  if (!rows.every((each): each is Row => each !== undefined && each.hasBatch === first.hasBatch))
    return 'it lays a constant beside what is computed';
  const shape = rowShape(node.outputs[0]?.type?.shape, batch, first.hasBatch);
  if (!shape) return 'its size is not known';
  const cells = make.op(
    'Concat',
    rows.map((each) => each.cells),
    { axis },
  );
  return [{ ...first, cells, shape }];
}
