/** Names input axes whose length a file leaves open, so that they can be tracked and written. */
import { namesOf } from './dims';
import type { Graph } from './graph';
import type { Dim } from './types';

/** Gives each such axis its own name, made from the input's name and the axis. */
export function nameUnknownAxes(graph: Graph): void {
  const taken = new Set<string>();
  for (const value of [...graph.inputs, ...graph.outputs])
    for (const dim of value.type?.shape ?? []) for (const name of namesOf(dim)) taken.add(name);
  for (const input of graph.inputs) {
    const shape = input.type?.shape;
    if (!input.type || !shape?.includes(undefined)) continue;
    graph.setType(input, {
      dtype: input.type.dtype,
      shape: shape.map((dim, axis): Dim => dim ?? fresh(`${plain(input.name)}_${axis}`, taken)),
    });
  }
}

const plain = (name: string): string =>
  name
    .replace(/[^A-Za-z0-9_]/g, '_')
    .replace(/^(?=\d|$)/, '_')
    .slice(0, 100);

function fresh(wanted: string, taken: Set<string>): string {
  let name = wanted;
  for (let n = 1; taken.has(name); n++) name = `${wanted}_${n}`;
  taken.add(name);
  return name;
}
