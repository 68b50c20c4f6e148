/**
 * sink-flatten: keep the map through the operators behind a Flatten, and flatten later.
 *
 *   Y = Op(Flatten<axis=1>(X), ...)                     X [N,C,H,W], or any number of spatial axes
 * becomes
 *   Y = Flatten<axis=1>(Op'(X, ...))
 *
 * Maps of one cell with different strides are combined at the cells that they share: every second (third ...) cell of the finer map is taken.
 * Op' is Op if it is elementwise; if Op works along the features (BatchNormalization, LayerNormalization, Softmax, Concat, Split ...),
 * the map must have one cell, and Op' works along the channels. So the Flatten moves to the outputs of the network, where `free-spatial-dims`
 * drops it and a map remains.
 * Numbers: identical, except that a reduction or a softmax along channels may be summed in another order.
 * Left alone: operators that read the features by position while the map has more than one cell; operands that differ from row to row of the batch.
 */
import { attributes, intAttr } from '../src/ir/attrs';
import { axisRolesOf, hasMapRank, imageInputs, isOneCell, mapRank } from '../src/ir/axis-roles';
import { type Graph, sameType } from '../src/ir/graph';
import { broadcastingOps, reductionOps, unaryElementwiseOps } from '../src/ir/operator-traits';
import { elementCount, int64s, readNumbers, reshaped } from '../src/ir/tensor';
import type { Attr, ConstValue, Node, Tensor, Value } from '../src/ir/types';
import { isConst } from '../src/ir/types';
import { flattenedMap, productOf } from '../src/ir/views';
import { pixelStride } from '../src/operators/pixel-stride';
import type { Builder } from '../src/rewrite/builder';
import { defineRulePass } from '../src/rewrite/pass';
import { constant, node, value } from '../src/rewrite/pattern';
import { defineRule, refuse } from '../src/rewrite/rule';

/** Flatten costs nothing, so it may be kept for other readers. */
const flattened = node('Flatten', [value('x')], { attrs: { axis: 1 }, shared: true });

const unary = defineRule({
  name: 'unary',
  match: node(unaryElementwiseOps, [flattened], { as: 'op', moreInputs: true }),
  when: ({ x, op }) => (hasMapRank(x, op.graph) ? {} : undefined),
  build: ({ x, op }, make) => flatten(make, make.op(op.op, [x, ...op.inputs.slice(1)], op.attrs)),
});

/** A quantiser with one scale for all elements. */
const quantisation = defineRule({
  name: 'quantisation',
  match: node(['QuantizeLinear', 'DequantizeLinear'], [flattened, constant('scale')], { as: 'op', moreInputs: true }),
  when({ x, scale, op }) {
    if (elementCount(scale.constant.shape) !== 1) return refuse('it has a separate scale for each feature', op);
    return hasMapRank(x, op.graph) ? {} : undefined;
  },
  build: ({ x, op }, make) => flatten(make, make.op(op.op, [x, ...op.inputs.slice(1)], op.attrs)),
});

/** Replaces each operand by its map: the input of its Flatten, or a constant reshaped to [C,1,1]. */
const broadcast = defineRule({
  name: 'broadcast',
  match: node(broadcastingOps, [], { as: 'op', moreInputs: true }),
  when({ op }) {
    const maps = op.inputs.map((input) => mapBehind(input));
    const [map] = maps.filter((candidate): candidate is Value => candidate !== undefined);
    if (!map) return undefined;
    const cells = productOf(map.type?.shape?.slice(2) ?? [undefined]);
    const channels = map.type?.shape?.[1];
    if (!hasMapRank(map, op.graph) || typeof channels !== 'number')
      return refuse('the flattened value is not a map with static channels', op);
    const steps = cells === 1 ? stepsOf(maps) : [];
    if (!steps) return refuse(DIFFERENT_STRIDES, op);
    if (op.outputs[0]?.type?.shape?.length !== 2) return refuse('an operand of more axes makes more than rows of features of them', op);
    for (const [slot, input] of op.inputs.entries()) {
      if (input === undefined) continue;
      const other = maps[slot];
      if (other) {
        if (!sameCells(map, other)) return refuse(`its operands are maps of different sizes`, op);
        if (cells !== 1 && !sameAxes(map, other)) return refuse('its operands are maps of which one is turned', op);
      } else if (!isConst(input)) {
        if (input.type?.shape?.length !== 0) return refuse(`its operand '${input.name}' is neither a map nor a constant`, op);
        // A scalar, which may be a separate input. A scalar computed from the image would have another value for each window.
        if (followsFromImage(input, op.graph))
          return refuse(`its operand '${input.name}' is one number that is computed from the image`, op);
      } else if (elementCount(input.constant.shape) !== 1) {
        if (cells !== 1) return refuse(`its operand '${input.name}' has a separate number for each place of the map`, op);
        if (!isPerChannel(input.constant)) return refuse(`its operand '${input.name}' differs from row to row of the batch`, op);
      }
    }
    return { maps, steps };
  },
  build({ op }, make, { maps, steps }) {
    const operands = op.inputs.map(
      (input, slot) => everyStep(maps[slot], steps[slot], make) ?? (isConst(input) ? perChannel(input, make, mapRank(op.graph)) : input),
    );
    return flatten(make, make.op(op.op, operands, op.attrs));
  },
});

const batchNormalization = defineRule({
  name: 'batch-normalization',
  match: node('BatchNormalization', [flattened], { as: 'op', moreInputs: true }),
  when: ({ x, op }) => oneCell(x, op),
  build: ({ x, op }, make) => flatten(make, make.op('BatchNormalization', [x, ...op.inputs.slice(1)], op.attrs)),
});

const layerNormalization = defineRule({
  name: 'layer-normalization',
  match: node(['LayerNormalization', 'RMSNormalization'], [flattened], { as: 'op', moreInputs: true }),
  when({ x, op }) {
    if (op.outputs.slice(1).some((output) => output.uses.length > 0 || op.graph.isOutput(output))) return refuse('its mean is read', op);
    return alongFeatures(op) ? oneCell(x, op) : refuse('it normalises over the batch', op);
  },
  build({ x, op }, make) {
    const places = Array.from({ length: mapRank(op.graph) - 2 }, (_, axis) => axis);
    const channelsLast = make.op('Transpose', [x], { perm: [0, ...places.map((axis) => axis + 2), 1] });
    const attrs = new Map(op.attrs).set('axis', { kind: 'int', value: -1 });
    const normal = make.op(op.op, [channelsLast, ...op.inputs.slice(1)], attrs);
    return flatten(make, make.op('Transpose', [normal], { perm: [0, places.length + 1, ...places.map((axis) => axis + 1)] }));
  },
});

/** Operators with an `axis` attribute that keep the rank. */
const alongAxis = defineRule({
  name: 'along-axis',
  match: node(['Softmax', 'LogSoftmax', 'Hardmax', 'LpNormalization', 'ArgMax', 'ArgMin'], [flattened], { as: 'op' }),
  when({ x, op }) {
    if (!alongFeatures(op)) return refuse('it works along the batch', op);
    return oneCell(x, op);
  },
  build: ({ x, op }, make) => perRow(op, flatten(make, make.op(op.op, [x], keepingAxis(op, withAxis(op)))), make),
});

const reduction = defineRule({
  name: 'reduction',
  match: node(reductionOps, [flattened], { as: 'op', moreInputs: true }),
  when({ x, op }) {
    const axes = intsOf(op.inputs[1]);
    if (axes?.length !== 1 || (axes[0] !== 1 && axes[0] !== -1)) return refuse('it does not reduce the features alone', op);
    return oneCell(x, op);
  },
  build: ({ x, op }, make) =>
    perRow(op, flatten(make, make.op(op.op, [x, make.constant(`${op.name}_axes`, int64s([1]))], keepingAxis(op, op.attrs))), make),
});

const topK = defineRule({
  name: 'top-k',
  outputs: 'all',
  match: node('TopK', [flattened, constant('k')], { as: 'op' }),
  when({ x, op }) {
    if (!alongFeatures(op)) return refuse('it works along the batch', op);
    return oneCell(x, op);
  },
  build: ({ x, k, op }, make) => make.ops('TopK', [x, k], withAxis(op), op.outputs.length).map((part) => flatten(make, part)),
});

const concat = defineRule({
  name: 'concat',
  match: node('Concat', [], { as: 'op', moreInputs: true }),
  when({ op }) {
    const maps = op.inputs.map((input) => mapBehind(input));
    if (!maps.some((map) => map !== undefined)) return undefined;
    const known = maps.filter((map): map is Value => map !== undefined && hasMapRank(map, op.graph));
    if (known.length < maps.length) return refuse('not all of its operands are flattened maps', op);
    if (!alongFeatures(op)) return refuse('it works along the batch', op);
    for (const map of known) {
      const cell = oneCell(map, op);
      if ('cells' in cell) continue;
      return cell;
    }
    const steps = stepsOf(known);
    return steps ? { maps: known, steps } : refuse(DIFFERENT_STRIDES, op);
  },
  build: ({ op }, make, { maps, steps }) =>
    flatten(
      make,
      make.op(
        'Concat',
        maps.map((map, slot) => everyStep(map, steps[slot], make)),
        withAxis(op),
      ),
    ),
});

const split = defineRule({
  name: 'split',
  outputs: 'all',
  match: node('Split', [flattened], { as: 'op', moreInputs: true }),
  when({ x, op }) {
    if (!alongFeatures(op)) return refuse('it works along the batch', op);
    return oneCell(x, op);
  },
  build: ({ x, op }, make) =>
    make.ops('Split', [x, ...op.inputs.slice(1)], withAxis(op), op.outputs.length).map((part) => flatten(make, part)),
});

const slice = defineRule({
  name: 'slice',
  match: node('Slice', [flattened], { as: 'op', moreInputs: true }),
  when({ x, op }) {
    const axes = intsOf(op.inputs[3]);
    if (axes?.length !== 1 || (axes[0] !== 1 && axes[0] !== -1)) return refuse('it does not cut the features alone', op);
    return oneCell(x, op);
  },
  build: ({ x, op }, make) =>
    flatten(make, make.op('Slice', [x, op.inputs[1], op.inputs[2], make.constant(`${op.name}_axes`, int64s([1])), op.inputs[4]], op.attrs)),
});

const gather = defineRule({
  name: 'gather',
  match: node('Gather', [flattened], { as: 'op', moreInputs: true }),
  when({ x, op }) {
    if (op.inputs[1]?.constant?.shape.length !== 1 || !alongFeatures(op)) return refuse('it does not pick features by a list', op);
    return oneCell(x, op);
  },
  build: ({ x, op }, make) => flatten(make, make.op('Gather', [x, op.inputs[1]], withAxis(op))),
});

/** Moves elementwise operators in front of the operator that drops the axis of the features. */
const dropped = defineRule({
  name: 'dropped-axis',
  match: node(unaryElementwiseOps, [node('Squeeze', [value('vector'), constant('axes')], { as: 'squeeze' })], {
    as: 'op',
    moreInputs: true,
  }),
  when: ({ vector }) => (mapBehind(vector) ? {} : undefined),
  build: ({ vector, axes, op }, make) => make.op('Squeeze', [make.op(op.op, [vector, ...op.inputs.slice(1)], op.attrs), axes]),
});

/** A view that restores the map: old exports of Softmax flatten its input and restore the shape. */
const restored = defineRule({
  name: 'restored',
  match: node(['Reshape', 'Unsqueeze'], [flattened], { as: 'view', moreInputs: true }),
  when: ({ x, view }) => (hasMapRank(x, view.graph) && sameType(x.type, view.outputs[0]?.type) ? {} : undefined),
  build: ({ x }) => x,
});

const flatten = (make: Builder, map: Value): Value => make.op('Flatten', [map], { axis: 1 });

/** The same operator, but keeping the axis of the features, because a map keeps all its axes ... */
const keepingAxis = (op: Node, attrs: ReadonlyMap<string, Attr>): ReadonlyMap<string, Attr> =>
  dropsAxis(op) ? new Map([...attrs, ...attributes({ keepdims: 1 })]) : attrs;
/** ... and the axis is dropped behind the Flatten, if the original dropped it. */
const perRow = (op: Node, vector: Value, make: Builder): Value =>
  dropsAxis(op) ? make.op('Squeeze', [vector, make.int64s(`${op.name}_axis`, [1])]) : vector;
const dropsAxis = (op: Node): boolean => intAttr(op, 'keepdims') === 0;

const DIFFERENT_STRIDES = 'its maps have strides of which none divides the others';

/** Cells of each map between two cells of the coarsest map, along each spatial axis; undefined if that is not an integer. */
function stepsOf(maps: readonly (Value | undefined)[]): readonly (readonly number[])[] | undefined {
  const strides = maps.map((map) => map && pixelStride(map));
  const [first = []] = strides.filter((stride) => stride !== undefined);
  const widest = first.map((_, axis) => Math.max(...strides.map((stride) => stride?.[axis] ?? 0)));
  const steps = strides.map((stride) => widest.map((wide, axis) => wide / (stride?.[axis] ?? wide)));
  return steps.flat().every(Number.isInteger) ? steps : undefined;
}

/** Every second (third ...) cell of a finer map: those that begin at the same pixels as the cells of the coarsest map. */
function everyStep(map: Value | undefined, steps: readonly number[] | undefined, make: Builder): Value | undefined {
  if (!map || !steps?.some((step) => step !== 1)) return map;
  return make.op('Slice', [
    map,
    make.int64s(
      'starts',
      steps.map(() => 0),
    ),
    make.int64s(
      'ends',
      steps.map(() => 2 ** 63),
    ),
    make.int64s(
      'axes',
      steps.map((_, axis) => axis + 2),
    ),
    make.int64s('steps', steps),
  ]);
}

/** The input of Flatten<axis=1>. */
function mapBehind(input: Value | undefined): Value | undefined {
  const producer = input?.producer;
  return producer && flattenedMap(producer);
}

/** Whether the operator works along axis 1 of [N, features]. */
const alongFeatures = (op: Node): boolean => [1, -1].includes(intAttr(op, 'axis'));
const withAxis = (op: Node): Map<string, Attr> => new Map([...op.attrs, ...attributes({ axis: 1 })]);

function oneCell(map: Value, op: Node): { readonly cells: 1 } | ReturnType<typeof refuse> {
  if (isOneCell(map, op.graph)) return { cells: 1 };
  return refuse(`it reads the features of a map of [${map.type?.shape?.slice(1)}] by their place`, op);
}

const sameCells = (a: Value, b: Value): boolean => {
  const [x, y] = [a.type?.shape, b.type?.shape];
  const [inX, inY] = [x?.slice(2) ?? [], y?.slice(2) ?? []];
  if (x?.length !== y?.length || inX.some((dim, axis) => dim !== inY[axis])) return false;
  return x?.[1] === y?.[1] || inX.every((dim) => dim === 1);
};

/** Whether each axis has the same role in both maps, as far as the roles are known. */
function sameAxes(a: Value, b: Value): boolean {
  const roles = a.producer && axisRolesOf(a.producer.graph);
  const [x, y] = [roles?.of(a), roles?.of(b)];
  return x === undefined || y === undefined || x.every((role, axis) => role === y[axis]);
}

/** Whether a value depends on the image, or on its size. */
function followsFromImage(value: Value, graph: Graph): boolean {
  const images = imageInputs(graph.root);
  const seen = new Set<Value>([value]);
  for (const at of seen) {
    if (at.producer === undefined && images.has(at)) return true;
    for (const input of at.producer?.inputs ?? []) if (input && !isConst(input)) seen.add(input);
  }
  return false;
}

/** [K] or [1,K]: numpy broadcasting aligns it with the features. */
const isPerChannel = (tensor: Tensor): boolean =>
  tensor.shape.length <= 2 && elementCount(tensor.shape) === (tensor.shape[tensor.shape.length - 1] ?? 1);

function perChannel(operand: ConstValue, make: Builder, rank: number): ConstValue {
  const count = elementCount(operand.constant.shape);
  if (count === 1)
    return operand.constant.shape.length === 0 ? operand : make.constant(`${operand.name}_scalar`, reshaped(operand.constant, []));
  return make.constant(`${operand.name}_channels`, reshaped(operand.constant, [count, ...Array.from({ length: rank - 2 }, () => 1)]));
}

const intsOf = (input: Value | undefined): readonly number[] | undefined =>
  input?.constant ? [...readNumbers(input.constant)] : undefined;

export const sinkFlatten = defineRulePass({
  name: 'sink-flatten',
  role: 'prepares',
  summary: 'move Flatten behind the operators that follow it, so that the map stays a map',
  numbers: 'reordered',
  rules: [
    unary,
    quantisation,
    broadcast,
    batchNormalization,
    layerNormalization,
    alongAxis,
    reduction,
    topK,
    concat,
    split,
    slice,
    gather,
    dropped,
    restored,
  ],
});
