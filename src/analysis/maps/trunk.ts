/**
 * Determines which values of a network are maps that slide: a larger image gives a larger map of the same values.
 *
 * A value does not slide if something before it gives individual positions a meaning of their own: a weight or a constant per position, a norm over
 * positions with a scale for each, positions that are picked or concatenated, a sum over all of them, axes that cannot be identified. The result of a
 * global pool is not a map either, until it is combined with a map again (a gate).
 */

import { intAttr } from '../../ir/attrs';
import { wrapAxis } from '../../ir/axis';
import { type AxisRoles, axisRolesOf, mapAxes } from '../../ir/axis-roles';
import type { Graph } from '../../ir/graph';
import { meaningOf, weightSlotOf } from '../../ir/integer-operators';
import { byOperator, isNode, producedBy } from '../../ir/match';
import { isBroadcasting, isReduction, tellsSize } from '../../ir/operator-traits';
import { isFloatType, isKnown, readNumbers } from '../../ir/tensor';
import { type ConstValue, isConst, type Node, type Value } from '../../ir/types';
import { productOf } from '../../ir/views';
import { isDilated, isPadded } from '../../ir/window-attrs';
import { asConv, asConvolution } from '../../operators/layers';

export interface Trunk {
  /** Computed from pixels. A value computed only from sizes does not count. */
  dependsOnImage(value: Value): boolean;
  /** Nothing before it ties it to its position, and it is not pooled over all positions. */
  slides(value: Value): boolean;
  /** A sliding map of floats, with batch, channels and all spatial axes in any order. */
  isMap(value: Value): boolean;
  /** Has more than one position. */
  hasPlaces(value: Value): boolean;
  /**
   * True if a node gives individual positions, before they are flattened, a meaning of their own: position embeddings, class tokens, weights between positions.
   */
  namesPlaces(node: Node): boolean;
}

export function trunkOf(graph: Graph): Trunk {
  const roles = axisRolesOf(graph);
  const images = new Set<Value>();
  const fixed = new Set<Value>();
  const pooled = new Set<Value>();
  for (const input of graph.inputs) if (roles.of(input)) images.add(input);
  for (const node of graph.nodes) {
    if (tellsSize(node.op)) continue;
    const read = node.inputs.filter((input): input is Value => input !== undefined && images.has(input));
    if (read.length === 0) continue;
    const isFixed = read.some((input) => fixed.has(input)) || tiesPlaces(node, roles) || mixes(node, read, pooled, roles);
    const isPooled = read.every((input) => pooled.has(input)) || takesAllPlaces(node, roles);
    for (const output of node.outputs) {
      images.add(output);
      if (isFixed) fixed.add(output);
      if (isPooled) pooled.add(output);
    }
  }
  const slides = (value: Value): boolean => !fixed.has(value) && !pooled.has(value);
  return {
    dependsOnImage: (value) => images.has(value),
    slides,
    isMap: (value) =>
      images.has(value) && slides(value) && isFloatType(value.type?.dtype ?? 'string') && mapAxes(value, roles) !== undefined,
    hasPlaces: (value) => images.has(value) && (roles.of(value)?.some((_, axis) => isSpread(value, roles, axis)) ?? true),
    namesPlaces: (node) => namesPlaces(node, roles),
  };
}

function namesPlaces(node: Node, roles: AxisRoles): boolean {
  const [output] = node.outputs;
  if (!output || (output.type?.shape?.length ?? 0) < 3) return false;
  if (isBroadcasting(node.op)) return node.inputs.some((input) => isConst(input) && hasNumberPerPlace(input, output, roles));
  const [data, weight] = node.inputs;
  if (isNode(node, 'Concat')) return node.inputs.some((input) => input && !isConst(input) && isSpread(input, roles, intAttr(node, 'axis')));
  return isNode(node, 'MatMul') && data !== undefined && mixesPlaces({ data, weight, roles });
}

const isSpread = (value: Value, roles: AxisRoles, axis: number): boolean => {
  const own = roles.of(value);
  const at = own && axis < 0 ? axis + own.length : axis;
  return roles.slides(own?.[at]) && value.type?.shape?.[at] !== 1;
};

/** True if the node treats positions differently from each other. */
function tiesPlaces(node: Node, roles: AxisRoles): boolean {
  const op = meaningOf(node);
  const weight = node.inputs[weightSlotOf(node)];
  // Concat: scales may come first.
  const data = op === 'Concat' ? node.inputs.find((input) => input && roles.of(input)) : node.inputs[0];
  const [output] = node.outputs;
  if (!data || !output) return true;
  if (isBroadcasting(op))
    return (
      turnsOne(node, output, roles) ||
      centres(node, roles) ||
      node.inputs.some((input) => isConst(input) && hasNumberPerPlace(input, output, roles))
    );
  const own = roles.of(data);
  if (!own || !roles.of(output)) return true;
  if (SUMS.has(node.op)) return takesAllPlaces(node, roles);
  return tiesBy({ op })?.({ node, data, weight, output, roles }) ?? false;
}

interface Tie {
  readonly node: Node;
  readonly data: Value;
  readonly weight: Value | undefined;
  readonly output: Value;
  readonly roles: AxisRoles;
}

const overAxis = ({ node, data, output, roles }: Tie): boolean =>
  isSpread(output, roles, intAttr(node, 'axis')) || isSpread(data, roles, intAttr(node, 'axis'));
/** The single value of a pool, broadcast over all positions of the window. */
const spreadsOne = ({ data, output, roles }: Tie): boolean => !hasMany(data, roles) && hasMany(output, roles);
/**
 * Before a classifier, positions are weighted against each other within one window. Before further layers with windows, it is a gate over the whole image.
 */
const weighs = ({ node, data, roles }: Tie): boolean => isSpread(data, roles, intAttr(node, 'axis')) && isBehindTrunk(node);
const scalesEach = ({ node, data, weight, roles }: Tie): boolean => {
  const rank = roles.of(data)?.length ?? 0;
  const first = wrapAxis(intAttr(node, 'axis'), rank);
  const isOver = Array.from({ length: rank }, (_, at) => at).some((at) => at >= first && isSpread(data, roles, at));
  return isOver && isConst(weight) && !isUniform(weight);
};

const tiesBy = byOperator<(tie: Tie) => boolean>({
  ArgMax: overAxis,
  ArgMin: overAxis,
  Concat: overAxis,
  Einsum: () => true,
  Expand: spreadsOne,
  Gather: overAxis,
  Gemm: ({ node, data, roles }) => isSpread(data, roles, intAttr(node, 'transA') === 0 ? 1 : 0),
  Hardmax: weighs,
  LayerNormalization: scalesEach,
  LogSoftmax: weighs,
  MatMul: mixesPlaces,
  RMSNormalization: scalesEach,
  Resize: spreadsOne,
  Softmax: weighs,
  Split: overAxis,
  TopK: ({ node, data, roles }) => isSpread(data, roles, intAttr(node, 'axis')),
});

/** A product with a weight for each position. */
function mixesPlaces({ data, weight, roles }: Pick<Tie, 'data' | 'weight' | 'roles'>): boolean {
  return (isConst(weight) && isSpread(data, roles, -1)) || (isConst(data) && weight !== undefined && isSpread(weight, roles, -2));
}

/** True if no layer that reads through windows follows. */
function isBehindTrunk(node: Node): boolean {
  const seen = new Set<Node>([node]);
  for (const at of seen)
    for (const { user } of at.outputs.flatMap((output) => output.uses)) {
      if (tellsSize(user.op)) continue;
      if (WINDOWED.has(user.op) && !isLayer(user) && user.outputs[0]?.type?.shape?.slice(2).some((dim) => dim !== 1)) return false;
      seen.add(user);
    }
  return true;
}
const WINDOWED = new Set(['Conv', 'ConvTranspose', 'AveragePool', 'MaxPool', 'LpPool', 'Resize', 'Pad', 'DepthToSpace', 'SpaceToDepth']);

/** True if an operand has, for example, columns where the result has rows. */
function turnsOne({ inputs }: Node, output: Value, roles: AxisRoles): boolean {
  const own = roles.of(output);
  return inputs.some((input) => {
    const theirs = input && roles.of(input);
    const lead = (own?.length ?? 0) - (theirs?.length ?? 0);
    return theirs?.some((role, axis) => input && isSpread(input, roles, axis) && role !== own?.[axis + lead]) ?? false;
  });
}

/** X minus its own mean over all positions, as in a deviation: a statistic of the window, not a gate. */
function centres({ op, inputs }: Node, roles: AxisRoles): boolean {
  const [data, mean] = inputs;
  const pool = mean?.producer;
  return op === 'Sub' && pool !== undefined && pool.inputs[0] === data && takesAllPlaces(pool, roles);
}

/** True if the constant has different values along an axis of positions of the result. */
function hasNumberPerPlace(constant: ConstValue, output: Value, roles: AxisRoles): boolean {
  const rank = output.type?.shape?.length ?? 0;
  const { shape } = constant.constant;
  return shape.some((dim, axis) => dim !== 1 && isSpread(output, roles, axis + rank - shape.length)) && !isUniform(constant);
}

function isUniform({ constant }: ConstValue): boolean {
  if (!isKnown(constant)) return false;
  const numbers = readNumbers(constant);
  return numbers.every((number) => number === numbers[0]);
}

/** True if the result has one position along an axis on which the data has many, through an operator that reads all of them at any size. */
function takesAllPlaces(node: Node, roles: AxisRoles): boolean {
  const [data] = node.inputs;
  const [output] = node.outputs;
  if (!data || !output || !(meaningOf(node).startsWith('Global') || isReduction(node.op))) return false;
  return roles.sliding.some((letter) => runsOver(data, letter, roles) && !runsOver(output, letter, roles));
}

const runsOver = (value: Value, letter: string, roles: AxisRoles): boolean =>
  roles.of(value)?.some((role, axis) => role.includes(letter) && isSpread(value, roles, axis)) ?? false;

const hasMany = (value: Value, roles: AxisRoles): boolean => roles.of(value)?.some((_, axis) => isSpread(value, roles, axis)) ?? false;

/** True if the node combines a pool over the whole image with the result of a single window: a classifier that reads both means the window in both. */
const mixes = (node: Node, read: readonly Value[], pooled: ReadonlySet<Value>, roles: AxisRoles): boolean =>
  (isBroadcasting(meaningOf(node)) || meaningOf(node) === 'Concat') &&
  read.some((input) => pooled.has(input)) &&
  !read.every((input) => pooled.has(input)) &&
  node.outputs.every((output) => !hasMany(output, roles));

/** Sums grow with the image, so what they gate differs from what they gate at the original size. */
const SUMS = new Set([
  'ReduceSum',
  'ReduceL1',
  'ReduceL2',
  'ReduceSumSquare',
  'ReduceLogSum',
  'ReduceLogSumExp',
  'ReduceProd',
  'GlobalLpPool',
]);

/** Reason why there is no head. */
export interface Refused {
  readonly node: Node | undefined;
  readonly reason: string;
}
/** The part of a network behind the last maps that slide. */
export interface Head {
  /** In graph order. */
  readonly nodes: readonly Node[];
  readonly cuts: readonly Value[];
}

/** Number of products of two computed operands in one attention: queries with keys, and weights with values. */
const ONE_ATTENTION = 2;

/**
 * Walks back to the nearest maps that slide.
 *
 * In a classifier after a convolutional trunk, positions may have a meaning of their own (a position embedding, one attention that pools): their meaning
 * within the window. A transformer is refused: running it on every window would cost as much as sliding it.
 */
export function headBehind(outputs: readonly Value[], trunk: Trunk): Head | Refused {
  const nodes = new Set<Node>();
  const cuts = new Set<Value>();
  const tied: { readonly node: Node; readonly reason: string; readonly isProduct: boolean }[] = [];
  const queue = [...outputs];
  for (let value = queue.pop(); value; value = queue.pop()) {
    const { producer } = value;
    if (trunk.isMap(value)) cuts.add(value);
    else if (!producer) return { node: undefined, reason: 'it reads the image in another form' };
    else if (!nodes.has(producer)) {
      if (isConvolution(producer))
        return tied[0] ?? { node: producer, reason: 'it is a convolution behind what ties the network to its places' };
      const reason = tiesPositions(producer, trunk);
      if (reason) tied.push({ node: producer, ...reason });
      nodes.add(producer);
      queue.push(...producer.inputs.filter((input): input is Value => input !== undefined && trunk.dependsOnImage(input)));
    }
  }
  const isTransformer = tied.filter(({ isProduct }) => isProduct).length > ONE_ATTENTION;
  if (tied[0] && (isTransformer || !isConvolutional(cuts))) return tied[0];
  const [first] = outputs;
  return { nodes: (first?.producer?.graph.nodes ?? []).filter((node) => nodes.has(node)), cuts: [...cuts] };
}

const isConvolution = (node: Node): boolean => !isLayer(node) && (meaningOf(node) === 'Conv' || asConvolution(node) !== undefined);

/** True if more than one layer with windows leads to these maps: a patch embedding is not a trunk. */
function isConvolutional(maps: ReadonlySet<Value>): boolean {
  const seen = new Set<Value>(maps);
  let windows = 0;
  for (const { producer } of seen) {
    if (!producer) continue;
    const hasKernel = producer.inputs[weightSlotOf(producer)]?.type?.shape?.slice(2).some((size) => size !== 1) ?? false;
    if (meaningOf(producer) === 'Conv' && hasKernel) windows++;
    for (const input of producer.inputs) if (input) seen.add(input);
  }
  return windows > 1;
}

/** The way in which a node of a classifier gives positions of the map a meaning of their own; undefined if it does not. */
function tiesPositions(node: Node, trunk: Trunk): { readonly reason: string; readonly isProduct: boolean } | undefined {
  if (isLayer(node)) return undefined;
  if (trunk.namesPlaces(node)) return { reason: 'it gives each position of the map its own meaning', isProduct: false };
  const computed = node.inputs.filter((input): input is Value => input !== undefined && trunk.hasPlaces(input));
  // A sum over all positions of one window is a single value for that window: attention pooling, bilinear pooling.
  const isStatistic = isNode(node, 'MatMul') && node.outputs.every((output) => !trunk.hasPlaces(output));
  if (['MatMul', 'Einsum', 'Attention'].includes(node.op) && computed.length > 1 && !isStatistic)
    return { reason: 'it compares positions with each other (attention)', isProduct: true };
  const [weighted] = isNode(node, 'ReduceSum') ? node.inputs : [];
  const factors = producedBy(weighted, 'Mul')?.inputs ?? [];
  // Weights for the positions of one window belong to the classifier; a product of every position with every other does not.
  const numbers = (value: Value | undefined): number => productOf(value?.type?.shape ?? []) ?? 0;
  const isPairs = factors.length === 2 && numbers(weighted) > Math.max(...factors.map(numbers));
  return isPairs && new Set(factors).size === 2 && factors.every((factor) => factor && trunk.hasPlaces(factor))
    ? { reason: 'it adds positions up by weights that are compared over all of them (attention)', isProduct: true }
    : undefined;
}

/** True for a convolution with a single window, as large as its input: a fully connected layer, converted by a rule. */
export function isLayer(node: Node): boolean {
  const [data, weight, bias] = node.inputs;
  const [kernel, map] = [weight?.constant?.shape.slice(2), data?.type?.shape?.slice(2)];
  return (
    asConv(node)?.groups === 1 &&
    kernel !== undefined &&
    kernel.length === map?.length &&
    kernel.every((size, axis) => size === map[axis]) &&
    (!bias || isConst(bias)) &&
    isUnpadded(node)
  );
}

/** True without padding or dilation. */
export const isUnpadded = (node: Node): boolean => !isPadded(node) && !isDilated(node);
