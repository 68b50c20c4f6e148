/**
 * output-map: make the map an output in place of the vector.
 *
 *   Flatten<axis=1>(M)  as an output [N,K]              M [N,K,1,1] at the original size
 * becomes
 *   M                   as the output [N,K,h,w]
 *
 * At the original size, the single cell of M contains the elements of the vector. This also holds if views follow the Flatten: an output [N], [K] or
 * [N,a,b] also becomes [N,K,h,w], with its elements in row-major order along the channels.
 * Numbers: identical (the output gains the spatial axes).
 * Left alone: an output that flattens a map of more than one cell, because its positions would change their meaning.
 */
import { isOneCell } from '../src/ir/axis-roles';
import type { Graph } from '../src/ir/graph';
import type { Value } from '../src/ir/types';
import { flattenBehind } from '../src/ir/views';
import { definePass, type PassContext } from '../src/rewrite/pass';

export const outputMap = definePass({
  name: 'output-map',
  role: 'converts',
  summary: 'drop the Flatten in front of an output, which then is a map',
  numbers: 'identical',
  run: keepMaps,
});

/** Replaces outputs that flatten a map of one cell by the map itself. */
function keepMaps(graph: Graph, context: PassContext): void {
  // A map can be an output only once.
  const given = new Set<Value>();
  graph.setOutputs(
    graph.outputs.map((output) => {
      const map = flattenBehind(output)?.map;
      if (!map) return output;
      if (!isOneCell(map, graph)) {
        context.remark({
          kind: 'refused',
          reason: `the output flattens a map of [${map.type?.shape?.slice(1)}], whose places would change their meaning`,
          at: { value: output.name, node: output.producer?.name },
          origin: output.producer?.origin ?? [],
        });
        return output;
      }
      const { name, extras } = output;
      context.remark({
        kind: 'applied',
        rule: 'map-output',
        at: { node: output.producer?.name, value: output.name },
        origin: output.producer?.origin ?? [],
      });
      const isPublic = graph.isOutput(map) || given.has(map) || map.producer === undefined;
      given.add(map);
      const result = isPublic ? graph.addNode({ op: 'Identity', inputs: [map], origin: output.producer?.origin }).outputs[0] : map;
      if (!result) return output;
      graph.rename(output, `${name}_flat`);
      graph.rename(result, name);
      graph.setExtras(result, extras);
      return result;
    }),
  );
}
