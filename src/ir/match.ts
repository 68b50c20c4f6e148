/**
 * Matches nodes by operator. The names are checked against the schema when this compiles, and operators of other domains never match.
 * A property of an operator belongs in its row (src/operators); these are for code that is about a few operators by nature.
 */
import type { OnnxOp } from './operators';
import { table } from './table';
import type { Node, Value } from './types';

/** True if the node is one of these operators. */
export function isNode(node: Node, ...ops: readonly OnnxOp[]): boolean;
export function isNode(node: Node | undefined, ...ops: readonly OnnxOp[]): node is Node;
export function isNode(node: Node | undefined, ...ops: readonly OnnxOp[]): boolean {
  if (!node) return false;
  const { op } = node;
  for (const wanted of ops) if (wanted === op) return true;
  return false;
}

/** The node that computes the value, if it is one of these operators. */
export const producedBy = (value: Value | undefined, ...ops: readonly OnnxOp[]): Node | undefined =>
  isNode(value?.producer, ...ops) ? value?.producer : undefined;

/** What a table has for a node's operator; undefined for operators that it does not list. */
export function byOperator<T>(entries: Readonly<Partial<Record<OnnxOp, T>>>): (node: Pick<Node, 'op'>) => T | undefined {
  const known = table<T | undefined>(entries);
  return ({ op }) => known[op];
}
