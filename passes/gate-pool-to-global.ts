/**
 * gate-pool-to-global: turn a pool as large as the map, whose result is combined with the map again, into a global pool.
 *
 *   X * Sigmoid(AveragePool<kernel = the whole map>(X))         X [N,C,h,w]
 * becomes
 *   X * Sigmoid(GlobalAveragePool(X))
 *
 * and the same for MaxPool. Exact at the original size, where the single window is the map. A gate sees the whole image by design, at every size, whereas a
 * kernel of h x w would see only the first window of a larger map. Pools in front of a classifier become windows (`global-pool-to-window`).
 * Numbers: reordered.
 * Left alone: a MaxPool whose indices are read; pools over padded maps.
 */
import { gatePools } from '../src/analysis/maps/global-pools';
import { builderAt } from '../src/rewrite/builder';
import { definePass } from '../src/rewrite/pass';

export const gatePoolToGlobal = definePass({
  name: 'gate-pool-to-global',
  summary: 'make a pool as large as the map, whose result gates the map, a global pool',
  numbers: 'reordered',
  run(graph, { inference, remark }) {
    for (const { node, kind, map, still } of gatePools(graph)) {
      const [output] = node.outputs;
      if (!output) continue;
      const make = builderAt({ graph, before: node, origin: node.origin, root: node.name, inference });
      // It pools windows along an axis that does not slide.
      if (still?.some((along) => along && (along.kernel !== 1 || along.stride !== 1))) continue;
      const axes = still?.flatMap((along, axis) => (along ? [] : [axis + 2]));
      const pooled = axes
        ? make.op(kind === 'max' ? 'ReduceMax' : 'ReduceMean', [map, make.int64s(`${node.name}_axes`, axes)], { keepdims: 1 })
        : make.op(kind === 'max' ? 'GlobalMaxPool' : 'GlobalAveragePool', [map]);
      graph.replaceAllUses(output, pooled);
      graph.removeNode(node);
      remark({ kind: 'applied', rule: kind, at: { node: node.name, op: node.op, origin: node.origin }, origin: node.origin });
    }
  },
});
