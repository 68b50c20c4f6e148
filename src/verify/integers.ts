/**
 * Networks in which nothing is computed in floating point: the image is rounded to integers at once, and integers are given their meaning at the end.
 * Sums of integers are the same in any order, so two such networks of the same layers agree in every bit.
 *
 * An average of integers is rounded; runtimes take it in floating point, so that it may fall to either side of a half. Networks with one are judged as others.
 */
import type { Graph } from '../ir/graph';
import { meaningOf } from '../ir/integer-operators';
import { isFloatType } from '../ir/tensor';
import { isConst, type Node, type Value } from '../ir/types';

export function computesInIntegers({ nodes }: Graph): boolean {
  return nodes.some((node) => meaningOf(node) !== node.op) && nodes.every(isExact);
}

/** Whether the node only rounds, gives meaning, moves numbers, or computes in integers by exact sums. */
function isExact(node: Node): boolean {
  if (MOVES.has(node.op) || node.op === 'QuantizeLinear' || node.op === 'DequantizeLinear') return true;
  const isFloat = (value: Value | undefined): boolean =>
    value !== undefined && !isConst(value) && isFloatType(value.type?.dtype ?? 'float');
  return !node.inputs.some(isFloat) && !node.outputs.some(isFloat) && !meaningOf(node).endsWith('AveragePool');
}
/** Numbers in other places. */
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
