/** Values computed from sizes and constants. */
import { tensorAttr } from '../../ir/attrs';
import { table } from '../../ir/table';
import { readNumbers } from '../../ir/tensor';
import { tfjsType, type } from '../attrs';
import { Unsupported } from '../emitter';
import { isInt, type Lowering } from './lowering';

const constantOfShape: Lowering = (node, make) => {
  const value = tensorAttr(node, 'value');
  const dtype = tfjsType(value?.dtype ?? 'float');
  if (!dtype) throw new Unsupported(`TensorFlow.js has no element type ${value?.dtype}`);
  const number = value ? (readNumbers(value)[0] ?? 0) : 0;
  const filled = make.node('Fill', [make.ref(node.inputs[0]), dtype === 'DT_FLOAT' ? make.float(number) : make.int(number)], {
    T: type(dtype === 'DT_FLOAT' ? 'DT_FLOAT' : 'DT_INT32'),
  });
  return dtype === 'DT_BOOL' ? make.cast(filled, 'DT_BOOL') : filled;
};

const range: Lowering = (node, make) => {
  const [start, limit, delta] = node.inputs;
  return make.node('Range', [make.ref(start), make.ref(limit), make.ref(delta)], { Tidx: type(isInt(start) ? 'DT_INT32' : 'DT_FLOAT') });
};

export const sources: Readonly<Record<string, Lowering>> = table({ ConstantOfShape: constantOfShape, Range: range });
