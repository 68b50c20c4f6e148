/**
 * Inlines local functions: each call is replaced by the function's nodes, with unique names for inner values and the caller's attributes.
 * Works on protobuf messages, before the IR is built. Functions may call functions, to a depth of 100, and may expand to at most `most` nodes.
 */
import { badFunction, expandsTooFar } from '../diagnostics/catalogue';
import type { AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto } from './proto';

const DEPTH_LIMIT = 100;
const COUNT_LIMIT = 10_000;
const LONGEST_NAME = 200;

/** The model's graph without calls of local functions; opset imports of the functions are added where the model lacks them. */
export function inlineFunctions(model: ModelProto, most = Number.POSITIVE_INFINITY): GraphProto | undefined {
  const functions = model.functions ?? [];
  if (functions.length === 0 || !model.graph) return model.graph ?? undefined;
  if (functions.length > COUNT_LIMIT)
    throw badFunction(functions[0]?.name ?? '', `is one of ${functions.length}; at most ${COUNT_LIMIT} are allowed`);
  const table = new Map(functions.map((definition) => [keyOf(definition.domain, definition.name, definition.overload), definition]));
  const imports = new Map((model.opset_import ?? []).map(({ domain, version }) => [normalDomain(domain), String(version ?? 0)]));
  for (const definition of functions) {
    for (const { domain, version } of definition.opset_import ?? []) {
      const own = imports.get(normalDomain(domain));
      if (own === undefined) {
        model.opset_import = [...(model.opset_import ?? []), { domain: domain ?? '', version: version ?? 0 }];
        imports.set(normalDomain(domain), String(version ?? 0));
      } else if (own !== String(version ?? 0)) {
        throw badFunction(definition.name ?? '', `is written for opset ${version} of domain '${domain ?? ''}', the model for ${own}`);
      }
    }
  }
  return new Inliner(table, most).graph(model.graph, []);
}

const normalDomain = (domain: string | null | undefined): string => (domain === 'ai.onnx' ? '' : (domain ?? ''));
const keyOf = (domain: string | null | undefined, name: string | null | undefined, overload: string | null | undefined): string =>
  JSON.stringify([normalDomain(domain), name ?? '', overload ?? '']);

class Inliner {
  private count = 0;
  private made = 0;
  constructor(
    private readonly table: ReadonlyMap<string, FunctionProto>,
    private readonly most: number,
  ) {}

  graph(graph: GraphProto, stack: readonly string[]): GraphProto {
    return { ...graph, node: (graph.node ?? []).flatMap((node) => this.node(node, stack)) };
  }

  private node(node: NodeProto, stack: readonly string[]): NodeProto[] {
    const key = keyOf(node.domain, node.op_type, node.overload);
    const definition = this.table.get(key);
    if (!definition) return [this.nested(node, stack)];
    const name = node.op_type ?? '';
    if (stack.includes(key))
      throw badFunction(
        name,
        `calls itself: ${[...stack.slice(stack.indexOf(key)), key].map((entry) => JSON.parse(entry)[1]).join(' -> ')}`,
      );
    if (stack.length >= DEPTH_LIMIT) throw badFunction(name, `is called through more than ${DEPTH_LIMIT} others`);
    return this.expand(node, definition, [...stack, key]);
  }

  /** Expands calls inside the graphs in the node's attributes. */
  private nested(node: NodeProto, stack: readonly string[]): NodeProto {
    if (!node.attribute?.some((attribute) => attribute.g || attribute.graphs?.length)) return node;
    return {
      ...node,
      attribute: node.attribute.map((attribute) => ({
        ...attribute,
        ...(attribute.g && { g: this.graph(attribute.g, stack) }),
        ...(attribute.graphs?.length && { graphs: attribute.graphs.map((graph) => this.graph(graph, stack)) }),
      })),
    };
  }

  private expand(call: NodeProto, definition: FunctionProto, stack: readonly string[]): NodeProto[] {
    // Long names are cut to their end, because they grow with each level.
    const prefix = `${(call.name || call.op_type || '').slice(-LONGEST_NAME)}_${this.count++}/`;
    const names = new Map<string, string>([['', '']]);
    for (const [index, formal] of (definition.input ?? []).entries()) names.set(formal, call.input?.[index] ?? '');
    for (const [index, formal] of (definition.output ?? []).entries()) names.set(formal, call.output?.[index] || `${prefix}${formal}`);
    const attributes = new Map<string, AttributeProto>();
    for (const attribute of definition.attribute_proto ?? []) attributes.set(attribute.name ?? '', attribute);
    for (const attribute of call.attribute ?? []) attributes.set(attribute.name ?? '', attribute);
    this.made += countNodes(definition.node ?? []);
    if (this.made > this.most)
      throw expandsTooFar(
        `its local functions come to more than ${Math.floor(this.most).toLocaleString('en')} nodes`,
        'that is more than a file of this size may have',
        { op: definition.name ?? '' },
      );
    const body = (definition.node ?? []).map((node) => renamed(node, prefix, names, attributes));
    return body.flatMap((node) => this.node(node, stack));
  }
}

/** Number of nodes, including those of nested graphs. */
const countNodes = (nodes: readonly NodeProto[]): number =>
  nodes.reduce(
    (sum, { attribute }) =>
      sum +
      (attribute ?? []).reduce(
        (inner, { g, graphs }) => [...(g ? [g] : []), ...(graphs ?? [])].reduce((all, graph) => all + countNodes(graph.node ?? []), inner),
        1,
      ),
    0,
  );

function renamed(node: NodeProto, prefix: string, names: Map<string, string>, attributes: ReadonlyMap<string, AttributeProto>): NodeProto {
  const nameOf = (name: string): string => {
    const known = names.get(name);
    if (known !== undefined) return known;
    names.set(name, `${prefix}${name}`);
    return `${prefix}${name}`;
  };
  return {
    ...node,
    name: `${prefix}${node.name || node.op_type}`,
    input: (node.input ?? []).map(nameOf),
    output: (node.output ?? []).map(nameOf),
    attribute: (node.attribute ?? []).flatMap((attribute) => bound(attribute, prefix, names, attributes)),
  };
}

/** Replaces `@name` by the caller's attribute, or removes it if the caller has none. */
function bound(
  attribute: AttributeProto,
  prefix: string,
  names: Map<string, string>,
  attributes: ReadonlyMap<string, AttributeProto>,
): AttributeProto[] {
  if (attribute.ref_attr_name) {
    const actual = attributes.get(attribute.ref_attr_name);
    return actual ? [{ ...actual, name: attribute.name ?? '' }] : [];
  }
  const inner = (graph: GraphProto): GraphProto => ({
    ...graph,
    node: (graph.node ?? []).map((node) => renamed(node, prefix, innerNames(graph, names), attributes)),
  });
  return [
    {
      ...attribute,
      ...(attribute.g && { g: inner(attribute.g) }),
      ...(attribute.graphs?.length && { graphs: attribute.graphs.map(inner) }),
    },
  ];
}

/** Name map of a nested graph: names that it defines itself are kept. */
function innerNames(graph: GraphProto, outer: ReadonlyMap<string, string>): Map<string, string> {
  const names = new Map(outer);
  const own = [
    ...(graph.input ?? []).map(({ name }) => name),
    ...(graph.initializer ?? []).map(({ name }) => name),
    ...(graph.node ?? []).flatMap(({ output }) => output ?? []),
  ];
  for (const name of own) if (name) names.set(name, name);
  return names;
}
