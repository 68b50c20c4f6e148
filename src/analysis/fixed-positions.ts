/**
 * What ties a network to the size of its training images: nodes whose meaning depends on where in the image a place is, or on how many places there
 * are. Such a network cannot slide over a larger image, however well its graph might run on one.
 *
 * Decided by what the graph means, not by running it: attention over positions with dynamic shapes runs at any size and is still another function.
 * Global context (squeeze-and-excitation, instance normalisation, attention pooling over the whole map) is not listed here: it has a meaning at every
 * size, and the contract reports it.
 */

import { intAttr } from '../ir/attrs';
import { AxisRoles, imageInputs, type Roles } from '../ir/axis-roles';
import type { Graph } from '../ir/graph';
import { isBroadcasting } from '../ir/operator-traits';
import { isNumeric, readNumbers } from '../ir/tensor';
import type { ConstValue, Node, Value } from '../ir/types';
import { isConst } from '../ir/types';

export interface FixedPosition {
  readonly node: Node;
  /** Continues "this network cannot slide because ...". */
  readonly reason: string;
}

/** Every node that fixes positions, in graph order. The image inputs must have the window's static size. */
export function fixedPositions(graph: Graph): FixedPosition[] {
  const roles = new AxisRoles(imageInputs(graph));
  return graph.nodes.flatMap((node) => {
    const reason = fixes(node, roles);
    return reason ? [{ node, reason }] : [];
  });
}

function fixes(node: Node, roles: AxisRoles): string | undefined {
  const varying = node.inputs.filter((input): input is Value => input !== undefined && !isConst(input) && roles.of(input) !== undefined);
  if (node.op === 'MatMul' && multipliesUnknown(node, roles))
    return 'it multiplies two values that are computed from the image, whose axes cannot be told (attention, perhaps)';
  if (!varying.some((input) => isSpread(input, roles.of(input)))) return undefined;
  if (isBroadcasting(node.op)) return perPlaceConstant(node, roles);
  switch (node.op) {
    case 'MatMul':
      return matMul(node, roles);
    case 'Gemm':
      return gemm(node, roles);
    case 'Einsum':
    case 'Attention':
    case 'MultiHeadAttention':
    case 'com.microsoft.MultiHeadAttention':
    case 'com.microsoft.Attention':
      return 'it compares positions with each other (attention)';
    case 'LSTM':
    case 'GRU':
    case 'RNN':
    case 'Scan':
    case 'Loop':
    case 'CumSum':
    case 'DFT':
      return `it runs along the rows or columns of the image one after the other (${node.op})`;
    case 'Conv':
    case 'ConvTranspose':
      return node.inputs[1] && dependsOnImage(node.inputs[1], roles) ? 'its kernel is computed from the image' : undefined;
    case 'Concat':
      return concat(node, roles);
    case 'Gather':
      return gather(node, roles);
    case 'GatherND':
      return isConst(node.inputs[1])
        ? 'it takes places of the map from a table for the training size (an adaptive pool whose windows differ in size, perhaps)'
        : undefined;
    case 'Split':
      return alongSpatial(node, roles, intAttr(node, 'axis', 0)) ? 'it cuts the map into a fixed number of rows or columns' : undefined;
    case 'ReduceSum':
      return weightedSum(node, roles);
    case 'LayerNormalization':
      return layerNormalization(node, roles);
    case 'GridSample':
    case 'AffineGrid':
    case 'RoiAlign':
      return `it samples places that are given in absolute coordinates (${node.op})`;
    case 'ArgMax':
    case 'ArgMin':
    case 'TopK':
      return alongSpatial(node, roles, intAttr(node, 'axis', node.op === 'TopK' ? -1 : 0)) ? 'it returns places of the map' : undefined;
    default:
      return undefined;
  }
}

/** Whether the value still has more than one place. */
const isSpread = (value: Value, roles: Roles | undefined): boolean =>
  roles?.some((role, axis) => isSpatial(role) && value.type?.shape?.[axis] !== 1) ?? false;
const isSpatial = (role: string | undefined): boolean => role !== undefined && /[HW]/.test(role);
const spans = (value: Value, roles: Roles, axis: number): boolean => isSpatial(roles[axis]) && value.type?.shape?.[axis] !== 1;
const inRange = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);
const dependsOnImage = (value: Value, roles: AxisRoles): boolean => !isConst(value) && roles.of(value) !== undefined;

/** A constant with one number per place: position embeddings, relative biases, masks. */
function perPlaceConstant(node: Node, roles: AxisRoles): string | undefined {
  const [output] = node.outputs;
  const own = output && roles.of(output);
  if (!own) return undefined;
  for (const input of node.inputs) {
    if (!isConst(input)) continue;
    const { shape } = input.constant;
    const lead = own.length - shape.length;
    const axis = shape.findIndex((dim, at) => dim !== 1 && isSpatial(own[lead + at]));
    if (axis >= 0 && !isUniform(input)) {
      return `its constant '${input.name}' [${shape.join(', ')}] has a number of its own for each position, for the training size only`;
    }
  }
  return undefined;
}

/** Whether moving along its axes changes nothing: a mask of ones is no position embedding. */
function isUniform(constant: ConstValue): boolean {
  if (!isNumeric(constant.constant.dtype)) return false;
  const numbers = readNumbers(constant.constant);
  return numbers.every((number) => number === numbers[0]);
}

function matMul(node: Node, roles: AxisRoles): string | undefined {
  const [a, b] = node.inputs;
  const [left, right] = [a && roles.of(a), b && roles.of(b)];
  const rows = a && left && left.length >= 2 ? spans(a, left, left.length - 2) : false;
  const contractsLeft = a && left ? spans(a, left, left.length - 1) : false;
  const contractsRight = b && right && right.length >= 2 ? spans(b, right, right.length - 2) : false;
  const columns = b && right ? spans(b, right, right.length - 1) : false;
  if ((isConst(b) && contractsLeft) || (isConst(a) && contractsRight))
    return 'it mixes positions by a weight for each of the training size';
  // A matrix of channels by channels, summed over all positions: cross-covariance and linear attention.
  if (contractsLeft && contractsRight && isLong(a, -2) && isLong(b, -1))
    return 'it compares channels with each other over all positions (attention)';
  if (rows && columns) return 'it compares positions with each other (attention)';
  // A result per position made of a sum over all positions is the second half of attention.
  const mixes = (rows && contractsLeft) || (columns && contractsRight);
  return mixes && !isConst(a) && !isConst(b) ? 'it mixes positions with each other (attention)' : undefined;
}

const isLong = (value: Value | undefined, axis: number): boolean => value?.type?.shape?.at(axis) !== 1;

/** Both operands follow from an image, and of one of them it is not known how. */
function multipliesUnknown(node: Node, roles: AxisRoles): boolean {
  const operands = node.inputs.filter((input): input is Value => input !== undefined && !isConst(input));
  if (operands.length < 2 || operands.every((input) => roles.of(input) !== undefined)) return false;
  return operands.every((input) => followsFromImage(input, roles));
}

function followsFromImage(value: Value, roles: AxisRoles): boolean {
  const seen = new Set<Value>([value]);
  for (const at of seen) {
    if (roles.of(at) !== undefined) return true;
    // Sizes alone are no data.
    if (at.producer?.op === 'Shape') continue;
    for (const input of at.producer?.inputs ?? []) if (input && !isConst(input)) seen.add(input);
  }
  return false;
}

function gemm(node: Node, roles: AxisRoles): string | undefined {
  const [data, weight] = node.inputs;
  const own = data && roles.of(data);
  return own && isConst(weight) && spans(data, own, intAttr(node, 'transA', 0) === 0 ? 1 : 0)
    ? `it has a weight for each of the ${data.type?.shape?.[1] ?? ''} numbers of the map at the training size`
    : undefined;
}

function concat(node: Node, roles: AxisRoles): string | undefined {
  const [output] = node.outputs;
  const own = output && roles.of(output);
  if (!own || !isSpatial(own[inRange(intAttr(node, 'axis', 0), own.length)])) return undefined;
  const axis = inRange(intAttr(node, 'axis', 0), own.length);
  // A token may be learnt, or be the mean of all positions.
  return node.inputs.some((input) => isConst(input) || (input && (roles.of(input) === undefined || input.type?.shape?.[axis] === 1)))
    ? 'it puts a token of its own among the positions (class token)'
    : 'it lays maps next to each other in space';
}

function gather(node: Node, roles: AxisRoles): string | undefined {
  const [data, indices] = node.inputs;
  if (!data || !alongSpatial(node, roles, intAttr(node, 'axis', 0))) return undefined;
  return isConst(indices)
    ? 'it takes fixed positions of the map (a class token, or windows cut out at fixed places)'
    : 'it takes positions that are computed';
}

function alongSpatial(node: Node, roles: AxisRoles, axis: number): boolean {
  const [data] = node.inputs;
  const own = data && roles.of(data);
  return own !== undefined && data !== undefined && spans(data, own, inRange(axis, own.length));
}

/**
 * Additive attention: a sum over all positions, weighted by one number per position that is computed from the image and no softmax has made a share of.
 * Such a sum grows with the image; a mean, and global context by softmax, have a meaning at every size.
 */
function weightedSum(node: Node, roles: AxisRoles): string | undefined {
  const [data] = node.inputs;
  const product = data?.producer;
  const own = data && roles.of(data);
  const [output] = node.outputs;
  if (!own || product?.op !== 'Mul' || !output || roles.of(output)?.some((_, axis) => spans(output, roles.of(output) ?? [], axis)))
    return undefined;
  const weights = product.inputs.find(
    (input) =>
      input &&
      !isConst(input) &&
      isSpread(input, roles.of(input)) &&
      roles.of(input)?.every((role, axis) => !/C/.test(role ?? '') || input.type?.shape?.[axis] === 1),
  );
  return weights && weights.producer?.op !== 'Softmax'
    ? 'it adds positions up by weights that are compared over all of them (attention)'
    : undefined;
}

/** Normalising over places with a scale per place. */
function layerNormalization(node: Node, roles: AxisRoles): string | undefined {
  const [data, scale] = node.inputs;
  const own = data && roles.of(data);
  if (!own || !data) return undefined;
  const first = inRange(intAttr(node, 'axis', -1), own.length);
  const places = own.some((_, axis) => axis >= first && spans(data, own, axis));
  return places && isConst(scale) && !isUniform(scale) ? 'its scale has a number of its own for each position' : undefined;
}
