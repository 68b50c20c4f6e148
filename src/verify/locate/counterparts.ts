/**
 * Values of one model and the values of the other that they stand for: by name, which rewrites hand on; else by origin, the source nodes that a node
 * stands for, of which the last one gave the same value.
 */
import type { Graph } from '../../ir/graph';
import type { Value } from '../../ir/types';

/** From values of the converted graph that nodes compute, to those of the original. Inputs and constants have none. */
export type Counterparts = ReadonlyMap<Value, Value>;

/** `called`: under which name of the original a value goes, where that is not its own; undefined: under none, and it is no heir. */
export function counterparts(
  original: Graph,
  converted: Graph,
  called: (value: Value) => string | undefined = ({ name }) => name,
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
      const name = called(output);
      const namesake = name === undefined ? undefined : computed.get(name);
      if (namesake) found.set(output, namesake);
    }
    const [output, more] = node.outputs.filter(({ name }) => name !== '');
    if (!output || more || found.has(output) || called(output) === undefined) continue;
    const source = [...node.origin].filter((name) => place.has(name)).sort((a, b) => (place.get(b) ?? 0) - (place.get(a) ?? 0))[0];
    const value = source === undefined ? undefined : last.get(source);
    // Of several nodes made in place of one, the last gives what it gave.
    if (value) heirs.set(value, output);
  }
  const taken = new Set(found.values());
  for (const [value, heir] of heirs) if (!taken.has(value)) found.set(heir, value);
  return found;
}
