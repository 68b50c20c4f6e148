/**
 * global-pool-to-window: a global pool in front of a classifier becomes a pool over the window it had at the original size.
 *
 *   GlobalAveragePool(X), ReduceMean<axes of H and W>(X), AveragePool<kernel = the whole map>(X) ...       X [N,C,h,w]
 * becomes
 *   AveragePool<kernel_shape = [h, w], strides = [1, 1], pads = 0>(X)
 *
 * and likewise MaxPool for a maximum, and sums, norms and minima through one of the two. Exact at the original size, where the window is the map;
 * on a larger map every window of h x w cells gets what the original would have said of it.
 * Only where the pooled numbers go to the classifier: a pool whose result comes back to a map (squeeze-and-excitation) looks at the whole image by
 * design and stays global. Pools that meet again (concatenated, added) get strides that keep their maps aligned.
 * Numbers: reordered.
 * Left alone: pools over padded maps; reductions that take in other axes as well.
 */

import { intAttr, intsAttr, stringAttr } from '../src/ir/attrs';
import { AxisRoles, imageInputs, type MapAxes, mapAxes } from '../src/ir/axis-roles';
import type { Graph } from '../src/ir/graph';
import { isReduction } from '../src/ir/operator-traits';
import { pixelStride } from '../src/ir/pixel-stride';
import { readNumbers } from '../src/ir/tensor';
import type { Node, Value } from '../src/ir/types';
import { viewChain } from '../src/ir/views';
import { definePass, type PassContext } from '../src/pass/pass';
import { type Builder, builderAt } from '../src/rewrite/builder';

type Kind = 'mean' | 'max' | 'min' | 'sum' | 'sum of squares' | 'l1' | 'l2';

/** A node that takes the whole map of each channel into one number. */
interface GlobalPool {
  readonly node: Node;
  readonly kind: Kind;
  readonly map: Value;
  readonly axes: MapAxes;
  /** Whether the result has no rows and columns any more: [N, C]. */
  readonly drops: boolean;
  /** Already an AveragePool or MaxPool over the whole map. */
  readonly isWindowed: boolean;
}

export const globalPoolToWindow = definePass({
  name: 'global-pool-to-window',
  summary: 'turn the global pool of a classifier into a pool over a window of the original size',
  numbers: 'reordered',
  run(graph, context) {
    const roles = new AxisRoles(imageInputs(graph));
    const pools = graph.nodes.flatMap((node) => globalPool(node, roles) ?? []).filter((pool) => isHead(pool.node, roles));
    for (const family of families(pools)) {
      const strides = family.map((pool) => pixelStride(pool.map));
      const widest = [Math.max(...strides.map(([rows]) => rows)), Math.max(...strides.map(([, columns]) => columns))];
      family.forEach((pool, index) => {
        const [rows, columns] = strides[index] ?? [1, 1];
        const step = [(widest[0] ?? 1) / rows, (widest[1] ?? 1) / columns];
        if (!step.every(Number.isInteger)) {
          context.remark({
            kind: 'refused',
            reason: 'its map and that of another pool of the same classifier have strides of which none divides the other',
            at: place(pool.node),
            origin: pool.node.origin,
          });
          return;
        }
        rewrite(graph, pool, step, context);
      });
    }
  },
});

function rewrite(graph: Graph, pool: GlobalPool, strides: readonly number[], context: PassContext): void {
  const { node, axes, map } = pool;
  const kernel = [axes.shape.rows, axes.shape.columns];
  if (pool.isWindowed && sameNumbers(intsAttr(node, 'strides') ?? [1, 1], strides)) return;
  const [output] = node.outputs;
  if (!output) return;
  const make = builderAt({ graph, before: node, origin: node.origin, root: node.name, inference: context.inference });
  const isChannelsFirst = axes.toChannelsFirst.every((axis, at) => axis === at);
  const source = isChannelsFirst ? map : make.op('Transpose', [map], { perm: axes.toChannelsFirst });
  const pooled = windowPool(pool.kind, source, kernel, strides, make);
  const inverse = [0, 1, 2, 3].map((axis) => axes.toChannelsFirst.indexOf(axis));
  const result = pool.drops
    ? make.op('Flatten', [pooled], { axis: 1 })
    : isChannelsFirst
      ? pooled
      : make.op('Transpose', [pooled], { perm: inverse });
  graph.replaceAllUses(output, result);
  graph.removeNode(node);
  context.remark({ kind: 'applied', rule: pool.kind, at: place(node), origin: node.origin });
}

/** Sums and norms are means times the number of cells; a minimum is the maximum of the negatives. */
function windowPool(kind: Kind, map: Value, kernel: readonly number[], strides: readonly number[], make: Builder): Value {
  const attrs = { kernel_shape: kernel, strides };
  const dtype = map.type?.dtype ?? 'float';
  const mean = (of: Value): Value => make.op('AveragePool', [of], attrs);
  const sum = (of: Value): Value => make.op('Mul', [mean(of), make.scalar('window_cells', dtype, (kernel[0] ?? 1) * (kernel[1] ?? 1))]);
  switch (kind) {
    case 'mean':
      return mean(map);
    case 'max':
      return make.op('MaxPool', [map], attrs);
    case 'min':
      return make.op('Neg', [make.op('MaxPool', [make.op('Neg', [map])], attrs)]);
    case 'sum':
      return sum(map);
    case 'sum of squares':
      return sum(make.op('Mul', [map, map]));
    case 'l1':
      return sum(make.op('Abs', [map]));
    case 'l2':
      return make.op('Sqrt', [sum(make.op('Mul', [map, map]))]);
  }
}

const REDUCTION_KIND: Readonly<Record<string, Kind>> = {
  ReduceMean: 'mean',
  ReduceMax: 'max',
  ReduceMin: 'min',
  ReduceSum: 'sum',
  ReduceSumSquare: 'sum of squares',
  ReduceL1: 'l1',
  ReduceL2: 'l2',
};

function globalPool(node: Node, roles: AxisRoles): GlobalPool | undefined {
  const [data] = node.inputs;
  if (!data) return undefined;
  if (isReduction(node.op)) return reduction(node, data, roles);
  const axes = mapAxes(data, roles.of(data));
  if (!axes || axes.channels !== 1) return undefined;
  const pool = { node, map: data, axes, drops: false, isWindowed: false };
  if (node.op === 'GlobalAveragePool') return { ...pool, kind: 'mean' };
  if (node.op === 'GlobalMaxPool') return { ...pool, kind: 'max' };
  if ((node.op === 'AveragePool' || node.op === 'MaxPool') && coversMap(node, axes))
    return { ...pool, kind: node.op === 'MaxPool' ? 'max' : 'mean', isWindowed: true };
  return undefined;
}

/** Kernel as big as the map, nothing padded, nothing dilated: whatever the stride, there is one window. */
function coversMap(node: Node, { shape }: MapAxes): boolean {
  const [rows, columns] = intsAttr(node, 'kernel_shape') ?? [];
  if (rows !== shape.rows || columns !== shape.columns || rows * columns === 1) return false;
  const unpadded =
    ['NOTSET', 'VALID'].includes(stringAttr(node, 'auto_pad', 'NOTSET')) && (intsAttr(node, 'pads') ?? []).every((pad) => pad === 0);
  return unpadded && (intsAttr(node, 'dilations') ?? []).every((dilation) => dilation === 1) && node.outputs.length === 1;
}

/** A reduction over exactly the rows and columns: of a map, of a map with both in one axis, or of a map reduced along one of them before. */
function reduction(node: Node, data: Value, roles: AxisRoles): GlobalPool | undefined {
  const kind = REDUCTION_KIND[node.op];
  const reduced = reducedRoles(node, data, roles);
  if (!kind || !reduced) return undefined;
  const keeps = intAttr(node, 'keepdims', 1) !== 0;
  if (reduced === 'HW' || reduced === 'WH') {
    const own = mapAxes(data, roles.of(data));
    if (own) return { node, kind, map: data, axes: own, drops: !keeps, isWindowed: false };
    for (const map of viewChain(data)) {
      const axes = mapAxes(map, roles.of(map));
      // [N, C, H*W] reduced to [N, C]; with the axis kept it is a view of that, which is left to its reader.
      if (axes && !keeps && axes.channels === 1 && node.outputs[0]?.type?.shape?.length === 2)
        return { node, kind, map, axes, drops: true, isWindowed: false };
    }
    return undefined;
  }
  const inner = data.producer;
  const [map] = inner?.inputs ?? [];
  if (!inner || !map || inner.op !== node.op || data.uses.length !== 1 || !['mean', 'max', 'min', 'sum'].includes(kind)) return undefined;
  const before = reducedRoles(inner, map, roles);
  const axes = mapAxes(map, roles.of(map));
  if (!axes || !before || ![`${before}${reduced}`, `${reduced}${before}`].includes('HW')) return undefined;
  const dropsBoth = !keeps && intAttr(inner, 'keepdims', 1) === 0;
  const keepsBoth = keeps && intAttr(inner, 'keepdims', 1) !== 0;
  return dropsBoth || keepsBoth ? { node, kind, map, axes, drops: dropsBoth, isWindowed: false } : undefined;
}

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

/** Whether nothing that depends on the result has rows or columns again: then it is the classifier's. */
function isHead(pool: Node, roles: AxisRoles): boolean {
  const seen = new Set<Node>([pool]);
  const queue: Node[] = [pool];
  for (let node = queue.pop(); node; node = queue.pop()) {
    for (const output of node.outputs) {
      const own = roles.of(output);
      const shape = output.type?.shape;
      if (output.uses.length > 0 && (!own || !shape)) return false;
      if (own?.some((role, axis) => /[HW]/.test(role) && shape?.[axis] !== 1)) return false;
      for (const { user } of output.uses) {
        if (seen.has(user)) continue;
        seen.add(user);
        queue.push(user);
      }
    }
  }
  return true;
}

/** Pools whose results meet again belong together. */
function families(pools: readonly GlobalPool[]): GlobalPool[][] {
  const groups: { readonly pools: GlobalPool[]; readonly reach: Set<Node> }[] = [];
  for (const pool of pools) {
    const reach = reachOf(pool.node);
    const met = groups.filter((group) => [...reach].some((node) => group.reach.has(node)));
    const joined = {
      pools: [...met.flatMap((group) => group.pools), pool],
      reach: new Set([...met.flatMap((group) => [...group.reach]), ...reach]),
    };
    for (const group of met) groups.splice(groups.indexOf(group), 1);
    groups.push(joined);
  }
  return groups.map((group) => group.pools);
}

function reachOf(node: Node): Set<Node> {
  const reach = new Set<Node>([node]);
  for (const member of reach) for (const output of member.outputs) for (const { user } of output.uses) reach.add(user);
  return reach;
}

const sameNumbers = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((number, at) => number === b[at]);
const place = (node: Node) => ({ node: node.name, op: node.op, origin: node.origin });
