/**
 * free-spatial-dims: let images be larger than the network was made for, and give maps in place of vectors.
 *
 *   X [N,3,224,224] -> ... -> Flatten<axis=1>(M) [N,1000]
 * becomes
 *   X [N,3,height,width] -> ... -> M [N,1000,h,w]
 *
 * At the original size M has one cell, which holds the numbers of the vector. The last step of a conversion: before it, every pass gives at the
 * original size the very outputs of the original.
 * Numbers: identical (the output has two axes more).
 * Left alone: an output that flattens a map of more than one cell, since its places would change their meaning.
 */

import { intAttr } from '../src/ir/attrs';
import { imageInputs } from '../src/ir/axis-roles';
import type { Graph } from '../src/ir/graph';
import type { Value } from '../src/ir/types';
import { definePass, type PassContext } from '../src/pass/pass';

export const freeSpatialDims = definePass({
  name: 'free-spatial-dims',
  summary: 'make the height and width of the input symbolic, drop the last Flatten',
  numbers: 'identical',
  run(graph, context) {
    keepMaps(graph, context);
    const symbols: Readonly<Record<string, string>> = { H: symbol(graph, 'height'), W: symbol(graph, 'width') };
    for (const [input, roles] of imageInputs(graph)) {
      const shape = input.type?.shape?.map((dim, axis) => symbols[roles[axis] ?? ''] ?? dim);
      if (input.type && shape) graph.setType(input, { ...input.type, shape });
    }
    context.inference.inferAll();
  },
});

/** Outputs that flatten a map of one cell give the map itself. */
function keepMaps(graph: Graph, context: PassContext): void {
  graph.setOutputs(
    graph.outputs.map((output) => {
      const map = mapBehind(output);
      if (!map) return output;
      if (map.type?.shape?.[2] !== 1 || map.type.shape[3] !== 1) {
        context.remark({
          kind: 'refused',
          pass: 'free-spatial-dims',
          reason: `the output flattens a map of [${map.type?.shape?.slice(1)}], whose places would change their meaning`,
          at: { value: output.name, node: output.producer?.name },
          origin: output.producer?.origin ?? [],
        });
        return output;
      }
      const { name, extras } = output;
      const isPublic = graph.isOutput(map) || map.producer === undefined;
      const result = isPublic ? graph.addNode({ op: 'Identity', inputs: [map], origin: output.producer?.origin }).outputs[0] : map;
      if (!result) return output;
      graph.rename(output, `${name}_flat`);
      graph.rename(result, name);
      graph.setExtras(result, extras);
      return result;
    }),
  );
}

function mapBehind(output: Value): Value | undefined {
  const producer = output.producer;
  const [map] = producer?.inputs ?? [];
  return producer?.op === 'Flatten' && intAttr(producer, 'axis', 1) === 1 && map?.type?.shape?.length === 4 ? map : undefined;
}

/** A name that no axis of the inputs has yet. */
function symbol(graph: Graph, wanted: string): string {
  const taken = new Set(graph.inputs.flatMap((input) => input.type?.shape ?? []));
  let name = wanted;
  for (let n = 1; taken.has(name) && n < 100; n++) name = `${wanted}_${n}`;
  return name;
}
