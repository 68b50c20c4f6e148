/**
 * Breaks a layout that runs to the right into rows, like lines of a text, so that it approximates the shape of a slide. It is cut only between boxes of
 * the outermost level, and only across a single edge: the edge continues at the beginning of the next row.
 */
import type { ViewIndex } from './fold';
import type { Layout, Point, Wire } from './layout';

const SLIDE = 16 / 9;
const GAP = 36;
const MARGIN = 26;

export function inRows(index: ViewIndex, layout: Layout): Layout {
  const cuts = chooseCuts(index, layout);
  if (cuts.length === 0) return layout;
  const edges = [0, ...cuts, layout.width];
  const rowOf = (x: number): number => cuts.filter((cut) => cut <= x).length;
  const moved = ({ x, y }: Point): Point => {
    const row = rowOf(x);
    return { x: x - (edges[row] ?? 0) + MARGIN, y: y + row * (layout.height + GAP) };
  };
  const widest = Math.max(...edges.slice(1).map((edge, row) => edge - (edges[row] ?? 0)));
  const wires = layout.wires.map((wire): Wire => {
    const [first, last] = [wire.points[0], wire.points[wire.points.length - 1]];
    if (!first || !last || rowOf(first.x) === rowOf(last.x)) return { ...wire, points: wire.points.map(moved) };
    const [from, to] = [moved(first), moved(last)];
    const turn = (edges[rowOf(first.x) + 1] ?? 0) - (edges[rowOf(first.x)] ?? 0) + MARGIN;
    const between = to.y > from.y ? (rowOf(first.x) + 1) * (layout.height + GAP) - GAP / 2 : from.y;
    const corners = [
      { x: turn, y: from.y },
      { x: turn, y: between },
      { x: MARGIN / 2, y: between },
      { x: MARGIN / 2, y: to.y },
    ];
    return { ...wire, points: aroundCorners([from, ...corners, to]) };
  });
  return {
    width: widest + 2 * MARGIN,
    height: (cuts.length + 1) * (layout.height + GAP) - GAP,
    placed: layout.placed.map((placed) => ({ ...placed, ...moved(placed) })),
    wires,
  };
}

/** Positions of the cuts, from left to right, for rows of nearly equal length. */
function chooseCuts(index: ViewIndex, { width, height, placed, wires }: Layout): readonly number[] {
  const rows = Math.round(Math.sqrt(width / (height + GAP) / SLIDE));
  const members = placed.filter(({ id }) => index.parentOf(id) === undefined).sort((a, b) => a.x - b.x);
  const candidates: number[] = [];
  let reached = 0;
  for (const [at, { x, width: own }] of members.entries()) {
    const cut = (reached + x) / 2;
    if (at > 0 && x > reached && wires.filter(({ points }) => crosses(points, cut)).length === 1) candidates.push(cut);
    reached = Math.max(reached, x + own);
  }
  const cuts = new Set<number>();
  for (let row = 1; row < rows; row++) {
    const wanted = (row * width) / rows;
    const [best] = [...candidates].sort((a, b) => Math.abs(a - wanted) - Math.abs(b - wanted));
    if (best !== undefined) cuts.add(best);
  }
  return [...cuts].sort((a, b) => a - b);
}

/** Adds a point close to each corner on either side, so that a smooth line stays in the gap. */
function aroundCorners(points: readonly Point[]): Point[] {
  const near = (at: Point, towards: Point): Point => {
    const length = Math.hypot(towards.x - at.x, towards.y - at.y);
    const share = length === 0 ? 0 : Math.min(0.4, 10 / length);
    return { x: at.x + share * (towards.x - at.x), y: at.y + share * (towards.y - at.y) };
  };
  return points.flatMap((at, index) => {
    const [before, behind] = [points[index - 1], points[index + 1]];
    return before && behind ? [near(at, before), at, near(at, behind)] : [at];
  });
}

const crosses = (points: readonly Point[], cut: number): boolean => points.some(({ x }) => x < cut) && points.some(({ x }) => x > cut);
