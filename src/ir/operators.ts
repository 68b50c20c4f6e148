/**
 * ONNX's definition of each operator of its own domain in each version: parameters, attributes with their defaults, element types.
 *
 * The table (operators.generated.ts, 50 KB) is text that is expanded when an operator is first requested. Its notation:
 *   signature   [inputs, outputs, attributes]; a parameter is `name:type`, with `?` if optional, `*n` if variadic with at least n values,
 *               followed by `!` if these may differ in type; an attribute is `kind`, `kind!` if required, or [kind, default]
 *   operator    [since version, signature, `variable=type set ...`], then 'deprecated' if the version is
 */
import { assertInvariant } from '../diagnostics/compile-error';
import { operatorTable } from './operators.generated';
import type { Attr } from './types';

export interface OperatorTable {
  readonly newest: number;
  /** The oldest IR version that ONNX's releases paired with the opset. */
  readonly irVersions: Readonly<Record<string, number>>;
  readonly typeSets: readonly string[];
  readonly signatures: readonly (readonly [inputs: string, outputs: string, attributes: Readonly<Record<string, AttributeText>>])[];
  readonly operators: Readonly<
    Record<string, readonly (readonly [since: number, signature: number, types: string, deprecated?: string])[]>
  >;
}
type AttributeText = string | readonly [kind: string, value: number | string | readonly (number | string)[]];

export interface Parameter {
  readonly name: string;
  /** A type variable (`T`), listed in `OperatorSchema.types`, or an element type by itself (`int64`); `other` is anything but a tensor. */
  readonly type: string;
  readonly optional: boolean;
  /** Only the last parameter can be variadic. */
  readonly variadic: boolean;
  /** For a variadic parameter: whether all its values have the same type, and their minimum number. */
  readonly homogeneous: boolean;
  readonly minimum: number;
}

export interface AttributeSchema {
  readonly name: string;
  readonly kind: Attr['kind'];
  readonly required: boolean;
  readonly default: Attr | undefined;
}

export interface OperatorSchema {
  readonly op: string;
  readonly since: number;
  readonly deprecated: boolean;
  readonly inputs: readonly Parameter[];
  readonly outputs: readonly Parameter[];
  readonly attributes: ReadonlyMap<string, AttributeSchema>;
  /** Element types allowed for each type variable; `other` covers everything but tensors. */
  readonly types: ReadonlyMap<string, ReadonlySet<string>>;
}

const table: OperatorTable = operatorTable;

/** The operators of ONNX's own domain by name: a record over them must cover all of them to compile. */
export type OnnxOp = keyof typeof operatorTable.operators;
export const isOnnxOp = (op: string): op is OnnxOp => Object.hasOwn(operatorTable.operators, op);
/** All operators, sorted by name. */
export const onnxOps: readonly OnnxOp[] = Object.keys(operatorTable.operators).filter(isOnnxOp);

/** The newest version of ONNX's operator set in the table; normal form uses its spelling. */
export const NEWEST_OPSET = table.newest;

/** The minimum IR version that a file of this opset must declare. */
export function irVersionFor(opset: number): number {
  for (let version = Math.min(opset, NEWEST_OPSET); version > 0; version--) {
    const ir = table.irVersions[version];
    if (ir !== undefined) return ir;
  }
  return 3;
}

/** The versions in which the operator was introduced or changed, ascending; empty for an unknown operator. */
export const sinceVersions = (op: string): readonly number[] => versionsOf(op).map(([since]) => since);

/** The operator as defined by opset `version` (default: the newest known); undefined if that has no operator of this name. */
export function operatorSchema(op: string, version = NEWEST_OPSET): OperatorSchema | undefined {
  let known = asked[version];
  if (!known) {
    known = new Map();
    asked[version] = known;
  }
  if (known.has(op)) return known.get(op);
  const row = versionsOf(op).findLast(([since]) => since <= version);
  let schema = row && expanded.get(row);
  if (row && !schema) {
    schema = expand(op, row);
    expanded.set(row, schema);
  }
  // Names without an operator come from files and are unlimited in number, so they are not cached.
  if (schema) known.set(op, schema);
  return schema;
}

/** Default of an attribute in the newest version; undefined if it has none. */
export const attrDefault = (op: string, name: string): Attr | undefined => operatorSchema(op)?.attributes.get(name)?.default;

/** The default that all operators with such an attribute share: for operators of other domains that are modelled on ONNX's own. */
export function sharedDefault(name: string): Attr | undefined {
  let known = shared.get(name);
  if (known === undefined) {
    const all = onnxOps.flatMap((op) => attrDefault(op, name) ?? []);
    const [first] = all;
    known = first && all.every((other) => other.kind === first.kind && String(other.value) === String(first.value)) ? first : 'none';
    shared.set(name, known);
  }
  return known === 'none' ? undefined : known;
}
/** Cache of a pure function of the table. */
const shared = new Map<string, Attr | 'none'>();

type Row = OperatorTable['operators'][string][number];

/** Cache of expanded rows, a pure function of the table. */
const expanded = new Map<Row, OperatorSchema>();
/** Cache by version and name, since every node is looked up often. */
const asked: Map<string, OperatorSchema>[] = [];

// Operator names come from files: `constructor` is not one.
const versionsOf = (op: string): readonly Row[] => (Object.hasOwn(table.operators, op) ? (table.operators[op] ?? []) : []);

function expand(op: string, [since, index, types, deprecated]: Row): OperatorSchema {
  const signature = table.signatures[index];
  assertInvariant(signature, () => `operator table has no signature ${index}`);
  const [inputs, outputs, attributes] = signature;
  return {
    op,
    since,
    deprecated: deprecated !== undefined,
    inputs: words(inputs).map(parameter),
    outputs: words(outputs).map(parameter),
    attributes: new Map(Object.entries(attributes).map(([name, text]) => [name, attribute(name, text)])),
    types: new Map(
      words(types).map((binding) => {
        const [variable = '', set = ''] = binding.split('=');
        return [variable, new Set(words(table.typeSets[Number(set)] ?? ''))];
      }),
    ),
  };
}

const words = (text: string): string[] => (text === '' ? [] : text.split(' '));

function parameter(text: string): Parameter {
  const [, name = '', type = '', optional, minimum, mixed] = /^(.*):(\w+)(\?)?(?:\*(\d+))?(!)?$/.exec(text) ?? [];
  assertInvariant(name !== '', () => `operator table has a malformed parameter '${text}'`);
  return {
    name,
    type,
    optional: optional !== undefined,
    variadic: minimum !== undefined,
    homogeneous: !mixed,
    minimum: Number(minimum ?? 0),
  };
}

function attribute(name: string, text: AttributeText): AttributeSchema {
  if (typeof text === 'string') return { name, kind: kindOf(text.replace('!', '')), required: text.endsWith('!'), default: undefined };
  return { name, kind: kindOf(text[0]), required: false, default: defaultOf(text[0], text[1]) };
}

const KINDS: readonly Attr['kind'][] = [
  'int',
  'ints',
  'float',
  'floats',
  'string',
  'strings',
  'tensor',
  'tensors',
  'graph',
  'graphs',
  'opaque',
];

function kindOf(text: string): Attr['kind'] {
  const kind = KINDS.find((known) => known === text);
  assertInvariant(kind !== undefined, () => `operator table has an attribute of kind '${text}'`);
  return kind;
}

function defaultOf(kind: string, value: number | string | readonly (number | string)[]): Attr {
  if (typeof value === 'number') return kind === 'float' ? { kind: 'float', value } : { kind: 'int', value };
  if (typeof value === 'string') return { kind: 'string', value };
  const numbers = value.filter((item) => typeof item === 'number');
  if (kind === 'ints') return { kind, value: numbers };
  if (kind === 'floats') return { kind, value: numbers };
  return { kind: 'strings', value: value.filter((item) => typeof item === 'string') };
}
