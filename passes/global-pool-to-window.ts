/**
 * global-pool-to-window: turn a global pool in front of a classifier into a pool over the window that it had at the original size.
 *
 *   GlobalAveragePool(X), ReduceMean<axes of H and W>(X), AveragePool<kernel = the whole map>(X) ...       X [N,C,h,w]
 * becomes
 *   AveragePool<kernel_shape = [h, w], strides = [1, 1], pads = 0>(X)
 *
 * and the same for MaxPool for a maximum, and for sums, norms and minima by means of one of the two. Exact at the original size, where the window is the map;
 * on a larger map every window of h x w cells gets the original's result for it.
 * An AveragePool over more than half of the map also has one output cell, whatever its stride: its stride becomes 1, so that every window has its cell.
 * Only if the pooled values go to the classifier: a pool whose result is combined with a map again (squeeze-and-excitation) sees the whole image by
 * design and stays global. Pools whose results are combined (concatenated, added) get strides that keep their maps aligned.
 * Numbers: reordered.
 * Left alone: pools over padded maps; reductions that include other axes.
 */

import { type GlobalPool, headPools, nearlyGlobalPools, type PoolKind } from '../src/analysis/maps/global-pools';
import { fromChannelsFirst, isChannelsFirst } from '../src/ir/axis-roles';
import type { Graph } from '../src/ir/graph';
import { elementCount } from '../src/ir/tensor';
import type { Node, Value } from '../src/ir/types';
import { stridesOf } from '../src/ir/window-attrs';
import { pixelStride } from '../src/operators/pixel-stride';
import { type Builder, builderAt } from '../src/rewrite/builder';
import { definePass, type PassContext } from '../src/rewrite/pass';

export const globalPoolToWindow = definePass({
  name: 'global-pool-to-window',
  role: 'converts',
  summary: 'turn the global pool of a classifier into a pool over a window of the original size',
  numbers: 'reordered',
  run(graph, context) {
    // A pool of a pool reads the replacement of the first one.
    const replaced = new Map<Value, Value>();
    for (const family of families([...headPools(graph), ...nearlyGlobalPools(graph)])) {
      const strides = family.map((pool) => pixelStride(pool.map));
      const widest = (strides[0] ?? []).map((_, axis) => Math.max(...strides.map((stride) => stride[axis] ?? 1)));
      family.forEach((pool, index) => {
        const step = widest.map((wide, axis) => wide / (strides[index]?.[axis] ?? 1));
        if (!step.every(Number.isInteger)) {
          context.remark({
            kind: 'refused',
            reason: 'its map and that of another pool of the same classifier have strides of which none divides the other',
            at: place(pool.node),
            origin: pool.node.origin,
          });
          return;
        }
        rewrite(graph, { ...pool, map: replaced.get(pool.map) ?? pool.map }, step, context, replaced);
      });
    }
  },
});

function rewrite(graph: Graph, pool: GlobalPool, strides: readonly number[], context: PassContext, replaced: Map<Value, Value>): void {
  const { node, axes, map } = pool;
  const kernel = (pool.kernel ?? axes.shape.places).map((size, axis) => pool.still?.[axis]?.kernel ?? size);
  const steps = strides.map((step, axis) => pool.still?.[axis]?.stride ?? step);
  if (pool.isWindowed && sameNumbers(stridesOf(node, kernel.length), steps)) return;
  const [output] = node.outputs;
  if (!output) return;
  const make = builderAt({ graph, before: node, origin: node.origin, root: node.name, inference: context.inference });
  const whole = isChannelsFirst(axes) ? map : make.op('Transpose', [map], { perm: axes.toChannelsFirst });
  const source = withoutRest(whole, pool, make);
  const pooled = windowPool(pool.kind, source, kernel, steps, make);
  const result = pool.drops
    ? make.op('Flatten', [pooled], { axis: 1 })
    : isChannelsFirst(axes)
      ? pooled
      : make.op('Transpose', [pooled], { perm: fromChannelsFirst(axes) });
  replaced.set(output, result);
  graph.replaceAllUses(output, result);
  graph.removeNode(node);
  context.remark({ kind: 'applied', rule: pool.kind, at: place(node), origin: node.origin });
}

/** Drops the cells at the far end that the only window of the original does not cover: they belong to no window, however large the map is. */
function withoutRest(map: Value, { kernel, axes: { shape } }: GlobalPool, make: Builder): Value {
  const rest = (kernel ?? []).map((size, at) => size - (shape.places[at] ?? size));
  const cut = rest.flatMap((more, at) => (more < 0 ? [at + 2] : []));
  if (cut.length === 0) return map;
  const ends = cut.map((axis) => rest[axis - 2] ?? 0);
  const ints = (name: string, numbers: readonly number[]): Value => make.int64s(`rest_${name}`, numbers);
  const starts = cut.map(() => 0);
  return make.op('Slice', [map, ints('starts', starts), ints('ends', ends), ints('axes', cut)]);
}

/** Sums and norms are means times the number of cells; a minimum is the negated maximum of the negated values. */
function windowPool(kind: PoolKind, map: Value, kernel: readonly number[], strides: readonly number[], make: Builder): Value {
  const attrs = { kernel_shape: kernel, strides };
  const dtype = map.type?.dtype ?? 'float';
  const mean = (of: Value): Value => make.op('AveragePool', [of], attrs);
  const sum = (of: Value): Value => make.op('Mul', [mean(of), make.scalar('window_cells', dtype, elementCount(kernel))]);
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
    case 'log of sum':
      return make.op('Log', [sum(map)]);
  }
}

/** Groups pools whose results are combined. */
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
