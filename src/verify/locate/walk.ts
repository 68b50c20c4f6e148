/**
 * Searches for the first departing value: backwards from an output that departs, a few values at a time.
 *
 * The unknown values between a departing value and those known not to depart are divided into equal stretches, and one value of each is examined. The
 * earliest that departs becomes the new end; one that does not depart closes the path behind it. When no unknown values remain, all inputs of the end
 * are equal and the end is not.
 */
import type { Graph } from '../../ir/graph';
import type { Value } from '../../ir/types';

export interface Found {
  /** A value that departs although none of the values before it does. */
  readonly value: Value;
  /** The nearest examined values before it, none of which departs. */
  readonly before: readonly Value[];
  /** Number of values examined. */
  readonly looked: number;
}

/** Determines for each value whether it departs; undefined if that cannot be determined. */
export type Examine = (values: readonly Value[]) => Promise<ReadonlyMap<Value, boolean | undefined>>;

/** `end`: a departing value. `candidates`: values that can be examined. `atOnce`: how many to examine at a time. */
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

/** Unknown values that a value is computed from, up to those known not to depart. */
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

/** Picks elements evenly over the list. */
function spread<T>(list: readonly T[], count: number): readonly T[] {
  if (list.length <= count) return list;
  return Array.from({ length: count }, (_, at) => list[Math.floor(((at + 0.5) * list.length) / count)]).filter(
    (item): item is T => item !== undefined,
  );
}
