/**
 * normalise-global-pool: one form for the global average in front of a classifier.
 *
 *   ReduceMean<axes of H and W>(X), AveragePool<kernel = the whole map>(X), a mean over the H*W of a view of X,
 *   ReduceSum<axes of H and W>(X) / (h*w) ...
 * becomes
 *   GlobalAveragePool(X), behind it Flatten or Transpose to the shape of the old result
 *
 * Numbers: reordered.
 * Left alone: maxima, norms, and sums that are not divided by the number of positions; pools whose result is combined with a map again.
 */

import { headPools } from '../src/analysis/maps/global-pools';
import { cellsIn, fromChannelsFirst, isChannelsFirst } from '../src/ir/axis-roles';
import { isNode } from '../src/ir/match';
import { elementCount, readNumbers } from '../src/ir/tensor';
import type { Node, Value } from '../src/ir/types';
import { isGlobalMean } from '../src/operators/pools';
import { builderAt } from '../src/rewrite/builder';
import { definePass } from '../src/rewrite/pass';

export const normaliseGlobalPool = definePass({
  name: 'normalise-global-pool',
  summary: 'write every global average in front of a classifier as GlobalAveragePool',
  numbers: 'reordered',
  run(graph, { inference, remark }) {
    // A pool of a pool reads the replacement of the first one.
    const replaced = new Map<Value, Value>();
    for (const { node, kind, map: found, axes, drops, still } of headPools(graph)) {
      // Positions along an axis that does not slide are kept apart.
      if (still) continue;
      const map = replaced.get(found) ?? found;
      const divided = kind === 'sum' ? dividedByPlaces(node, cellsIn(axes)) : undefined;
      const [output] = (divided ?? node).outputs;
      if ((kind !== 'mean' && !divided) || isGlobalMean(node) || !output) continue;
      const make = builderAt({ graph, before: node, origin: node.origin, root: node.name, inference });
      const pooled = make.op('GlobalAveragePool', [
        isChannelsFirst(axes) ? map : make.op('Transpose', [map], { perm: axes.toChannelsFirst }),
      ]);
      const result = drops
        ? make.op('Flatten', [pooled], { axis: 1 })
        : isChannelsFirst(axes)
          ? pooled
          : make.op('Transpose', [pooled], { perm: fromChannelsFirst(axes) });
      replaced.set(output, result);
      graph.replaceAllUses(output, result);
      if (divided) graph.removeNode(divided);
      graph.removeNode(node);
      remark({ kind: 'applied', rule: 'global-average', at: { node: node.name, op: node.op, origin: node.origin }, origin: node.origin });
    }
  },
});

/** The only reader of a sum, if it divides the sum to a mean. */
function dividedByPlaces(sum: Node, places: number): Node | undefined {
  const [total] = sum.outputs;
  const [use, ...others] = total?.uses ?? [];
  if (!total || !use || others.length > 0 || sum.graph.isOutput(total)) return undefined;
  const { user, slot } = use;
  const by = user.inputs[1 - slot]?.constant;
  if (!by || elementCount(by.shape) !== 1 || by.shape.length > (total.type?.shape?.length ?? 0)) return undefined;
  const number = readNumbers(by)[0] ?? 0;
  const factor = isNode(user, 'Mul') ? number : isNode(user, 'Div') && slot === 0 ? 1 / number : 0;
  return Math.abs(factor * places - 1) < 1e-6 ? user : undefined;
}
