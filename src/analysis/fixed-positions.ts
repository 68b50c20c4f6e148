/**
 * Finds what ties a network to the size of its training images: nodes whose meaning depends on a position in the image or on the number of positions,
 * and nodes for which it is unknown how they move with the image. Such a network cannot slide over a larger image, even if its graph runs on one.
 *
 * The decision is based on what the graph means, not on running it: attention over positions with dynamic shapes runs at any size and is still a different
 * function. Most of it is derived from how values move with the image (motion/). Global context (squeeze-and-excitation, instance normalisation, attention
 * pooling over the whole map) is not listed here: it is meaningful at every size, and the contract reports it.
 */

import { assertInvariant } from '../diagnostics/compile-error';
import { intAttr } from '../ir/attrs';
import { type AxisRoles, axisRolesOf } from '../ir/axis-roles';
import type { Graph } from '../ir/graph';
import { byOperator, isNode, producedBy } from '../ir/match';
import { tellsSize } from '../ir/operator-traits';
import type { Node, Value } from '../ir/types';
import { isConst } from '../ir/types';
import { isForeign } from '../operators';
import { asNorm } from '../operators/norm';
import { type Motion, motionOf } from './motion';
import { spreadOf } from './motion/digits';
import type { Moving } from './motion/state';
import { isUniform } from './motion/uniform';

export interface FixedPosition {
  readonly node: Node;
  /** Completes "this network cannot slide because ...". */
  readonly reason: string;
  /** True if the only objection is that nothing is known about the node. */
  readonly isUnknown: boolean;
}

/** Every node that an output depends on and that fixes positions, in graph order. The image inputs must have the window's static size. */
export function fixedPositions(graph: Graph, motion: Motion = motionOf(graph)): FixedPosition[] {
  const roles = axisRolesOf(graph);
  const found = new Map<Node, FixedPosition>();
  const add = (node: Node, reason: string, isUnknown = false): void => {
    if (!found.has(node)) found.set(node, { node, reason, isUnknown });
  };
  for (const node of graph.nodes) {
    const reason = fixes(node, roles, motion);
    if (reason) add(node, reason);
  }
  // Foreign domains have their own reasons: see obstacles.
  for (const { node, why } of motion.unknown) if (!isForeign(node)) add(node, `it ${why}`, true);
  for (const { node, why } of motion.tied) add(node, `it ${why}`);
  for (const output of graph.outputs) if (isMirrored(output, motion)) add(turning(output, motion), MIRRORED);
  const leading = leadingTo(graph.outputs);
  return graph.nodes.flatMap((node) => (leading.has(node) ? (found.get(node) ?? []) : []));
}

const MIRRORED = 'it turns the map around, and nothing turns it back: cells would come out in the order of the mirrored image';

/** True if the value is a mirrored map. A pooled value no longer has an order. */
function isMirrored(value: Value, motion: Motion): boolean {
  const state = motion.of(value);
  return state.kind === 'moving' && [...state.tracks.values()].some(({ stride, whole, pooled }) => !whole && !pooled && stride.num < 0);
}

/** The node that mirrors the map. */
function turning(output: Value, motion: Motion): Node {
  let at = output;
  for (;;) {
    const before: Value | undefined = at.producer?.inputs.find((input) => input && isMirrored(input, motion));
    if (!before?.producer) break;
    at = before;
  }
  assertInvariant(at.producer, () => 'an image is mirrored');
  return at.producer;
}

/** The nodes from which these values are computed. */
export function leadingTo(values: readonly Value[]): ReadonlySet<Node> {
  const found = new Set<Node>();
  const queue = values.flatMap(({ producer }) => producer ?? []);
  for (let node = queue.pop(); node; node = queue.pop()) {
    if (found.has(node)) continue;
    found.add(node);
    for (const input of node.inputs) if (input?.producer) queue.push(input.producer);
    for (const attr of node.attrs.values()) {
      const graphs = attr.kind === 'graph' ? [attr.value] : attr.kind === 'graphs' ? attr.value : [];
      for (const inner of graphs) queue.push(...inner.nodes);
    }
  }
  return found;
}

/** Reason why a node fixes positions, beyond how its result moves. */
function fixes(node: Node, roles: AxisRoles, motion: Motion): string | undefined {
  if (isNode(node, 'MatMul') && multipliesUnknown(node, roles) && !multipliesWithin(node, motion))
    return 'it multiplies two values that are computed from the image, whose axes cannot be identified (attention, perhaps)';
  const varying = node.inputs.filter((input): input is Value => input !== undefined && !isConst(input) && roles.of(input) !== undefined);
  if (!varying.some((input) => isSpread(input, roles))) return undefined;
  return (fixesBy(node) ?? scalesPlaces)(node, roles);
}

const fixesBy = byOperator<(node: Node, roles: AxisRoles) => string | undefined>({ Gemm: gemm, MatMul: matMul, ReduceSum: weightedSum });

/** True if the value still has more than one position. */
const isSpread = (value: Value, roles: AxisRoles): boolean =>
  roles.of(value)?.some((role, axis) => roles.slides(role) && value.type?.shape?.[axis] !== 1) ?? false;
const spans = (value: Value, roles: AxisRoles, axis: number): boolean =>
  roles.slides(roles.of(value)?.[axis]) && value.type?.shape?.[axis] !== 1;

function matMul(node: Node, roles: AxisRoles): string | undefined {
  const [a, b] = node.inputs;
  const [left, right] = [a && roles.of(a), b && roles.of(b)];
  const rows = a && left && left.length >= 2 ? spans(a, roles, left.length - 2) : false;
  const contractsLeft = a && left ? spans(a, roles, left.length - 1) : false;
  const contractsRight = b && right && right.length >= 2 ? spans(b, roles, right.length - 2) : false;
  const columns = b && right ? spans(b, roles, right.length - 1) : false;
  if ((isConst(b) && contractsLeft) || (isConst(a) && contractsRight))
    return 'it mixes positions by a weight for each of the training size';
  // A channel-by-channel matrix summed over all positions: cross-covariance and linear attention.
  if (contractsLeft && contractsRight && isLong(a, -2) && isLong(b, -1))
    return 'it compares channels with each other over all positions (attention)';
  if (rows && columns) return 'it compares positions with each other (attention)';
  // A result per position that sums over all positions: the second half of attention.
  const mixes = (rows && contractsLeft) || (columns && contractsRight);
  return mixes && !isConst(a) && !isConst(b) ? 'it mixes positions with each other (attention)' : undefined;
}

const isLong = (value: Value | undefined, axis: number): boolean => value?.type?.shape?.at(axis) !== 1;

/** True if both operands depend on an image, and for one of them it is unknown how. */
function multipliesUnknown(node: Node, roles: AxisRoles): boolean {
  const operands = node.inputs.filter((input): input is Value => input !== undefined && !isConst(input));
  if (operands.length < 2 || operands.every((input) => roles.of(input) !== undefined)) return false;
  return operands.every((input) => followsFromImage(input, roles));
}

/** True if the product combines only values of the same position, for each position: attention within a window, once every window has its own. */
function multipliesWithin({ inputs }: Node, motion: Motion): boolean {
  const [a, b] = inputs.map((input) => input && motion.of(input));
  if (a?.kind !== 'moving' || b?.kind !== 'moving') return false;
  const isSpreadAlong = ({ axes }: Moving, axis: number): boolean => spreadOf(axes.at(axis) ?? []).length > 0;
  return !isSpreadAlong(a, -1) && !isSpreadAlong(b, -2) && !(isSpreadAlong(a, -2) && isSpreadAlong(b, -1));
}

function followsFromImage(value: Value, roles: AxisRoles): boolean {
  const seen = new Set<Value>([value]);
  for (const at of seen) {
    if (roles.of(at) !== undefined) return true;
    // Sizes alone are not data.
    if (at.producer && tellsSize(at.producer.op)) continue;
    for (const input of at.producer?.inputs ?? []) if (input && !isConst(input)) seen.add(input);
  }
  return false;
}

function gemm(node: Node, roles: AxisRoles): string | undefined {
  const [data, weight] = node.inputs;
  const own = data && roles.of(data);
  return own && isConst(weight) && spans(data, roles, intAttr(node, 'transA') === 0 ? 1 : 0)
    ? `it has a weight for each of the ${data.type?.shape?.[1] ?? ''} numbers of the map at the training size`
    : undefined;
}

/**
 * Additive attention: a sum over all positions, weighted by one value per position that is computed from the image and not normalised by a softmax.
 * Such a sum grows with the image, whereas a mean or softmax-weighted global context is meaningful at every size.
 */
function weightedSum(node: Node, roles: AxisRoles): string | undefined {
  const [data] = node.inputs;
  const product = producedBy(data, 'Mul');
  const own = data && roles.of(data);
  const [output] = node.outputs;
  if (!own || !product || !output || roles.of(output)?.some((_, axis) => spans(output, roles, axis))) return undefined;
  const weights = product.inputs.find(
    (input) =>
      input &&
      !isConst(input) &&
      isSpread(input, roles) &&
      roles.of(input)?.every((role, axis) => !/C/.test(role ?? '') || input.type?.shape?.[axis] === 1),
  );
  return weights && !producedBy(weights, 'Softmax')
    ? 'it adds positions up by weights that are compared over all of them (attention)'
    : undefined;
}

/** Normalisation over positions with a separate scale for each position. */
function scalesPlaces(node: Node, roles: AxisRoles): string | undefined {
  const [data, scale] = node.inputs;
  const own = data && roles.of(data);
  const norm = asNorm(node);
  if (!own || !data || !norm) return undefined;
  const places = norm.scaled.some((axis) => spans(data, roles, axis));
  return places && isConst(scale) && !isUniform(scale) ? 'its scale has a separate number for each position' : undefined;
}
