/**
 * Model -> ONNX's textual syntax, for reading by people and by our parser.
 *
 * onnx.parser reads it too, as long as the model has only what the syntax has words for. What it lacks:
 * - operators, domains and attributes whose names are no identifiers stand in quotes, lists of tensors and graphs in brackets; a comment says so;
 * - byte strings that are not UTF-8 and attributes of opaque kinds are left out; a comment says so;
 * - types of inner values and origins stand in comments, unless asked for otherwise; so do documentation and metadata (`beyond`).
 * Large constants are left out by default (a typed name without data), or become references into the file they lie in.
 */
import type { ByteSource } from '../../ir/bytes';
import { isAbsent } from '../../ir/bytes';
import type { Graph } from '../../ir/graph';
import type { Model } from '../../ir/model';
import { irVersionFor } from '../../ir/operators';
import { elementCount, tensorByteLength } from '../../ir/tensor';
import type { Attr, ConstValue, Dim, Node, Tensor, TensorType, Value } from '../../ir/types';
import { plainOpset } from '../opset';
import { aboutConstant, aboutModel, aboutNode, hasForm, unsayable } from './beyond';
import { headerOf } from './header';
import { isIdentifier, nameText, quoted } from './names';
import { float32Text, literals } from './tensor-text';

export interface PrintOptions {
  /**
   * Constants of more than `inlineLimit` elements: `elide` prints type and name only; `reference` the place in the file if they lie in one piece of it, else
   * their elements; `inline` their elements, whatever the size.
   */
  readonly weights?: 'elide' | 'reference' | 'inline';
  /** Elements that are always printed; default 16. */
  readonly inlineLimit?: number;
  /** Where the bytes of a large constant lie, relative to the text. undefined: elements instead. Default: in its source, where they are one piece of it. */
  readonly place?: (tensor: Tensor) => TextPlace | undefined;
  /** Types of inner values: behind each node, as declarations in the graph's list (which are read back), both, or not at all. Default `comment`. */
  readonly types?: 'comment' | 'declare' | 'both' | 'none';
  /** Adds the source nodes that a node stands for, where they are others than itself. Default false. */
  readonly origins?: boolean;
  /** Adds documentation, metadata and whatever else the syntax cannot hold, as comments. Default false. */
  readonly beyond?: boolean;
}
type Settings = Required<PrintOptions>;

const DEFAULTS: Settings = {
  weights: 'elide',
  inlineLimit: 16,
  place: (tensor) => placeInSource(tensor),
  types: 'comment',
  origins: false,
  beyond: false,
};
const settingsOf = (options: PrintOptions): Settings => ({ ...DEFAULTS, ...options });

const INDENT = '   ';

/** The whole model; ends with a line break. */
export function printModel(model: Model, options: PrintOptions = {}): string {
  const settings = settingsOf(options);
  // The text shows nodes in normal form, which may need a newer opset than the model will be written in.
  const opset = plainOpset(model);
  const opsets = opset === undefined ? model.opsets : new Map(model.opsets).set('', opset);
  const irVersion = opset === model.opsets.get('') ? model.irVersion : Math.max(model.irVersion, irVersionFor(opset ?? 0));
  const header = [`ir_version: ${irVersion}`, `opset_import: [${pairs(opsets, String)}]`];
  if (model.producer.name !== '') header.push(`producer_name: ${quoted(model.producer.name)}`);
  if (model.producer.version !== '') header.push(`producer_version: ${quoted(model.producer.version)}`);
  const { domain, model_version, doc_string } = headerOf(model);
  if (domain !== undefined) header.push(`domain: ${quoted(domain)}`);
  if (model_version !== undefined) header.push(`model_version: ${model_version}`);
  if (doc_string !== undefined) header.push(`doc_string: ${quoted(doc_string)}`);
  if (model.metadata.size > 0) header.push(`metadata_props: [${pairs(model.metadata, quoted)}]`);
  const beyond = settings.beyond
    ? aboutModel(model)
        .map((line) => `# ${oneLine(line)}\n`)
        .join('')
    : '';
  return `<\n${INDENT}${header.join(`,\n${INDENT}`)}\n>\n${beyond}${graphText(model.graph, '', settings)}\n`;
}

const pairs = <T>(map: ReadonlyMap<string, T>, text: (value: T) => string): string =>
  [...map].map(([key, value]) => `${quoted(key)} : ${text(value)}`).join(', ');

/** One node on one line (more if it holds graphs), without comments. */
export const printNode = (node: Node, options: PrintOptions = {}): string => nodeText(node, '', settingsOf({ types: 'none', ...options }));

function graphText(graph: Graph, indent: string, settings: Settings): string {
  const inner = indent + INDENT;
  const list = (values: readonly Value[]): string => values.map((value) => declaration(value)).join(', ');
  const lines = [`${graphName(graph)} (${list(graph.inputs)}) => (${list(graph.outputs)})`];
  const entries = [
    ...graph.constants.map((constant) => constantText(constant, settings)),
    ...(settings.types === 'declare' || settings.types === 'both' ? innerTypes(graph) : []),
  ];
  if (entries.length > 0) {
    lines.push(`${indent}<`);
    entries.forEach(({ text, comment, above = [] }, index) => {
      for (const line of above) lines.push(`${inner}# ${oneLine(line)}`);
      lines.push(`${inner}${text}${index < entries.length - 1 ? ',' : ''}${comment ? `  # ${comment}` : ''}`);
    });
    lines.push(`${indent}> {`);
  } else {
    lines[0] += ' {';
  }
  for (const node of graph.nodes) {
    for (const remark of [...unsayable(node), ...(settings.beyond ? aboutNode(node) : [])]) lines.push(`${inner}# ${oneLine(remark)}`);
    const comments = commentsOn(node, settings);
    lines.push(`${inner}${nodeText(node, inner, settings)}${comments.length > 0 ? `  # ${oneLine(comments.join('; '))}` : ''}`);
  }
  lines.push(`${indent}}`);
  return lines.join('\n');
}

/** A nested graph's name cannot be in quotes: it would be taken for a string. It means nothing, so it gets one that can be written. */
function graphName({ name, parent }: Graph): string {
  const text = nameText(name);
  return parent && text !== name ? `graph_${name.replace(/[^A-Za-z0-9_]/g, '_')}` : text;
}

interface Entry {
  readonly text: string;
  readonly comment?: string;
  /** Comments on lines of their own in front of it. */
  readonly above?: readonly string[];
}

const declaration = ({ type, name }: Value): string => (type ? `${typeText(type)} ${nameText(name)}` : nameText(name));

function innerTypes(graph: Graph): Entry[] {
  return graph.nodes
    .flatMap((node) => node.outputs)
    .filter((output) => output.type !== undefined && output.name !== '' && !graph.isOutput(output))
    .map((output) => ({ text: declaration(output) }));
}

/** As the syntax writes it: `float[N, 3, ?]`, `float` for a scalar, `float[]` where the rank is unknown. */
export function typeText({ dtype, shape }: TensorType): string {
  if (!shape) return `${dtype}[]`;
  return shape.length === 0 ? dtype : `${dtype}[${shape.map(dimText).join(', ')}]`;
}

const dimText = (dim: Dim): string =>
  dim === undefined ? '?' : typeof dim === 'number' ? `${dim}` : isIdentifier(dim) ? dim : quoted(dim);

function constantText(value: ConstValue, settings: Settings): Entry {
  const { name, constant } = value;
  const head = `${typeText(constant)} ${nameText(name)}`;
  const data = dataText(constant, settings);
  const above = settings.beyond ? aboutConstant(value) : [];
  return data === undefined
    ? { text: head, comment: `${tensorByteLength(constant)} bytes not shown`, above }
    : { text: `${head} = ${data}`, above };
}

/** `{1, 2}`, or where it lies, or undefined where it is left out. */
function dataText(tensor: Tensor, { weights, inlineLimit, place }: Settings): string | undefined {
  if ((elementCount(tensor.shape) > inlineLimit && weights !== 'inline') || isAbsent(tensor.data)) {
    if (weights === 'elide') return undefined;
    const at = place(tensor);
    if (at) return `["location" : ${quoted(at.location)}, "offset" : "${at.offset}", "length" : "${at.length}"]`;
  }
  const elements = literals(tensor);
  return elements && `{${elements.join(', ')}}`;
}

/** A stretch of a file. */
export interface TextPlace {
  readonly location: string;
  readonly offset: number;
  readonly length: number;
}

/** Where it lies already; undefined: in memory, in pieces, or in another encoding. */
export function placeInSource({ data }: Tensor, locate: (source: ByteSource) => string = ({ name }) => name): TextPlace | undefined {
  const [range, more] = data.kind === 'ranges' && data.encoding === 'raw' ? data.ranges : [];
  return range && !more ? { location: locate(range.source), offset: range.offset, length: range.length } : undefined;
}

function nodeText(node: Node, indent: string, settings: Settings): string {
  const named = node.outputs.find((output) => output.name !== '')?.name;
  const label = node.name === named ? [] : [`[${nameText(node.name)}]`];
  const outputs = node.outputs.length > 0 ? [node.outputs.map((output) => nameText(output.name)).join(', ')] : [];
  const inputs = `(${node.inputs.map((input) => nameText(input?.name ?? '')).join(', ')})`;
  const attrs = [...node.attrs].flatMap(([name, attr]) => attributeText(name, attr, indent, settings) ?? []);
  const list = attrs.length > 0 ? [`<${attrs.join(', ')}>`] : [];
  // Behind the inputs where a graph is among them, so that these are not lost beyond its end.
  const hasGraph = [...node.attrs.values()].some((attr) => attr.kind === 'graph' || attr.kind === 'graphs');
  return [...label, ...outputs, '=', operatorText(node), ...(hasGraph ? [inputs, ...list] : [...list, inputs])].join(' ');
}

const wordText = (word: string): string => (isIdentifier(word) ? word : quoted(word));

function operatorText({ domain, opType }: Node): string {
  const parts = domain === '' ? [] : domain.split('.').every(isIdentifier) ? [domain] : [quoted(domain)];
  return [...parts, wordText(opType)].join('.');
}

/** undefined: it has no form. */
function attributeText(name: string, attr: Attr, indent: string, settings: Settings): string | undefined {
  if (!hasForm(attr)) return undefined;
  const value = attributeValue(attr, indent, settings);
  return `${wordText(name)}${value === '[]' ? `: ${attr.kind}` : ''} = ${value}`;
}

function attributeValue(attr: Attr, indent: string, settings: Settings): string {
  switch (attr.kind) {
    case 'int':
      return `${attr.value}`;
    case 'ints':
      return `[${attr.value.join(', ')}]`;
    case 'float':
      return floatLiteral(attr.value);
    case 'floats':
      return `[${attr.value.map(floatLiteral).join(', ')}]`;
    case 'string':
      return quoted(`${attr.value}`);
    case 'strings':
      return `[${attr.value.map((value) => quoted(`${value}`)).join(', ')}]`;
    case 'tensor':
      return tensorText(attr.value);
    case 'tensors':
      return `[${attr.value.map(tensorText).join(', ')}]`;
    case 'graph':
      return graphText(attr.value, indent, settings);
    case 'graphs':
      return `[${attr.value.map((graph) => graphText(graph, indent, settings)).join(', ')}]`;
    case 'opaque':
      return '';
  }
}

/** With its data, whatever the size: an attribute without it would be another attribute. */
const tensorText = (tensor: Tensor): string => `${typeText(tensor)} {${(literals(tensor) ?? []).join(', ')}}`;

/** A number that cannot be taken for an int. */
function floatLiteral(value: number): string {
  const text = float32Text(value);
  return /^-?[0-9]+$/.test(text) ? `${text}.0` : text;
}

function commentsOn(node: Node, { types, origins }: Settings): string[] {
  const comments: string[] = [];
  const known = node.outputs.flatMap((output) => (output.type && output.name !== '' ? [typeText(output.type)] : []));
  if ((types === 'comment' || types === 'both') && known.length > 0) comments.push(known.join(', '));
  if (origins && !(node.origin.length === 1 && node.origin[0] === node.name)) comments.push(`from ${node.origin.join(', ')}`);
  return comments;
}

/** A comment ends with its line. */
const oneLine = (text: string): string => text.replace(/\s+/g, ' ');
