/** Which groups are open, what is then to be seen, and which edges run at which level. */
import type { Box, Edge, GraphView, Group } from './view';

/** How many boxes a picture shows at first. */
export const BUDGET = 70;

/** Lookups over a view. */
export class ViewIndex {
  readonly boxes: ReadonlyMap<string, Box>;
  readonly groups: ReadonlyMap<string, Group>;
  /** Members by group; undefined: at the top. Boxes and groups in the order of the graph. */
  private readonly memberLists = new Map<string | undefined, string[]>();

  constructor(readonly view: GraphView) {
    this.boxes = new Map(view.boxes.map((box) => [box.id, box]));
    this.groups = new Map(view.groups.map((group) => [group.id, group]));
    const seen = new Set<string>();
    // A group stands where its first box does.
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

  /** From the outermost group to the box or group itself. */
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

/** Opens level after level from the outside, as long as all of a level fits; `depth`: that many levels, whatever they hold. */
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

/** The other end of an edge that leaves its group. */
export const OUTSIDE = '';

export interface LevelEdge {
  /** A member of the group, or OUTSIDE. */
  readonly from: string;
  readonly to: string;
  readonly edges: Edge[];
}

/** Edges as they run between the members of each group; undefined: at the top. An edge that crosses borders runs in each group that it crosses. */
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

/** What is to be seen of a box: itself, or the outermost group around it that is closed. */
export const visible = (index: ViewIndex, open: ReadonlySet<string>, id: string): string =>
  index.pathOf(id).find((at) => !open.has(at)) ?? id;
