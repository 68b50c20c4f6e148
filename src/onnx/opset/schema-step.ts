/**
 * Steps between neighbouring versions of an operator that the schemas alone determine.
 *
 * All steps in ONNX's history up to opset 28 were reviewed: those where the defaults of new attributes, inputs or outputs do not mean the same as
 * their absence before have an adapter; the others are handled here. test/onnx/opset/coverage.spec.ts lists any step that is neither.
 */
import type { AttributeSchema, OperatorSchema, Parameter } from '../../ir/operators';
import { table } from '../../ir/table';
import type { Attr, Node, Value } from '../../ir/types';
import type { Editor } from './editor';

/** A memory hint from opset 1 that has no effect on results. */
const MEANINGLESS = new Set(['consumed_inputs']);
/** List attributes that have no effect if all their elements are 1. */
const ONES = new Set(['dilations', 'strides']);

/** Removes attributes that the newer version lacks and that never had an effect. */
export function raiseBySchema(node: Node, older: OperatorSchema, newer: OperatorSchema, edit: Editor): void {
  const gone = [...node.attrs.keys()].filter((name) => MEANINGLESS.has(name) && older.attributes.has(name) && !newer.attributes.has(name));
  if (gone.length > 0) edit.setAttrs(node, Object.fromEntries(gone.map((name) => [name, undefined])));
}

/** Removes what the older version lacks, if it has its default; otherwise returns the reason why only the newer version can express the node. */
export function lowerBySchema(node: Node, older: OperatorSchema, newer: OperatorSchema, edit: Editor): string | undefined {
  const gone: Record<string, undefined> = table({});
  for (const [name, attr] of node.attrs) {
    const attribute = newer.attributes.get(name);
    if (!attribute || older.attributes.has(name)) continue;
    if (!isDefault(attr, attribute)) return `attribute '${name}' is not its default`;
    gone[name] = undefined;
  }
  const outputs = node.outputs.map((output) => (output.name === '' ? undefined : output));
  const reason = objection(node.inputs, older.inputs, newer.inputs, 'input') ?? objection(outputs, older.outputs, newer.outputs, 'output');
  if (reason) return reason;
  for (const { name, required } of older.attributes.values()) {
    if (required && !node.attrs.has(name) && !MEANINGLESS.has(name) && !newer.attributes.get(name)?.required)
      return `attribute '${name}' is missing`;
  }
  if (Object.keys(gone).length > 0) edit.setAttrs(node, gone);
  return undefined;
}

function isDefault(attr: Attr, { name, default: value }: AttributeSchema): boolean {
  if (attr.kind === 'ints' && ONES.has(name)) return attr.value.every((element) => Number(element) === 1);
  return value !== undefined && sameScalar(attr, value);
}

function sameScalar(a: Attr, b: Attr): boolean {
  if (a.kind === 'int' && b.kind === 'int') return BigInt(a.value) === BigInt(b.value);
  return (a.kind === 'float' || a.kind === 'string') && a.kind === b.kind && a.value === b.value;
}

/** Why the older version does not allow the operands, although the newer one does; operands that both reject are passed through. */
function objection(
  values: readonly (Value | undefined)[],
  older: readonly Parameter[],
  newer: readonly Parameter[],
  word: string,
): string | undefined {
  for (let slot = 0; slot < newer.length; slot++) {
    const was = older[slot] ?? (older[older.length - 1]?.variadic ? older[older.length - 1] : undefined);
    if (!was && values[slot]) return `${word} ${slot} is in use`;
    const may = newer[slot]?.optional || newer[slot]?.variadic;
    if (was && !was.optional && !was.variadic && may && !values[slot]) return `${word} '${was.name}' is missing`;
  }
  return undefined;
}

/** Why the schema does not allow the node's element types; unknown types are accepted. */
export function typeObjection(node: Node, schema: OperatorSchema): string | undefined {
  const bound = new Map<string, string>();
  const check = (values: readonly (Value | undefined)[], formals: readonly Parameter[], word: string): string | undefined => {
    for (const [slot, value] of values.entries()) {
      const formal = formals[Math.min(slot, formals.length - 1)];
      const dtype = value?.type?.dtype;
      // A type that is missing, or that this version does not know, is accepted.
      if (!formal || !dtype || dtype.startsWith('dtype')) continue;
      const allowed = schema.types.get(formal.type);
      if (allowed ? !allowed.has(dtype) : formal.type !== dtype) return `${word} ${slot} is of type ${dtype}`;
      if (!allowed || (formal.variadic && !formal.homogeneous)) continue;
      const other = bound.get(formal.type);
      if (other !== undefined && other !== dtype) return `${word} ${slot} is of type ${dtype} beside ${other}`;
      bound.set(formal.type, dtype);
    }
    return undefined;
  };
  return check(node.inputs, schema.inputs, 'input') ?? check(node.outputs, schema.outputs, 'output');
}
