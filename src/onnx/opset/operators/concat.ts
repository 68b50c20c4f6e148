/** Concat: before opset 4 the default axis is 1. */
import { int } from '../../../ir/attrs';
import type { Adapter } from '../adapter';

export const concatAdapters: readonly Adapter[] = [
  {
    op: 'Concat',
    since: 4,
    raise: (node, edit) => {
      if (!node.attrs.has('axis')) edit.setAttrs(node, { axis: int(1) });
      return undefined;
    },
  },
];
