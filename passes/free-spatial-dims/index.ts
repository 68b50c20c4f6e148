/**
 * free-spatial-dims: accept images larger than the network was made for.
 *
 *   X [N,3,224,224]  ->  X [N,3,height,width]            X [N,1,16000]  ->  X [N,1,time]
 *
 * The last step of a conversion: every pass before it preserves the original's values at the original size.
 * Pixel counts that an exporter wrote into the model become functions of the image's size: the targets of Reshape, Resize, Expand and Tile, and the ends of
 * Slice (one file each in this folder). At the original size all of them keep their values.
 * Numbers: identical.
 * Left alone: sizes that cannot be expressed by the dimensions of the graph at every size.
 */

import { AxisRoles, imageInputs, type Roles } from '../../src/ir/axis-roles';
import type { Graph } from '../../src/ir/graph';
import { axisName, isLetter } from '../../src/ir/spatial';
import { table } from '../../src/ir/table';
import type { Dim, Node, Value } from '../../src/ir/types';
import { builderAt } from '../../src/rewrite/builder';
import { BAKED_SIZE } from '../../src/rewrite/obstacles';
import { definePass, type PassContext } from '../../src/rewrite/pass';
import { freeSpread } from './broadcast';
import type { FreeEnvironment, Stuck } from './environment';
import { freeReshape } from './reshape';
import { freeResize } from './resize';
import { freeSlice } from './slice';

export const freeSpatialDims = definePass({
  name: 'free-spatial-dims',
  role: 'frees',
  summary: 'make the height and width of the input symbolic, and the sizes that follow from them',
  numbers: 'identical',
  run(graph, context) {
    const names = new SizeNames(graph);
    const windows = new Map<Value, readonly Dim[]>();
    for (const value of allValues(graph)) if (value.type?.shape) windows.set(value, value.type.shape);
    const images = imageInputs(graph);
    const known = new AxisRoles(images, graph.tied);
    const roles = new Map([...allValues(graph)].map((value) => [value, known.of(value)]));
    for (const [input, roles] of images) {
      const shape = input.type?.shape?.map((dim, axis) => names.of(roles[axis], dim));
      if (input.type && shape) graph.setType(input, { ...input.type, shape });
    }
    freeSizes(graph, { windows, roles }, context);
    context.inference.inferAll();
  },
});

const FREED: Readonly<Record<string, (node: Node, env: FreeEnvironment) => boolean | Stuck>> = table({
  Reshape: freeReshape,
  Resize: freeResize,
  Expand: freeSpread,
  Tile: freeSpread,
  Slice: freeSlice,
});

/** Shapes and axis roles of the values at the original size. */
interface Before {
  readonly windows: Map<Value, readonly Dim[]>;
  readonly roles: Map<Value, Roles | undefined>;
}

/** Walks in topological order, so that each node sees the free shapes of its inputs; shapes are inferred on the way. */
function freeSizes(graph: Graph, { windows, roles }: Before, context: PassContext): void {
  const { inference, remark } = context;
  const env: FreeEnvironment = {
    graph,
    window: (value) => windows.get(value) ?? value.type?.shape,
    roles: (value) => roles.get(value),
    builder: (node) => builderAt({ graph, before: node, origin: node.origin, root: node.name, inference }),
    replace(node, value) {
      const [output] = node.outputs;
      const shape = output && windows.get(output);
      if (!output) return;
      if (shape && !windows.has(value)) windows.set(value, shape);
      if (!roles.has(value)) roles.set(value, roles.get(output));
      if (graph.canReplace(output, value)) graph.replaceAllUses(output, value);
      graph.removeNode(node);
    },
  };
  for (const node of graph.nodes) {
    const place = { node: node.name, op: node.op, origin: node.origin };
    const freed = FREED[node.op]?.(node, env) ?? false;
    if (typeof freed === 'object') remark({ kind: 'refused', rule: BAKED_SIZE, reason: freed.stuck, at: place, origin: node.origin });
    else if (freed) remark({ kind: 'applied', rule: BAKED_SIZE, at: place, origin: node.origin });
    if (!graph.has(node)) continue;
    inference.inferNode(node).forEach((type, index) => {
      const output = node.outputs[index];
      if (output) graph.setType(output, type);
    });
  }
}

function* allValues(graph: Graph): Generator<Value> {
  yield* graph.inputs;
  for (const node of graph.nodes) yield* node.outputs;
}

/** Symbols for the spatial axes, one for each size that images have: images of the same size grow together. */
class SizeNames {
  private readonly known = new Map<string, string>();
  private readonly taken: Set<Dim>;

  constructor(private readonly graph: Graph) {
    this.taken = new Set(graph.inputs.flatMap((input) => input.type?.shape ?? []));
  }

  of(role: string | undefined, dim: Dim): Dim {
    if (!isLetter(role) || this.graph.tied.has(role)) return dim;
    const wanted = axisName(role);
    const key = `${wanted} ${dim}`;
    const known = this.known.get(key);
    if (known !== undefined) return known;
    const name = this.fresh(wanted);
    this.taken.add(name);
    this.known.set(key, name);
    return name;
  }

  private fresh(wanted: string): string {
    let name = wanted;
    for (let n = 1; this.taken.has(name); n++) name = `${wanted}_${n}`;
    return name;
  }
}
