/** Shared parts of the lowerings of operators. */
import { isNumeric, readNumbers } from '../../ir/tensor';
import type { Dim, Node, Value } from '../../ir/types';
import { tfjsType } from '../attrs';
import { type Emitter, type Ref, Unsupported } from '../emitter';

/** Returns the outputs of the node, in order. Throws Unsupported if it cannot be expressed. */
export type Lowering = (node: Node, make: Emitter) => Ref | readonly Ref[];

export const dimsOf = (value: Value | undefined): readonly Dim[] => {
  const shape = value?.type?.shape;
  if (!shape) throw new Unsupported(`the number of axes of '${value?.name}' is not known`);
  return shape;
};
export const rankOf = (value: Value | undefined): number => dimsOf(value).length;
export const isInt = (value: Value | undefined): boolean => tfjsType(value?.type?.dtype) === 'DT_INT32';
export const isBool = (value: Value | undefined): boolean => tfjsType(value?.type?.dtype) === 'DT_BOOL';
export const inRange = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

/** 0, 1, 2 ... */
export const range = (length: number): number[] => Array.from({ length }, (_, at) => at);

/** Values of a constant; undefined if the value is not constant. */
export const numbersIn = (value: Value | undefined): readonly number[] | undefined =>
  value?.constant && isNumeric(value.constant.dtype) ? [...readNumbers(value.constant)] : undefined;
export function numbersOf(value: Value | undefined, what: string): readonly number[] {
  const numbers = numbersIn(value);
  if (!numbers) throw new Unsupported(`${what} is not constant`);
  return numbers;
}
export const numberIn = (value: Value | undefined): number | undefined => {
  const numbers = value?.constant?.shape.every((dim) => dim === 1) ? numbersIn(value) : undefined;
  return numbers?.[0];
};
export const isUsed = (value: Value | undefined): boolean =>
  value !== undefined && value.name !== '' && (value.uses.length > 0 || (value.producer?.graph.isOutput(value) ?? false));
