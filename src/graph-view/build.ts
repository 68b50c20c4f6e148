/** Model -> GraphView: a box per node, input and output, with its visible text and its details. */
import { attrText } from '../analysis/attr-text';
import { costs } from '../analysis/cost';
import { shapeText } from '../analysis/layers';
import { receptiveFields } from '../analysis/receptive-field';
import type { Graph } from '../ir/graph';
import { readBy } from '../ir/graph';
import type { Model } from '../ir/model';
import { entriesOf } from '../ir/spatial';
import { table } from '../ir/table';
import { elementCount, isKnown, readNumbers } from '../ir/tensor';
import type { Node, Tensor, Value } from '../ir/types';
import { familyOf } from './families';
import { groupByScope, type Item } from './groups';
import { type Scope, scopesOf } from './scopes';
import type { Box, Edge, GraphView, Status } from './view';

export interface BuildOptions {
  readonly title: string;
  /** Additional facts about the whole graph. */
  readonly facts?: readonly (readonly [string, string])[] | undefined;
  /** Status of a node, and additional details about it. */
  readonly mark?:
    | ((node: Node) => { readonly status: Status; readonly details: readonly (readonly [string, string])[] } | undefined)
    | undefined;
  /** Shapes that the file declares, by name of input or output, for a graph that is drawn at one of many sizes. */
  readonly declared?: ReadonlyMap<string, string> | undefined;
  /** Nodes of an earlier graph that were removed: they are drawn as well, connected to the replacements of their neighbours. */
  readonly ghosts?: Ghosts | undefined;
}

export interface Ghosts {
  readonly graph: Graph;
  readonly nodes: readonly Node[];
  /** The node's counterpart in the graph that is drawn. */
  counterpart(node: Node): Node | undefined;
}

/** Builds the view. The types of the graph must be inferred. */
export function buildView(model: Model, { title, facts = [], mark, declared, ghosts }: BuildOptions): GraphView {
  const { graph } = model;
  const cost = costs(graph);
  const fields = receptiveFields(graph);
  const scopes = new Map([...scopesOf(graph), ...(ghosts ? scopesOf(ghosts.graph) : [])]);
  const nodes = [...graph.nodes, ...(ghosts?.nodes ?? [])];
  const ids = new Map<Node, string>([
    ...graph.nodes.map((node) => [node, `n:${node.name}`] as const),
    ...(ghosts?.nodes ?? []).map((node) => [node, `was:${node.name}`] as const),
  ]);
  const edges = [...edgesOf(graph, ids), ...(ghosts ? ghostEdges(ghosts, ids) : [])];
  const { groups, parents } = groupByScope(
    [
      ...gatheredPorts(graph.inputs, 'input'),
      ...nodes.map((node) => ({ id: ids.get(node) ?? '', scope: scopes.get(node) ?? [], kind: node.op })),
      ...gatheredPorts(graph.outputs, 'output'),
    ],
    edges,
  );
  const boxes = nodes.map((node): Box => {
    const id = ids.get(node) ?? '';
    const { parameters = 0, multiplyAdds } = cost.get(node) ?? {};
    const field = node.outputs[0] && fields.of(node.outputs[0]);
    const marked = mark?.(node);
    return {
      id,
      parent: parents.get(id),
      label: node.domain === 'tfjs' ? node.opType : node.op,
      kind: 'node',
      family: familyOf(node.opType),
      lines: [...weightLines(node), ...resultLines(node)],
      details: [
        ['name', node.name],
        ...(marked?.details ?? []),
        ...originDetail(node),
        ...scopeDetail(scopes.get(node)),
        ...[...node.attrs].map(([name, attr]): [string, string] => [name, attrText(attr)]),
        ...node.inputs.flatMap((input, at): [string, string][] => (input ? [[`input ${at}`, valueText(input)]] : [])),
        ...node.outputs.filter(({ name }) => name !== '').map((output, at): [string, string] => [`output ${at}`, valueText(output)]),
        ...(parameters > 0 ? [['parameters', grouped(parameters)] as const] : []),
        ...(multiplyAdds ? [['multiply-adds', grouped(multiplyAdds)] as const] : []),
        ...(field
          ? [
              [
                'receptive field',
                entriesOf(field)
                  .map(([name, axis]) => `${name} ${axisText(axis)}`)
                  .join('; '),
              ] as const,
            ]
          : []),
      ],
      words: [
        node.name,
        node.op,
        ...node.origin,
        ...node.inputs.flatMap((input) => (input?.constant ? [input.name] : [])),
        ...node.outputs.map(({ name }) => name),
      ]
        .join(' ')
        .toLowerCase(),
      parameters,
      status: marked?.status,
    };
  });
  const ports = [
    ...graph.inputs.map((value) => portBox(value, 'input', declared)),
    ...graph.outputs.map((value) => portBox(value, 'output', declared)),
  ].map((box) => ({ ...box, parent: parents.get(box.id) }));
  return {
    title,
    facts: [
      ...facts,
      ['nodes', String(graph.nodeCount)],
      ['parameters', grouped([...cost.values()].reduce((sum, { parameters }) => sum + parameters, 0))],
      ['opset', String(model.opsets.get('') ?? '-')],
      ['producer', [model.producer.name, model.producer.version].filter((part) => part !== '').join(' ')],
    ],
    boxes: [...ports.filter(({ kind }) => kind === 'input'), ...boxes, ...ports.filter(({ kind }) => kind === 'output')],
    groups,
    edges,
  };
}

/** Up to this number, ports are separate boxes; more are put in a group. */
const MANY_PORTS = 40;

const gatheredPorts = (values: readonly Value[], kind: 'input' | 'output'): Item[] =>
  values.length <= MANY_PORTS
    ? []
    : values.map((value) => ({ id: portId(value, kind), scope: [`${values.length} ${kind}s`], kind: value.name }));

const portId = (value: Value, kind: 'input' | 'output'): string => `${kind}:${value.name}`;

function portBox(value: Value, kind: 'input' | 'output', declared: BuildOptions['declared']): Box {
  const own = shapeText(value.type);
  const said = declared?.get(value.name) ?? own;
  return {
    id: portId(value, kind),
    parent: undefined,
    label: value.name,
    kind,
    family: 'port',
    lines: said === own ? [own] : [said, `drawn at ${own}`],
    details: [[kind, value.name], ['type', `${value.type?.dtype ?? '?'} ${said}`], ...(said === own ? [] : [['drawn at', own] as const])],
    words: value.name.toLowerCase(),
    parameters: 0,
  };
}

function edgesOf(graph: Graph, ids: ReadonlyMap<Node, string>): Edge[] {
  const inputs = new Set(graph.inputs);
  const sourceOf = (value: Value): string | undefined =>
    value.producer ? ids.get(value.producer) : inputs.has(value) ? portId(value, 'input') : undefined;
  const edges: Edge[] = [];
  for (const node of graph.nodes)
    for (const value of new Set(readBy(node))) {
      const from = sourceOf(value);
      const to = ids.get(node);
      if (from !== undefined && to !== undefined && from !== to) edges.push({ from, to, label: shapeText(value.type) });
    }
  for (const output of graph.outputs) {
    const from = sourceOf(output);
    if (from !== undefined) edges.push({ from, to: portId(output, 'output'), label: shapeText(output.type) });
  }
  return edges;
}

function ghostEdges({ graph, nodes, counterpart }: Ghosts, ids: ReadonlyMap<Node, string>): Edge[] {
  const idOf = (node: Node | undefined): string | undefined => {
    const now = node && (ids.has(node) ? node : counterpart(node));
    return now && ids.get(now);
  };
  const edges: Edge[] = [];
  const inputs = new Set(graph.inputs);
  const gone = new Set(nodes);
  const add = (from: string | undefined, to: string | undefined, value: Value): void => {
    if (from !== undefined && to !== undefined && from !== to) edges.push({ from, to, label: shapeText(value.type) });
  };
  for (const node of nodes) {
    for (const value of node.inputs)
      if (value) add(value.producer ? idOf(value.producer) : inputs.has(value) ? portId(value, 'input') : undefined, ids.get(node), value);
    // If the reader was removed as well, the reader adds the edge itself.
    for (const output of node.outputs) for (const { user } of output.uses) if (!gone.has(user)) add(ids.get(node), idOf(user), output);
  }
  return edges;
}

// ---- texts ----

const grouped = (value: number): string => String(value).replace(/\B(?=(\d{3})+(?!\d))/g, ',');

const ROLES: Readonly<Record<string, readonly string[]>> = table({
  Conv: ['X', 'W', 'B'],
  ConvTranspose: ['X', 'W', 'B'],
  Gemm: ['A', 'B', 'C'],
  MatMul: ['A', 'B'],
  BatchNormalization: ['X', 'scale', 'B', 'mean', 'var'],
  LayerNormalization: ['X', 'scale', 'B'],
});

/** `W 64×3×11×11`, for each constant that a node reads; small ones with their values. */
function weightLines(node: Node): string[] {
  const lines = node.inputs.flatMap((input, at): string[] => {
    if (!input?.constant) return [];
    const role = ROLES[node.op]?.[at] ?? (node.inputs.length > 2 ? `#${at}` : '');
    const { shape } = input.constant;
    const size = shape.length === 0 ? 'scalar' : shape.join('×');
    return [`${role} ${elementCount(shape) <= 4 ? constantText(input.constant) : size}`.trim()];
  });
  const kernel = node.attrs.get('kernel_shape');
  const own = kernel?.kind === 'ints' && lines.length === 0 ? [`kernel ${kernel.value.join('×')}`] : [];
  return [...own, ...windowLine(node), ...lines.slice(0, 3), ...(lines.length > 3 ? [`+ ${lines.length - 3} more`] : [])];
}

/** Strides, pads and dilations that differ from the default: `stride 2, pad 1`. */
function windowLine({ attrs }: Node): string[] {
  const told = (name: string, word: string, usual: number): string[] => {
    const attr = attrs.get(name);
    if (attr?.kind !== 'ints' || attr.value.length === 0 || attr.value.every((value) => Number(value) === usual)) return [];
    return [`${word} ${new Set(attr.value.map(Number)).size === 1 ? attr.value[0] : attr.value.join('×')}`];
  };
  const parts = [...told('strides', 'stride', 1), ...told('pads', 'pad', 0), ...told('dilations', 'dilation', 1)];
  return parts.length > 0 ? [parts.join(', ')] : [];
}

const resultLines = ({ outputs }: Node): string[] => {
  const [first, ...others] = outputs.filter(({ name }) => name !== '');
  return first ? [`→ ${shapeText(first.type)}${others.length > 0 ? ` + ${others.length}` : ''}`] : [];
};

const originDetail = ({ name, origin }: Node): [string, string][] =>
  origin.length === 1 && origin[0] === name ? [] : [['stands for', origin.join(', ')]];
const scopeDetail = (scope: Scope | undefined): [string, string][] => (scope?.length ? [['scope', scope.join(' / ')]] : []);

const valueText = (value: Value): string =>
  `${value.name} ${value.type?.dtype ?? '?'} ${shapeText(value.type).replace(/^\w+(?=\[)/, '')}${value.constant ? ` = ${constantText(value.constant)}` : ''}`;

/** Up to eight elements of a constant in memory; weights are not read from disk for a picture. */
function constantText(tensor: Tensor): string {
  const { data, shape } = tensor;
  if (data.kind !== 'bytes' || elementCount(shape) > 8) return 'constant';
  const numbers = numbersOf(tensor);
  return numbers ? `{${numbers.map((number) => Number(number.toPrecision(6))).join(', ')}}` : 'constant';
}

function numbersOf(tensor: Tensor): number[] | undefined {
  return isKnown(tensor) ? [...readNumbers(tensor)] : undefined;
}

const axisText = (axis: 'whole' | { readonly window: number; readonly stride: number; readonly offset: number }): string =>
  axis === 'whole' ? 'all' : `${axis.window} every ${axis.stride} from ${axis.offset}`;
