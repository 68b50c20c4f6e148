/** The changes of each node between two models, as text, JSON or a picture. */
import type { DiffStatus, GraphDiff, NodeDiff, WeightChange } from '../analysis/diff';
import { printable } from '../diagnostics/format';
import { AFTER, BEFORE, beside } from '../graph-view/beside';
import type { BuildOptions } from '../graph-view/build';
import { buildView } from '../graph-view/build';
import { openGroups, ViewIndex } from '../graph-view/fold';
import type { Node } from '../ir/types';
import type { Compared } from './compared';
import { type DrawingFormat, type DrawOptions, drawing, drawnAs } from './drawing';
import { cut } from './table';

export const DIFF_SCHEMA = 'convolutionize/diff/1';

const SIGNS: Readonly<Record<DiffStatus, string>> = { unchanged: '=', moved: '>', rewritten: '~', added: '+', removed: '-' };

export function diffText(first: string, second: string, { nodes, counts, weights }: GraphDiff, columns?: number): string[] {
  const total = (Object.keys(SIGNS) as DiffStatus[]).map((status) => `${counts[status]} ${status}`).join(', ');
  const lines = [printable(`${first} -> ${second}`), `  nodes    ${total}`, `  weights  ${weightTotal(weights)}`, ''];
  let run: NodeDiff[] = [];
  const endRun = (): void => {
    if (run.length > 0 && run.length <= 2) for (const { after } of run) lines.push(`= ${label(after)}`);
    else if (run.length > 0) lines.push(`= ${run.length} nodes, ${label(run[0]?.after)} to ${label(run[run.length - 1]?.after)}`);
    run = [];
  };
  for (const node of nodes) {
    if (node.status === 'unchanged') {
      run.push(node);
      continue;
    }
    endRun();
    lines.push(`${SIGNS[node.status]} ${headline(node)}`, ...changes(node).map((change) => `    ${change}`));
  }
  endRun();
  lines.push('', '= unchanged   > moved: other shapes or sources   ~ rewritten   + added   - removed');
  return columns === undefined ? lines : lines.map((line) => cut(line, columns));
}

function weightTotal({ same, changed, added, removed }: GraphDiff['weights']): string {
  const parts = [
    `${same} the same bytes`,
    `${changed} changed`,
    ...(added > 0 ? [`${added} added`] : []),
    ...(removed > 0 ? [`${removed} removed`] : []),
  ];
  return parts.join(', ');
}

const label = (node: Node | undefined): string => (node ? `${printable(node.op)} ${printable(node.name)}` : '');

function headline({ before, after }: NodeDiff): string {
  if (!before || !after || before.name === after.name) return label(after ?? before);
  return `${label(before)} -> ${before.op === after.op ? printable(after.name) : label(after)}`;
}

/** Descriptions of the changes, one line each. */
function changes({ before, after, merged, into, attributes, weights, shapes, sources, isConstant }: NodeDiff): string[] {
  return [
    ...(before && after && before.name === after.name && before.op !== after.op ? [`operator ${before.op} -> ${after.op}`] : []),
    ...(into ? [`went into ${label(into)}`] : []),
    ...(isConstant ? ['it computed on shapes or weights alone'] : []),
    ...(merged.length > 0 ? [`also stands for ${merged.map(label).join(', ')}`] : []),
    ...attributes
      // Attributes of different operators cannot be compared.
      .filter((change) => before?.op === after?.op || change.after !== undefined)
      .map(
        ({ name, before: was, after: is }) =>
          `${printable(name)} ${was === undefined || before?.op !== after?.op ? '' : `${printable(was)} -> `}${is === undefined ? 'left out' : printable(is)}`,
      ),
    ...weights.flatMap((change) => (change.bytes === 'same' && change.types[0] === change.types[1] ? [] : [weightText(change)])),
    ...(shapes ? [`shape ${shapes[0]} -> ${shapes[1]}`] : []),
    ...(sources ? [`reads ${printable(sources[1])} instead of ${printable(sources[0])}`] : []),
  ];
}

function weightText({ before, after, types, bytes }: WeightChange): string {
  const name =
    before === after || before === undefined || after === undefined
      ? printable(after ?? before ?? '')
      : `${printable(before)} -> ${printable(after)}`;
  const type =
    types[0] === types[1] || types[0] === undefined || types[1] === undefined ? (types[1] ?? types[0]) : `${types[0]} -> ${types[1]}`;
  return `weight ${name} ${type}: ${bytes === 'same' ? 'the same bytes' : bytes}`;
}

// ---- JSON ----

/** The result conforms to docs/schemas/diff.schema.json. */
export function diffJson(first: string, second: string, { nodes, counts, weights }: GraphDiff): object {
  const named = (node: Node | undefined): object | null => (node ? { name: node.name, op: node.op } : null);
  return {
    schema: DIFF_SCHEMA,
    before: first,
    after: second,
    nodes: counts,
    weights,
    changes: nodes.map((node) => ({
      status: node.status,
      before: named(node.before),
      after: named(node.after),
      merged: node.merged.map(named),
      into: named(node.into),
      attributes: node.attributes.map(({ name, before, after }) => ({ name, before: before ?? null, after: after ?? null })),
      weights: node.weights.map(({ before, after, types, bytes }) => ({
        before: before ?? null,
        after: after ?? null,
        types: types.map((type) => type ?? null),
        bytes,
      })),
      shapes: node.shapes ?? null,
      sources: node.sources ?? null,
    })),
  };
}

// ---- picture ----

export interface Drawn extends Compared {
  readonly format: DrawingFormat;
  readonly names: readonly [string, string];
  readonly how: DiffDrawOptions;
}

export interface DiffDrawOptions extends Pick<DrawOptions, 'depth' | 'direction' | 'viewer'> {
  /** Both graphs beside each other, instead of one in which removed nodes are drawn as well. */
  readonly sideBySide?: boolean | undefined;
}

export function diffDrawing(all: Drawn): string {
  const { format, names, before, after, diff, declared, how } = all;
  const facts = [
    ...Object.entries(diff.counts).map(([status, count]): [string, string] => [status, String(count)]),
    ['weights', weightTotal(diff.weights)] as const,
  ];
  if (how.sideBySide) return besideEachOther(all, facts);
  const { depth, direction, viewer } = how;
  const ghosts = {
    graph: before.graph,
    nodes: diff.nodes.flatMap(({ status, before: node }) => (status === 'removed' && node ? [node] : [])),
    counterpart: (node: Node) => diff.counterpart(node),
  };
  const mark = marker(diff.nodes, (node) => node.after ?? node.before);
  const title = names.join(' → ');
  return drawing(format, after, { title, depth, direction, viewer, facts, mark, declared: declared[1], ghosts });
}

/** Returns a function that finds the diff of a node on the given side. */
function marker(nodes: readonly NodeDiff[], side: (node: NodeDiff) => Node | undefined): NonNullable<BuildOptions['mark']> {
  const byNode = new Map(
    nodes.flatMap((node) => {
      const own = side(node);
      return own ? [[own, node] as const] : [];
    }),
  );
  return (node) => {
    const found = byNode.get(node);
    const was = found?.before && found.after ? [['was', label(found.before)] as const] : [];
    return found && { status: found.status, details: [...was, ...changes(found).map((change) => ['change', change] as const)] };
  };
}

/** Both graphs, each in its own group. A node is marked in both graphs and linked to its counterpart. */
function besideEachOther({ format, names, before, after, diff: { nodes }, declared, how }: Drawn, facts: BuildOptions['facts']): string {
  const [first, second] = names;
  const views = [
    buildView(before, { title: `before: ${first}`, mark: marker(nodes, (node) => node.before), declared: declared[0] }),
    buildView(after, { title: `after: ${second}`, mark: marker(nodes, (node) => node.after), declared: declared[1] }),
  ] as const;
  const twins = nodes.flatMap(({ before: was, after: is }) => (was && is ? [[`n:${was.name}`, `n:${is.name}`] as const] : []));
  const index = new ViewIndex(beside(names.join(' → '), ...views, twins, facts));
  const { depth } = how;
  const open = openGroups(index, depth === 'auto' ? depth : depth + 1);
  return drawnAs(format, index, new Set([...open, BEFORE, AFTER]), how);
}
