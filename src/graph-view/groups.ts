/**
 * Groups from scopes. A scope with one member becomes no group, since that would repeat it; one with very many is cut into chunks, since neither a reader
 * nor a layout can cope with hundreds of adjacent boxes. A scope that is called several times is a group per call, and groups never form a cycle (runs.ts).
 */
import { circling, connectedParts, inOrder, type Links, linksOf, runsOf } from './runs';
import type { Group } from './view';

/** Number of members above which a group is cut, and the length of the chunks. */
const MANY = 90;
const STRETCH = 45;

export interface Grouped {
  readonly groups: readonly Group[];
  /** Parent group by member. */
  readonly parents: ReadonlyMap<string, string | undefined>;
}

export interface Item {
  readonly id: string;
  /** Names from the outermost scope inwards. */
  readonly scope: readonly string[];
  /** Kind of item: calls of the same module have the same kinds of items. */
  readonly kind?: string;
}

interface Folder {
  readonly id: string;
  readonly label: string;
  /** Ids of boxes and folders, in the order of the graph. */
  readonly members: readonly (string | Folder)[];
}

/** Groups the items, given in graph order. Ids of groups begin with `g:`; those of items must not. */
export function groupByScope(items: readonly Item[], edges: readonly { readonly from: string; readonly to: string }[] = []): Grouped {
  const links = linksOf(
    items.map(({ id }) => id),
    edges,
  );
  const byId = new Map(items.map((item) => [item.id, item]));
  const root: Folder = { id: '', label: '', members: membersOf(items, 0, '', { links, byId }) };
  const groups: Group[] = [];
  const parents = new Map<string, string | undefined>();
  // Names come from the model, and chunks are cut into chunks: a group with the same id as one around it would contain itself.
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

/** The items of one scope, grouped by their next name; items without one stay as they are. The groups form no cycle. */
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
  /** undefined: a single item. */
  readonly name: string | undefined;
  readonly ids: readonly string[];
}

/** Calls of a module that was called several times: the same kinds of items repeat, without an edge between the calls. */
function calls(ids: readonly string[], { links, byId }: Known): readonly (readonly string[])[] {
  const parts = connectedParts(ids, links);
  const kinds = (part: readonly string[]): string =>
    part
      .map((id) => `${byId.get(id)?.scope.join('/')} ${byId.get(id)?.kind ?? ''}`)
      .sort()
      .join('\n');
  return parts.length > 1 && new Set(parts.map(kinds)).size === 1 ? parts : [ids];
}

/** Parts in graph order, cut so that no path leaves a part and returns to it, directly or through other parts. */
function withoutCircles(all: readonly Part[], links: Links): Part[] {
  let parts = [...all];
  // First with as few cuts as possible; if groups are interlaced, into connected parts; finally item by item.
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

/** Sources before their readers, otherwise in the given order. */
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

/** Replaces a folder of one member by that member. */
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
