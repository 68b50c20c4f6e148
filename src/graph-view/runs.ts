/**
 * Keeps groups free of cycles: a module that is called several times is a group per call, and a group that a path leaves and re-enters is cut where the path
 * returns. Otherwise edges between boxes would run upwards, and a picture would show loops that the graph does not have.
 */

/** Edges by item, in both directions. */
export interface Links {
  readonly next: ReadonlyMap<string, readonly string[]>;
  readonly previous: ReadonlyMap<string, readonly string[]>;
  /** Every item, sources before their readers. */
  readonly order: readonly string[];
}

/** Links among `ids`, given in graph order; other edges are ignored. If the edges form a cycle, the order is that of `ids`. */
export function linksOf(ids: readonly string[], edges: readonly { readonly from: string; readonly to: string }[]): Links {
  const next = new Map<string, string[]>(ids.map((id) => [id, []]));
  const previous = new Map<string, string[]>(ids.map((id) => [id, []]));
  for (const { from, to } of edges) {
    const [out, into] = [next.get(from), previous.get(to)];
    if (!out || !into || from === to) continue;
    out.push(to);
    into.push(from);
  }
  const order = inOrder(ids, next, previous);
  return { next, previous, order: order.length === ids.length ? order : ids };
}

/** Kahn's topological order, the earliest of `ids` first; items on or behind a cycle are missing. */
export function inOrder<T>(ids: readonly T[], next: ReadonlyMap<T, Iterable<T>>, previous: ReadonlyMap<T, Iterable<T>>): T[] {
  const waiting = new Map(ids.map((id) => [id, [...(previous.get(id) ?? [])].length]));
  const order: T[] = ids.filter((id) => waiting.get(id) === 0);
  for (const id of order)
    for (const reader of next.get(id) ?? []) {
      const left = (waiting.get(reader) ?? 0) - 1;
      waiting.set(reader, left);
      if (left === 0) order.push(reader);
    }
  return order;
}

/** Connected components, in the order of `ids`. */
export function connectedParts(ids: readonly string[], { next, previous }: Links): string[][] {
  const part = new Map<string, number>();
  let count = 0;
  const inside = new Set(ids);
  for (const id of ids) {
    if (part.has(id)) continue;
    const found = [id];
    part.set(id, count);
    for (const at of found)
      for (const other of [...(next.get(at) ?? []), ...(previous.get(at) ?? [])])
        if (inside.has(other) && !part.has(other)) {
          part.set(other, count);
          found.push(other);
        }
    count++;
  }
  return gathered(ids, count, (id) => part.get(id) ?? 0);
}

/** Runs that no path leaves and re-enters: an item belongs to the run given by the number of times that a path to it has re-entered the group. */
export function runsOf(ids: readonly string[], { previous, order }: Links): string[][] {
  const inside = new Set(ids);
  const returns = new Map<string, number>();
  for (const id of order) {
    let most = -1;
    for (const source of previous.get(id) ?? []) {
      const before = returns.get(source) ?? -1;
      // A path that enters after it has already been inside counts once more.
      most = Math.max(most, before + (inside.has(id) && !inside.has(source) && before >= 0 ? 1 : 0));
    }
    returns.set(id, inside.has(id) ? Math.max(most, 0) : most);
  }
  const last = Math.max(...ids.map((id) => returns.get(id) ?? 0));
  return gathered(ids, last + 1, (id) => returns.get(id) ?? 0).filter((run) => run.length > 0);
}

function gathered(ids: readonly string[], count: number, partOf: (id: string) => number): string[][] {
  const parts = Array.from({ length: count }, (): string[] => []);
  for (const id of ids) parts[partOf(id)]?.push(id);
  return parts;
}

/** Indices of the parts that are on a cycle of parts, or between two cycles. */
export function circling(parts: readonly (readonly string[])[], { next }: Links): Set<number> {
  const owner = new Map(parts.flatMap((part, at) => part.map((id) => [id, at] as const)));
  const forward = new Map(parts.map((_, at) => [at, new Set<number>()]));
  const backward = new Map(parts.map((_, at) => [at, new Set<number>()]));
  for (const [id, from] of owner)
    for (const reader of next.get(id) ?? []) {
      const to = owner.get(reader);
      if (to === undefined || to === from) continue;
      forward.get(from)?.add(to);
      backward.get(to)?.add(from);
    }
  const all = parts.map((_, at) => at);
  const [before, behind] = [new Set(inOrder(all, forward, backward)), new Set(inOrder(all, backward, forward))];
  return new Set(all.filter((at) => !before.has(at) && !behind.has(at)));
}
