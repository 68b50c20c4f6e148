/**
 * keep-axes: in a network that slides along some axes only, keep all axes of the image in its maps, even if the exporter removed those that do not slide.
 *
 *   ReduceMean<axis of F, keepdims = 0>(X)                X [N,C,T,F], F does not slide          ->  Squeeze(ReduceMean<keepdims = 1>(X))
 *   Op(Squeeze<F>(X))          activations, constants, reductions, convolutions and pools over T  ->  Squeeze<F>(Op'(X)), a window [k] becomes [k, 1]
 *   MatMul(L, W)               L [N,T,C*F], the list of X's positions over time: one layer a frame   ->  the list of Conv<kernel [1, F]>(X, W')
 *   Op(L)                      activations, constants, reductions over T                          ->  the list of Op'(X)
 *
 * So a spectrogram network that averages its frequencies, or has a fully connected layer over all of them for each frame, becomes a map with one row of
 * frequencies, which every later pass can handle.
 * Numbers: reordered (a MatMul becomes a convolution; the others do not change).
 * Left alone: networks that slide along all axes; operators that normalise, sort or select within a list.
 */

import { intAttr, intsAttr } from '../src/ir/attrs';
import { permOf, wrapAxis } from '../src/ir/axis';
import { axisRolesOf, isChannelsFirst, mapAxes } from '../src/ir/axis-roles';
import { byOperator, isNode, producedBy } from '../src/ir/match';
import { isBroadcasting, isReduction, isUnaryElementwise } from '../src/ir/operator-traits';
import { elementCount, permuted, reshaped } from '../src/ir/tensor';
import { type ConstValue, type Dim, isConst, type Node, type Value } from '../src/ir/types';
import { constantInts } from '../src/operators/constants';
import { asConv } from '../src/operators/layers';
import { asPool } from '../src/operators/pools';
import { asReduce } from '../src/operators/reduce';
import { type Builder, builderAt } from '../src/rewrite/builder';
import { definePass } from '../src/rewrite/pass';

export const keepAxes = definePass({
  name: 'keep-axes',
  role: 'prepares',
  summary: 'keep all axes of the image in maps that slide along some of them only',
  numbers: 'reordered',
  run(graph, { inference, remark }) {
    if (graph.tied.size === 0) return;
    for (const node of graph.nodes) {
      const make = builderAt({ graph, before: node, origin: node.origin, root: node.name, inference });
      const [output] = node.outputs;
      const result = node.outputs.length === 1 && output ? rewritten(node, make) : undefined;
      if (!result || !output || !graph.canReplace(output, result)) {
        for (const made of [...make.nodes].reverse()) graph.removeNode(made);
        for (const made of make.constants) graph.removeConstant(made);
        continue;
      }
      graph.replaceAllUses(output, result);
      graph.removeNode(node);
      remark({ kind: 'applied', rule: node.op, at: { node: node.name, op: node.op, origin: node.origin }, origin: node.origin });
    }
  },
});

/** A map [N, C, ...positions] and which of its axes slide. */
interface MapView {
  readonly map: Value;
  readonly channels: number;
  readonly places: readonly number[];
  /** Axes of the map that slide, and those that do not. */
  readonly free: readonly number[];
  readonly still: readonly number[];
}

/** The map without these unit axes, which do not slide. */
interface Squeezed extends MapView {
  readonly dropped: readonly number[];
}
/** [N, ...sliding axes, all others merged into one]: `rest` are the axes of the map in the last one, in order. */
interface Listed extends MapView {
  readonly rest: readonly number[];
}

function rewritten(node: Node, make: Builder): Value | undefined {
  const [data] = node.inputs;
  if (!data) return undefined;
  if (isReduction(node.op)) return reduction(node, data, make);
  if (isUnaryElementwise(node.op)) return elementwise(node, data, make);
  if (isBroadcasting(node.op)) return broadcast(node, make);
  return rewrite(node)?.(node, data, make);
}

const rewrite = byOperator<(node: Node, data: Value, make: Builder) => Value | undefined>({
  AveragePool: windows,
  Conv: windows,
  MatMul: matMul,
  MaxPool: windows,
  Transpose: turned,
});

// ---- recognising views ----

function mapView(map: Value | undefined): MapView | undefined {
  const graph = map?.producer?.graph ?? map?.uses[0]?.user.graph;
  const roles = graph && axisRolesOf(graph);
  const axes = map && roles && mapAxes(map, roles);
  if (!axes || !isChannelsFirst(axes)) return undefined;
  const all = roles.letters.map((letter, at) => ({ axis: at + 2, isStill: roles.tied.has(letter) }));
  return {
    map,
    channels: axes.shape.channels,
    places: axes.shape.places,
    free: all.flatMap(({ axis, isStill }) => (isStill ? [] : [axis])),
    still: all.flatMap(({ axis, isStill }) => (isStill ? [axis] : [])),
  };
}

function squeezed(value: Value | undefined): Squeezed | undefined {
  const producer = producedBy(value, 'Squeeze', 'Reshape');
  if (!producer) return undefined;
  const view = mapView(producer.inputs[0]);
  const [from, to] = [view?.map.type?.shape, value?.type?.shape];
  if (!view || !from || !to || to.length <= 2 || to.length >= from.length) return undefined;
  const given = isNode(producer, 'Squeeze') ? constantInts(producer, 1)?.map((axis) => wrapAxis(axis, from.length)) : undefined;
  const dropped = given ?? view.still.filter((axis) => from[axis] === 1).slice(0, from.length - to.length);
  const kept = from.filter((_, axis) => !dropped.includes(axis));
  const isSame = kept.length === to.length && kept.every((dim, axis) => dim === to[axis]);
  return isSame && dropped.every((axis) => view.still.includes(axis)) ? { ...view, dropped } : undefined;
}

function listed(value: Value | undefined): Listed | undefined {
  const turn = producedBy(producedBy(value, 'Reshape')?.inputs[0], 'Transpose');
  const view = turn && mapView(turn.inputs[0]);
  const shape = value?.type?.shape;
  const rank = view?.map.type?.shape?.length;
  if (!turn || !view || !shape || rank === undefined || shape.length !== view.free.length + 2) return undefined;
  const perm = permOf(turn, rank);
  const rest = perm.slice(1 + view.free.length);
  const isList = perm[0] === 0 && view.free.every((axis, at) => perm[at + 1] === axis) && rest.includes(1);
  const sizes = [view.map.type?.shape?.[0], ...view.free.map((axis) => view.places[axis - 2]), featuresOf(view, rest)];
  return isList && sizes.every((size, axis) => size === shape[axis]) ? { ...view, rest } : undefined;
}

const sizeOf = ({ channels, places }: MapView, axis: number): number => (axis === 1 ? channels : (places[axis - 2] ?? 1));
const featuresOf = (view: MapView, rest: readonly number[]): number => elementCount(rest.map((axis) => sizeOf(view, axis)));

// ---- building replacements ----

const squeeze = (map: Value, dropped: readonly number[], make: Builder): Value =>
  dropped.length === 0 ? map : make.op('Squeeze', [map, make.int64s('still', dropped)]);

/** Builds the list [N, ...sliding axes, rest] of a map. */
function list(map: Value, { free, rest }: Pick<Listed, 'free' | 'rest'>, make: Builder): Value {
  const shape = map.type?.shape ?? [];
  const sizes = [0, ...free.map((axis) => Number(shape[axis])), elementCount(rest.map((axis) => Number(shape[axis])))];
  return make.op('Reshape', [make.op('Transpose', [map], { perm: [0, ...free, ...rest] }), make.int64s('frames', sizes)]);
}

function reduction(node: Node, data: Value, make: Builder): Value | undefined {
  const own = asReduce(node);
  const rank = data.type?.shape?.length;
  if (!own || rank === undefined) return undefined;
  const reduce = (map: Value, axes: readonly number[]): Value =>
    make.op(node.op, [map, make.int64s(`${node.name}_axes`, axes)], new Map(node.attrs).set('keepdims', { kind: 'int', value: 1 }));
  // Only axes that do not slide are reduced: keep them, and squeeze the result.
  const plain = own.keepsAxes ? undefined : mapView(data);
  if (plain && own.axes.length > 0 && own.axes.every((axis) => plain.still.includes(axis)))
    return squeeze(reduce(data, own.axes), own.axes, make);
  if (
    plain &&
    own.axes.every((axis) => axis >= 2) &&
    own.axes.length < plain.places.length &&
    plain.free.every((axis) => own.axes.includes(axis))
  )
    return squeeze(reduce(data, own.axes), own.axes, make);
  const view = squeezed(data);
  if (view) {
    const kept = Array.from({ length: rank + view.dropped.length }, (_, axis) => axis).filter((axis) => !view.dropped.includes(axis));
    const axes = own.axes.map((axis) => kept[axis] ?? axis);
    if (axes.some((axis) => axis < 2)) return undefined;
    return squeeze(
      reduce(view.map, axes),
      [...view.dropped, ...(own.keepsAxes ? [] : axes)].sort((a, b) => a - b),
      make,
    );
  }
  const frames = listed(data);
  if (!frames || !own.axes.every((axis) => axis >= 1 && axis <= frames.free.length) || own.axes.length < frames.free.length)
    return undefined;
  const reduced = reduce(frames.map, frames.free);
  // The features of one frame, in the order of the list.
  const flat = make.op(
    'Flatten',
    [isInOrder(frames.rest) ? reduced : make.op('Transpose', [reduced], { perm: [0, ...frames.free, ...frames.rest] })],
    {
      axis: 1,
    },
  );
  return own.keepsAxes ? make.op('Reshape', [flat, make.int64s('frame', [0, ...frames.free.map(() => 1), -1])]) : flat;
}

const isInOrder = (axes: readonly number[]): boolean => axes.every((axis, at) => at === 0 || (axes[at - 1] ?? 0) < axis);

function elementwise(node: Node, data: Value, make: Builder): Value | undefined {
  const over = (map: Value): Value => make.op(node.op, [map, ...node.inputs.slice(1)], node.attrs);
  const view = squeezed(data);
  if (view) return squeeze(over(view.map), view.dropped, make);
  const frames = listed(data);
  return frames && list(over(frames.map), frames, make);
}

/** Broadcasting over two views of the same kind, or over one view and constants. */
function broadcast(node: Node, make: Builder): Value | undefined {
  const computed = node.inputs.filter((input): input is Value => input !== undefined && !isConst(input));
  const rank = node.outputs[0]?.type?.shape?.length;
  if (computed.length === 0 || computed.some((input) => input.type?.shape?.length !== rank)) return undefined;
  const views = computed.map(squeezed);
  const [view] = views;
  if (view && views.every((other) => other && other.dropped.join() === view.dropped.join())) {
    const inputs = node.inputs.map((input) => {
      if (!isConst(input)) return squeezed(input)?.map;
      return withAxes(input, view.dropped, (view.map.type?.shape ?? []).length, make);
    });
    return squeeze(make.op(node.op, inputs, node.attrs), view.dropped, make);
  }
  const lists = computed.map(listed);
  const [frames] = lists;
  if (!frames || !lists.every((other) => other && other.rest.join() === frames.rest.join())) return undefined;
  if (lists.some((other) => other && frames.rest.some((axis) => sizeOf(other, axis) !== sizeOf(frames, axis)))) return undefined;
  const inputs = node.inputs.map((input) => (isConst(input) ? perFeature(input, frames, make) : listed(input)?.map));
  return inputs.every((input) => input !== undefined) ? list(make.op(node.op, inputs, node.attrs), frames, make) : undefined;
}

/** Reshapes a constant that is broadcast over a squeezed map for the map itself. */
function withAxes(input: ConstValue, dropped: readonly number[], rank: number, make: Builder): Value {
  const { shape } = input.constant;
  const lead = rank - dropped.length - shape.length;
  const kept = Array.from({ length: rank }, (_, axis) => axis).filter((axis) => !dropped.includes(axis));
  const sizes = Array.from({ length: rank }, (_, axis): number => {
    const at = kept.indexOf(axis);
    return at < lead || at < 0 ? 1 : (shape[at - lead] ?? 1);
  });
  return shape.length === 0 ? input : make.constant(`${input.name}_map`, reshaped(input.constant, sizes));
}

/** Reshapes a constant with a single value, or one value per feature of a frame, for the map. */
function perFeature(input: ConstValue, frames: Listed, make: Builder): Value | undefined {
  const { shape } = input.constant;
  if (elementCount(shape) === 1) return shape.length === 0 ? input : make.constant(`${input.name}_map`, reshaped(input.constant, []));
  if (shape.at(-1) !== featuresOf(frames, frames.rest) || !shape.slice(0, -1).every((dim) => dim === 1)) return undefined;
  return make.constant(
    `${input.name}_map`,
    onMap(
      reshaped(
        input.constant,
        frames.rest.map((axis) => sizeOf(frames, axis)),
      ),
      frames,
    ),
  );
}

/** Transposes a tensor with the axes of `rest` to [C, ...positions]. */
function onMap(tensor: ConstValue['constant'], { rest, free }: Listed): ConstValue['constant'] {
  const order = [...rest].sort((a, b) => a - b);
  const sorted = permuted(
    tensor,
    order.map((axis) => rest.indexOf(axis)),
  );
  const sizes = [...rest, ...free]
    .sort((a, b) => a - b)
    .map((axis) => (free.includes(axis) ? 1 : (sorted.shape[order.indexOf(axis)] ?? 1)));
  return reshaped(sorted, sizes);
}

/** A fully connected layer for each frame: a convolution whose kernel covers all axes that do not slide. */
function matMul(node: Node, data: Value, make: Builder): Value | undefined {
  const frames = listed(data);
  const weight = node.inputs[1];
  if (!frames || !isConst(weight) || weight.constant.shape.length !== 2) return undefined;
  const [features = 0, outputs = 0] = weight.constant.shape;
  if (features !== featuresOf(frames, frames.rest)) return undefined;
  const sizes = frames.rest.map((axis) => sizeOf(frames, axis));
  const byOutput = reshaped(permuted(weight.constant, [1, 0]), [outputs, ...sizes]);
  // [outputs, C, ...still], then with length one along each axis that slides.
  const order = [...frames.rest].sort((a, b) => a - b);
  const sorted = permuted(byOutput, [0, ...order.map((axis) => frames.rest.indexOf(axis) + 1)]);
  const kernel = frames.places.map((length, at) => (frames.free.includes(at + 2) ? 1 : length));
  const filters = make.constant(`${weight.name}_kernel`, reshaped(sorted, [outputs, frames.channels, ...kernel]));
  const map = make.op('Conv', [frames.map, filters], { kernel_shape: kernel });
  return list(map, frames, make);
}

/** A window over the sliding axes gets length one along the axes that were removed. */
function windows(node: Node, data: Value, make: Builder): Value | undefined {
  const view = squeezed(data);
  if (!view) return undefined;
  const [, weight, bias] = node.inputs;
  const isConv = asConv(node) !== undefined;
  if (isConv && !isConst(weight)) return undefined;
  const rank = view.places.length;
  const isDropped = view.places.map((_, at) => view.dropped.includes(at + 2));
  const spread = (numbers: readonly number[] | undefined, otherwise: number): number[] | undefined => {
    if (!numbers) return undefined;
    let next = 0;
    return isDropped.map((dropped) => (dropped ? otherwise : (numbers[next++] ?? otherwise)));
  };
  const own = intsAttr(node, 'kernel_shape') ?? (isConst(weight) ? weight.constant.shape.slice(2) : undefined);
  const pads = intsAttr(node, 'pads');
  const half = (pads?.length ?? 0) / 2;
  const attrs = new Map(node.attrs);
  const set = (name: string, values: readonly number[] | undefined): void => {
    if (values) attrs.set(name, { kind: 'ints', value: values });
  };
  set('kernel_shape', spread(own, 1));
  set('strides', spread(intsAttr(node, 'strides'), 1));
  set('dilations', spread(intsAttr(node, 'dilations'), 1));
  if (pads) set('pads', [...(spread(pads.slice(0, half), 0) ?? []), ...(spread(pads.slice(half), 0) ?? [])]);
  if (asPool(node)?.mode === 'max' && intAttr(node, 'storage_order') !== 0) return undefined;
  const filters =
    isConv && isConst(weight)
      ? make.constant(
          `${weight.name}_kernel`,
          reshaped(weight.constant, [
            ...weight.constant.shape.slice(0, 2),
            ...(spread(weight.constant.shape.slice(2), 1) ?? new Array<number>(rank).fill(1)),
          ]),
        )
      : undefined;
  return squeeze(make.op(node.op, [view.map, ...(filters ? [filters, bias] : [])], attrs), view.dropped, make);
}

/** From [N, C, T] to a list of frames, and back. */
function turned(node: Node, data: Value, make: Builder): Value | undefined {
  const view = squeezed(data);
  const rank = data.type?.shape?.length ?? 0;
  const perm = permOf(node, rank);
  const isOne = (axes: readonly number[], { map }: MapView): boolean => axes.every((axis): boolean => oneOf(map.type?.shape?.[axis]));
  if (view) {
    const toLast = [0, ...Array.from({ length: rank - 2 }, (_, axis) => axis + 2), 1];
    const isList = perm.every((axis, at) => axis === toLast[at]) && view.dropped.length === view.still.length;
    return isList ? list(view.map, { free: view.free, rest: [1, ...view.still] }, make) : undefined;
  }
  const frames = listed(data);
  const toFirst = [0, rank - 1, ...Array.from({ length: rank - 2 }, (_, axis) => axis + 1)];
  if (!frames || !perm.every((axis, at) => axis === toFirst[at]) || !isOne(frames.still, frames)) return undefined;
  return squeeze(frames.map, frames.still, make);
}
const oneOf = (dim: Dim): boolean => dim === 1;
