/**
 * Typed reading of attributes. The IR is in normal form (the newest spelling of each operator), so the defaults of the newest schema serve every opset.
 */
import { assertInvariant } from '../diagnostics/compile-error';
import { attrDefault, sharedDefault } from './operators';
import type { Attr, Node, Tensor } from './types';

/** An int attribute, or the operator's default where it is absent. Values beyond 2^53 are rounded, which keeps "to the end" markers huge. */
export function intAttr(node: Node, name: string, fallback?: number): number {
  const attr = node.attrs.get(name);
  if (attr?.kind === 'int') return Number(attr.value);
  if (fallback !== undefined) return fallback;
  const own = attrDefault(node.opType, name) ?? sharedDefault(name);
  assertInvariant(own?.kind === 'int', () => `${node.op} has no default for '${name}'`);
  return Number(own.value);
}

/** An ints attribute as numbers, or undefined where it is absent. */
export function intsAttr(node: Node, name: string): readonly number[] | undefined {
  const attr = node.attrs.get(name);
  return attr?.kind === 'ints' ? attr.value.map(Number) : undefined;
}

export function floatAttr(node: Node, name: string, fallback?: number): number {
  const attr = node.attrs.get(name);
  if (attr?.kind === 'float') return attr.value;
  if (fallback !== undefined) return fallback;
  const own = attrDefault(node.opType, name) ?? sharedDefault(name);
  assertInvariant(own?.kind === 'float', () => `${node.op} has no default for '${name}'`);
  return own.value;
}

export function floatsAttr(node: Node, name: string): readonly number[] | undefined {
  const attr = node.attrs.get(name);
  return attr?.kind === 'floats' ? attr.value : undefined;
}

export function stringAttr(node: Node, name: string, fallback?: string): string {
  const attr = node.attrs.get(name);
  if (attr?.kind === 'string' && typeof attr.value === 'string') return attr.value;
  if (fallback !== undefined) return fallback;
  const own = attrDefault(node.opType, name) ?? sharedDefault(name);
  assertInvariant(own?.kind === 'string' && typeof own.value === 'string', () => `${node.op} has no default for '${name}'`);
  return own.value;
}

export function tensorAttr(node: Node, name: string): Tensor | undefined {
  const attr = node.attrs.get(name);
  return attr?.kind === 'tensor' ? attr.value : undefined;
}

export const int = (value: number): Attr => ({ kind: 'int', value });
export const ints = (value: readonly number[]): Attr => ({ kind: 'ints', value: [...value] });
/** ONNX stores float32: the IR holds what the file will say. */
export const float = (value: number): Attr => ({ kind: 'float', value: Math.fround(value) });
export const floats = (value: readonly number[]): Attr => ({ kind: 'floats', value: value.map(Math.fround) });
export const string = (value: string): Attr => ({ kind: 'string', value });
export const tensor = (value: Tensor): Attr => ({ kind: 'tensor', value });

/** Attributes from plain values: integers become int, arrays of numbers ints, strings string. Floats are named as such: `float(1)`. */
export type AttrLiteral = number | string | readonly number[] | Attr;

/** Drops undefined entries, so that an optional attribute can be written inline. */
export function attributes(literals: Readonly<Record<string, AttrLiteral | undefined>>): Map<string, Attr> {
  const attrs = new Map<string, Attr>();
  for (const [name, literal] of Object.entries(literals)) if (literal !== undefined) attrs.set(name, attrOf(literal));
  return attrs;
}

function attrOf(literal: AttrLiteral): Attr {
  if (typeof literal === 'number') return int(literal);
  if (typeof literal === 'string') return string(literal);
  return isList(literal) ? ints(literal) : literal;
}

const isList = (literal: readonly number[] | Attr): literal is readonly number[] => Array.isArray(literal);
