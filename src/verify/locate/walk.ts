/**
 * The search for the first value that departs: backwards from an output that does, a few values at a time.
 *
 * Between a value that departs and those that are known not to, the values in question are cut into equal stretches and one of each is looked at; the
 * earliest that departs is the new end, one that does not closes the way behind it. When nothing is left in question, what the end is computed from is
 * equal, and it is not.
 */
import type { Graph } from '../../ir/graph';
import type { Value } from '../../ir/types';

export interface Found {
  /** Departs, while nothing that it is computed from does. */
  readonly value: Value;
  /** The nearest values before it that were looked at: none departs. */
  readonly before: readonly Value[];
  /** How many values were looked at. */
  readonly looked: number;
}

/** Tells of each value whether it departs; undefined: it cannot be told. */
export type Examine = (values: readonly Value[]) => Promise<ReadonlyMap<Value, boolean | undefined>>;

/** `end` departs. `candidates`: values that can be looked at. `atOnce`: how many. */
export async function firstDeparting(
  graph: Graph,
  end: Value,
  candidates: ReadonlySet<Value>,
  examine: Examine,
  atOnce: number,
): Promise<Found> {
  const order = new Map<Value, number>();
  graph.nodes.forEach((node, at) => {
    for (const output of node.outputs) order.set(output, at);
  });
  const known = new Map<Value, boolean>();
  const usable = new Set(candidates);
  const early = (values: Iterable<Value>): Value[] => [...values].sort((a, b) => (order.get(a) ?? 0) - (order.get(b) ?? 0));
  let looked = 0;
  for (let value = end; ; ) {
    const { open, closed } = behind(value, usable, known);
    const [departing] = early([...open].filter((candidate) => known.get(candidate) === true));
    if (departing) {
      value = departing;
      continue;
    }
    const unknown = early(open);
    if (unknown.length === 0) return { value, before: [...closed], looked };
    const chosen = spread(unknown, atOnce);
    looked += chosen.length;
    const verdicts = await examine(chosen);
    for (const candidate of chosen) {
      const verdict = verdicts.get(candidate);
      if (verdict === undefined) usable.delete(candidate);
      else known.set(candidate, verdict);
    }
  }
}

/** What a value is computed from: values in question, up to those that are known not to depart. */
function behind(
  value: Value,
  usable: ReadonlySet<Value>,
  known: ReadonlyMap<Value, boolean>,
): { readonly open: ReadonlySet<Value>; readonly closed: ReadonlySet<Value> } {
  const [open, closed, seen] = [new Set<Value>(), new Set<Value>(), new Set<Value>()];
  const queue = inputsOf(value);
  for (let at = queue.pop(); at; at = queue.pop()) {
    if (seen.has(at)) continue;
    seen.add(at);
    if (usable.has(at) && known.get(at) === false) {
      closed.add(at);
      continue;
    }
    if (usable.has(at)) open.add(at);
    queue.push(...inputsOf(at));
  }
  return { open, closed };
}

const inputsOf = (value: Value): Value[] => (value.producer?.inputs ?? []).filter((input): input is Value => input !== undefined);

/** Evenly over the list. */
function spread<T>(list: readonly T[], count: number): readonly T[] {
  if (list.length <= count) return list;
  return Array.from({ length: count }, (_, at) => list[Math.floor(((at + 0.5) * list.length) / count)]).filter(
    (item): item is T => item !== undefined,
  );
}
