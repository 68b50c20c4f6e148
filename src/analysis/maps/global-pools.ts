/**
 * Global pools in their many spellings, and whether one belongs to a classifier.
 *
 *   GlobalAveragePool(X)   ReduceMean<axes of H and W>(X)   AveragePool<kernel = the whole map>(X)   ReduceMean over the H*W of a view of X ...
 *
 * Maxima, minima, sums and norms alike; channels-last maps and results without the pooled axes as well.
 */

import { intAttr, intsAttr } from '../../ir/attrs';
import { AxisRoles, cellsIn, imageInputs, type MapAxes, mapAxes } from '../../ir/axis-roles';
import type { Graph } from '../../ir/graph';
import { isReduction, tellsSize } from '../../ir/operator-traits';
import { table } from '../../ir/table';
import { readNumbers } from '../../ir/tensor';
import type { Node, Value } from '../../ir/types';
import { viewChain } from '../../ir/views';
import { isDilated, isPadded, stridesOf } from '../../ir/window-attrs';

export type PoolKind = 'mean' | 'max' | 'min' | 'sum' | 'sum of squares' | 'l1' | 'l2' | 'log of sum';

/** A node that takes the whole map of each channel into one number. */
export interface GlobalPool {
  readonly node: Node;
  readonly kind: PoolKind;
  readonly map: Value;
  readonly axes: MapAxes;
  /** Whether the result has no spatial axes any more: [N, C]. */
  readonly drops: boolean;
  /** Already an AveragePool or MaxPool over the whole map. */
  readonly isWindowed: boolean;
  /** Places that are taken together along each axis, where it is not all of them. */
  readonly kernel?: readonly number[] | undefined;
  /** Where some axes do not slide and are not pooled as a whole: windows and strides along those, undefined along the others. */
  readonly still?: readonly (Still | undefined)[] | undefined;
}

/** What a pool does along an axis that does not slide. */
export interface Still {
  readonly kernel: number;
  readonly stride: number;
}

/** The global pools whose numbers go to a classifier only, in graph order. Sizes must be static. */
export function headPools(graph: Graph): GlobalPool[] {
  const roles = new AxisRoles(imageInputs(graph), graph.tied);
  return graph.nodes.flatMap((node) => globalPool(node, roles) ?? []).filter((pool) => isHead(pool.node, roles));
}

/**
 * Averages over nearly the whole map, in front of a classifier: a kernel of 7x7 on a map of 8x8, of which the last row and column are left over. There is one
 * window, whatever the stride.
 */
export function nearlyGlobalPools(graph: Graph): GlobalPool[] {
  const roles = new AxisRoles(imageInputs(graph), graph.tied);
  return graph.nodes.flatMap((node): GlobalPool[] => {
    const [map] = node.inputs;
    const axes = map && mapAxes(map, roles);
    const kernel = intsAttr(node, 'kernel_shape') ?? [];
    if (!map || axes?.channels !== 1 || node.op !== 'AveragePool' || intAttr(node, 'ceil_mode') !== 0) return [];
    const { places } = axes.shape;
    const isNearly =
      kernel.length === places.length && kernel.every((size, at) => size <= (places[at] ?? 0) && 2 * size > (places[at] ?? 0));
    const isWhole = kernel.every((size, at) => size === places[at]);
    const hasOne = node.outputs[0]?.type?.shape?.slice(2).every((dim) => dim === 1) === true;
    if (!isNearly || isWhole || !hasOne || !isPlain(node) || !isHead(node, roles)) return [];
    return [{ node, kind: 'mean', map, axes, drops: false, isWindowed: true, kernel }];
  });
}

const REDUCTION_KIND: Readonly<Record<string, PoolKind>> = table({
  ReduceMean: 'mean',
  ReduceMax: 'max',
  ReduceMin: 'min',
  ReduceSum: 'sum',
  ReduceSumSquare: 'sum of squares',
  ReduceL1: 'l1',
  ReduceL2: 'l2',
});

function globalPool(node: Node, roles: AxisRoles): GlobalPool | undefined {
  const [data] = node.inputs;
  if (!data) return undefined;
  if (isReduction(node.op)) return reduction(node, data, roles);
  const axes = mapAxes(data, roles);
  if (axes?.channels !== 1) return undefined;
  const pool = { node, map: data, axes, drops: false, isWindowed: false };
  if (node.op === 'GlobalAveragePool') return { ...pool, kind: 'mean' };
  if (node.op === 'GlobalMaxPool') return { ...pool, kind: 'max' };
  if (node.op === 'GlobalLpPool') {
    const p = intAttr(node, 'p');
    return p === 1 ? { ...pool, kind: 'l1' } : p === 2 ? { ...pool, kind: 'l2' } : undefined;
  }
  if (node.op !== 'AveragePool' && node.op !== 'MaxPool') return undefined;
  const windowed: GlobalPool = { ...pool, kind: node.op === 'MaxPool' ? 'max' : 'mean', isWindowed: true };
  if (coversMap(node, axes)) return windowed;
  const still = stillPool(node, axes, roles);
  return still && { ...windowed, still };
}

/** A pool over all places along every axis that slides, and through windows along the others. */
function stillPool(node: Node, { shape: { places } }: MapAxes, roles: AxisRoles): GlobalPool['still'] {
  if (roles.tied.size === 0 || !isPlain(node)) return undefined;
  const kernel = intsAttr(node, 'kernel_shape') ?? [];
  const strides = stridesOf(node, places.length);
  const isTied = roles.letters.map((letter) => roles.tied.has(letter));
  const covers = kernel.length === places.length && kernel.every((size, axis) => isTied[axis] || size === places[axis]);
  const many = places.some((length, axis) => !isTied[axis] && length > 1);
  if (!covers || !many) return undefined;
  return kernel.map((size, axis) => (isTied[axis] ? { kernel: size, stride: strides?.[axis] ?? 1 } : undefined));
}

/**
 * AveragePools and MaxPools as large as the map whose result comes back to a map: gates, which look at the whole image. (The kernel says so at one size only.)
 */
export function gatePools(graph: Graph): GlobalPool[] {
  const roles = new AxisRoles(imageInputs(graph), graph.tied);
  return graph.nodes
    .flatMap((node) => globalPool(node, roles) ?? [])
    .filter((pool) => pool.isWindowed && isRead(pool.node) && !isHead(pool.node, roles));
}

const isRead = (node: Node): boolean => node.outputs.some((output) => output.uses.length > 0);

/** Kernel as big as the map, nothing padded, nothing dilated: whatever the stride, there is one window. */
function coversMap(node: Node, axes: MapAxes): boolean {
  const kernel = intsAttr(node, 'kernel_shape') ?? [];
  const { places } = axes.shape;
  return kernel.length === places.length && kernel.every((size, at) => size === places[at]) && cellsIn(axes) > 1 && isPlain(node);
}

/** Nothing padded, nothing dilated, no indices. */
function isPlain(node: Node): boolean {
  return !isPadded(node) && !isDilated(node) && node.outputs.length === 1;
}

/** A reduction over exactly the spatial axes: of a map, of a map with all in one axis, or of a map reduced along some of them before. */
function reduction(node: Node, data: Value, roles: AxisRoles): GlobalPool | undefined {
  const kind = REDUCTION_KIND[node.op];
  const reduced = reducedRoles(node, data, roles);
  if (!kind || !reduced) return undefined;
  const keeps = intAttr(node, 'keepdims') !== 0;
  // Along axes that do not slide, places may stay apart.
  if (keeps && roles.tied.size > 0 && reduced.length < roles.letters.length && isAll(reduced, roles.sliding)) {
    const axes = mapAxes(data, roles);
    const still = roles.letters.map((letter) => (reduced.includes(letter) ? undefined : { kernel: 1, stride: 1 }));
    return axes && { node, kind, map: data, axes, drops: false, isWindowed: false, still };
  }
  if (isAll(reduced, roles.letters)) {
    const own = mapAxes(data, roles);
    if (own) return { node, kind, map: data, axes: own, drops: !keeps, isWindowed: false };
    for (const map of viewChain(data)) {
      const axes = mapAxes(map, roles);
      // [N, C, H*W] or [N, H*W, C] reduced to [N, C]; with the axis kept it is a view of that, which is left to its reader.
      if (axes && !keeps && node.outputs[0]?.type?.shape?.length === 2) return { node, kind, map, axes, drops: true, isWindowed: false };
    }
    return undefined;
  }
  // One axis after the other.
  if (!['mean', 'max', 'min', 'sum'].includes(kind)) return undefined;
  let all = reduced;
  for (let at = data; ; ) {
    const inner = at.producer;
    const [map] = inner?.inputs ?? [];
    if (!inner || !map || inner.op !== node.op || at.uses.length !== 1 || (intAttr(inner, 'keepdims') !== 0) !== keeps) return undefined;
    const before = reducedRoles(inner, map, roles);
    if (!before) return undefined;
    all += before;
    const axes = isAll(all, roles.letters) ? mapAxes(map, roles) : undefined;
    if (axes) return { node, kind, map, axes, drops: !keeps, isWindowed: false };
    at = map;
  }
}

/** Whether these are the spatial axes, each once. */
const isAll = (reduced: string, letters: readonly string[]): boolean =>
  reduced.length === letters.length && letters.length > 0 && letters.every((letter) => reduced.includes(letter));

/** Roles of the reduced axes as one word, or undefined where they are not known. */
function reducedRoles(node: Node, data: Value, roles: AxisRoles): string | undefined {
  const own = roles.of(data);
  const axes = node.inputs[1]?.constant;
  if (!own || (node.inputs[1] && !axes)) return undefined;
  const numbers = axes
    ? [...readNumbers(axes)].map((axis) => (axis < 0 ? axis + own.length : axis)).sort((a, b) => a - b)
    : own.map((_, axis) => axis);
  return numbers.map((axis) => own[axis] ?? '').join('');
}

/** Whether nothing that depends on the result has places again: then it is the classifier's. */
export function isHead(pool: Node, roles: AxisRoles): boolean {
  const seen = new Set<Node>([pool]);
  const queue: Node[] = [pool];
  for (let node = queue.pop(); node; node = queue.pop()) {
    for (const output of node.outputs) {
      const own = roles.of(output);
      const shape = output.type?.shape;
      if (output.uses.length > 0 && (!own || !shape)) return false;
      // Beside the numbers of a flattened map, or a factor of them, it is the classifier's all the same.
      const isVector = shape?.length === 2 && /C/.test(own?.[1] ?? '');
      if (!isVector && own?.some((role, axis) => roles.slides(role) && shape?.[axis] !== 1)) return false;
      for (const { user } of output.uses) {
        // A size alone is no data: what is reshaped to it is looked at by itself. Labels are the end.
        if (seen.has(user) || tellsSize(user.op) || user.domain === 'ai.onnx.ml') continue;
        seen.add(user);
        queue.push(user);
      }
    }
  }
  return true;
}
