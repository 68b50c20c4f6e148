/**
 * remove-idle-pools: drop pools that do nothing.
 *
 *   AveragePool<kernel_shape = [1, 1]>(X) -> X          the same for MaxPool
 *
 * An adaptive pool whose output is as large as its input (AlexNet's and VGG's at their own size) is exported as such a pool.
 * Numbers: identical.
 * Left alone: strides other than 1, pads, a MaxPool whose indices are read.
 */

import { intsAttr, stringAttr } from '../src/ir/attrs';
import { isPadded, isStrided } from '../src/ir/window-attrs';
import { defineRulePass } from '../src/rewrite/pass';
import { node, value } from '../src/rewrite/pattern';
import { defineRule, refuse } from '../src/rewrite/rule';

const idlePool = defineRule({
  name: 'idle-pool',
  match: node(['AveragePool', 'MaxPool'], [value('x')], { as: 'pool' }),
  when({ pool }) {
    if (!intsAttr(pool, 'kernel_shape')?.every((size) => size === 1)) return undefined;
    if (isStrided(pool)) return undefined;
    // SAME with stride 1 and kernel 1 pads nothing.
    if (stringAttr(pool, 'auto_pad') === 'NOTSET' && isPadded(pool)) return refuse('it pads', pool);
    const indices = pool.outputs[1];
    if (indices && (indices.uses.length > 0 || pool.graph.isOutput(indices))) return refuse('its indices are read', pool);
    return {};
  },
  build: ({ x }) => x,
});

export const removeIdlePools = defineRulePass({
  name: 'remove-idle-pools',
  summary: 'drop pools with a 1x1 window and stride 1',
  numbers: 'identical',
  rules: [idlePool],
});
