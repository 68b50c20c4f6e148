/**
 * Global pools in their many spellings, and whether one belongs to a classifier.
 *
 *   GlobalAveragePool(X)   ReduceMean<axes of H and W>(X)   AveragePool<kernel = the whole map>(X)   ReduceMean over the H*W of a view of X ...
 *
 * The same for maxima, minima, sums and norms, for channels-last maps, and for results without the pooled axes.
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
import { asGlobalPool, asPool } from '../../operators/pools';

export type PoolKind = 'mean' | 'max' | 'min' | 'sum' | 'sum of squares' | 'l1' | 'l2' | 'log of sum';

/** A node that reduces the whole map of each channel to one value. */
export interface GlobalPool {
  readonly node: Node;
  readonly kind: PoolKind;
  readonly map: Value;
  readonly axes: MapAxes;
  /** True if the result has no spatial axes left: [N, C]. */
  readonly drops: boolean;
  /** True if it is already an AveragePool or MaxPool over the whole map. */
  readonly isWindowed: boolean;
  /** Number of positions pooled along each axis, if not all of them. */
  readonly kernel?: readonly number[] | undefined;
  /** Windows and strides along the axes that neither slide nor are pooled as a whole, if there are any; undefined along the others. */
  readonly still?: readonly (Still | undefined)[] | undefined;
}

/** Window of a pool along an axis that does not slide. */
export interface Still {
  readonly kernel: number;
  readonly stride: number;
}

/** The global pools whose results only a classifier reads, in graph order. Sizes must be static. */
export function headPools(graph: Graph): GlobalPool[] {
  const roles = new AxisRoles(imageInputs(graph), graph.tied);
  return graph.nodes.flatMap((node) => globalPool(node, roles) ?? []).filter((pool) => isHead(pool.node, roles));
}

/**
 * Averages over nearly the whole map, in front of a classifier: a 7x7 kernel on an 8x8 map, which ignores the last row and column. There is a single
 * window, whatever the stride.
 */
export function nearlyGlobalPools(graph: Graph): GlobalPool[] {
  const roles = new AxisRoles(imageInputs(graph), graph.tied);
  return graph.nodes.flatMap((node): GlobalPool[] => {
    const [map] = node.inputs;
    const axes = map && mapAxes(map, roles);
    const kernel = intsAttr(node, 'kernel_shape') ?? [];
    const own = asPool(node);
    if (!map || axes?.channels !== 1 || own?.mode !== 'mean' || own.ceil) return [];
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

/** Norms by their exponent. */
const POWERS: readonly (PoolKind | undefined)[] = [undefined, 'l1', 'l2'];

function globalPool(node: Node, roles: AxisRoles): GlobalPool | undefined {
  const [data] = node.inputs;
  if (!data) return undefined;
  if (isReduction(node.op)) return reduction(node, data, roles);
  const axes = mapAxes(data, roles);
  if (axes?.channels !== 1) return undefined;
  const pool = { node, map: data, axes, drops: false, isWindowed: false };
  const whole = asGlobalPool(node);
  if (whole) {
    const kind = whole.mode === 'power' ? POWERS[whole.p ?? 0] : whole.mode;
    return kind && { ...pool, kind };
  }
  const mode = asPool(node)?.mode;
  if (mode === undefined || mode === 'power') return undefined;
  const windowed: GlobalPool = { ...pool, kind: mode, isWindowed: true };
  if (coversMap(node, axes)) return windowed;
  const still = stillPool(node, axes, roles);
  return still && { ...windowed, still };
}

/** Pools over all positions along every axis that slides, and through windows along the others; undefined for any other node. */
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
 * AveragePools and MaxPools as large as the map whose result is combined with a map again: gates, which read the whole image. (The kernel covers it at one
 * size only.)
 */
export function gatePools(graph: Graph): GlobalPool[] {
  const roles = new AxisRoles(imageInputs(graph), graph.tied);
  return graph.nodes
    .flatMap((node) => globalPool(node, roles) ?? [])
    .filter((pool) => pool.isWindowed && isRead(pool.node) && !isHead(pool.node, roles));
}

const isRead = (node: Node): boolean => node.outputs.some((output) => output.uses.length > 0);

/** True if the kernel is as large as the map, without padding or dilation: there is a single window, whatever the stride. */
function coversMap(node: Node, axes: MapAxes): boolean {
  const kernel = intsAttr(node, 'kernel_shape') ?? [];
  const { places } = axes.shape;
  return kernel.length === places.length && kernel.every((size, at) => size === places[at]) && cellsIn(axes) > 1 && isPlain(node);
}

/** True without padding, dilation or indices. */
function isPlain(node: Node): boolean {
  return !isPadded(node) && !isDilated(node) && node.outputs.length === 1;
}

/** A reduction over exactly the spatial axes: of a map, of a map with all of them in one axis, or of a map already reduced along some. */
function reduction(node: Node, data: Value, roles: AxisRoles): GlobalPool | undefined {
  const kind = REDUCTION_KIND[node.op];
  const reduced = reducedRoles(node, data, roles);
  if (!kind || !reduced) return undefined;
  const keeps = intAttr(node, 'keepdims') !== 0;
  // Along axes that do not slide, positions may be kept.
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
      // [N, C, H*W] or [N, H*W, C] reduced to [N, C]. With the axis kept it is a view of that, which is left to its reader.
      if (axes && !keeps && node.outputs[0]?.type?.shape?.length === 2) return { node, kind, map, axes, drops: true, isWindowed: false };
    }
    return undefined;
  }
  // Reductions along one axis after another.
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

/** True if these are the spatial axes, each once. */
const isAll = (reduced: string, letters: readonly string[]): boolean =>
  reduced.length === letters.length && letters.length > 0 && letters.every((letter) => reduced.includes(letter));

/** Roles of the reduced axes as one word; undefined if they are unknown. */
function reducedRoles(node: Node, data: Value, roles: AxisRoles): string | undefined {
  const own = roles.of(data);
  const axes = node.inputs[1]?.constant;
  if (!own || (node.inputs[1] && !axes)) return undefined;
  const numbers = axes
    ? [...readNumbers(axes)].map((axis) => (axis < 0 ? axis + own.length : axis)).sort((a, b) => a - b)
    : own.map((_, axis) => axis);
  return numbers.map((axis) => own[axis] ?? '').join('');
}

/** True if nothing that depends on the result has positions again: the pool then belongs to the classifier. */
export function isHead(pool: Node, roles: AxisRoles): boolean {
  const seen = new Set<Node>([pool]);
  const queue: Node[] = [pool];
  for (let node = queue.pop(); node; node = queue.pop()) {
    for (const output of node.outputs) {
      const own = roles.of(output);
      const shape = output.type?.shape;
      if (output.uses.length > 0 && (!own || !shape)) return false;
      // Combined with the values of a flattened map, or as a factor of them, it still belongs to the classifier.
      const isVector = shape?.length === 2 && /C/.test(own?.[1] ?? '');
      if (!isVector && own?.some((role, axis) => roles.slides(role) && shape?.[axis] !== 1)) return false;
      for (const { user } of output.uses) {
        // A size alone is not data: a value reshaped to it is examined separately. Labels end the search.
        if (seen.has(user) || tellsSize(user.op) || user.domain === 'ai.onnx.ml') continue;
        seen.add(user);
        queue.push(user);
      }
    }
  }
  return true;
}
