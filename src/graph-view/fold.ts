/** Open groups, the boxes that are visible as a result, and the edges of each level. */
import type { Box, Edge, GraphView, Group } from './view';

/** Maximum number of boxes that a picture shows initially. */
export const BUDGET = 70;

/** Lookups over a view. */
export class ViewIndex {
  readonly boxes: ReadonlyMap<string, Box>;
  readonly groups: ReadonlyMap<string, Group>;
  /** Members by group, boxes and groups in the order of the graph; undefined: the top level. */
  private readonly memberLists = new Map<string | undefined, string[]>();

  constructor(readonly view: GraphView) {
    this.boxes = new Map(view.boxes.map((box) => [box.id, box]));
    this.groups = new Map(view.groups.map((group) => [group.id, group]));
    const seen = new Set<string>();
    // A group has the position of its first box.
    for (const box of view.boxes)
      for (const id of [...this.pathOf(box.id)].reverse()) {
        if (seen.has(id)) break;
        seen.add(id);
        const list = this.memberLists.get(this.parentOf(id));
        if (list) list.push(id);
        else this.memberLists.set(this.parentOf(id), [id]);
      }
  }

  membersOf(group: string | undefined): readonly string[] {
    return this.memberLists.get(group) ?? [];
  }

  /** Ids from the outermost group to the box or group itself. */
  pathOf(id: string): readonly string[] {
    const path: string[] = [];
    for (let at: string | undefined = id; at !== undefined; at = this.parentOf(at)) path.unshift(at);
    return path;
  }

  /** Every box in the group, or the box itself. */
  boxesIn(id: string): readonly Box[] {
    const box = this.boxes.get(id);
    return box ? [box] : this.membersOf(id).flatMap((member) => this.boxesIn(member));
  }

  parentOf(id: string): string | undefined {
    return (this.boxes.get(id) ?? this.groups.get(id))?.parent;
  }
}

/** Opens level after level from the outside, as long as a whole level fits; `depth`: exactly that many levels, whatever their size. */
export function openGroups(index: ViewIndex, depth: number | 'auto'): Set<string> {
  const open = new Set<string>();
  let level = index.membersOf(undefined);
  let shown = level.length;
  for (let at = 0; depth === 'auto' || at < depth; at++) {
    const groups = level.filter((id) => index.groups.has(id));
    const next = groups.flatMap((id) => index.membersOf(id));
    if (groups.length === 0 || (depth === 'auto' && shown - groups.length + next.length > BUDGET)) break;
    for (const id of groups) open.add(id);
    shown += next.length - groups.length;
    level = next;
  }
  return open;
}

/** Stands in for the other end of an edge that leaves its group. */
export const OUTSIDE = '';

export interface LevelEdge {
  /** A member of the group, or OUTSIDE. */
  readonly from: string;
  readonly to: string;
  readonly edges: Edge[];
}

/** Edges between the members of each group; undefined: the top level. An edge that crosses group borders appears in each group that it crosses. */
export function edgesByLevel(index: ViewIndex): ReadonlyMap<string | undefined, readonly LevelEdge[]> {
  const levels = new Map<string | undefined, Map<string, LevelEdge>>();
  const add = (level: string | undefined, from: string, to: string, edge: Edge): void => {
    const edges = levels.get(level) ?? new Map<string, LevelEdge>();
    levels.set(level, edges);
    const key = JSON.stringify([from, to]);
    const there = edges.get(key);
    if (there) there.edges.push(edge);
    else edges.set(key, { from, to, edges: [edge] });
  };
  for (const edge of index.view.edges) {
    const [from, to] = [index.pathOf(edge.from), index.pathOf(edge.to)];
    let common = 0;
    while (from[common] !== undefined && from[common] === to[common]) common++;
    const [a, b] = [from[common], to[common]];
    if (a === undefined || b === undefined) continue;
    add(from[common - 1], a, b, edge);
    for (let at = common + 1; at < from.length; at++) add(from[at - 1], from[at] ?? '', OUTSIDE, edge);
    for (let at = common + 1; at < to.length; at++) add(to[at - 1], OUTSIDE, to[at] ?? '', edge);
  }
  return new Map([...levels].map(([level, edges]) => [level, [...edges.values()]]));
}

/** Id that represents a box in the picture: its own, or that of the outermost closed group around it. */
export const visible = (index: ViewIndex, open: ReadonlySet<string>, id: string): string =>
  index.pathOf(id).find((at) => !open.has(at)) ?? id;
