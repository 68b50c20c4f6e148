/** Float attributes that became scalar inputs of the data's type. */
import { float } from '../../../ir/attrs';
import { elementCount, isNumeric, readNumbers, scalar } from '../../../ir/tensor';
import type { Attr, DType, Node, Value } from '../../../ir/types';
import type { Editor } from '../editor';
import { dtypeOf } from '../facts';

/** The type that a scalar beside `value` must have. Before opset 11 only floats were allowed: where nothing tells more, it is float32. */
export function scalarType(value: Value | undefined): DType {
  const dtype = dtypeOf(value);
  return dtype !== undefined && isNumeric(dtype) ? dtype : 'float';
}

/** A constant of no axes from a float attribute, or undefined where the attribute is absent. */
export function scalarFromAttr(node: Node, name: string, edit: Editor, dtype: DType): Value | undefined {
  const attr = node.attrs.get(name);
  return attr?.kind === 'float' ? edit.constant(node, name, scalar(dtype, attr.value)) : undefined;
}

/** The single number of a constant; undefined where the value is computed or no number. */
export function numberOf(value: Value | undefined): number | undefined {
  const tensor = value?.constant;
  return tensor && isNumeric(tensor.dtype) && elementCount(tensor.shape) === 1 ? readNumbers(tensor)[0] : undefined;
}

/** A float attribute from a constant scalar, where float32 can say the number exactly. */
export function attrFromScalar(value: Value | undefined): Attr | undefined {
  const number = numberOf(value);
  if (number === undefined) return undefined;
  return Object.is(Math.fround(number), number) || Number.isNaN(number) ? float(number) : undefined;
}
