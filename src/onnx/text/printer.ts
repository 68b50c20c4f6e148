/**
 * Model -> ONNX's textual syntax, for people and for our parser.
 *
 * onnx.parser can read it too, as long as the model uses only what the syntax can express. Its gaps:
 * - operators, domains and attributes whose names are not identifiers are quoted, lists of tensors and graphs are bracketed; a comment notes it;
 * - byte strings that are not UTF-8 and attributes of opaque kinds are omitted; a comment notes it;
 * - types of inner values and origins are written as comments, unless requested otherwise; so are documentation and metadata (`beyond`).
 * Large constants are omitted by default (a typed name without data), or become references into the file that contains them.
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
   * Constants of more than `inlineLimit` elements: `elide` prints type and name only; `reference` the location in the file if they are one piece of it, otherwise
   * their elements; `inline` their elements, whatever the size.
   */
  readonly weights?: 'elide' | 'reference' | 'inline';
  /** Number of elements up to which a constant is always printed; default 16. */
  readonly inlineLimit?: number;
  /** Location of the bytes of a large constant, relative to the text; undefined: print the elements. Default: its range in the source, if it is one piece. */
  readonly place?: (tensor: Tensor) => TextPlace | undefined;
  /** Types of inner values: after each node, as declarations in the graph's list (which are read back), both, or not at all. Default `comment`. */
  readonly types?: 'comment' | 'declare' | 'both' | 'none';
  /** Adds the source nodes that a node represents, if they differ from the node itself. Default false. */
  readonly origins?: boolean;
  /** Adds documentation, metadata and everything else that the syntax cannot express, as comments. Default false. */
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

/** Prints the whole model; ends with a line break. */
export function printModel(model: Model, options: PrintOptions = {}): string {
  const settings = settingsOf(options);
  // The text shows nodes in normal form, which may need a newer opset than the model will be written with.
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

/** Prints one node on one line (more if it contains graphs), without comments. */
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

/** A nested graph's name cannot be quoted: it would be read as a string. It has no meaning, so it is replaced by one that can be written. */
function graphName({ name, parent }: Graph): string {
  const text = nameText(name);
  return parent && text !== name ? `graph_${name.replace(/[^A-Za-z0-9_]/g, '_')}` : text;
}

interface Entry {
  readonly text: string;
  readonly comment?: string;
  /** Comments on separate lines above it. */
  readonly above?: readonly string[];
}

const declaration = ({ type, name }: Value): string => (type ? `${typeText(type)} ${nameText(name)}` : nameText(name));

function innerTypes(graph: Graph): Entry[] {
  return graph.nodes
    .flatMap((node) => node.outputs)
    .filter((output) => output.type !== undefined && output.name !== '' && !graph.isOutput(output))
    .map((output) => ({ text: declaration(output) }));
}

/** A type in the syntax: `float[N, 3, ?]`, `float` for a scalar, `float[]` if the rank is unknown. */
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

/** `{1, 2}`, or a reference to its location, or undefined if it is omitted. */
function dataText(tensor: Tensor, { weights, inlineLimit, place }: Settings): string | undefined {
  if ((elementCount(tensor.shape) > inlineLimit && weights !== 'inline') || isAbsent(tensor.data)) {
    if (weights === 'elide') return undefined;
    const at = place(tensor);
    if (at) return `["location" : ${quoted(at.location)}, "offset" : "${at.offset}", "length" : "${at.length}"]`;
  }
  const elements = literals(tensor);
  return elements && `{${elements.join(', ')}}`;
}

/** A range of a file. */
export interface TextPlace {
  readonly location: string;
  readonly offset: number;
  readonly length: number;
}

/** Location of the bytes in the tensor's source; undefined if they are in memory, in pieces, or in another encoding. */
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
  // After the inputs if one of them is a graph, so that these are not overlooked beyond its end.
  const hasGraph = [...node.attrs.values()].some((attr) => attr.kind === 'graph' || attr.kind === 'graphs');
  return [...label, ...outputs, '=', operatorText(node), ...(hasGraph ? [inputs, ...list] : [...list, inputs])].join(' ');
}

const wordText = (word: string): string => (isIdentifier(word) ? word : quoted(word));

function operatorText({ domain, opType }: Node): string {
  const parts = domain === '' ? [] : domain.split('.').every(isIdentifier) ? [domain] : [quoted(domain)];
  return [...parts, wordText(opType)].join('.');
}

/** undefined: the attribute has no textual form. */
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

/** With its data, whatever the size: an attribute without its data would be a different attribute. */
const tensorText = (tensor: Tensor): string => `${typeText(tensor)} {${(literals(tensor) ?? []).join(', ')}}`;

/** A number that cannot be mistaken for an int. */
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

/** Removes line breaks, which would end a comment. */
const oneLine = (text: string): string => text.replace(/\s+/g, ' ');
