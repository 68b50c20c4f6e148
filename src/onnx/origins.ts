/**
 * Origins in the file: the nodes of the original model that a node represents, so that two files can be compared node by node.
 *
 *   IR version 10 and later   metadata_props of the node:   convolutionize.origin  = ["conv1","bn1"]
 *   before, where nodes have none, of the model:            convolutionize.origins = {"conv1":["conv1","bn1"], ...}
 *
 * A node that represents only its namesake is not listed. The names are those of the first model of a chain of conversions: origins that a model
 * already has are passed on, so that any two members of the chain can be compared.
 */
import { jsonIn } from '../formats/json';
import type { Graph } from '../ir/graph';
import { allNodes } from '../ir/graph';
import type { Node } from '../ir/types';
import type { ModelProto, NodeProto } from './proto';

type Props = NonNullable<NodeProto['metadata_props']>;

const OF_NODE = 'convolutionize.origin';
const OF_MODEL = 'convolutionize.origins';
/** First IR version in which nodes have metadata. */
const NODE_METADATA = 10;

/** Origin of a node in the file; undefined if the file gives none, or anything but a list of names. */
export function originIn(props: Props | null | undefined): readonly string[] | undefined {
  const text = props?.find(({ key }) => key === OF_NODE)?.value;
  return text ? nameList(jsonIn(text)) : undefined;
}

/** Origins by node name, where the model lists them. */
export function originsIn(props: ModelProto['metadata_props']): ReadonlyMap<string, readonly string[]> {
  const origins = new Map<string, readonly string[]>();
  const listed = jsonIn(props?.find(({ key }) => key === OF_MODEL)?.value ?? undefined);
  if (typeof listed !== 'object' || listed === null) return origins;
  for (const [node, value] of Object.entries(listed)) {
    const names = nameList(value);
    if (names) origins.set(node, names);
  }
  return origins;
}

/** The model's metadata without the list, which the writer creates again. */
export const withoutOrigins = (props: ModelProto['metadata_props']): Props => (props ?? []).filter(({ key }) => key !== OF_MODEL);

/** Metadata of a node with its origin at its previous position, or at the end; unchanged if the node has no origin to record. */
export function propsWithOrigin(node: Node, kept: Props | null | undefined, irVersion: number): Props | undefined {
  const props = kept ?? [];
  const entry = irVersion >= NODE_METADATA && !standsForItself(node) ? [{ key: OF_NODE, value: JSON.stringify(node.origin) }] : [];
  const at = props.findIndex(({ key }) => key === OF_NODE);
  const all = at < 0 ? [...props, ...entry] : [...props.slice(0, at), ...entry, ...props.slice(at + 1)];
  return all.length > 0 ? all : undefined;
}

/** Metadata of the model that holds the origins, for IR versions where nodes have no metadata. */
export function modelOrigins(graph: Graph, irVersion: number): Props {
  if (irVersion >= NODE_METADATA) return [];
  const listed = [...allNodes(graph)].filter((node) => !standsForItself(node));
  return listed.length === 0
    ? []
    : [{ key: OF_MODEL, value: JSON.stringify(Object.fromEntries(listed.map(({ name, origin }) => [name, origin]))) }];
}

const standsForItself = ({ name, origin }: Node): boolean => origin.length === 1 && origin[0] === name;

const nameList = (value: unknown): readonly string[] | undefined =>
  Array.isArray(value) && value.length > 0 && value.every((name) => typeof name === 'string') ? value : undefined;
