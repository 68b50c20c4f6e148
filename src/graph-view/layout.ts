/**
 * Positions of boxes, open groups and edges. Each open group is laid out separately by dagre, and is then a box of its size in the layout around it. Many small
 * layouts replace a large one that dagre's recursion and running time could not handle (nasnet: 1500 nodes), and opening a group moves only what must move.
 */
import { layout as dagre, Graph } from '@dagrejs/dagre';
import { edgesByLevel, type LevelEdge, OUTSIDE, type ViewIndex } from './fold';

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Top left corner, in pixels. */
export interface Placed extends Point {
  readonly id: string;
  readonly kind: 'box' | 'open' | 'closed';
  readonly width: number;
  readonly height: number;
}

export interface Wire {
  readonly points: readonly Point[];
  /** Whether it ends here or continues beyond the border of a group. */
  readonly ends: boolean;
  readonly labels: readonly string[];
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  /** Outer ones before inner ones. */
  readonly placed: readonly Placed[];
  readonly wires: readonly Wire[];
}

export const HEADER = 26;
const PADDING = 14;
const LINE = 15;
const WIDEST = 40;

/** Text of a box as drawn: cut to a width that the layout can handle. */
export const shown = (text: string): string => (text.length > WIDEST ? `${text.slice(0, WIDEST - 1)}…` : text);

export interface Face {
  readonly label: string;
  readonly lines: readonly string[];
}

/** Text on a box or a closed group. */
export function faceOf(index: ViewIndex, id: string): Face {
  const box = index.boxes.get(id);
  if (box) return { label: shown(box.label), lines: box.lines.map(shown) };
  const inside = index.boxesIn(id);
  const parameters = inside.reduce((sum, { parameters: own }) => sum + own, 0);
  return {
    label: `+ ${shown(index.groups.get(id)?.label ?? '')}`,
    lines: [`${inside.length} nodes${parameters > 0 ? `, ${short(parameters)} parameters` : ''}`],
  };
}

const short = (value: number): string =>
  value >= 1e6 ? `${Number((value / 1e6).toPrecision(3))} M` : value >= 1e3 ? `${Number((value / 1e3).toPrecision(3))} k` : String(value);

/** Direction of edges: down, or to the right for pages that are wider than high. */
export type Direction = 'down' | 'right';

/** Layout of one level, relative to its own corner. */
interface Level extends Layout {
  /** Points where edges from outside enter at the top and leave at the bottom; with direction right, at the left and at the right. */
  readonly entry: number;
  readonly exit: number;
}

export function layoutView(index: ViewIndex, open: ReadonlySet<string>, direction: Direction = 'down'): Layout {
  const levels = edgesByLevel(index);
  const level = (group: string | undefined): Level => layoutLevel(index, group, open, levels, level, direction);
  return level(undefined);
}

function layoutLevel(
  index: ViewIndex,
  group: string | undefined,
  open: ReadonlySet<string>,
  levels: ReadonlyMap<string | undefined, readonly LevelEdge[]>,
  inner: (group: string) => Level,
  direction: Direction,
): Level {
  const edges = levels.get(group) ?? [];
  const insides = new Map<string, Level>();
  const graph = new Graph({ multigraph: false });
  graph.setGraph({ rankdir: direction === 'down' ? 'TB' : 'LR', nodesep: 22, edgesep: 12, ranksep: 30, ranker: 'tight-tree' });
  for (const id of index.membersOf(group)) {
    const inside = open.has(id) ? inner(id) : undefined;
    if (inside) insides.set(id, inside);
    graph.setNode(id, inside ? { width: inside.width, height: inside.height } : sizeOf(faceOf(index, id)));
  }
  const entering = edges.some(({ from }) => from === OUTSIDE);
  const leaving = edges.some(({ to }) => to === OUTSIDE);
  // No member has one of these ids.
  if (entering) graph.setNode('in', { width: 1, height: 1 });
  if (leaving) graph.setNode('out', { width: 1, height: 1 });
  const ends = ({ from, to }: LevelEdge): readonly [string, string] => [from === OUTSIDE ? 'in' : from, to === OUTSIDE ? 'out' : to];
  for (const edge of edges) graph.setEdge(...ends(edge), { weight: Math.min(edge.edges.length, 3) });
  const joined = new Set(edges.flatMap(({ from, to }) => [from, to]));
  dagre(graph);
  const isRoot = group === undefined;
  const content = graph.graph();
  const [contentWidth, contentHeight] = [content.width ?? 0, content.height ?? 0];
  const title = isRoot ? 0 : labelWidth(index.groups.get(group)?.label ?? '') + 44;
  // dagre has already left room where edges enter or leave.
  const isDown = direction === 'down';
  const [before, behind] = [entering ? 4 : PADDING, leaving ? -8 : PADDING];
  const [top, bottom] = isDown ? [entering || isRoot ? before : HEADER + 6, behind] : [isRoot ? PADDING : HEADER + 6, PADDING];
  const [start, end] = isDown ? [PADDING, PADDING] : [before, behind];
  const width = Math.max(contentWidth + start + end, title);
  const left = start + (isDown ? (width - contentWidth - start - end) / 2 : 0);
  const height = contentHeight + top + bottom;
  const corner = new Map<string, Point>();
  const placed: Placed[] = [];
  const wires: Wire[] = [];
  for (const id of index.membersOf(group)) {
    const { x, y, width: w, height: h } = place(graph.node(id));
    // Groups without edges between them are placed side by side, aligned at their start.
    const isApart = index.groups.has(id) && !joined.has(id);
    const at = {
      x: left + (isApart && !isDown ? 0 : x - w / 2),
      y: top + (isApart && isDown ? 0 : y - h / 2),
    };
    corner.set(id, at);
    const inside = insides.get(id);
    placed.push({ id, kind: inside ? 'open' : index.groups.has(id) ? 'closed' : 'box', ...at, width: w, height: h });
    for (const part of inside?.placed ?? []) placed.push({ ...part, x: part.x + at.x, y: part.y + at.y });
    for (const wire of inside?.wires ?? [])
      wires.push({ ...wire, points: wire.points.map((point) => ({ x: point.x + at.x, y: point.y + at.y })) });
  }
  for (const edge of edges) {
    const [from, to] = ends(edge);
    const points: Point[] = (graph.edge(from, to)?.points ?? []).map(({ x, y }: Point) => ({ x: left + x, y: top + y }));
    const [first, last] = [points[0], points[points.length - 1]];
    if (first && last) {
      const [source, target] = [insides.get(from), insides.get(to)];
      const [a, b] = [corner.get(from), corner.get(to)];
      if (source && a)
        points[0] = isDown ? { x: a.x + source.exit, y: a.y + source.height } : { x: a.x + source.width, y: a.y + source.exit };
      if (target && b) points[points.length - 1] = isDown ? { x: b.x + target.entry, y: b.y } : { x: b.x, y: b.y + target.entry };
      const [head, tail] = [points[0] ?? first, points[points.length - 1] ?? last];
      if (from === 'in') points.unshift(isDown ? { x: head.x, y: 0 } : { x: 0, y: head.y });
      if (to === 'out') points.push(isDown ? { x: tail.x, y: height } : { x: width, y: tail.y });
    }
    wires.push({ points, ends: to !== 'out' && !insides.has(to), labels: [...new Set(edge.edges.map(({ label }) => label))] });
  }
  return {
    width,
    height,
    placed,
    wires,
    entry: isDown
      ? left + (entering ? place(graph.node('in')).x : contentWidth / 2)
      : top + (entering ? place(graph.node('in')).y : contentHeight / 2),
    exit: isDown
      ? left + (leaving ? place(graph.node('out')).x : contentWidth / 2)
      : top + (leaving ? place(graph.node('out')).y : contentHeight / 2),
  };
}

interface Rectangle extends Point {
  readonly width: number;
  readonly height: number;
}
/** Position and size of a node from dagre, with defaults for missing fields. */
const place = (node: { readonly x?: number; readonly y?: number; readonly width?: number; readonly height?: number }): Rectangle => ({
  x: node.x ?? 0,
  y: node.y ?? 0,
  width: node.width ?? 0,
  height: node.height ?? 0,
});

/** Measured for a 12-pixel bold sans-serif font, and an 11-pixel monospaced font. */
const labelWidth = (text: string): number => text.length * 7.6;
const lineWidth = (text: string): number => text.length * 6.7;

const sizeOf = ({ label, lines }: Face): { width: number; height: number } => ({
  width: Math.max(70, labelWidth(label) + 24, ...lines.map((line) => lineWidth(line) + 20)),
  height: 26 + lines.length * LINE + (lines.length > 0 ? 5 : 0),
});
