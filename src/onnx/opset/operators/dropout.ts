/**
 * Dropout: `is_test` (until opset 6), inference only (7), boolean mask (10), ratio and training mode as inputs (12).
 *
 * The mask of a Dropout at inference is undefined before opset 12 and all true from then on. ONNX Runtime 1.30 returns zeros and trues
 * respectively: if the mask is read, the node keeps its opset.
 */
import { float } from '../../../ir/attrs';
import { fromNumbers, scalar } from '../../../ir/tensor';
import type { DType, Node } from '../../../ir/types';
import type { Adapter } from '../adapter';
import { pin, refuse } from '../adapter';
import { isRead } from '../editor';
import { intBefore } from '../old-attributes';
import { attrFromScalar, numberOf, scalarFromAttr } from './scalars';

const MASK_READ = 'its mask is read';

export const dropoutAdapters: readonly Adapter[] = [
  {
    op: 'Dropout',
    since: 7,
    raise: (node, edit) => {
      if (isRead(node.outputs[1])) return pin(MASK_READ);
      const training = intBefore(7, node, 'is_test') === 0;
      edit.setAttrs(node, { is_test: undefined });
      if (!training) return undefined;
      // The steps in between do not support training; the newest spelling does.
      const ratio = scalarFromAttr(node, 'ratio', undefined, edit) ?? edit.constant(node, 'ratio', scalar('float', 0.5));
      const mode = edit.constant(node, 'training_mode', fromNumbers('bool', [], [1]));
      retypeMask(node, 'bool');
      edit.respell(node, { inputs: [node.inputs[0], ratio, mode], attrs: { ratio: undefined } });
      return 'done';
    },
  },
  {
    op: 'Dropout',
    since: 10,
    raise: (node) => {
      if (isRead(node.outputs[1])) return pin(MASK_READ);
      retypeMask(node, 'bool');
      return undefined;
    },
    lower: (node) => {
      if (isRead(node.outputs[1])) return refuse(MASK_READ);
      const data = node.inputs[0]?.type?.dtype;
      if (data) retypeMask(node, data);
      return undefined;
    },
  },
  {
    op: 'Dropout',
    since: 12,
    raise: (node, edit) => {
      if (isRead(node.outputs[1])) return pin(MASK_READ);
      const ratio = scalarFromAttr(node, 'ratio', undefined, edit);
      edit.respell(node, { inputs: [node.inputs[0], ratio], attrs: { ratio: undefined } });
      return undefined;
    },
    lower: (node, edit) => {
      const [data, ratio, mode] = node.inputs;
      if (isRead(node.outputs[1])) return refuse(MASK_READ);
      if (mode && numberOf(mode) !== 0) return refuse('it may be in training mode');
      // At inference the ratio has no effect; a half-precision one is rounded to a value that the attribute can hold.
      const attr = attrFromScalar(ratio) ?? (ratio && float(0.5));
      edit.respell(node, { inputs: [data], attrs: { ratio: attr, seed: undefined } });
      return undefined;
    },
  },
];

/** Nobody reads the mask, but its type in the file must match the operator. */
function retypeMask(node: Node, dtype: DType): void {
  const mask = node.outputs[1];
  if (mask?.type) node.graph.setType(mask, { ...mask.type, dtype });
}
