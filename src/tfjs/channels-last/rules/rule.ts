/** Shared parts of the rules. A rule decides how a node is written when its operands are in orders other than ONNX's. */
import { assertInvariant } from '../../../diagnostics/compile-error';
import { type AttrLiteral, attributes } from '../../../ir/attrs';
import { isNumeric, readNumbers } from '../../../ir/tensor';
import type { Attr, Dim, Node, Value } from '../../../ir/types';
import { identity, isIdentity, type Order } from '../order';
import type { Inner, Relayout } from '../relayout';

/** Places all outputs of the node. Returns false if the node must be written unchanged, on operands in ONNX's order. */
export type Rule = (node: Node, to: Relayout) => boolean;

export function input(node: Node, slot = 0): Value {
  const value = node.inputs[slot];
  assertInvariant(value, () => `'${node.name}' (${node.op}) has no input ${slot}`);
  return value;
}
export function output(node: Node): Value {
  const [value] = node.outputs;
  assertInvariant(value, () => `'${node.name}' (${node.op}) has no output`);
  return value;
}

export const shapeOf = (value: Value | undefined): readonly Dim[] | undefined => value?.type?.shape;
export const rankOf = (value: Value | undefined): number | undefined => value?.type?.shape?.length;

export interface Spelling {
  readonly op?: string | undefined;
  /** Attributes that override the node's own; undefined removes one. */
  readonly attrs?: Readonly<Record<string, AttrLiteral | undefined>> | undefined;
  readonly inner?: Inner | undefined;
}

/** Writes the node on other operands, with all its outputs in one order. */
export function becomes(node: Node, to: Relayout, inputs: readonly (Value | undefined)[], order: Order, spelling: Spelling = {}): true {
  const attrs = new Map<string, Attr>(node.attrs);
  for (const name of Object.keys(spelling.attrs ?? {})) attrs.delete(name);
  for (const [name, attr] of attributes(spelling.attrs ?? {})) attrs.set(name, attr);
  // Outputs with another number of axes (statistics) are as in ONNX.
  const orderOf = (value: Value): Order => ((rankOf(value) ?? order.length) === order.length ? order : identity(rankOf(value) ?? 0));
  const made = to.emit(
    spelling.op ?? node.op,
    inputs,
    attrs,
    node.outputs.map(({ name }) => name),
    node.outputs.map((value) => to.typeIn(value, orderOf(value))),
  );
  node.outputs.forEach((value, at) => {
    const physical = made.outputs[at];
    if (physical && value.name !== '') to.put(value, { value: physical, order: orderOf(value), inner: spelling.inner });
  });
  return true;
}

/** Writes the node with operands, and therefore outputs, in ONNX's order. */
export function asItIs(node: Node, to: Relayout): true {
  const made = to.emit(
    node.op,
    node.inputs.map((value) => to.plain(value)),
    node.attrs,
    node.outputs.map(({ name }) => name),
    node.outputs.map(({ type }) => type),
  );
  node.outputs.forEach((value, at) => {
    const physical = made.outputs[at];
    if (physical && value.name !== '') to.put(value, { value: physical, order: identity(rankOf(value) ?? 0) });
  });
  return true;
}

/** Order of the value if it differs from ONNX's; undefined otherwise, or if the elements of an axis are out of order. */
export function otherOrder(value: Value | undefined, to: Relayout): Order | undefined {
  if (!value || value.constant) return undefined;
  const { order, inner } = to.placed(value);
  return inner || isIdentity(order) ? undefined : order;
}

export const inRange = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

/** Values of a constant input, or those that shape inference knows, if it knows all of them. */
export function numbersOf(value: Value | undefined, to: Relayout): readonly number[] | undefined {
  if (value?.constant) return isNumeric(value.constant.dtype) ? [...readNumbers(value.constant)] : undefined;
  const ints = value && to.inference.intsOf(value);
  return ints?.every((dim) => typeof dim === 'number') ? ints : undefined;
}
