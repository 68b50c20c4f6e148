/**
 * head-per-window: run a classifier that no other pass can convert, as it stands, on every window of the map at once.
 *
 *   Y [N, K] = Head(X, ...)                             X [N,C,h,w], the last maps that slide; Head: everything behind them
 * becomes
 *   Y = Flatten<axis=1>(M)    M [N,K,1,1] = Head'(Reshape<[0,0,0,C,h,w]>(Transpose<0,2,3,1>(Conv<group = C>(X, E))), ...)
 *
 * The convolution E copies the window of h x w cells that begins at each cell into C*h*w channels. Head' is Head, node by node, along the same axes
 * behind [N, h', w'] (nodes.ts), so each cell of M is the original's result for its window of the map, and nothing else: values of different windows
 * are never combined. Global pools, sizes and scalars over all logits within Head are those of the window.
 * Costs h*w values per cell of the map between X and Head, and one run of the classifier per window, so it is the last resort.
 * Numbers: rounding where a norm becomes a product and a sum, reordered where a Gemm becomes MatMul and Add; identical otherwise (one product by 1, the others
 * are zeros).
 * Any number of spatial axes. Left alone: heads that contain convolutions, or mix the images of a batch; transformers, and attention or position
 * embeddings behind a patch embedding; maps too large to be copied; maps whose strides do not divide each other.
 */

import { type Head, headBehind, type Refused, type Trunk, trunkOf } from '../../src/analysis/maps/trunk';
import { axisRolesOf, cellsIn, isChannelsFirst, isOneCell, type MapAxes, mapAxes } from '../../src/ir/axis-roles';
import { type Graph, sameType } from '../../src/ir/graph';
import { sizeText } from '../../src/ir/spatial';
import { computedTensor, elementCount } from '../../src/ir/tensor';
import { type Dim, isConst, type Node, type Value } from '../../src/ir/types';
import { flattenBehind, hasCells } from '../../src/ir/views';
import { pixelStride } from '../../src/operators/pixel-stride';
import { type Builder, builderAt } from '../../src/rewrite/builder';
import { definePass, type PassContext } from '../../src/rewrite/pass';
import { perWindow } from './nodes';
import { keptAxes, type Row, rowShape } from './row';

/** Limit for the elements of the kernel that copies a window: above it, the kernel would be larger than most networks. */
const MOST = 2 ** 24;

export const headPerWindow = definePass({
  name: 'head-per-window',
  role: 'converts the rest',
  summary: 'run a classifier that no other pass makes a map of on every window of the map',
  numbers: 'rounding',
  run(graph, context) {
    const trunk = trunkOf(graph);
    const outputs = graph.outputs.filter((output) => trunk.dependsOnImage(output) && !hasCells(output) && !isMap(output, trunk, graph));
    if (outputs.length === 0) return;
    const head = headBehind(outputs, trunk);
    const refusal = 'reason' in head ? head : rewrite(graph, outputs, head, trunk, context);
    if (refusal) {
      const { node, reason } = refusal;
      context.remark({ kind: 'refused', reason, at: { node: node?.name, op: node?.op, origin: node?.origin }, origin: node?.origin ?? [] });
    }
  },
});

/** Whether an output already is a flattened map of one cell that slides. */
function isMap(output: Value, trunk: Trunk, graph: Graph): boolean {
  const map = flattenBehind(output)?.map ?? output;
  return isOneCell(map, graph) && trunk.slides(map);
}

function rewrite(graph: Graph, outputs: readonly Value[], head: Head, trunk: Trunk, context: PassContext): Refused | undefined {
  const roles = axisRolesOf(graph);
  const strides = head.cuts.map((cut) => pixelStride(cut));
  const widest = roles.letters.map((_, axis) => Math.max(...strides.map((stride) => stride[axis] ?? 1)));
  const steps = strides.map((stride) => widest.map((wide, axis) => wide / (stride[axis] ?? 1)));
  const [first] = head.nodes;
  if (!first) return { node: undefined, reason: 'there is nothing behind the map' };
  if (!steps.flat().every(Number.isInteger)) return { node: first, reason: 'its maps have strides of which none divides the others' };
  const windows = new Map<Value, { readonly axes: MapAxes; readonly step: readonly number[] }>();
  for (const [at, cut] of head.cuts.entries()) {
    const axes = mapAxes(cut, roles);
    if (!axes) return { node: first, reason: `it is not known which axes of '${cut.name}' are channels, and which are places` };
    const { channels, places } = axes.shape;
    if (channels * cellsIn(axes) ** 2 > MOST)
      return { node: cut.producer ?? first, reason: `${channels} maps of ${sizeText(places)} are too large to be copied window by window` };
    windows.set(cut, { axes, step: steps[at] ?? [] });
  }
  const batch = head.cuts[0]?.type?.shape?.[0];
  const rowsOf = new Map<Value, Row>();
  const made: Builder[] = [];
  const recorded: { nodes: readonly Node[] }[] = [];
  /** The row of an operand; undefined if it is the same for every window and image. */
  const rowOf = (value: Value, make: Builder): Row | undefined => {
    const known = rowsOf.get(value);
    if (known) return known;
    const window = windows.get(value);
    const row = window ? windowsOf(value, window.axes, window.step, make) : sideRow(value, batch, trunk, make, roles.letters.length);
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

/** [N, h', w', ...]: the window of the map that begins at each cell, with its axes in the order of the map's. */
function windowsOf(map: Value, axes: MapAxes, step: readonly number[], make: Builder): Row {
  const { channels, places } = axes.shape;
  const source = isChannelsFirst(axes) ? map : make.op('Transpose', [map], { perm: axes.toChannelsFirst });
  const cells = cellsIn(axes);
  const subsamples = step.some((size) => size !== 1);
  const spread =
    cells === 1 && !subsamples
      ? source
      : make.op('Conv', [source, ones(map, axes, make)], {
          kernel_shape: places,
          group: channels,
          strides: subsamples ? step : undefined,
        });
  const last = make.op('Transpose', [spread], { perm: channelsLast(places.length) });
  const kept = [0, ...places.map(() => 0)];
  const window = make.op('Reshape', [last, make.int64s(`${map.name}_window`, [...kept, channels, ...places])]);
  const own = [axes.channels, ...axes.places];
  const order = own.map((_, axis) => own.indexOf(axis + 1));
  const shape = order.map((at) => [channels, ...places][at] ?? 1);
  const turned = order.every((at, to) => at === to)
    ? window
    : make.op('Transpose', [window], { perm: [...kept.keys(), ...order.map((at) => at + kept.length)] });
  return { cells: turned, shape, hasBatch: true, places: places.length };
}

/** [N, C, ...positions] to [N, ...positions, C]. */
const channelsLast = (places: number): readonly number[] => [0, ...Array.from({ length: places }, (_, axis) => axis + 2), 1];

/** Kernel in which filter c*h*w + i of group c has its one at position i. */
function ones(map: Value, axes: MapAxes, make: Builder): Value {
  const { channels, places } = axes.shape;
  const cells = cellsIn(axes);
  const kernel = computedTensor(map.type?.dtype ?? 'float', [channels * cells, 1, ...places], () => {
    const numbers = new Float64Array(channels * cells * cells);
    for (let feature = 0; feature < channels * cells; feature++) numbers[feature * cells + (feature % cells)] = 1;
    return numbers;
  });
  return make.constant(`${map.name}_places`, kernel);
}

/** The row of a value that another input of the network gives for each image: the same for all of its windows. */
function sideRow(value: Value, batch: Dim, trunk: Trunk, make: Builder, places: number): Row | undefined {
  const shape = value.type?.shape;
  if (trunk.dependsOnImage(value) || !shape || shape.length === 0 || shape[0] !== batch) return undefined;
  const own = rowShape(shape, batch, true);
  if (!own) return undefined;
  const target = [0, ...Array.from({ length: places }, () => 1), ...own];
  return { cells: make.op('Reshape', [value, make.int64s(`${value.name}_image`, target)]), shape: own, hasBatch: true, places };
}

/** Restores the shape of the original output: the flattened map, or a view of it. */
function asOutput(row: Row, output: Value, make: Builder): Value {
  const features = elementCount(row.shape);
  const cells =
    row.shape.length === 1 ? row.cells : make.op('Reshape', [row.cells, make.int64s(`${output.name}_row`, [...keptAxes(row), features])]);
  const map = make.op('Transpose', [cells], { perm: [0, row.places + 1, ...Array.from({ length: row.places }, (_, axis) => axis + 1)] });
  const flat = make.op('Flatten', [map], { axis: 1 });
  const target = row.hasBatch ? [0, ...row.shape] : row.shape;
  return target.length === 2 && row.hasBatch ? flat : make.op('Reshape', [flat, make.int64s(`${output.name}_shape`, target)]);
}
