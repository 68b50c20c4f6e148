/**
 * Values of one model and the values of the other that they stand for: by name, which rewrites hand on; else by origin, the source nodes that a node
 * stands for, of which the last one gave the same value.
 */
import type { Graph } from '../../ir/graph';
import type { Value } from '../../ir/types';

/** From values of the converted graph that nodes compute, to those of the original. Inputs and constants have none. */
export type Counterparts = ReadonlyMap<Value, Value>;

/** What a value of the converted model may stand for. */
export interface Known {
  /** By name. */
  readonly name: string;
  /** By origin as well: not where another node, which is not seen, follows with the same origin. */
  readonly isLast: boolean;
}

/** `knownAs`: undefined where a value stands for none. Default: each may stand for its namesake, and for what its node comes from. */
export function counterparts(
  original: Graph,
  converted: Graph,
  knownAs: (value: Value) => Known | undefined = ({ name }) => ({ name, isLast: true }),
): Counterparts {
  const computed = new Map<string, Value>();
  const place = new Map<string, number>();
  const last = new Map<string, Value>();
  original.nodes.forEach((node, at) => {
    place.set(node.name, at);
    const [only, more] = node.outputs.filter(({ name }) => name !== '');
    if (only && !more) last.set(node.name, only);
    for (const output of node.outputs) computed.set(output.name, output);
  });
  const found = new Map<Value, Value>();
  const heirs = new Map<Value, Value>();
  for (const node of converted.nodes) {
    for (const output of node.outputs) {
      const namesake = computed.get(knownAs(output)?.name ?? '');
      if (namesake) found.set(output, namesake);
    }
    const [output, more] = node.outputs.filter(({ name }) => name !== '');
    if (!output || more || found.has(output) || !knownAs(output)?.isLast) continue;
    const source = [...node.origin].filter((name) => place.has(name)).sort((a, b) => (place.get(b) ?? 0) - (place.get(a) ?? 0))[0];
    const value = source === undefined ? undefined : last.get(source);
    // Of several nodes made in place of one, the last gives what it gave.
    if (value) heirs.set(value, output);
  }
  const taken = new Set(found.values());
  for (const [value, heir] of heirs) if (!taken.has(value)) found.set(heir, value);
  return found;
}
