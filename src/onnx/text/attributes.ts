/** Attributes of nodes in the textual syntax. */
import type { Graph } from '../../ir/graph';
import type { Attr, Tensor } from '../../ir/types';
import type { Token } from './lexer';
import { isFloatWord, isTypeWord } from './names';
import type { Scanner } from './scanner';
import { type OpenSource, parseTensor, parseType } from './typed';

export interface AttributeContext {
  /** Reads a graph, after its name. */
  nested(name: Token): Graph;
  readonly source: OpenSource | undefined;
}

/** Parses `<axis = 1, scales: floats = [1, 2]>`, or nothing. */
export function parseAttributes(scan: Scanner, context: AttributeContext): Map<string, Attr> {
  const attrs = new Map<string, Attr>();
  if (!scan.sees('<')) return attrs;
  scan.list('<', '>', () => {
    const at = scan.peek();
    const name = scan.name('the name of an attribute');
    if (attrs.has(name)) throw scan.error(at, `attribute '${name}' is given twice`);
    const kind = scan.matches(':') ? attributeKind(scan) : undefined;
    scan.expect('=');
    attrs.set(name, scan.sees('[') ? listAttribute(scan, kind, context) : attribute(scan, kind, context));
  });
  return attrs;
}

function attributeKind(scan: Scanner): Attr['kind'] {
  const token = scan.word('the type of an attribute');
  switch (token.text) {
    case 'int':
    case 'ints':
    case 'float':
    case 'floats':
    case 'string':
    case 'strings':
    case 'tensor':
    case 'tensors':
    case 'graph':
    case 'graphs':
      return token.text;
    case 'sparse_tensor':
    case 'sparse_tensors':
    case 'type_proto':
    case 'type_protos':
      throw scan.unsupported(token, `an attribute of type ${token.text}`, 'save the model as .onnx');
    default:
      throw scan.unexpected(token, 'the type of an attribute');
  }
}

function attribute(scan: Scanner, kind: Attr['kind'] | undefined, context: AttributeContext): Attr {
  const at = scan.peek();
  const attr = singleAttribute(scan, kind, context);
  if (kind !== undefined && attr.kind !== kind) throw scan.error(at, `expected a value of type ${kind}, found ${attr.kind}`);
  return attr;
}

function singleAttribute(scan: Scanner, kind: Attr['kind'] | undefined, context: AttributeContext): Attr {
  const token = scan.next();
  switch (token.kind) {
    case 'int':
      return kind === 'float' ? { kind: 'float', value: scan.float32(token) } : { kind: 'int', value: scan.int64(token) };
    case 'float':
      return { kind: 'float', value: scan.float32(token) };
    case 'string':
      return kind === 'graph' ? { kind: 'graph', value: context.nested(token) } : { kind: 'string', value: token.text };
    case 'identifier':
      if (isTypeWord(token.text)) return { kind: 'tensor', value: tensorAttribute(scan, token, context) };
      if (isFloatWord(token.text)) return { kind: 'float', value: scan.float32(token) };
      return { kind: 'graph', value: context.nested(token) };
    default:
      if (token.text === '@') throw scan.unsupported(token, 'a reference to an attribute of a local function', 'save the model as .onnx');
      throw scan.unexpected(token, 'the value of an attribute');
  }
}

function listAttribute(scan: Scanner, kind: Attr['kind'] | undefined, context: AttributeContext): Attr {
  const at = scan.peek();
  if (kind !== undefined && !kind.endsWith('s')) throw scan.error(at, `expected one value of type ${kind}, found a list`);
  const values: Attr[] = [];
  scan.list('[', ']', () => values.push(attribute(scan, singular(kind), context)));
  const listKind = kind ?? plural(values[0]?.kind);
  if (listKind === undefined) throw scan.error(at, 'an empty list needs its type: name: ints = []');
  const wrong = values.find((value) => value.kind !== singular(listKind));
  if (wrong) throw scan.error(at, `the list mixes ${singular(listKind)} and ${wrong.kind}`);
  switch (listKind) {
    case 'ints':
      return { kind: 'ints', value: values.flatMap((value) => (value.kind === 'int' ? [value.value] : [])) };
    case 'floats':
      return { kind: 'floats', value: values.flatMap((value) => (value.kind === 'float' ? [value.value] : [])) };
    case 'strings':
      return { kind: 'strings', value: values.flatMap((value) => (value.kind === 'string' ? [value.value] : [])) };
    case 'tensors':
      return { kind: 'tensors', value: values.flatMap((value) => (value.kind === 'tensor' ? [value.value] : [])) };
    default:
      return { kind: 'graphs', value: values.flatMap((value) => (value.kind === 'graph' ? [value.value] : [])) };
  }
}

/** A tensor: type, optional name, and data. */
function tensorAttribute(scan: Scanner, word: Token, context: AttributeContext): Tensor {
  const { type } = parseType(scan, word);
  const next = scan.peek();
  if (next.kind === 'identifier' || next.kind === 'string') scan.next();
  else if (!scan.sees('{') && !scan.sees('='))
    throw scan.unsupported(word, 'a type as the value of an attribute', 'save the model as .onnx');
  scan.matches('=');
  return parseTensor(scan, { type, token: word }, context.source);
}

function singular(kind: Attr['kind'] | undefined): Attr['kind'] | undefined {
  switch (kind) {
    case 'ints':
      return 'int';
    case 'floats':
      return 'float';
    case 'strings':
      return 'string';
    case 'tensors':
      return 'tensor';
    case 'graphs':
      return 'graph';
    default:
      return kind;
  }
}

function plural(kind: Attr['kind'] | undefined): 'ints' | 'floats' | 'strings' | 'tensors' | 'graphs' | undefined {
  switch (kind) {
    case 'int':
      return 'ints';
    case 'float':
      return 'floats';
    case 'string':
      return 'strings';
    case 'tensor':
      return 'tensors';
    case 'graph':
      return 'graphs';
    default:
      return undefined;
  }
}
