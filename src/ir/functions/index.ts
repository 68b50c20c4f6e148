/**
 * Expands operators that ONNX defines in terms of other operators: a call becomes the nodes of its body.
 *
 *   Y = SwiGLU <alpha = 2.0> (A, B)
 * becomes
 *   S = Swish <alpha = 2.0> (A)
 *   Y = Mul (S, B)
 *
 * Numerical effect: rounding, if a runtime has its own kernel for the operator.
 * Left alone: operators without a body; calls for which ONNX has none (caches on one side only).
 *
 * The table (bodies.generated.ts) is text that is parsed when an operator is first requested. Its notation, per operator:
 *   facts   conditions that a body depends on, with the values that ONNX knows:
 *           `has X`, `makes Y`     an optional input or output is present
 *           `together X Y`         all of them are present, or none
 *           `rank X`, `bool X`     of an input
 *           `attr a`               an attribute, or its default
 *           `given a`              whether the attribute is present
 *           `is not 0 a`           whether the attribute has an effect
 *   lines   [operator, outputs, inputs, attributes, when]; `when`: alternatives, each a list of [fact, value] that must all hold; if absent, always.
 *           `@a` is an attribute of the call, `@type X` the element type of one of its inputs; a tensor is [type, shape, numbers]
 */
import { assertInvariant } from '../../diagnostics/compile-error';
import { dtypeNumbered } from '../dtypes';
import type { Graph } from '../graph';
import { operatorSchema } from '../operators';
import { table } from '../table';
import { fromNumbers } from '../tensor';
import type { Attr, DType, Node, Tensor, Value } from '../types';
import { bodies } from './bodies.generated';

export interface FunctionText {
  readonly since: number;
  /** Opset in which the lines are written; none of their operators has changed its meaning since. */
  readonly opset: number;
  readonly inputs: string;
  readonly outputs: string;
  readonly facts: readonly (readonly [fact: string, values: readonly (number | string)[]])[];
  /** Conditions under which there is no body. */
  readonly never: string;
  readonly lines: readonly string[];
}

type Literal = number | string;
type TensorText = readonly [type: string, shape: readonly number[], numbers: readonly Literal[]];
type Condition = readonly (readonly (readonly [fact: number, value: Literal])[])[];
type Line = readonly [
  op: string,
  outputs: string,
  inputs: string,
  attributes: Readonly<Record<string, Literal | readonly Literal[] | TensorText>>,
  when?: Condition,
];

const known = table(bodies);
/** Element types indexed by ONNX's type number. */
const DTYPES: readonly DType[] = Array.from({ length: 27 }, (_, number) => dtypeNumbered(number));

/** True if ONNX defines the operator in terms of others. */
export const hasBody = (op: string): boolean => known[op] !== undefined;

/** Expands the calls that `wanted` selects, including those inside their bodies. Returns whether there were any; types of new values are not yet known. */
export function inlineBodies(graph: Graph, wanted: (node: Node) => boolean): boolean {
  let isChanged = false;
  // A body may contain further calls, which take the position of the original call.
  for (let queue = graph.nodes; queue.length > 0; ) {
    const made: Node[] = [];
    for (const node of queue) {
      const body = node.domain === '' && hasBody(node.op) && wanted(node) ? linesFor(node) : undefined;
      if (!body) continue;
      made.push(...new Call(graph, node).expand(body));
      isChanged = true;
    }
    queue = made;
  }
  return isChanged;
}

function textOf(node: Node): FunctionText {
  const text = known[node.op];
  assertInvariant(text, () => `${node.op} has no body`);
  return text;
}

/** Lines for this call, without unneeded ones; undefined if ONNX has no body for it. */
function linesFor(node: Node): readonly Line[] | undefined {
  const text = textOf(node);
  const situation = text.facts.map(([fact]) => valueIn(fact, node, text));
  if (situation.some((value, at) => value === undefined || !text.facts[at]?.[1].includes(value))) return undefined;
  const holds = (condition: Condition): boolean => condition.some((facts) => facts.every(([fact, value]) => situation[fact] === value));
  if (holds(JSON.parse(text.never))) return undefined;
  const lines = text.lines.map((line): Line => JSON.parse(line)).filter(([, , , , when]) => !when || holds(when));
  const needed = new Set(names(text.outputs).filter((_, at) => isThere(node.outputs[at])));
  return lines
    .reverse()
    .filter(([, outputs, inputs]) => {
      if (!names(outputs).some((name) => needed.has(name))) return false;
      for (const name of inputs.split(',')) needed.add(name);
      return true;
    })
    .reverse();
}

const names = (text: string): readonly string[] => text.split(' ');
const isThere = (value: Value | undefined): value is Value => value !== undefined && value.name !== '';

/** The call's input or output with that name in the table. */
function valueNamed(name: string, node: Node, { inputs, outputs }: FunctionText): Value | undefined {
  const at = names(inputs).indexOf(name);
  return at >= 0 ? node.inputs[at] : node.outputs[names(outputs).indexOf(name)];
}

/** Value of a fact; undefined if it is unknown or neither case applies. */
function valueIn(fact: string, node: Node, text: FunctionText): Literal | undefined {
  const [kind = '', ...words] = fact.split(' ');
  const name = words.at(-1) ?? '';
  const of = (each: string): Value | undefined => valueNamed(each, node, text);
  switch (kind) {
    case 'has':
    case 'makes':
      return Number(isThere(of(name)));
    case 'together': {
      const count = words.filter((each) => isThere(of(each))).length;
      return count === 0 ? 0 : count === words.length ? 1 : undefined;
    }
    case 'rank':
      return of(name)?.type?.shape?.length;
    case 'bool':
      return isThere(of(name)) ? of(name)?.type && Number(of(name)?.type?.dtype === 'bool') : 0;
    case 'attr':
      return attribute(node, name);
    case 'given':
      return Number(node.attrs.has(name));
    case 'is':
      // is not 0 a
      return Number(attribute(node, name) !== Number(words[1]));
    default:
      return undefined;
  }
}

/** Number or word of an attribute, from the call or from ONNX's default. */
function attribute(node: Node, name: string): Literal | undefined {
  const attr = attrOf(node, name);
  switch (attr?.kind) {
    case 'int':
      return Number(attr.value);
    case 'float':
      return attr.value;
    case 'string':
      return typeof attr.value === 'string' ? attr.value : undefined;
    default:
      return undefined;
  }
}

const attrOf = (node: Node, name: string): Attr | undefined =>
  node.attrs.get(name) ?? operatorSchema(node.op)?.attributes.get(name)?.default;

/** A single call, replaced by its body in the same position. */
class Call {
  private readonly values = new Map<string, Value | undefined>([['', undefined]]);
  private readonly text: FunctionText;

  constructor(
    private readonly graph: Graph,
    private readonly node: Node,
  ) {
    this.text = textOf(node);
    names(this.text.inputs).forEach((name, at) => {
      this.values.set(name, node.inputs[at]);
    });
  }

  expand(lines: readonly Line[]): readonly Node[] {
    const { graph, node } = this;
    const made: Node[] = [];
    for (const [op, outputs, inputs, attrs] of lines) {
      const operands = inputs === '' ? [] : inputs.split(',').map((name) => this.value(name));
      if (op === 'Constant') {
        this.values.set(outputs, graph.addConstant(`${node.name}/${outputs}`, this.tensor(attrs)));
        continue;
      }
      // The line only names a value.
      if (op === 'Identity' && operands[0]) {
        this.values.set(outputs, operands[0]);
        continue;
      }
      made.push(this.add(op, names(outputs), operands, this.attributes(op, attrs)));
    }
    const renamed: (readonly [value: Value, name: string])[] = [];
    names(this.text.outputs).forEach((name, at) => {
      const [old, value] = [node.outputs[at], this.values.get(name)];
      if (!isThere(old)) return;
      assertInvariant(value, () => `the body of ${node.op} makes no '${name}'`);
      const own =
        graph.canReplace(old, value) && value.producer !== undefined ? value : this.add('Identity', [name], [value], new Map()).outputs[0];
      if (!own) return;
      const isPublic = graph.isOutput(old);
      const { name: before } = old;
      graph.replaceAllUses(old, own);
      if (!isPublic) renamed.push([own, before]);
    });
    graph.removeNode(node);
    for (const [value, name] of renamed) graph.rename(value, name);
    return made;
  }

  private value(name: string): Value | undefined {
    assertInvariant(this.values.has(name), () => `the body of ${this.node.op} reads '${name}' before it makes it`);
    return this.values.get(name);
  }

  private add(op: string, outputs: readonly string[], inputs: readonly (Value | undefined)[], attrs: ReadonlyMap<string, Attr>): Node {
    const { graph, node } = this;
    const made = graph.addNode({
      op,
      inputs,
      attrs,
      outputs: outputs.map((name) => `${node.name}/${name}`),
      name: `${node.name}/${outputs[0]}`,
      origin: node.origin,
      before: node,
    });
    outputs.forEach((name, at) => {
      this.values.set(name, made.outputs[at]);
    });
    return made;
  }

  private tensor(attrs: Line[3]): Tensor {
    const { value, value_ints: list, value_int: number } = attrs;
    if (list !== undefined) {
      const items = typeof list === 'string' ? intsOf(attrOf(this.node, list.slice(1))) : numbersIn(list);
      return fromNumbers('int64', [items.length], items);
    }
    if (number !== undefined)
      return fromNumbers('int64', [], [Number(this.resolved(typeof number === 'number' || typeof number === 'string' ? number : 0))]);
    assertInvariant(isTensor(value), () => `the body of ${this.node.op} has a constant without a value`);
    const [type, shape, numbers] = value;
    return fromNumbers(
      this.dtype(type),
      shape,
      numbers.map((each) => Number(each === '-inf' ? Number.NEGATIVE_INFINITY : this.resolved(each))),
    );
  }

  private dtype(type: string): DType {
    if (!type.startsWith('@type ')) return DTYPES.find((each) => each === type) ?? 'float';
    return valueNamed(type.slice('@type '.length), this.node, this.text)?.type?.dtype ?? 'float';
  }

  /** The number or word that a placeholder represents. */
  private resolved(literal: Literal): Literal {
    if (typeof literal !== 'string' || !literal.startsWith('@')) return literal;
    if (literal.startsWith('@type ')) return DTYPES.indexOf(this.dtype(literal));
    return attribute(this.node, literal.slice(1)) ?? 0;
  }

  private attributes(op: string, attrs: Line[3]): ReadonlyMap<string, Attr> {
    const result = new Map<string, Attr>();
    for (const [name, value] of Object.entries(attrs)) {
      // An attribute absent from the call is absent in the body as well.
      if (typeof value === 'string' && value.startsWith('@') && !value.startsWith('@type ')) {
        const given = attrOf(this.node, value.slice(1));
        if (given) result.set(name, given);
        continue;
      }
      const kind = operatorSchema(op)?.attributes.get(name)?.kind;
      if (typeof value === 'number' || typeof value === 'string') {
        const own = this.resolved(value);
        if (kind === 'float') result.set(name, { kind, value: Number(own) });
        else result.set(name, typeof own === 'number' ? { kind: 'int', value: own } : { kind: 'string', value: own });
      } else if (kind === 'ints') result.set(name, { kind, value: numbersIn(value) });
      else assertInvariant(false, () => `the body of ${this.node.op} has an attribute '${name}' of ${op}`);
    }
    return result;
  }
}

const numbersIn = (value: unknown): number[] => (Array.isArray(value) ? value.map(Number) : []);
const intsOf = (attr: Attr | undefined): number[] => (attr?.kind === 'ints' ? attr.value.map(Number) : []);
const isTensor = (value: Line[3][string] | undefined): value is TensorText =>
  Array.isArray(value) && typeof value[0] === 'string' && Array.isArray(value[1]);
