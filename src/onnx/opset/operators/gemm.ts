/** Gemm: C broadcasts only if `broadcast` is set (until opset 6), as in numpy (7); it may be absent (11). */
import { fromNumbers, isNumeric } from '../../../ir/tensor';
import type { Adapter } from '../adapter';
import { refuse } from '../adapter';
import { dtypeOf } from '../facts';

export const gemmAdapters: readonly Adapter[] = [
  {
    op: 'Gemm',
    since: 7,
    raise: (node, edit) => {
      edit.setAttrs(node, { broadcast: undefined });
      return undefined;
    },
  },
  {
    op: 'Gemm',
    since: 11,
    lower: (node, edit) => {
      if (node.inputs[2]) return undefined;
      const dtype = dtypeOf(node.inputs[0]) ?? dtypeOf(node.inputs[1]);
      if (!dtype || !isNumeric(dtype)) return refuse('it adds nothing');
      edit.respell(node, { inputs: [node.inputs[0], node.inputs[1], edit.constant(node, 'zero', fromNumbers(dtype, [1], [0]))] });
      return undefined;
    },
  },
];
