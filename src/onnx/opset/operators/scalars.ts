/** Float attributes that became scalar inputs of the data's type. */
import { float } from '../../../ir/attrs';
import { elementCount, isFloatType, isIntType, isNumeric, readNumbers, scalar } from '../../../ir/tensor';
import type { Attr, Node, Value } from '../../../ir/types';
import type { Editor } from '../editor';
import { dtypeOf } from '../facts';

/**
 * A scalar constant of the type of `beside`. If that type is unknown it is float32: the old spellings allow only floats, and a model that
 * violates this stays as invalid as it was.
 */
export function scalarBeside(node: Node, name: string, value: number, beside: Value | undefined, edit: Editor): Value {
  const dtype = dtypeOf(beside);
  const fits = dtype !== undefined && (isFloatType(dtype) || (isIntType(dtype) && Number.isSafeInteger(value)));
  return edit.constant(node, name, scalar(fits ? dtype : 'float', value));
}

/** The same from a float attribute; undefined if the attribute is absent. */
export function scalarFromAttr(node: Node, name: string, beside: Value | undefined, edit: Editor): Value | undefined {
  const attr = node.attrs.get(name);
  return attr?.kind === 'float' ? scalarBeside(node, name, attr.value, beside, edit) : undefined;
}

/** Values of a constant; undefined if it is computed or has no numeric values. */
export function numbersOf(value: Value | undefined): readonly number[] | undefined {
  const tensor = value?.constant;
  return tensor && isNumeric(tensor.dtype) ? [...readNumbers(tensor)] : undefined;
}

/** The single value of a constant; undefined if it is computed, not numeric, or has several elements. */
export function numberOf(value: Value | undefined): number | undefined {
  return value?.constant && elementCount(value.constant.shape) === 1 ? numbersOf(value)?.[0] : undefined;
}

/** A float attribute from a constant scalar, if float32 can represent it exactly. */
export function attrFromScalar(value: Value | undefined): Attr | undefined {
  const number = numberOf(value);
  if (number === undefined) return undefined;
  return Object.is(Math.fround(number), number) || Number.isNaN(number) ? float(number) : undefined;
}
