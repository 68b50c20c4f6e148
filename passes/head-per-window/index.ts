/**
 * head-per-window: run a classifier that no other pass makes a map of as it stands, on every window of the map at once.
 *
 *   Y [N, K] = Head(X, ...)                             X [N,C,h,w], the last maps that slide; Head: whatever is behind them
 * becomes
 *   Y = Flatten<axis=1>(M)    M [N,K,1,1] = Head'(Reshape<[0,0,0,C,h,w]>(Transpose<0,2,3,1>(Conv<group = C>(X, E))), ...)
 *
 * The convolution E copies the window of h x w cells that begins at each cell into C*h*w channels. Head' is Head, node by node, along the same axes
 * behind [N, h', w'] (nodes.ts), so each cell of M is what the original computes from its window of the map, and nothing else: the numbers of one window
 * never meet those of another. Global pools, sizes and scalars over all logits within Head are those of the window.
 * Costs h*w numbers per cell of the map between X and Head, and the classifier as often as there are windows: hence the last resort.
 * Numbers: identical (one product by 1, the others are zeros; a Gemm becomes MatMul, a norm a product and a sum).
 * Left alone: heads with convolutions, attention, or position embeddings in them, or that mix the images of a batch; maps too large to be copied; maps whose strides do
 * not divide each other.
 */
import { axisRolesOf, type MapAxes, mapAxes } from '../../src/ir/axis-roles';
import { type Graph, sameType } from '../../src/ir/graph';
import { type Head, headBehind, type Refused, type Trunk, trunkOf } from '../../src/ir/sliding-maps';
import { computedTensor, elementCount } from '../../src/ir/tensor';
import { type Dim, isConst, type Node, type Value } from '../../src/ir/types';
import { flattenBehind, hasCells } from '../../src/ir/views';
import { pixelStride } from '../../src/operators/pixel-stride';
import { type Builder, builderAt } from '../../src/rewrite/builder';
import { definePass, type PassContext } from '../../src/rewrite/pass';
import { perWindow } from './nodes';
import { type Row, rowShape } from './row';

/** Numbers in the kernel that copies a window, beyond which it would be larger than most networks. */
const MOST = 2 ** 24;

export const headPerWindow = definePass({
  name: 'head-per-window',
  summary: 'run a classifier that no other pass makes a map of on every window of the map',
  numbers: 'rounding',
  run(graph, context) {
    const trunk = trunkOf(graph);
    const outputs = graph.outputs.filter((output) => trunk.dependsOnImage(output) && !hasCells(output) && !isMap(output, trunk));
    if (outputs.length === 0) return;
    const head = headBehind(outputs, trunk);
    const refusal = 'reason' in head ? head : rewrite(graph, outputs, head, trunk, context);
    if (refusal) {
      const { node, reason } = refusal;
      context.remark({ kind: 'refused', reason, at: { node: node?.name, op: node?.op, origin: node?.origin }, origin: node?.origin ?? [] });
    }
  },
});

/** Whether an output is a flattened map of one cell that slides already. */
function isMap(output: Value, trunk: Trunk): boolean {
  const map = flattenBehind(output)?.map ?? output;
  const shape = map.type?.shape;
  return shape?.length === 4 && shape[2] === 1 && shape[3] === 1 && trunk.slides(map);
}

function rewrite(graph: Graph, outputs: readonly Value[], head: Head, trunk: Trunk, context: PassContext): Refused | undefined {
  const roles = axisRolesOf(graph);
  const strides = head.cuts.map((cut) => pixelStride(cut));
  const widest = [0, 1].map((axis) => Math.max(...strides.map((stride) => stride[axis] ?? 1)));
  const steps = strides.map((stride) => widest.map((wide, axis) => wide / (stride[axis] ?? 1)));
  const [first] = head.nodes;
  if (!first) return { node: undefined, reason: 'there is nothing behind the map' };
  if (!steps.flat().every(Number.isInteger)) return { node: first, reason: 'its maps have strides of which none divides the others' };
  const windows = new Map<Value, { readonly axes: MapAxes; readonly step: readonly number[] }>();
  for (const [at, cut] of head.cuts.entries()) {
    const axes = mapAxes(cut, roles.of(cut));
    if (!axes) return { node: first, reason: `it is not known which axes of '${cut.name}' are channels, rows and columns` };
    const { channels, rows, columns } = axes.shape;
    if (channels * (rows * columns) ** 2 > MOST)
      return { node: cut.producer, reason: `${channels} maps of ${rows}x${columns} are too large to be copied window by window` };
    windows.set(cut, { axes, step: steps[at] ?? [1, 1] });
  }
  const batch = head.cuts[0]?.type?.shape?.[0];
  const rowsOf = new Map<Value, Row>();
  const made: Builder[] = [];
  const recorded: { nodes: readonly Node[] }[] = [];
  /** The row of an operand; undefined where it is the same for every window and image. */
  const rowOf = (value: Value, make: Builder): Row | undefined => {
    const known = rowsOf.get(value);
    if (known) return known;
    const window = windows.get(value);
    const row = window ? windowsOf(value, window.axes, window.step, make) : sideRow(value, batch, trunk, make);
    if (row) rowsOf.set(value, row);
    return row;
  };
  const undo = (): void => {
    for (const { nodes } of recorded.reverse()) for (const node of [...nodes].reverse()) if (graph.has(node)) graph.removeNode(node);
  };
  for (const node of head.nodes) {
    const make = builderAt({ graph, before: node, origin: node.origin, root: node.name, inference: context.inference });
    made.push(make);
    recorded.push(make);
    const rows = node.inputs.map((input) => (input && !isConst(input) ? rowOf(input, make) : undefined));
    const result = perWindow({ node, make, batch, row: (slot) => rows[slot] });
    if (typeof result === 'string') {
      undo();
      return { node, reason: result };
    }
    for (const [at, output] of node.outputs.entries()) {
      const row = result[at];
      if (row) rowsOf.set(output, row);
    }
  }
  for (const output of outputs) {
    const row = rowsOf.get(output);
    const { producer } = output;
    const make =
      producer && builderAt({ graph, before: producer, origin: producer.origin, root: producer.name, inference: context.inference });
    if (!row || !make) continue;
    recorded.push(make);
    const result = asOutput(row, output, make);
    if (!sameType(result.type, output.type)) {
      undo();
      return { node: producer, reason: 'its shape for one window is not known' };
    }
    graph.replaceAllUses(output, result);
    context.remark({
      kind: 'applied',
      rule: 'head',
      at: { node: producer.name, op: producer.op, value: output.name },
      origin: producer.origin,
    });
  }
  for (const node of [...head.nodes].reverse())
    if (node.outputs.every((output) => output.uses.length === 0 && !graph.isOutput(output))) graph.removeNode(node);
  return undefined;
}

/** [N, h', w', ...], the window of the map that begins at each cell, its axes in the order that the map has them. */
function windowsOf(map: Value, axes: MapAxes, step: readonly number[], make: Builder): Row {
  const { channels, rows, columns } = axes.shape;
  const isChannelsFirst = axes.toChannelsFirst.every((axis, at) => axis === at);
  const source = isChannelsFirst ? map : make.op('Transpose', [map], { perm: axes.toChannelsFirst });
  const cells = rows * columns;
  const subsamples = step.some((size) => size !== 1);
  const spread =
    cells === 1 && !subsamples
      ? source
      : make.op('Conv', [source, ones(map, channels, rows, columns, make)], {
          kernel_shape: [rows, columns],
          group: channels,
          strides: subsamples ? step : undefined,
        });
  const last = make.op('Transpose', [spread], { perm: [0, 2, 3, 1] });
  const window = make.op('Reshape', [last, make.int64s(`${map.name}_window`, [0, 0, 0, channels, rows, columns])]);
  const own = [axes.channels, axes.rows, axes.columns];
  const order = [1, 2, 3].map((axis) => own.indexOf(axis));
  const shape = order.map((at) => [channels, rows, columns][at] ?? 1);
  const turned = order.every((at, to) => at === to)
    ? window
    : make.op('Transpose', [window], { perm: [0, 1, 2, ...order.map((at) => at + 3)] });
  return { cells: turned, shape, hasBatch: true };
}

/** Filter c*h*w + i of group c has its one at place i. */
function ones(map: Value, channels: number, rows: number, columns: number, make: Builder): Value {
  const cells = rows * columns;
  const kernel = computedTensor(map.type?.dtype ?? 'float', [channels * cells, 1, rows, columns], () => {
    const numbers = new Float64Array(channels * cells * cells);
    for (let feature = 0; feature < channels * cells; feature++) numbers[feature * cells + (feature % cells)] = 1;
    return numbers;
  });
  return make.constant(`${map.name}_places`, kernel);
}

/** What another input of the network gives for each image: the same for all of its windows. */
function sideRow(value: Value, batch: Dim, trunk: Trunk, make: Builder): Row | undefined {
  const shape = value.type?.shape;
  if (trunk.dependsOnImage(value) || !shape || shape.length === 0 || shape[0] !== batch) return undefined;
  const own = rowShape(shape, batch, true);
  return own && { cells: make.op('Reshape', [value, make.int64s(`${value.name}_image`, [0, 1, 1, ...own])]), shape: own, hasBatch: true };
}

/** As the original has it: the flattened map, or a view of that. */
function asOutput(row: Row, output: Value, make: Builder): Value {
  const features = elementCount(row.shape);
  const cells =
    row.shape.length === 1 ? row.cells : make.op('Reshape', [row.cells, make.int64s(`${output.name}_row`, [0, 0, 0, features])]);
  const map = make.op('Transpose', [cells], { perm: [0, 3, 1, 2] });
  const flat = make.op('Flatten', [map], { axis: 1 });
  const target = row.hasBatch ? [0, ...row.shape] : row.shape;
  return target.length === 2 && row.hasBatch ? flat : make.op('Reshape', [flat, make.int64s(`${output.name}_shape`, target)]);
}
