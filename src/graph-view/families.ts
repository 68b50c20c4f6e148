/** Families of operators by purpose; each family has a colour. */
import { table } from '../ir/table';
import { familyOf as familyOfOperator } from '../operators';
import type { Family } from '../operators/operator';

/** Operators of TensorFlow.js graphs that have no namesake in ONNX. */
const OF_TENSORFLOW: Readonly<Record<string, Family>> = table({
  Conv2D: 'conv',
  _FusedConv2D: 'conv',
  DepthwiseConv2dNative: 'conv',
  FusedDepthwiseConv2dNative: 'conv',
  _FusedMatMul: 'linear',
});

export const familyOf = (op: string): Family => OF_TENSORFLOW[op] ?? familyOfOperator(op);
