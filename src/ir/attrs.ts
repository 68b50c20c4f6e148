/** Typed reading of attributes. The IR is in normal form (the newest spelling of each operator), so the defaults of the newest schema apply to every opset. */
import { badGraph, locate } from '../diagnostics/catalogue';
import { assertInvariant } from '../diagnostics/compile-error';
import { meaningOf } from './integer-operators';
import { attrDefault, operatorSchema, sharedDefault } from './operators';
import { table } from './table';
import type { Attr, Node, Tensor } from './types';

/**
 * An int attribute, or the operator's default if it is absent. Callers cannot supply their own default, so none can differ from the schema's.
 * Values beyond 2^53 are rounded, so "to the end" markers remain huge.
 */
export function intAttr(node: Node, name: string): number {
  const value = givenInt(node, name);
  if (value !== undefined) return value;
  const own = defaultOf(node, name);
  assertInvariant(own?.kind === 'int', () => withoutDefault(node, name));
  return Number(own.value);
}

/** An int attribute as given; undefined if absent. For attributes whose absence has its own meaning (`end` of Shape), and operators outside ONNX. */
export function givenInt(node: Node, name: string): number | undefined {
  const attr = node.attrs.get(name);
  return attr?.kind === 'int' ? Number(attr.value) : undefined;
}

/** An ints attribute as numbers, or the operator's default; undefined if it is absent and has no default. */
export function intsAttr(node: Node, name: string): readonly number[] | undefined {
  const attr = node.attrs.get(name) ?? attrDefault(node.opType, name);
  return attr?.kind === 'ints' ? attr.value.map(Number) : undefined;
}

export function floatAttr(node: Node, name: string): number {
  const value = givenFloat(node, name);
  if (value !== undefined) return value;
  const own = defaultOf(node, name);
  assertInvariant(own?.kind === 'float', () => withoutDefault(node, name));
  return own.value;
}

/** A float attribute as given; undefined if absent. */
export function givenFloat(node: Node, name: string): number | undefined {
  const attr = node.attrs.get(name);
  return attr?.kind === 'float' ? attr.value : undefined;
}

export function floatsAttr(node: Node, name: string): readonly number[] | undefined {
  const attr = node.attrs.get(name);
  return attr?.kind === 'floats' ? attr.value : undefined;
}

export function stringAttr(node: Node, name: string): string {
  const value = givenString(node, name);
  if (value !== undefined) return value;
  const own = defaultOf(node, name);
  assertInvariant(own?.kind === 'string' && typeof own.value === 'string', () => withoutDefault(node, name));
  return own.value;
}

/** A string attribute as given; undefined if absent. */
export function givenString(node: Node, name: string): string | undefined {
  const attr = node.attrs.get(name);
  return attr?.kind === 'string' && typeof attr.value === 'string' ? attr.value : undefined;
}

export function tensorAttr(node: Node, name: string): Tensor | undefined {
  const attr = node.attrs.get(name);
  return attr?.kind === 'tensor' ? attr.value : undefined;
}

const defaultOf = (node: Node, name: string): Attr | undefined =>
  attrDefault(node.opType, name) ?? attrDefault(FUSED[node.op] ?? meaningOf(node), name) ?? sharedDefault(name);
/** A file with an opset newer than any known is read as it is; a required attribute that it omits is its own error. */
function withoutDefault(node: Node, name: string): string {
  if (operatorSchema(node.opType)?.attributes.get(name)?.required)
    throw badGraph(`${node.op} '${node.name}' lacks the attribute '${name}', which it needs`, locate(node));
  return `${node.op} has no default for '${name}'`;
}

/** Operators of ONNX Runtime's optimiser that share the attributes of an ONNX operator. */
const FUSED: Readonly<Record<string, string>> = table({
  'com.microsoft.FusedConv': 'Conv',
  'com.microsoft.FusedGemm': 'Gemm',
  'com.microsoft.FusedMatMul': 'Gemm',
  'com.microsoft.TransposeMatMul': 'Gemm',
});

export const int = (value: number): Attr => ({ kind: 'int', value });
export const ints = (value: readonly number[]): Attr => ({ kind: 'ints', value: [...value] });
/** ONNX stores float32, so the IR holds the value that the file will contain. */
export const float = (value: number): Attr => ({ kind: 'float', value: Math.fround(value) });
export const floats = (value: readonly number[]): Attr => ({ kind: 'floats', value: value.map(Math.fround) });
export const string = (value: string): Attr => ({ kind: 'string', value });
export const tensor = (value: Tensor): Attr => ({ kind: 'tensor', value });

/** Attributes from plain values: an integer becomes int, an array of numbers ints, a string string. Floats must be marked: `float(1)`. */
export type AttrLiteral = number | string | readonly number[] | Attr;

/**
 * Drops undefined entries, so that an optional attribute can be written inline. If the operator is given, a number has the kind that its schema declares:
 * LeakyRelu's `alpha: 0.1` is a float. Throws InvariantError for a fraction where an integer is expected.
 */
export function attributes(literals: Readonly<Record<string, AttrLiteral | undefined>>, op?: string): Map<string, Attr> {
  const attrs = new Map<string, Attr>();
  for (const [name, literal] of Object.entries(literals))
    if (literal !== undefined) attrs.set(name, attrOf(name, literal, op === undefined ? undefined : kindOf(op, name)));
  return attrs;
}

const kindOf = (op: string, name: string): Attr['kind'] | undefined =>
  operatorSchema(op.slice(op.lastIndexOf('.') + 1))?.attributes.get(name)?.kind;

function attrOf(name: string, literal: AttrLiteral, kind: Attr['kind'] | undefined): Attr {
  const isWhole = (number: number): boolean => {
    assertInvariant(Number.isInteger(number), () => `attribute '${name}' is an integer, not ${number}: say float(${number}) for a float`);
    return true;
  };
  if (typeof literal === 'number') return kind === 'float' || !isWhole(literal) ? float(literal) : int(literal);
  if (typeof literal === 'string') return string(literal);
  if (!isList(literal)) return literal;
  return kind === 'floats' || !literal.every(isWhole) ? floats(literal) : ints(literal);
}

const isList = (literal: readonly number[] | Attr): literal is readonly number[] => Array.isArray(literal);
