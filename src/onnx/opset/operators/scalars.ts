/** Float attributes that became scalar inputs of the data's type. */
import { float } from '../../../ir/attrs';
import { elementCount, isFloatType, isIntType, isNumeric, readNumbers, scalar } from '../../../ir/tensor';
import type { Attr, Node, Value } from '../../../ir/types';
import type { Editor } from '../editor';
import { dtypeOf } from '../facts';

/**
 * A constant of no axes, of the type of `beside`. Where that is not known it is float32: the old spellings allow floats only, and a model that
 * disobeys stays as illegal as it was.
 */
export function scalarBeside(node: Node, name: string, value: number, beside: Value | undefined, edit: Editor): Value {
  const dtype = dtypeOf(beside);
  const fits = dtype !== undefined && (isFloatType(dtype) || (isIntType(dtype) && Number.isSafeInteger(value)));
  return edit.constant(node, name, scalar(fits ? dtype : 'float', value));
}

/** The same from a float attribute; undefined where the attribute is absent. */
export function scalarFromAttr(node: Node, name: string, beside: Value | undefined, edit: Editor): Value | undefined {
  const attr = node.attrs.get(name);
  return attr?.kind === 'float' ? scalarBeside(node, name, attr.value, beside, edit) : undefined;
}

/** The numbers of a constant; undefined where the value is computed or has none. */
export function numbersOf(value: Value | undefined): readonly number[] | undefined {
  const tensor = value?.constant;
  return tensor && isNumeric(tensor.dtype) ? [...readNumbers(tensor)] : undefined;
}

/** The single number of a constant; undefined where the value is computed, no number or several. */
export function numberOf(value: Value | undefined): number | undefined {
  return value?.constant && elementCount(value.constant.shape) === 1 ? numbersOf(value)?.[0] : undefined;
}

/** A float attribute from a constant scalar, where float32 can say the number exactly. */
export function attrFromScalar(value: Value | undefined): Attr | undefined {
  const number = numberOf(value);
  if (number === undefined) return undefined;
  return Object.is(Math.fround(number), number) || Number.isNaN(number) ? float(number) : undefined;
}
