/**
 * Reductions: the axes are an input since opset 13 for ReduceSum, since 18 for the others.
 * An empty list means all axes in either spelling, unless `noop_with_empty_axes` makes it mean none, which the older spelling cannot express.
 */
import { intAttr } from '../../../ir/attrs';
import type { Adapter } from '../adapter';
import { refuse } from '../adapter';
import { intsOf } from '../editor';
import { intsBecomeInput } from './attribute-to-input';

const SINCE_18 = ['L1', 'L2', 'LogSum', 'LogSumExp', 'Max', 'Mean', 'Min', 'Prod', 'SumSquare'];

export const reduceAdapters: readonly Adapter[] = [reduce('ReduceSum', 13), ...SINCE_18.map((name) => reduce(`Reduce${name}`, 18))];

function reduce(op: string, since: number): Adapter {
  const axes = intsBecomeInput(op, since, 'axes', 1);
  return {
    ...axes,
    lower: (node, edit) => {
      if (intAttr(node, 'noop_with_empty_axes') !== 0) {
        const given = intsOf(node.inputs[1]);
        if (!given || given.length === 0) return refuse('it reduces no axis where none is given');
      }
      edit.setAttrs(node, { noop_with_empty_axes: undefined });
      return axes.lower?.(node, edit);
    },
  };
}
