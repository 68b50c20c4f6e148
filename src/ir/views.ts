/** Views: nodes that return the same elements, in the same row-major order, in another shape. A chain of them is equivalent to one Reshape. */

import { intAttr } from './attrs';
import { permOf } from './axis';
import { axisRolesOf, hasMapRank, mapRank } from './axis-roles';
import { takesInOrder } from './flat-index';
import { byOperator, isNode } from './match';
import { elementCount, isKnown, readNumbers } from './tensor';
import type { Dim, Node, Value } from './types';
import { staticShape } from './types';

/** The value that the node returns in another shape; undefined if it is not a view at the currently inferred sizes. */
export function viewedBy(node: Node): Value | undefined {
  const [data] = node.inputs;
  return data && isView(node)?.(node, data) ? data : undefined;
}

const always = (): boolean => true;
const isView = byOperator<(node: Node, data: Value) => boolean>({
  Flatten: always,
  Gather: takesEverything,
  Identity: always,
  Reshape: always,
  Squeeze: always,
  Transpose: movesOnlyUnitAxes,
  Unsqueeze: always,
});

/** A permutation keeps the row-major order if it moves only axes of length one. */
function movesOnlyUnitAxes(node: Node, data: Value): boolean {
  const shape = data.type?.shape;
  if (!shape) return false;
  const perm = permOf(node, shape.length);
  const long = perm.filter((axis) => shape[axis] !== 1);
  return long.every((axis, at) => at === 0 || (long[at - 1] ?? 0) < axis);
}

/** One exporter writes as_strided as `Reshape([-1]) > Gather(0, 1, 2 ...)`; `x[:, :, 0]` on an axis of length 1 also takes everything. */
function takesEverything(node: Node, data: Value): boolean {
  const shape = staticShape(data);
  const [, index] = node.inputs;
  const indices = index?.constant;
  if (index && !indices && data.type?.shape?.length === 1 && intAttr(node, 'axis') === 0) return takesInOrder(index, data);
  const count = data.type?.shape?.at(intAttr(node, 'axis'));
  if (
    !indices ||
    !isKnown(indices) ||
    typeof count !== 'number' ||
    elementCount(indices.shape) !== count ||
    (count !== 1 && shape === undefined)
  )
    return false;
  return readNumbers(indices).every((index, at) => (index < 0 ? index + count : index) === at);
}

/** The values that `value` is a view of, nearest first, excluding `value` itself. */
export function* viewChain(value: Value): Generator<Value> {
  for (let at: Value | undefined = value; at?.producer; ) {
    at = viewedBy(at.producer);
    if (at) yield at;
  }
}

/** The map [N,C,...] that the node flattens to one vector per image; undefined if it is not such a Flatten. */
export const flattenedMap = (node: Node): Value | undefined =>
  isNode(node, 'Flatten') && intAttr(node, 'axis') === 1 ? node.inputs[0] : undefined;

/** The Flatten of a map [N,C,h,w] that a value is a view of: the value holds its elements in another shape. A map with one cell may also be transposed. */
export function flattenBehind(value: Value): { readonly flatten: Node; readonly map: Value } | undefined {
  for (const view of [value, ...viewChain(value)]) {
    const { producer } = view;
    const [map] = producer?.inputs ?? [];
    if (!producer || !map || !hasMapRank(map, producer.graph)) continue;
    const isTurned = isNode(producer, 'Transpose') && viewedBy(producer) !== undefined && !hasCells(map);
    if (isTurned || flattenedMap(producer)) return { flatten: producer, map };
  }
  return undefined;
}

/**
 * Whether a value of static size is a map with more than one cell, channels first (or with one cell, channels last). Such an output is
 * a feature map, not a prediction.
 */
export function hasCells(value: Value): boolean {
  const shape = value.type?.shape;
  const { graph } = value.producer ?? {};
  if (!shape || shape.length !== (graph ? mapRank(graph) : 4)) return false;
  // A single axis may be positions or channels.
  const known = graph && (shape.length === 3 || graph.tied.size > 0) ? axisRolesOf(graph.root) : undefined;
  const roles = known?.of(value);
  if (roles) return roles.some((role, axis) => known?.slides(role) && shape[axis] !== 1);
  const inner = shape.slice(2, -1);
  return inner.some((dim) => dim !== 1) || (shape.at(-1) !== 1 && shape[1] !== 1);
}

/** The node that computes a value, behind views of it. */
export function producerBehindViews(value: Value): Node | undefined {
  let node = value.producer;
  for (let viewed = node && viewedBy(node); viewed; viewed = node && viewedBy(node)) node = viewed.producer;
  return node;
}

/** Product of the axes, if all are static. */
export function productOf(dims: readonly Dim[]): number | undefined {
  let product = 1;
  for (const dim of dims) {
    if (typeof dim !== 'number') return undefined;
    product *= dim;
  }
  return product;
}
