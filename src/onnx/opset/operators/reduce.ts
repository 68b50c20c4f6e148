/**
 * Reductions: the axes are an input, of ReduceSum since opset 13, of the others since 18.
 * An empty list means all axes in either spelling, unless `noop_with_empty_axes` says that it means none, which the older one cannot.
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
