/**
 * normalise-flatten: one form for the step from a map to a vector.
 *
 *   Reshape, Squeeze, Flatten, Gather of everything ... in a row, from a map X to [N, C*h*w]
 * becomes
 *   Flatten<axis = 1>(X)
 *
 * and a sequence of such views that ends in the shape in which it began is removed. It does not matter how the target shape is computed (constants, 0 and -1,
 * Shape arithmetic): a view is recognised by the shapes before and after it, and both sides have the elements in row-major order.
 * A row [N,1,K] in front of a fully connected layer is treated as the vector [N,K], and becomes a row again behind the layer.
 * A 1 x 1 map is first brought to [N, C, 1, 1], which moves no element.
 * Numbers: identical.
 * Left alone: views that split or merge other axes; a map whose C, h or w is not known.
 */

import { axisRolesOf, cellsIn, hasMapRank, type MapAxes, mapAxes } from '../src/ir/axis-roles';
import { sameType } from '../src/ir/graph';
import { isNode } from '../src/ir/match';
import { broadcastingOps, unaryElementwiseOps } from '../src/ir/operator-traits';
import { reshaped } from '../src/ir/tensor';
import type { ConstValue, Node, Value } from '../src/ir/types';
import { isConst } from '../src/ir/types';
import { flattenedMap, productOf, viewChain, viewedBy } from '../src/ir/views';
import type { Builder } from '../src/rewrite/builder';
import { defineRulePass } from '../src/rewrite/pass';
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
    const source = isTurnedCell(axes) ? make.op('Transpose', [map], { perm: axes.toChannelsFirst }) : map;
    return make.op('Flatten', [source], { axis: 1 });
  },
});

/** Operators that treat a row [N,1,..,1,K] like the vector [N,K]: along its last axis, or elementwise. */
const ALONG_ROWS = new Set(['MatMul', ...unaryElementwiseOps, ...broadcastingOps]);

/** A fully connected layer on a row is applied to the vector, whose result becomes a row. */
const rowToVector = defineRule({
  name: 'row-to-vector',
  match: node([...ALONG_ROWS], [], { as: 'op', moreInputs: true }),
  when({ op }) {
    const rows = op.inputs.filter((input) => input && !isConst(input));
    const [row] = rows;
    const shape = row?.type?.shape;
    const features = shape?.[shape.length - 1];
    if (!row?.producer || rows.length !== 1 || !shape || shape.length === 2 || typeof features !== 'number' || features === 1)
      return undefined;
    if (!shape.slice(1, -1).every((dim) => dim === 1) || !op.inputs.every((input) => !input || isConst(input) === (input !== row)))
      return undefined;
    if (!op.inputs.every((input) => !isConst(input) || fitsVectors(op, input, features))) return undefined;
    const view = row.producer;
    if (viewedBy(view) === undefined) return undefined;
    const vector = [...viewChain(row)].find(
      ({ type }) => type?.shape?.length === 2 && type.shape[0] === (shape.length === 1 ? 1 : shape[0]) && type.shape[1] === features,
    );
    const found = vector ? undefined : mapBehind(view, features);
    // The values of several positions stay a map for elementwise operators.
    if (found && shape.length === 1 && found.map.type?.shape?.[0] !== 1) return undefined;
    if (!vector && (!found || (!isNode(op, 'MatMul') && cellsIn(found.axes) > 1))) return undefined;
    if (!isNode(op, 'MatMul') && turnsBack(op)) return undefined;
    return { row, vector, found };
  },
  build({ op }, make, { row, vector, found }) {
    const source = vector ?? make.op('Flatten', [found?.map], { axis: 1 });
    const inputs = op.inputs.map((input) => (input === row ? source : isConst(input) ? asRow(input, make) : input));
    const result = make.op(op.op, inputs, op.attrs);
    const shape = op.outputs[0]?.type?.shape ?? [];
    return make.op('Reshape', [
      result,
      make.int64s(
        'row',
        shape.map((dim, axis) => (axis === 0 && shape.length > 1 ? 0 : typeof dim === 'number' ? dim : -1)),
      ),
    ]);
  },
});

/** Whether the row is a 1 x 1 map of a channels-last source: then elementwise operators lead to a Transpose, or to the map that the row scales. */
function turnsBack(op: Node): boolean {
  const [result] = op.outputs;
  return (
    result !== undefined &&
    result.uses.length > 0 &&
    !op.graph.isOutput(result) &&
    result.uses.every(({ user }) => {
      if (isNode(user, 'Transpose')) return user.outputs[0]?.type?.shape?.slice(2).every((dim) => dim === 1) ?? false;
      if (isNode(user, 'MatMul') || !ALONG_ROWS.has(user.op)) return false;
      return user.outputs[0]?.type?.shape?.slice(1, -1).some((dim) => dim !== 1) || turnsBack(user);
    })
  );
}

/** Whether the constant is a weight [K,M], or is the same for every row. */
const fitsVectors = (op: Node, { constant }: ConstValue, features: number): boolean =>
  isNode(op, 'MatMul')
    ? op.inputs[1]?.constant === constant && constant.shape.length === 2
    : constant.shape.slice(0, -1).every((dim) => dim === 1) && [1, features].includes(constant.shape[constant.shape.length - 1] ?? 1);
const asRow = (value: ConstValue, make: Builder): ConstValue =>
  value.constant.shape.length > 2 ? make.constant(`${value.name}_row`, reshaped(value.constant, value.constant.shape.slice(-1))) : value;

interface MapBehind {
  readonly map: Value;
  readonly axes: MapAxes;
}

/** The nearest value up the chain that is a map with that many features per window. */
function mapBehind(view: Node, features: number): MapBehind | undefined {
  const [result] = view.outputs;
  if (!result) return undefined;
  for (const map of viewChain(result)) {
    const shape = map.type?.shape;
    // Determining the axis roles walks the whole graph, so it comes last.
    if (!shape || !hasMapRank(map, view.graph) || productOf(shape.slice(1)) !== features) continue;
    const axes = mapAxes(map, axisRolesOf(view.graph.root));
    if (axes) return { map, axes };
  }
  return undefined;
}

/** Whether the view already has the form that this pass would write. */
function isPlainFlatten(view: Node, { map, axes }: MapBehind): boolean {
  return flattenedMap(view) === map && !isTurnedCell(axes);
}

/** Whether the map is one cell with several channels in the last axis. With one row and one column, their order does not matter. */
const isTurnedCell = (axes: MapAxes): boolean => cellsIn(axes) === 1 && axes.shape.channels !== 1 && axes.channels !== 1;

export const normaliseFlatten = defineRulePass({
  name: 'normalise-flatten',
  role: 'prepares',
  summary: 'write every step from a map to a vector as Flatten, drop views that change nothing',
  numbers: 'identical',
  rules: [idleView, mapToVector, rowToVector],
});
