/**
 * True for networks that compute nothing in floating point: the image is rounded to integers at once, and integers are dequantised at the end.
 * Sums of integers are the same in any order, so two such networks with the same layers agree in every bit.
 *
 * An average of integers is rounded; runtimes compute it in floating point, so a half may be rounded either way. Networks with averages are therefore
 * judged like any others.
 */

import type { Graph } from '../ir/graph';
import { meaningOf } from '../ir/integer-operators';
import { isQuantiser } from '../ir/operator-traits';
import { isFloatType } from '../ir/tensor';
import { isConst, type Node, type Value } from '../ir/types';

export function computesInIntegers({ nodes }: Graph): boolean {
  return nodes.some((node) => meaningOf(node) !== node.op) && nodes.every(isExact);
}

/**
 * True if the network also rounds in the same way in every runtime: layers scale their sums once. Runtimes compute sums, averages and activations of
 * quantised maps in their own ways.
 */
export const addsInIntegers = (graph: Graph): boolean =>
  computesInIntegers(graph) && graph.nodes.every((node) => meaningOf(node) === node.op || SCALED_ONCE.has(meaningOf(node)));
const SCALED_ONCE: ReadonlySet<string> = new Set(['Conv', 'MatMul', 'Gemm']);

/** True if the node only quantises, dequantises, moves values, or computes in integers by exact sums. */
function isExact(node: Node): boolean {
  if (MOVES.has(node.op) || isQuantiser(node.op)) return true;
  const isFloat = (value: Value | undefined): boolean =>
    value !== undefined && !isConst(value) && isFloatType(value.type?.dtype ?? 'float');
  return !node.inputs.some(isFloat) && !node.outputs.some(isFloat) && !meaningOf(node).endsWith('AveragePool');
}
/** Operators that only move values. */
const MOVES: ReadonlySet<string> = new Set([
  'Concat',
  'Flatten',
  'Gather',
  'Identity',
  'Reshape',
  'Slice',
  'Split',
  'Squeeze',
  'Transpose',
  'Unsqueeze',
]);
