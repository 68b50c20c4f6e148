/** LpPool and GlobalLpPool: p is an integer since opset 2. Later additions (ceil_mode, dilations) default to the previous behaviour. */
import { int } from '../../../ir/attrs';
import type { Adapter } from '../adapter';
import { pin } from '../adapter';
import { floatBefore } from '../old-attributes';

export const poolingAdapters: readonly Adapter[] = ['LpPool', 'GlobalLpPool'].map((op) => ({
  op,
  since: 2,
  raise: (node, edit) => {
    const p = floatBefore(2, node, 'p');
    if (!Number.isInteger(p)) return pin(`p is ${p}`);
    edit.setAttrs(node, { p: node.attrs.has('p') ? int(p) : undefined });
    return undefined;
  },
}));
