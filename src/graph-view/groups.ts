/**
 * Scopes as groups. A scope with one member is no group, since it would say the same twice; one with very many is cut into stretches, since no eye
 * and no layout copes with hundreds of boxes beside each other. A scope that is called several times is a group per call, and groups never make a circle (runs.ts).
 */
import { circling, connectedParts, inOrder, type Links, linksOf, runsOf } from './runs';
import type { Group } from './view';

/** How many members a group may have before it is cut, and how long the stretches are. */
const MANY = 90;
const STRETCH = 45;

export interface Grouped {
  readonly groups: readonly Group[];
  /** By member. */
  readonly parents: ReadonlyMap<string, string | undefined>;
}

export interface Item {
  readonly id: string;
  /** Names from the outermost scope inwards. */
  readonly scope: readonly string[];
  /** What it is: calls of one module have the same kinds of items. */
  readonly kind?: string;
}

interface Folder {
  readonly id: string;
  readonly label: string;
  /** Ids of boxes and folders, in the order of the graph. */
  readonly members: readonly (string | Folder)[];
}

/** `items` in graph order. Ids of groups begin with `g:`; those of items must not. */
export function groupByScope(items: readonly Item[], edges: readonly { readonly from: string; readonly to: string }[] = []): Grouped {
  const links = linksOf(
    items.map(({ id }) => id),
    edges,
  );
  const byId = new Map(items.map((item) => [item.id, item]));
  const root: Folder = { id: '', label: '', members: membersOf(items, 0, '', { links, byId }) };
  const groups: Group[] = [];
  const parents = new Map<string, string | undefined>();
  // Names are the model's, and stretches are cut into stretches: a group that had the id of one around it would lie in itself.
  const own = (id: string): string => {
    for (let other = id, count = 2; ; other = `${id}~${count++}`) if (!parents.has(other)) return other;
  };
  const file = (folder: Folder, parent: string | undefined): void => {
    for (const member of cut(folder).members.map(unwrapped)) {
      if (typeof member === 'string') parents.set(member, parent);
      else {
        const id = own(member.id);
        groups.push({ id, parent, label: member.label });
        parents.set(id, parent);
        file(member, id);
      }
    }
  };
  file(root, undefined);
  return { groups, parents };
}

interface Known {
  readonly links: Links;
  readonly byId: ReadonlyMap<string, Item>;
}

/** Items of one scope by the next name of theirs, and what has none as it is; no circle between them. */
function membersOf(items: readonly Item[], depth: number, path: string, known: Known): (string | Folder)[] {
  const named = new Map<string, string[]>();
  const parts: { readonly name: string | undefined; readonly ids: readonly string[] }[] = [];
  for (const { id, scope } of items) {
    const name = scope[depth];
    const there = name === undefined ? undefined : named.get(name);
    if (there) there.push(id);
    else {
      const ids = [id];
      if (name !== undefined) named.set(name, ids);
      parts.push({ name, ids });
    }
  }
  const apart = withoutCircles(
    parts.flatMap(({ name, ids }) => calls(ids, known).map((call) => ({ name, ids: call }))),
    known.links,
  );
  const counts = new Map<string, number>();
  for (const { name } of apart) if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1);
  const numbers = new Map<string, number>();
  return apart.map(({ name, ids }) => {
    if (name === undefined) return ids[0] ?? '';
    const [count, number] = [counts.get(name) ?? 1, (numbers.get(name) ?? 0) + 1];
    numbers.set(name, number);
    const key = path === '' ? name : `${path}/${name}`;
    const own = count === 1 ? key : `${key}@${number}`;
    const inside = ids.flatMap((id) => known.byId.get(id) ?? []);
    return {
      id: `g:${own}`,
      label: count === 1 ? name : `${name} (${number} of ${count})`,
      members: membersOf(inside, depth + 1, own, known),
    };
  });
}

interface Part {
  /** undefined: an item by itself. */
  readonly name: string | undefined;
  readonly ids: readonly string[];
}

/** A module that was called several times: the same kinds of items over and over, without an edge between them. */
function calls(ids: readonly string[], { links, byId }: Known): readonly (readonly string[])[] {
  const parts = connectedParts(ids, links);
  const kinds = (part: readonly string[]): string =>
    part
      .map((id) => `${byId.get(id)?.scope.join('/')} ${byId.get(id)?.kind ?? ''}`)
      .sort()
      .join('\n');
  return parts.length > 1 && new Set(parts.map(kinds)).size === 1 ? parts : [ids];
}

/** Parts in graph order, so that no path leaves one and comes back into it, nor runs in a circle of several. */
function withoutCircles(all: readonly Part[], links: Links): Part[] {
  let parts = [...all];
  // First as few cuts as can be; where groups are interlaced, everything that hangs together; at last item by item.
  const ways = [runsOf, connectedParts, (ids: readonly string[]) => ids.map((id) => [id])];
  for (const way of ways)
    for (let changed = true; changed; ) {
      const bad = circling(
        parts.map(({ ids }) => ids),
        links,
      );
      if (bad.size === 0) return ordered(parts, links);
      const next = parts.flatMap((part, at) =>
        bad.has(at) && part.ids.length > 1 ? way(part.ids, links).map((ids) => ({ ...part, ids })) : [part],
      );
      changed = next.length > parts.length;
      parts = next;
    }
  return parts;
}

/** Sources before their readers, else as they came. */
function ordered(parts: readonly Part[], { next }: Links): Part[] {
  const owner = new Map(parts.flatMap((part) => part.ids.map((id) => [id, part] as const)));
  const forward = new Map(parts.map((part) => [part, new Set<Part>()]));
  const backward = new Map(parts.map((part) => [part, new Set<Part>()]));
  for (const [id, from] of owner)
    for (const reader of next.get(id) ?? []) {
      const to = owner.get(reader);
      if (!to || to === from) continue;
      forward.get(from)?.add(to);
      backward.get(to)?.add(from);
    }
  const order = inOrder(parts, forward, backward);
  return order.length === parts.length ? order : [...parts];
}

/** A folder of one member is that member. */
function unwrapped(member: string | Folder): string | Folder {
  let at = member;
  while (typeof at !== 'string') {
    const [only, more] = at.members;
    if (only === undefined || more !== undefined) return at;
    at = only;
  }
  return at;
}

function cut(folder: Folder, level = 1): Folder {
  if (folder.members.length <= MANY) return folder;
  const count = Math.ceil(folder.members.length / STRETCH);
  const length = Math.ceil(folder.members.length / count);
  const stretches = Array.from(
    { length: count },
    (_, at): Folder => ({
      id: `${folder.id || 'g:'}${'#'.repeat(level)}${at + 1}`,
      label: `${folder.label === '' ? 'part' : folder.label} ${at + 1} of ${count}`,
      members: folder.members.slice(at * length, (at + 1) * length),
    }),
  );
  return cut({ ...folder, members: stretches }, level + 1);
}
