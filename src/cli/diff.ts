/** `inspect --diff`: the changes of each node between two models, as text, JSON or a picture. */
import { basename } from 'node:path';
import { type DiffStatus, diffGraphs, type GraphDiff, type NodeDiff, type WeightChange } from '../analysis/diff';
import { declaredSize } from '../compile/metadata';
import { badOption, usage } from '../diagnostics/catalogue';
import { printable } from '../diagnostics/format';
import { filesBehind, readModelFile } from '../files';
import { AFTER, BEFORE, beside } from '../graph-view/beside';
import type { BuildOptions } from '../graph-view/build';
import { buildView } from '../graph-view/build';
import { openGroups, ViewIndex } from '../graph-view/fold';
import type { Model } from '../ir/model';
import type { Node } from '../ir/types';
import { checkOutput } from '../output';
import type { InspectArgs } from './commands';
import { type DrawingFormat, declaredShapes, depthOf, directionOf, drawing, drawnAs } from './drawing';
import { formatOf, show, sizeOf, writeFormat } from './inspect-format';
import { missingWeights } from './missing-weights';
import { cut } from './table';
import type { Terminal } from './terminal';
import { typed } from './typed';

export const DIFF_SCHEMA = 'convolutionize/diff/1';

export async function diffCommand(args: InspectArgs, terminal: Terminal): Promise<number> {
  const { model: first, other: second, output } = args;
  if (second === undefined) throw usage('--diff compares two models; the second is missing', 'inspect');
  if (!args.diff) throw usage(`two models are compared with --diff: inspect --diff ${first} ${second}`, 'inspect');
  const format = formatOf(args);
  if (format === 'text') throw badOption('format', format, 'summary, json, html, svg or dot, with --diff');
  if (output !== undefined) checkOutput(output, [first, second], args.force);
  const read = (path: string): Model => {
    const missing = missingWeights(path, terminal);
    const model = readModelFile(path, {
      allowSymlinks: args.allowSymlinks,
      warn: (warning) => terminal.warning(warning),
      onMissing: missing.onMissing,
    });
    missing.report();
    return model;
  };
  const [original, converted] = [read(first), read(second)];
  // Both models use the size that the original was made for; otherwise every shape would differ.
  const size = sizeOf(args) ?? declaredSize(converted);
  const [before, after] = [typed(original, fits(original, size)), typed(converted, size)];
  const diff = diffGraphs(before.graph, after.graph);
  const text =
    format === 'summary'
      ? diffText(first, second, diff, output === undefined ? terminal.columns : undefined)
          .map(printable)
          .join('\n')
      : format === 'json'
        ? JSON.stringify(diffJson(first, second, diff), undefined, 2)
        : drawn({
            format,
            names: [basename(first), basename(second)],
            before,
            after,
            diff,
            declared: [declaredShapes(original), declaredShapes(converted)],
            args,
          });
  if (output === undefined) show(format, text, args, terminal);
  else await writeFormat(format, text, output, [...filesBehind(original), ...filesBehind(converted)], args.force);
  return 0;
}

/** The given size applies to the original only if its own size is open. */
const fits = (model: Model, size: ReturnType<typeof sizeOf>) =>
  model.graph.inputs.some((input) => input.type?.shape?.slice(1).some((dim) => typeof dim !== 'number')) ? size : undefined;

// ---- text ----

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

interface Drawn {
  readonly format: DrawingFormat;
  readonly names: readonly [string, string];
  readonly before: Model;
  readonly after: Model;
  readonly diff: GraphDiff;
  /** Declared shapes of inputs and outputs of both files. */
  readonly declared: readonly [ReadonlyMap<string, string>, ReadonlyMap<string, string>];
  readonly args: InspectArgs;
}

function drawn(all: Drawn): string {
  const { format, names, before, after, diff, declared, args } = all;
  const facts = [
    ...Object.entries(diff.counts).map(([status, count]): [string, string] => [status, String(count)]),
    ['weights', weightTotal(diff.weights)] as const,
  ];
  if (args.sideBySide) return besideEachOther(all, facts);
  const [depth, direction] = [depthOf(args.depth), directionOf(args)];
  const ghosts = {
    graph: before.graph,
    nodes: diff.nodes.flatMap(({ status, before: node }) => (status === 'removed' && node ? [node] : [])),
    counterpart: (node: Node) => diff.counterpart(node),
  };
  const mark = marker(diff.nodes, (node) => node.after ?? node.before);
  const title = names.join(' → ');
  return drawing(format, after, { title, depth, direction, facts, mark, declared: declared[1], ghosts });
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
function besideEachOther({ format, names, before, after, diff: { nodes }, declared, args }: Drawn, facts: BuildOptions['facts']): string {
  const [first, second] = names;
  const views = [
    buildView(before, { title: `before: ${first}`, mark: marker(nodes, (node) => node.before), declared: declared[0] }),
    buildView(after, { title: `after: ${second}`, mark: marker(nodes, (node) => node.after), declared: declared[1] }),
  ] as const;
  const twins = nodes.flatMap(({ before: was, after: is }) => (was && is ? [[`n:${was.name}`, `n:${is.name}`] as const] : []));
  const index = new ViewIndex(beside(names.join(' → '), ...views, twins, facts));
  const depth = depthOf(args.depth);
  const open = openGroups(index, depth === 'auto' ? depth : depth + 1);
  return drawnAs(format, index, new Set([...open, BEFORE, AFTER]), directionOf(args));
}
