/**
 * ONNX's textual syntax -> Model in normal form.
 *
 *   <ir_version: 10, opset_import: ["" : 21]>
 *   g (float[N, 3, 8, 8] X) => (float[N, 5] Y) <float[5, 192] W = {...}, float[N, 192] F> {
 *      F = Flatten <axis = 1> (X)
 *      Y = Gemm <transB = 1> (F, W)
 *   }
 *
 * Reads what onnx.parser reads, and stricter: names must be defined before they are read, tensors must have as many elements as their shape says.
 * Beyond it, for what the printer must say though ONNX has no words for it: operators, domains and attributes in quotes, `dtype99`, lists of tensors.
 * A text without a header has the opset that a new Model has.
 *
 * Errors: CompileError TEXT_* with file, line and column.
 */
import { textDuplicateValue, textTensor, textUndefinedValue, textUnsupported } from '../../diagnostics/catalogue';
import type { CompileError } from '../../diagnostics/compile-error';
import type { ByteSource } from '../../ir/bytes';
import { Graph } from '../../ir/graph';
import { Model } from '../../ir/model';
import { byteSize, elementCount } from '../../ir/tensor';
import type { Attr, Dim, DType, Tensor, TensorType, Value } from '../../ir/types';
import { raiseToNormalForm } from '../opset';
import { describe, Lexer, type Token } from './lexer';
import { elementType, isFloatWord, isTypeWord } from './names';
import { elementFormat, floatBytes, integerBytes, integerLiteral, literalCount } from './tensor-text';

export interface ParseOptions {
  /** For messages. */
  readonly file?: string | undefined;
  /** Opens what `["location": "weights.bin", ...]` names. Default: such a reference is an error. */
  readonly source?: ((location: string) => ByteSource) | undefined;
  /** Data for a value that is read, perhaps with a declared type, but that nothing makes. Default: an error. */
  readonly missing?: ((name: string, type: TensorType | undefined) => Tensor | undefined) | undefined;
  /** Nodes stay in the spelling of the text's opset, which is no normal form: for tests of the spelling itself. */
  readonly asWritten?: boolean | undefined;
}

export function parseModel(text: string, options: ParseOptions = {}): Model {
  const model = new Parser(text, options).model();
  if (!options.asWritten) raiseToNormalForm(model);
  return model;
}

/** Deeper nesting is no model, but would overflow the stack. */
const MAX_DEPTH = 100;

type Scope = { readonly values: Map<string, Value>; readonly declared: Map<string, TensorType>; readonly parent: Scope | undefined };

/** `type` undefined: not a tensor, or not declared. */
interface Declaration {
  readonly type: TensorType | undefined;
  readonly isTensor: boolean;
  readonly name: string;
  readonly token: Token;
}

class Parser {
  private readonly lexer: Lexer;
  private depth = 0;

  constructor(
    text: string,
    private readonly options: ParseOptions,
  ) {
    this.lexer = new Lexer(text, options.file);
  }

  model(): Model {
    const header = this.lexer.sees('<') ? this.header() : {};
    const graph = this.graph(this.name('the name of a graph'), undefined, undefined);
    const rest = this.lexer.next();
    if (rest.kind !== 'end')
      throw this.unsupported(rest, 'a local function', 'save the model as .onnx, or write the nodes of the function out');
    return new Model({ graph, ...header });
  }

  private header() {
    const { lexer } = this;
    let irVersion: number | undefined;
    let opsets: Map<string, number> | undefined;
    const metadata = new Map<string, string>();
    const producer = { name: '', version: '' };
    lexer.expect('<');
    do {
      const key = this.word('a key of the header');
      lexer.expect(':');
      switch (key.text) {
        case 'ir_version':
          irVersion = this.integer();
          break;
        case 'opset_import':
          opsets = new Map(this.pairs(() => this.integer()).map(([domain, version]) => [domain === 'ai.onnx' ? '' : domain, version]));
          break;
        case 'producer_name':
          producer.name = this.string();
          break;
        case 'producer_version':
          producer.version = this.string();
          break;
        case 'metadata_props':
          for (const [name, value] of this.pairs(() => this.string())) metadata.set(name, value);
          break;
        default:
          throw lexer.unexpected(key, 'ir_version, opset_import, producer_name, producer_version or metadata_props');
      }
    } while (lexer.matches(','));
    lexer.expect('>');
    return { irVersion, opsets, metadata, producer };
  }

  /** `[ "key" : value, ... ]` */
  private pairs<T>(value: () => T): [string, T][] {
    const found: [string, T][] = [];
    this.lexer.expect('[');
    if (this.lexer.matches(']')) return found;
    do {
      const key = this.string();
      this.lexer.expect(':');
      found.push([key, value()]);
    } while (this.lexer.matches(','));
    this.lexer.expect(']');
    return found;
  }

  /** What follows the name of a graph. */
  private graph(name: string, parent: Graph | undefined, outer: Scope | undefined): Graph {
    const { lexer } = this;
    const graph = new Graph(name, parent);
    const scope: Scope = { values: new Map(), declared: new Map(), parent: outer };
    this.list('(', ')', () => this.input(graph, scope));
    lexer.expect('=>');
    const outputs: Declaration[] = [];
    this.list('(', ')', () => outputs.push(this.declaration()));
    for (const { name: output, type } of outputs) if (type) scope.declared.set(output, type);
    if (lexer.sees('<')) this.list('<', '>', () => this.valueInfo(graph, scope));
    lexer.expect('{');
    while (!lexer.matches('}')) this.node(graph, scope);
    graph.setOutputs(outputs.map((output) => this.graphOutput(output, graph, scope)));
    return graph;
  }

  private input(graph: Graph, scope: Scope): void {
    const declaration = this.declaration();
    const { type, isTensor, name, token } = declaration;
    // A default value makes it an initializer that is listed among the inputs, as IR version 3 wants it for every weight.
    if (this.lexer.matches('=')) this.define(scope, token, name, graph.addConstant(name, this.tensor(declaration)));
    else if (!isTensor)
      throw this.unsupported(token, `input '${name}', which is no tensor,`, 'only tensors can be inputs of a model that is to be compiled');
    else this.define(scope, token, name, graph.addInput(name, type));
  }

  private valueInfo(graph: Graph, scope: Scope): void {
    const declaration = this.declaration();
    const { type, name, token } = declaration;
    if (this.lexer.matches('=')) this.define(scope, token, name, graph.addConstant(name, this.tensor(declaration)));
    else if (type) scope.declared.set(name, type);
  }

  private graphOutput({ name, token, type }: Declaration, graph: Graph, scope: Scope): Value {
    const value = this.resolve(name, token, graph, scope);
    if (type && !value.type) graph.setType(value, type);
    // A nested graph that hands on an outer value: the IR knows outputs of the graph itself only.
    return Graph.ownerOf(value) === graph
      ? value
      : this.first(graph.addNode({ op: 'Identity', inputs: [value], outputs: [name], outputTypes: [value.type] }).outputs);
  }

  private first(values: readonly Value[]): Value {
    const [value] = values;
    if (!value) throw new RangeError('a node without outputs');
    return value;
  }

  private define(scope: Scope, at: Token, name: string, value: Value): void {
    if (scope.values.has(name)) throw textDuplicateValue(name, this.lexer.locate(at.offset));
    scope.values.set(name, value);
  }

  private resolve(name: string, at: Token, graph: Graph, scope: Scope): Value {
    for (let look: Scope | undefined = scope; look; look = look.parent) {
      const value = look.values.get(name);
      if (value) return value;
    }
    const tensor = this.options.missing?.(name, scope.declared.get(name));
    if (!tensor) throw textUndefinedValue(name, this.lexer.locate(at.offset));
    const value = graph.addConstant(name, tensor);
    scope.values.set(name, value);
    return value;
  }

  private node(graph: Graph, scope: Scope): void {
    const { lexer } = this;
    let label = '';
    if (lexer.matches('[')) {
      label = this.optionalName()?.text ?? '';
      lexer.expect(']');
    }
    const outputs = this.names();
    lexer.expect('=');
    const { domain, opType } = this.operator();
    let attrs = this.attributes(graph, scope);
    lexer.expect('(');
    const inputs = this.names();
    lexer.expect(')');
    if (attrs.size === 0) attrs = this.attributes(graph, scope);
    const node = graph.addNode({
      op: opType,
      domain,
      inputs: inputs.map(({ text, ...token }) => (text === '' ? undefined : this.resolve(text, { ...token, text }, graph, scope))),
      attrs,
      outputs: outputs.map(({ text }) => text),
      outputTypes: outputs.map(({ text }) => scope.declared.get(text)),
      name: label,
    });
    outputs.forEach((token, index) => {
      const value = node.outputs[index];
      if (value && token.text !== '') this.define(scope, token, token.text, value);
    });
  }

  /** `Conv`, `com.microsoft.FusedConv`; in quotes what is no identifier. */
  private operator(): { domain: string; opType: string } {
    const parts = [this.name('an operator')];
    while (this.lexer.matches('.')) parts.push(this.name('an operator'));
    const overload = this.lexer.peek();
    if (this.lexer.matches(':'))
      throw this.unsupported(overload, 'an overload', 'save the model as .onnx, or write the nodes of the function out');
    const domain = parts.slice(0, -1).join('.');
    return { domain: domain === 'ai.onnx' ? '' : domain, opType: parts.at(-1) ?? '' };
  }

  private attributes(graph: Graph, scope: Scope): Map<string, Attr> {
    const attrs = new Map<string, Attr>();
    if (!this.lexer.sees('<')) return attrs;
    this.list('<', '>', () => {
      const at = this.lexer.peek();
      const name = this.name('the name of an attribute');
      if (attrs.has(name)) throw this.lexer.error(at, `attribute '${name}' is given twice`);
      const kind = this.lexer.matches(':') ? this.attributeKind() : undefined;
      this.lexer.expect('=');
      attrs.set(name, this.lexer.sees('[') ? this.listAttribute(kind, graph, scope) : this.attribute(kind, graph, scope));
    });
    return attrs;
  }

  private attributeKind(): Attr['kind'] {
    const token = this.word('the type of an attribute');
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
        throw this.unsupported(token, `an attribute of type ${token.text}`, 'save the model as .onnx');
      default:
        throw this.lexer.unexpected(token, 'the type of an attribute');
    }
  }

  private attribute(kind: Attr['kind'] | undefined, graph: Graph, scope: Scope): Attr {
    const at = this.lexer.peek();
    const attr = this.singleAttribute(kind, graph, scope);
    if (kind !== undefined && attr.kind !== kind) throw this.lexer.error(at, `expected a value of type ${kind}, found ${attr.kind}`);
    return attr;
  }

  private singleAttribute(kind: Attr['kind'] | undefined, graph: Graph, scope: Scope): Attr {
    const token = this.lexer.next();
    switch (token.kind) {
      case 'int':
        return kind === 'float' ? { kind: 'float', value: this.float32(token) } : { kind: 'int', value: this.int64(token) };
      case 'float':
        return { kind: 'float', value: this.float32(token) };
      case 'string':
        return kind === 'graph' ? { kind: 'graph', value: this.nested(token, graph, scope) } : { kind: 'string', value: token.text };
      case 'identifier':
        if (isTypeWord(token.text)) return { kind: 'tensor', value: this.tensorAttribute(token) };
        if (isFloatWord(token.text)) return { kind: 'float', value: this.float32(token) };
        return { kind: 'graph', value: this.nested(token, graph, scope) };
      default:
        if (token.text === '@') throw this.unsupported(token, 'a reference to an attribute of a local function', 'save the model as .onnx');
        throw this.lexer.unexpected(token, 'the value of an attribute');
    }
  }

  private listAttribute(kind: Attr['kind'] | undefined, graph: Graph, scope: Scope): Attr {
    const at = this.lexer.peek();
    if (kind !== undefined && !kind.endsWith('s')) throw this.lexer.error(at, `expected one value of type ${kind}, found a list`);
    const values: Attr[] = [];
    this.list('[', ']', () => values.push(this.attribute(singular(kind), graph, scope)));
    const listKind = kind ?? plural(values[0]?.kind);
    if (listKind === undefined) throw this.lexer.error(at, 'an empty list needs its type: name: ints = []');
    const wrong = values.find((value) => value.kind !== singular(listKind));
    if (wrong) throw this.lexer.error(at, `the list mixes ${singular(listKind)} and ${wrong.kind}`);
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

  private nested(name: Token, graph: Graph, scope: Scope): Graph {
    return this.deeper(name, () => this.graph(name.text, graph, scope));
  }

  /** A tensor has a type, perhaps a name, and data. */
  private tensorAttribute(word: Token): Tensor {
    const { type } = this.type(word);
    const next = this.lexer.peek();
    if (next.kind === 'identifier' || next.kind === 'string') this.lexer.next();
    else if (next.text !== '{' && next.text !== '=')
      throw this.unsupported(word, 'a type as the value of an attribute', 'save the model as .onnx');
    this.lexer.matches('=');
    return this.tensor({ type, token: word });
  }

  /** `float[2, 3] name`, `name`: the type may be left out. */
  private declaration(): Declaration {
    const first = this.lexer.peek();
    if (first.kind !== 'identifier' || !isTypeWord(first.text))
      return { type: undefined, isTensor: true, name: this.name('a name'), token: first };
    const { type } = this.type(this.lexer.next());
    const token = this.lexer.peek();
    return { type, isTensor: type !== undefined, name: this.name('a name'), token };
  }

  /** What follows the first word of a type; undefined where it is no tensor. */
  private type(word: Token): { type: TensorType | undefined } {
    const { lexer } = this;
    const dtype = elementType(word.text);
    if (dtype) return { type: { dtype, ...this.shape() } };
    if (!isTypeWord(word.text)) throw lexer.unexpected(word, 'a type');
    lexer.expect('(');
    if (word.text === 'opaque') {
      while (!lexer.matches(')')) {
        const part = lexer.next();
        if (part.kind === 'end') throw lexer.unexpected(part, "')'");
      }
      return { type: undefined };
    }
    if (word.text === 'map') {
      const key = this.word('an element type');
      if (!elementType(key.text)) throw lexer.unexpected(key, 'an element type');
      lexer.expect(',');
    }
    this.deeper(word, () => this.type(this.word('a type')));
    lexer.expect(')');
    return { type: undefined };
  }

  /** Nothing: a scalar. `[]`: unknown rank. */
  private shape(): { shape?: Dim[] } {
    if (!this.lexer.matches('[')) return { shape: [] };
    if (this.lexer.matches(']')) return {};
    const shape: Dim[] = [];
    do shape.push(this.dim());
    while (this.lexer.matches(','));
    this.lexer.expect(']');
    return { shape };
  }

  private dim(): Dim {
    if (this.lexer.matches('?')) return undefined;
    const token = this.lexer.next();
    if (token.kind === 'string' || token.kind === 'identifier') return token.text === '' ? undefined : token.text;
    if (token.kind !== 'int') throw this.lexer.unexpected(token, 'a dimension');
    const size = Number(token.text);
    if (!(size >= 0 && Number.isSafeInteger(size))) throw this.lexer.error(token, `a dimension cannot be ${token.text}`);
    return size;
  }

  /** The data of a tensor, after its type, name and perhaps `=`. */
  private tensor({ type, token }: { readonly type: TensorType | undefined; readonly token: Token }): Tensor {
    const at = this.lexer.locate(token.offset);
    if (!type?.shape?.every((dim) => typeof dim === 'number'))
      throw textTensor('data needs a tensor type whose dimensions are all numbers', at);
    const { dtype, shape } = type;
    if (this.lexer.sees('[')) return { dtype, shape, data: this.externalData(dtype, shape, token) };
    const format = elementFormat(dtype);
    if (!format) throw this.unsupported(token, `data of type ${dtype}`, 'save the model as .onnx');
    const elements: Token[] = [];
    this.list('{', '}', () => elements.push(this.lexer.next()));
    const wanted = literalCount(dtype, shape);
    if (elements.length !== Math.ceil(wanted)) {
      throw textTensor(`${dtype}[${shape.join(', ')}] holds ${wanted} elements, but ${elements.length} are given`, at);
    }
    switch (format.kind) {
      case 'string': {
        const encoder = new TextEncoder();
        return { dtype, shape, data: { kind: 'strings', values: elements.map((element) => encoder.encode(this.stringOf(element))) } };
      }
      case 'float':
        return {
          dtype,
          shape,
          data: {
            kind: 'bytes',
            bytes: floatBytes(
              elements.map((element) => (format.width === 4 ? this.float32(element) : this.float64(element))),
              format,
            ),
          },
        };
      case 'int': {
        const values = elements.map((element) => {
          const value = element.kind === 'int' ? integerLiteral(element.text, format) : undefined;
          if (value === undefined) throw textTensor(`${describe(element)} is no ${dtype}`, this.lexer.locate(element.offset));
          return value;
        });
        return { dtype, shape, data: { kind: 'bytes', bytes: integerBytes(values, format) } };
      }
    }
  }

  /** `["location": "m.onnx", "offset": "3471", "length": "92928"]` */
  private externalData(dtype: DType, shape: readonly number[], token: Token): Tensor['data'] {
    const entries = new Map(this.pairs(() => this.string()));
    const at = this.lexer.locate(token.offset);
    const location = entries.get('location');
    const needed = byteSize(dtype, elementCount(shape));
    if (location === undefined) throw textTensor('external data has no location', at);
    if (needed === undefined) throw textTensor(`data of type ${dtype} cannot be external`, at);
    const source = this.options.source?.(location);
    if (!source) throw this.unsupported(token, `external data ('${location}')`, 'read the model from the .onnx file');
    const offset = wholeNumber(entries.get('offset'), 0);
    const length = wholeNumber(entries.get('length'), needed);
    if (offset === undefined || length === undefined) throw textTensor('offset and length of external data are whole numbers', at);
    if (length !== needed) throw textTensor(`${dtype}[${shape.join(', ')}] takes ${needed} bytes, but the external data has ${length}`, at);
    if (offset + length > source.size)
      throw textTensor(`the data ends at byte ${offset + length}, but '${location}' has ${source.size}`, at);
    return { kind: 'ranges', ranges: [{ source, offset, length }], encoding: 'raw' };
  }

  // ---- small things ----

  /** `open item, item close`, perhaps empty. */
  private list(open: string, close: string, item: () => unknown): void {
    this.lexer.expect(open);
    if (this.lexer.matches(close)) return;
    do item();
    while (this.lexer.matches(','));
    this.lexer.expect(close);
  }

  /** Inputs or outputs of a node: names in any number. An empty one, or none before a comma, stands for an optional value left out. */
  private names(): Token[] {
    const names: Token[] = [];
    for (;;) {
      const name = this.optionalName();
      const comma = this.lexer.peek();
      if (name) names.push(name);
      if (!this.lexer.matches(',')) return names;
      if (!name) names.push({ kind: 'string', text: '', offset: comma.offset });
    }
  }

  private optionalName(): Token | undefined {
    const { kind } = this.lexer.peek();
    return kind === 'identifier' || kind === 'string' ? this.lexer.next() : undefined;
  }
  private name(what: string): string {
    const token = this.optionalName();
    if (!token) throw this.lexer.unexpected(this.lexer.peek(), what);
    return token.text;
  }
  private word(what: string): Token {
    const token = this.lexer.next();
    if (token.kind !== 'identifier') throw this.lexer.unexpected(token, what);
    return token;
  }
  private string(): string {
    return this.stringOf(this.lexer.next());
  }
  private stringOf(token: Token): string {
    if (token.kind !== 'string') throw this.lexer.unexpected(token, 'a string in quotes');
    return token.text;
  }
  private integer(): number {
    const token = this.lexer.next();
    if (token.kind !== 'int') throw this.lexer.unexpected(token, 'an integer');
    const value = Number(token.text);
    if (!Number.isSafeInteger(value)) throw this.lexer.error(token, `${token.text} is too large`);
    return value;
  }
  private int64(token: Token): number | bigint {
    const value = BigInt(token.text);
    if (BigInt.asIntN(64, value) !== value) throw this.lexer.error(token, `${token.text} does not fit into 64 bits`);
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }
  private float32(token: Token): number {
    const value = this.float64(token);
    const rounded = Math.fround(value);
    if (Number.isFinite(value) && !Number.isFinite(rounded)) throw this.lexer.error(token, `${token.text} does not fit into a float`);
    return rounded;
  }
  private float64(token: Token): number {
    if (token.kind !== 'int' && token.kind !== 'float' && !(token.kind === 'identifier' && isFloatWord(token.text))) {
      throw this.lexer.unexpected(token, 'a number');
    }
    const word = token.text.toLowerCase();
    if (word.endsWith('nan')) return Number.NaN;
    if (/^-?inf/.test(word)) return word.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
    const value = Number(word);
    if (!Number.isFinite(value)) throw this.lexer.error(token, `${token.text} does not fit into a double`);
    return value;
  }

  private deeper<T>(at: Token, action: () => T): T {
    if (++this.depth > MAX_DEPTH) throw this.lexer.error(at, `nested more than ${MAX_DEPTH} levels deep`);
    const result = action();
    this.depth--;
    return result;
  }
  private unsupported(at: Token, what: string, hint: string): CompileError {
    return textUnsupported(what, this.lexer.locate(at.offset), hint);
  }
}

function wholeNumber(text: string | undefined, fallback: number): number | undefined {
  if (text === undefined) return fallback;
  const value = Number(text);
  return /^[0-9]+$/.test(text) && Number.isSafeInteger(value) ? value : undefined;
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
