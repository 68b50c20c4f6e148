/**
 * Checks a node against ONNX's schema: only attributes that the operator has, all required ones present, and an accepted number of inputs and outputs with
 * accepted element types. Runtimes refuse a node that breaks one of these rules, so passes and rules need not check them.
 */

import { badGraph, locate } from '../diagnostics/catalogue';
import { nestedGraphs } from './graph';
import { isNode } from './match';
import { type OperatorSchema, operatorSchema, type Parameter } from './operators';
import { pinnedSince } from './pinned';
import { quantisedViolation } from './quantised-conformance';
import type { DType, Node } from './types';

/** An attribute that breaks the schema; validate.ts reports these between passes as well. */
export interface AttributeViolation {
  readonly code: 'UNKNOWN_ATTRIBUTE' | 'WRONG_ATTRIBUTE_KIND';
  readonly message: string;
}

const schemaOf = (node: Node): OperatorSchema | undefined => (node.domain === '' ? operatorSchema(node.op) : undefined);

/** Attributes that the operator's version (the newest one, or that of a pinned node) does not have, or that are of another kind. */
export function attributeViolations(node: Node): AttributeViolation[] {
  const since = pinnedSince(node);
  const schema = since === undefined ? schemaOf(node) : operatorSchema(node.opType, since);
  if (!schema) return [];
  const found: AttributeViolation[] = [];
  for (const [name, attr] of node.attrs) {
    const kind = schema.attributes.get(name)?.kind;
    if (kind === undefined) found.push({ code: 'UNKNOWN_ATTRIBUTE', message: `${node.op} '${node.name}' has no attribute '${name}'` });
    else if (kind !== attr.kind && attr.kind !== 'opaque')
      found.push({
        code: 'WRONG_ATTRIBUTE_KIND',
        message: `attribute '${name}' of ${node.op} '${node.name}' is of kind ${attr.kind}, not ${kind}`,
      });
  }
  return found;
}

/** Throws CompileError BAD_GRAPH if the node, in normal form, breaks a rule of its operator. */
export function requireConformance(node: Node): void {
  const small = tooSmall(node);
  if (small !== undefined) throw badGraph(small, locate(node));
  const [violation] = attributeViolations(node);
  if (violation) throw badGraph(violation.message, locate(node));
  const schema = schemaOf(node);
  if (!schema) {
    requireScales(node);
    return;
  }
  const problem = missingAttribute(node, schema) ?? wrongCount(node, schema) ?? unequalBranches(node);
  if (problem !== undefined) throw badGraph(problem, locate(node));
  requireTypes(node);
  requireScales(node);
}

/** Also for operators of ONNX Runtime, which have no schema here. */
function requireScales(node: Node): void {
  const meaning = quantisedViolation(node);
  if (meaning !== undefined)
    throw badGraph(`${named(node)} ${meaning}`, locate(node), 'quantise the model again, with a calibration that reads pictures');
}

/** Far more than any exporter writes. */
const MOST_INPUTS = 65_536;

const named = (node: Node): string => `${node.op} '${node.name}'`;

function missingAttribute(node: Node, schema: OperatorSchema): string | undefined {
  for (const { name, required } of schema.attributes.values())
    if (required && !node.attrs.has(name)) return `${named(node)} lacks the attribute '${name}', which it needs`;
  return undefined;
}

/** Attributes that hold counts, lengths or distances: each of their values must be at least 1, for any operator. */
const COUNTS = [
  'blocksize',
  'dilations',
  'group',
  'hidden_size',
  'kernel_shape',
  'kv_num_heads',
  'num_groups',
  'num_heads',
  'num_outputs',
  'offset_group',
  'pooled_shape',
  'q_num_heads',
  'strides',
];

function tooSmall(node: Node): string | undefined {
  if (node.domain !== '' && node.domain !== 'com.microsoft') return undefined;
  for (const name of COUNTS) {
    const attr = node.attrs.get(name);
    const numbers = attr?.kind === 'ints' ? attr.value : attr?.kind === 'int' ? [attr.value] : [];
    const wrong = numbers.find((number) => number < 1);
    if (wrong !== undefined) return `${named(node)} has ${wrong} in its attribute '${name}', which must be 1 at least`;
  }
  return undefined;
}

function wrongCount(node: Node, { inputs, outputs }: OperatorSchema): string | undefined {
  const { inputs: given, outputs: made } = node;
  const [most, mostMade] = [mostOf(inputs), mostOf(outputs)];
  if (given.length > MOST_INPUTS) return `${named(node)} reads ${given.length} values; more than ${MOST_INPUTS} are not read`;
  if (given.length > most) return `${named(node)} reads ${given.length} values; it takes ${most}`;
  if (made.length > mostMade) return `${named(node)} makes ${made.length} values; it can make ${mostMade}`;
  for (const [slot, { name, optional, variadic, minimum }] of inputs.entries()) {
    if (variadic && given.length < slot + minimum)
      return `${named(node)} reads ${given.length} values; it needs at least ${slot + minimum}`;
    if (!optional && !variadic && given[slot] === undefined) return `${named(node)} lacks its input '${name}', which it needs`;
    // A variadic input cannot be omitted: there would simply be fewer inputs.
    if (variadic && given.slice(slot).includes(undefined)) return `${named(node)} leaves out one of the values of its input '${name}'`;
  }
  return undefined;
}
const mostOf = (parameters: readonly Parameter[]): number => (parameters.at(-1)?.variadic ? Number.POSITIVE_INFINITY : parameters.length);

/** Both branches must produce all outputs of the node. */
function unequalBranches(node: Node): string | undefined {
  if (!isNode(node, 'If')) return undefined;
  const other = nestedGraphs(node).find(({ outputs }) => outputs.length !== node.outputs.length);
  return other && `${named(node)} makes ${node.outputs.length} values, its branch '${other.name}' ${other.outputs.length}`;
}

/** Throws CompileError BAD_GRAPH if the operator does not accept an input's element type, or not in combination with another input's. */
export function requireTypes(node: Node): void {
  const schema = schemaOf(node);
  if (!schema) return;
  let bound: Map<string, { readonly dtype: DType; readonly value: string }> | undefined;
  const { inputs } = node;
  for (let slot = 0; slot < inputs.length; slot++) {
    const input = inputs[slot];
    const dtype = input?.type?.dtype;
    const parameter = schema.inputs[slot] ?? schema.inputs.at(-1);
    if (!input || !dtype || !parameter) continue;
    const allowed = schema.types.get(parameter.type);
    if (allowed ? !allowed.has(schemaName(dtype)) : parameter.type !== dtype && parameter.type !== 'other')
      throw badGraph(
        `${named(node)} reads '${input.name}' of type ${dtype} as its input '${parameter.name}', which must be ${listed(allowed ?? [parameter.type])}`,
        locate(node),
      );
    if (!allowed || !parameter.homogeneous) continue;
    bound ??= new Map();
    const other = bound.get(parameter.type);
    if (!other) bound.set(parameter.type, { dtype, value: input.name });
    else if (other.dtype !== dtype)
      throw badGraph(
        `${named(node)} reads '${other.value}' of type ${other.dtype} and '${input.name}' of type ${dtype}, which must be the same`,
        locate(node),
      );
  }
}

/** Schema names of the types that the IR carries by number. */
const schemaName = (dtype: DType): string => (dtype === 'dtype27' ? 'float6e2m3' : dtype === 'dtype28' ? 'float6e3m2' : dtype);

function listed(types: Iterable<string>): string {
  const all = [...types];
  return all.length <= 4 ? all.join(' or ') : `one of ${all.slice(0, 4).join(', ')} ...`;
}
