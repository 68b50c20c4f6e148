/**
 * Cuts a classifier at its last map: into the trunk, which accepts images of any size, and the head, which takes one window of the map.
 * Used by the check that is exact for any padding: each cell of the converted network equals the original's own head on that window of its own map.
 */

import { headBehind, type Trunk, trunkOf as trunkOfNetwork } from '../analysis/maps/trunk';
import { type ReceptiveFields, receptiveFields } from '../analysis/receptive-field';
import { AxisRoles, cellsIn, imageInputs, type MapAxes, mapAxes } from '../ir/axis-roles';
import { Graph, readBy } from '../ir/graph';
import { meaningOf } from '../ir/integer-operators';
import { copiedAttrs, Model } from '../ir/model';
import { isReduction } from '../ir/operator-traits';
import { listOf } from '../ir/spatial';
import type { Node, Value } from '../ir/types';
import { isConst } from '../ir/types';
import { isPadded, isStrided } from '../ir/window-attrs';
import { pixelStride } from '../operators/pixel-stride';

export interface CutMap {
  readonly value: Value;
  readonly axes: MapAxes;
  /** Input pixels between neighbouring cells, along each axis. */
  readonly stride: readonly number[];
}

/** The last maps, of more than one cell or behind padding, on the paths from the image to the outputs, or undefined if a path has none. Sizes must be static. */
export function lastMaps(model: Model, outputs: readonly Value[]): readonly CutMap[] | undefined {
  const roles = new AxisRoles(imageInputs(model.graph), model.graph.tied);
  const trunk = trunkOfNetwork(model.graph);
  const fields = receptiveFields(model.graph);
  const maps = new Map<Value, CutMap>();
  for (const output of outputs) {
    const nearest = mapsBefore(output, trunk, roles);
    const own = nearest?.every(({ value }) => trunk.slides(value)) ? nearest : (slidingMaps(output, trunk, roles) ?? nearest);
    if (!own) return undefined;
    for (const map of own) maps.set(map.value, { ...map, stride: strideOf(map, fields) });
  }
  // One map may feed another through a second path: the head would then need both the trunk and the map.
  return maps.size > 0 ? [...maps.values()] : undefined;
}

/** Pixels between cells, as they move with the image; if that is not known, derived from the strides on the path. */
function strideOf({ value, stride }: CutMap, fields: ReceptiveFields): readonly number[] {
  const field = fields.of(value);
  const own = field ? listOf(field) : [];
  return stride.map((steps, axis) => {
    const along = own[axis];
    return along && along !== 'whole' && along.stride !== 0 ? Math.abs(along.stride) : steps;
  });
}

/**
 * If the nearest map does not slide by itself (its own mean is subtracted, or a pool of the window's size is applied over it), the classifier begins
 * in front of that. undefined if anything that is not part of a classifier is in between.
 */
function slidingMaps(output: Value, trunk: Trunk, roles: AxisRoles): readonly CutMap[] | undefined {
  const head = headBehind([output], trunk);
  if ('reason' in head) return undefined;
  const maps = head.cuts.flatMap((value) => {
    const axes = mapAxes(value, roles);
    return axes && cellsIn(axes) > 1 ? [{ value, axes, stride: pixelStride(value) }] : [];
  });
  return maps.length === head.cuts.length && maps.length > 0 ? maps : undefined;
}

/** The last maps of one output. */
function mapsBefore(output: Value, trunk: Trunk, roles: AxisRoles): readonly CutMap[] | undefined {
  const passed = new Set<Value>();
  for (;;) {
    const maps = nearestMaps(output, trunk, roles, passed);
    // Parallel pools of one map (spatial pyramid pooling) are windows of that map, so the map itself slides.
    const pooled = (maps ?? []).filter(({ value }) => {
      const source = pooledBy(value);
      return source && maps?.some((other) => other.value === source || (other.value !== value && pooledBy(other.value) === source));
    });
    if (pooled.length === 0) return maps;
    for (const { value } of pooled) passed.add(value);
  }
}

function nearestMaps(output: Value, trunk: Trunk, roles: AxisRoles, passed: ReadonlySet<Value>): readonly CutMap[] | undefined {
  const maps: CutMap[] = [];
  const seen = new Set<Value>();
  const queue: Value[] = [output];
  for (let value = queue.pop(); value; value = queue.pop()) {
    if (seen.has(value) || isConst(value)) continue;
    seen.add(value);
    const axes = mapAxes(value, roles);
    const isOwn = axes && (cellsIn(axes) > 1 || (isPaddedLayer(value) && trunk.slides(value)));
    if (isOwn && !passed.has(value) && !isHalfReduced(value, axes)) {
      maps.push({ value, axes, stride: pixelStride(value) });
      continue;
    }
    // A path that reaches an input without a map cannot be cut.
    if (!value.producer) return undefined;
    queue.push(...readBy(value.producer));
  }
  return maps.length > 0 ? maps : undefined;
}

/** True if an output is itself a map of more than one cell: it grows with the image, and its cells do not represent windows. */
export function isMap(model: Model, name: string): boolean {
  const output = model.graph.outputs.find((candidate) => candidate.name === name);
  const [map] = (output && lastMaps(model, [output])) ?? [];
  return map !== undefined && map.value === output && cellsIn(map.axes) > 1;
}

/**
 * True for the result of a padded layer with windows. If it has a single cell, that is because the image is small: it is a map of one cell, and behind it
 * windows of larger maps do not exist.
 */
const isPaddedLayer = ({ producer }: Value): boolean => producer !== undefined && WINDOWED.has(meaningOf(producer)) && isPadded(producer);
const WINDOWED = new Set(['Conv', 'MaxPool', 'AveragePool', 'LpPool']);

/** A mean over only some axes, followed by one over the others, no longer contains windows of a map. */
const isHalfReduced = (value: Value, { shape }: MapAxes): boolean =>
  value.producer !== undefined && isReduction(value.producer.op) && new Set(shape.places.map((length) => length === 1)).size > 1;

/** Input of the unpadded, strided pool that computes the value. */
function pooledBy({ producer }: Value): Value | undefined {
  if (!producer || !['MaxPool', 'AveragePool'].includes(meaningOf(producer))) return undefined;
  return !isPadded(producer) && isStrided(producer) ? producer.inputs[0] : undefined;
}

/** The part of the model that computes these values, which become its outputs. */
export function trunkOf(model: Model, values: readonly Value[]): Model {
  return part(model, [], values);
}

/** The part from these values, which become its inputs, to the outputs. */
export function headOf(model: Model, values: readonly Value[], outputs: readonly Value[]): Model {
  return part(model, values, outputs);
}

function part(model: Model, from: readonly Value[], to: readonly Value[]): Model {
  const graph = new Graph(model.graph.name);
  if (model.graph.tied.size > 0) graph.tie(model.graph.tied);
  const copies = new Map<Value, Value>();
  for (const value of from) copies.set(value, graph.addInput(value.name, value.type));
  const needed = neededFor(to, new Set(from));
  for (const input of model.graph.inputs)
    if (needed.values.has(input) && !copies.has(input)) copies.set(input, graph.addInput(input.name, input.type));
  for (const constant of model.graph.constants)
    if (needed.values.has(constant)) copies.set(constant, graph.addConstant(constant.name, constant.constant));
  for (const node of model.graph.nodes) {
    if (!needed.nodes.has(node)) continue;
    const copy = graph.addNode({
      op: node.opType,
      domain: node.domain,
      inputs: node.inputs.map((input) => input && copies.get(input)),
      attrs: copiedAttrs(node, graph, copies),
      outputs: node.outputs.map((output) => output.name),
      outputTypes: node.outputs.map((output) => output.type),
      name: node.name,
      origin: node.origin,
    });
    node.outputs.forEach((output, index) => {
      const value = copy.outputs[index];
      if (value) copies.set(output, value);
    });
  }
  graph.setOutputs(to.map((value) => copies.get(value) ?? value));
  return new Model({ graph, irVersion: model.irVersion, opsets: model.opsets });
}

function neededFor(values: readonly Value[], stop: ReadonlySet<Value>): { readonly values: Set<Value>; readonly nodes: Set<Node> } {
  const found = { values: new Set<Value>(), nodes: new Set<Node>() };
  const queue = [...values];
  for (let value = queue.pop(); value; value = queue.pop()) {
    if (found.values.has(value)) continue;
    found.values.add(value);
    if (stop.has(value) || !value.producer) continue;
    found.nodes.add(value.producer);
    queue.push(...readBy(value.producer));
  }
  return found;
}
