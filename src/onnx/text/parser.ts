/**
 * ONNX's textual syntax -> Model in normal form.
 *
 *   <ir_version: 10, opset_import: ["" : 21]>
 *   g (float[N, 3, 8, 8] X) => (float[N, 5] Y) <float[5, 192] W = {...}, float[N, 192] F> {
 *      F = Flatten <axis = 1> (X)
 *      Y = Gemm <transB = 1> (F, W)
 *   }
 *
 * Reads what onnx.parser reads, but is stricter: names must be defined before use, tensors must have as many elements as their shape requires.
 * Extensions, for things that the printer must write but ONNX has no syntax for: quoted operators, domains and attributes, `dtype99`, lists of tensors.
 * A text without a header gets the opset of a new Model.
 *
 * Errors: CompileError TEXT_* with file, line and column.
 */
import { textDuplicateValue, textUndefinedValue } from '../../diagnostics/catalogue';
import { assertInvariant } from '../../diagnostics/compile-error';
import { requireConformance } from '../../ir/conformance';
import { allNodes, Graph } from '../../ir/graph';
import { Model } from '../../ir/model';
import { requireRoomForConstants } from '../../ir/shape-inference/constants';
import type { Tensor, TensorType, Value } from '../../ir/types';
import { nameUnknownAxes } from '../../ir/unknown-axes';
import { knowsAttributes } from '../../ir/validate';
import { raiseToNormalForm } from '../opset';
import { type AttributeContext, parseAttributes } from './attributes';
import { constantTensor } from './constant-node';
import { type HeaderExtras, headerExtras } from './header';
import type { Token } from './lexer';
import { isTypeWord } from './names';
import { Scanner } from './scanner';
import { type OpenSource, parseTensor, parseType } from './typed';

export interface ParseOptions {
  /** For messages. */
  readonly file?: string | undefined;
  /** Opens the file named in `["location": "weights.bin", ...]`. Default: such a reference is an error. */
  readonly source?: OpenSource | undefined;
  /** Supplies data for a value that is read, perhaps with a declared type, but never defined. Default: an error. */
  readonly missing?: ((name: string, type: TensorType | undefined) => Tensor | undefined) | undefined;
  /** Keeps nodes in the spelling of the text's opset, which is not normal form: for tests of the spelling itself. */
  readonly asWritten?: boolean | undefined;
  /** Factor for the limits on how far the model may expand: see ir/limits.ts. */
  readonly limits?: number | undefined;
}

export function parseModel(text: string, options: ParseOptions = {}): Model {
  const model = new Parser(text, options).model();
  if (options.asWritten) return model;
  raiseToNormalForm(model);
  nameUnknownAxes(model.graph);
  if (knowsAttributes(model)) allNodes(model.graph).forEach(requireConformance);
  requireRoomForConstants(model);
  return model;
}

type Scope = { readonly values: Map<string, Value>; readonly declared: Map<string, TensorType>; readonly parent: Scope | undefined };

/** `type` undefined: not a tensor, or not declared. */
interface Declaration {
  readonly type: TensorType | undefined;
  readonly isTensor: boolean;
  readonly name: string;
  readonly token: Token;
}

class Parser {
  private readonly scan: Scanner;

  constructor(
    text: string,
    private readonly options: ParseOptions,
  ) {
    this.scan = new Scanner(text, options.file);
  }

  model(): Model {
    const header = this.scan.sees('<') ? this.header() : {};
    const graph = this.graph(this.scan.name('the name of a graph'), undefined, undefined);
    const rest = this.scan.next();
    if (rest.kind !== 'end')
      throw this.scan.unsupported(rest, 'a local function', 'save the model as .onnx, or write the nodes of the function out');
    return new Model({ graph, ...header, limits: this.options.limits });
  }

  private header() {
    const { scan } = this;
    let irVersion: number | undefined;
    let opsets: Map<string, number> | undefined;
    const metadata = new Map<string, string>();
    const producer = { name: '', version: '' };
    const kept: HeaderExtras = {};
    scan.expect('<');
    do {
      const key = this.scan.word('a key of the header');
      scan.expect(':');
      switch (key.text) {
        case 'ir_version':
          irVersion = this.scan.integer();
          break;
        case 'opset_import':
          opsets = new Map(
            this.scan.pairs(() => this.scan.integer()).map(([domain, version]) => [domain === 'ai.onnx' ? '' : domain, version]),
          );
          break;
        case 'producer_name':
          producer.name = this.scan.string();
          break;
        case 'producer_version':
          producer.version = this.scan.string();
          break;
        case 'domain':
        case 'doc_string':
          kept[key.text] = this.scan.string();
          break;
        case 'model_version':
          kept.model_version = this.scan.integer();
          break;
        case 'metadata_props':
          for (const [name, value] of this.scan.pairs(() => this.scan.string())) metadata.set(name, value);
          break;
        default:
          throw scan.unexpected(
            key,
            'ir_version, opset_import, producer_name, producer_version, domain, model_version, doc_string or metadata_props',
          );
      }
    } while (scan.matches(','));
    scan.expect('>');
    return { irVersion, opsets, metadata, producer, extras: headerExtras(kept) };
  }

  /** Parses a graph, after its name. */
  private graph(name: string, parent: Graph | undefined, outer: Scope | undefined): Graph {
    const { scan } = this;
    const graph = new Graph(name, parent);
    const scope: Scope = { values: new Map(), declared: new Map(), parent: outer };
    this.scan.list('(', ')', () => this.input(graph, scope));
    scan.expect('=>');
    const outputs: Declaration[] = [];
    this.scan.list('(', ')', () => outputs.push(this.declaration()));
    for (const { name: output, type } of outputs) if (type) scope.declared.set(output, type);
    if (scan.sees('<')) this.scan.list('<', '>', () => this.valueInfo(graph, scope));
    scan.expect('{');
    while (!scan.matches('}')) this.node(graph, scope);
    for (const [index, { name: output, token }] of outputs.entries()) {
      if (outputs.findIndex((other) => other.name === output) < index) throw textDuplicateValue(output, scan.locate(token.offset));
    }
    graph.setOutputs(outputs.map((output) => this.graphOutput(output, graph, scope)));
    return graph;
  }

  private input(graph: Graph, scope: Scope): void {
    const declaration = this.declaration();
    const { type, isTensor, name, token } = declaration;
    // A default value makes the input an initializer as well, which IR version 3 requires for every weight.
    if (this.scan.matches('='))
      this.define(scope, token, name, graph.addConstant(name, parseTensor(this.scan, declaration, this.options.source)));
    else if (!isTensor)
      throw this.scan.unsupported(
        token,
        `input '${name}', which is not a tensor,`,
        'only tensors can be inputs of a model that is to be compiled',
      );
    else this.define(scope, token, name, graph.addInput(name, type));
  }

  private valueInfo(graph: Graph, scope: Scope): void {
    const declaration = this.declaration();
    const { type, name, token } = declaration;
    if (this.scan.matches('='))
      this.define(scope, token, name, graph.addConstant(name, parseTensor(this.scan, declaration, this.options.source)));
    else if (type) scope.declared.set(name, type);
  }

  private graphOutput({ name, token, type }: Declaration, graph: Graph, scope: Scope): Value {
    const value = this.resolve(name, token, graph, scope);
    if (type && !value.type) graph.setType(value, type);
    // A nested graph that returns an outer value: in the IR, outputs must belong to the graph itself.
    if (Graph.ownerOf(value) === graph) return value;
    const [copy] = graph.addNode({ op: 'Identity', inputs: [value], outputs: [name], outputTypes: [value.type] }).outputs;
    assertInvariant(copy, () => 'an Identity has an output');
    return copy;
  }

  private define(scope: Scope, at: Token, name: string, value: Value): void {
    if (scope.values.has(name)) throw textDuplicateValue(name, this.scan.locate(at.offset));
    scope.values.set(name, value);
  }

  private resolve(name: string, at: Token, graph: Graph, scope: Scope): Value {
    for (let look: Scope | undefined = scope; look; look = look.parent) {
      const value = look.values.get(name);
      if (value) return value;
    }
    const tensor = this.options.missing?.(name, scope.declared.get(name));
    if (!tensor) throw textUndefinedValue(name, this.scan.locate(at.offset));
    const value = graph.addConstant(name, tensor);
    scope.values.set(name, value);
    return value;
  }

  private node(graph: Graph, scope: Scope): void {
    const { scan } = this;
    let label = '';
    if (scan.matches('[')) {
      label = this.scan.optionalName()?.text ?? '';
      scan.expect(']');
    }
    const outputs = this.scan.names();
    scan.expect('=');
    const { domain, opType } = this.operator();
    const context: AttributeContext = {
      nested: (name) => scan.deeper(name, () => this.graph(name.text, graph, scope)),
      source: this.options.source,
    };
    let attrs = parseAttributes(this.scan, context);
    scan.expect('(');
    const inputs = this.scan.names();
    scan.expect(')');
    if (attrs.size === 0) attrs = parseAttributes(this.scan, context);
    const [only, more] = outputs;
    const constant = domain === '' && opType === 'Constant' && only && !more ? constantTensor(attrs) : undefined;
    if (constant && only) {
      this.define(scope, only, only.text, graph.addConstant(only.text, constant));
      return;
    }
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

  /** `Conv`, `com.microsoft.FusedConv`; quoted if not an identifier. */
  private operator(): { domain: string; opType: string } {
    const parts = [this.scan.name('an operator')];
    while (this.scan.matches('.')) parts.push(this.scan.name('an operator'));
    const overload = this.scan.peek();
    if (this.scan.matches(':'))
      throw this.scan.unsupported(overload, 'an overload', 'save the model as .onnx, or write the nodes of the function out');
    const domain = parts.slice(0, -1).join('.');
    return { domain: domain === 'ai.onnx' ? '' : domain, opType: parts.at(-1) ?? '' };
  }

  /** `float[2, 3] name`, `name`: the type is optional. */
  private declaration(): Declaration {
    const first = this.scan.peek();
    if (first.kind !== 'identifier' || !isTypeWord(first.text))
      return { type: undefined, isTensor: true, name: this.scan.name('a name'), token: first };
    const { type } = parseType(this.scan, this.scan.next());
    const token = this.scan.peek();
    return { type, isTensor: type !== undefined, name: this.scan.name('a name'), token };
  }
}
