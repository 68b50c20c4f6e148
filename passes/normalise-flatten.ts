/**
 * normalise-flatten: one spelling for the step from a map to a vector.
 *
 *   Reshape, Squeeze, Flatten, Gather of everything ... in a row, from a map X to [N, C*h*w]
 * becomes
 *   Flatten<axis = 1>(X)
 *
 * and a row of such views that ends in the shape it began with goes altogether. Whatever computes the target shape (constants, 0 and -1, Shape
 * arithmetic) does not matter: a view is told by the shapes before and after it, and both sides have the elements in row-major order.
 * A 1 x 1 map is first brought to [N, C, 1, 1], which moves no element.
 * Numbers: identical.
 * Left alone: views that split or merge other axes; a map whose C, h or w is not known.
 */

import { intAttr } from '../src/ir/attrs';
import { axisRolesOf, type MapAxes, mapAxes } from '../src/ir/axis-roles';
import type { Graph } from '../src/ir/graph';
import { sameType } from '../src/ir/graph';
import type { Node, Value } from '../src/ir/types';
import { productOf, viewChain, viewedBy } from '../src/ir/views';
import { defineRulePass } from '../src/pass/pass';
import { node } from '../src/rewrite/pattern';
import { defineRule } from '../src/rewrite/rule';

const VIEWS = ['Flatten', 'Reshape', 'Squeeze', 'Unsqueeze', 'Transpose', 'Gather'];

const idleView = defineRule({
  name: 'idle-view',
  match: node(VIEWS, [], { as: 'view', moreInputs: true }),
  when({ view }) {
    const result = view.outputs[0];
    if (!result?.type?.shape?.every((dim) => dim !== undefined)) return undefined;
    for (const source of viewChain(result)) if (sameType(source.type, result.type)) return { source };
    return undefined;
  },
  build: (_, __, { source }) => source,
});

const mapToVector = defineRule({
  name: 'map-to-vector',
  match: node(VIEWS, [], { as: 'view', moreInputs: true }),
  when({ view }) {
    const shape = view.outputs[0]?.type?.shape;
    const features = shape?.[1];
    if (shape?.length !== 2 || typeof features !== 'number' || viewedBy(view) === undefined) return undefined;
    const found = mapBehind(view, features);
    return found && !isPlainFlatten(view, found) ? found : undefined;
  },
  build(_, make, { map, axes }) {
    const { rows, columns } = axes.shape;
    const source =
      rows === 1 && columns === 1 && !isChannelsFirst(axes) ? make.op('Transpose', [map], { perm: axes.toChannelsFirst }) : map;
    return make.op('Flatten', [source], { axis: 1 });
  },
});

interface MapBehind {
  readonly map: Value;
  readonly axes: MapAxes;
}

/** The nearest value up the chain that is a map with that many features a window. */
function mapBehind(view: Node, features: number): MapBehind | undefined {
  const [result] = view.outputs;
  if (!result) return undefined;
  for (const map of viewChain(result)) {
    const shape = map.type?.shape;
    // What the axes stand for takes a walk through the whole graph to say, so it is asked last.
    if (shape?.length !== 4 || productOf(shape.slice(1)) !== features) continue;
    const axes = mapAxes(map, axisRolesOf(rootOf(view.graph)).of(map));
    if (axes) return { map, axes };
  }
  return undefined;
}

const isChannelsFirst = (axes: MapAxes): boolean => axes.channels === 1 && axes.rows === 2;

/** Already in the form that this pass would write. */
function isPlainFlatten(view: Node, { map, axes }: MapBehind): boolean {
  const unit = axes.shape.rows === 1 && axes.shape.columns === 1;
  return view.op === 'Flatten' && intAttr(view, 'axis', 1) === 1 && view.inputs[0] === map && (!unit || isChannelsFirst(axes));
}

const rootOf = (graph: Graph): Graph => (graph.parent ? rootOf(graph.parent) : graph);

export const normaliseFlatten = defineRulePass({
  name: 'normalise-flatten',
  summary: 'write every step from a map to a vector as Flatten, drop views that change nothing',
  numbers: 'identical',
  rules: [idleView, mapToVector],
});
