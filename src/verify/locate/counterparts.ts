/**
 * Finds corresponding values of two models: by name, which rewrites preserve; otherwise by origin, the source nodes of a node, the last of which
 * computed the same value.
 */
import type { Graph } from '../../ir/graph';
import type { Value } from '../../ir/types';

/** Maps computed values of the converted graph to values of the original. Inputs and constants have no counterparts. */
export type Counterparts = ReadonlyMap<Value, Value>;

/** Possible counterpart of a value of the converted model. */
export interface Known {
  /** Name of the counterpart. */
  readonly name: string;
  /** Whether it may also be matched by origin; false if another, invisible node with the same origin follows. */
  readonly isLast: boolean;
}

/** `knownAs`: undefined if a value has no counterpart. Default: each value may match its namesake, or the source of its node. */
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
    // If several nodes replace one, the last of them computes its value.
    if (value) heirs.set(value, output);
  }
  const taken = new Set(found.values());
  for (const [value, heir] of heirs) if (!taken.has(value)) found.set(heir, value);
  return found;
}
