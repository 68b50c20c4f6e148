/** Operators that create values of a given shape: Shape, ConstantOfShape, Range, random values, and results whose size depends on the data. */
import { givenInt, intAttr, intsAttr, tensorAttr } from '../attrs';
import { ceilDivideDim, maxDims, subtractDims } from '../dims';
import { dtypeNumbered } from '../dtypes';
import { table } from '../table';
import { axisOf, dtypeOf, type Infer, inRange, like, shapeOf, typed } from './context';

const range: Infer = (node, context) => {
  const [start, limit, step] = [0, 1, 2].map((slot) => context.elements(node.inputs[slot])?.[0]);
  if (typeof start === 'object' || typeof limit === 'object' || typeof step !== 'number' || step === 0) return like(node, [undefined]);
  const isWhole = [start, limit, step].every((number) => typeof number !== 'number' || Number.isInteger(number));
  if (!isWhole && (typeof start !== 'number' || typeof limit !== 'number')) return like(node, [undefined]);
  const span = step > 0 ? subtractDims(limit, start) : subtractDims(start, limit);
  return like(node, [maxDims(ceilDivideDim(span, Math.abs(step)), 0)]);
};

const oneHot: Infer = (node, context) => {
  const shape = shapeOf(node);
  const [depth] = context.ints(node.inputs[1]) ?? [];
  const axis = shape && axisOf(intAttr(node, 'axis'), shape.length + 1, node);
  return [typed(dtypeOf(node, 2), shape && [...shape.slice(0, axis), depth, ...shape.slice(axis)])];
};

const shapeOperator: Infer = (node) => {
  const rank = shapeOf(node)?.length;
  if (rank === undefined) return [typed('int64', [undefined])];
  const clamp = (value: number): number => Math.min(Math.max(inRange(value, rank), 0), rank);
  return [typed('int64', [Math.max(0, clamp(givenInt(node, 'end') ?? rank) - clamp(intAttr(node, 'start')))])];
};

const random: Infer = (node) => [typed(dtypeNumbered(intAttr(node, 'dtype')), intsAttr(node, 'shape'))];

/** How often each element occurs is unknown before the run. */
const unique: Infer = (node) => {
  const shape = shapeOf(node);
  const axis = shape && node.attrs.has('axis') ? axisOf(intAttr(node, 'axis'), shape.length, node) : undefined;
  const values = axis === undefined ? [undefined] : shape?.map((dim, at) => (at === axis ? undefined : dim));
  return [typed(dtypeOf(node), values), ...node.outputs.slice(1).map(() => typed('int64', [undefined]))];
};

export const sources: Readonly<Record<string, Infer>> = table({
  ConstantOfShape: (node, context) => [typed(tensorAttr(node, 'value')?.dtype ?? 'float', context.ints(node.inputs[0]))],
  ImageDecoder: () => [typed('uint8', [undefined, undefined, undefined])],
  Multinomial: (node) => [typed(dtypeNumbered(intAttr(node, 'dtype')), [shapeOf(node)?.[0], intAttr(node, 'sample_size')])],
  NonMaxSuppression: () => [typed('int64', [undefined, 3])],
  NonZero: (node) => [typed('int64', [shapeOf(node)?.length, undefined])],
  OneHot: oneHot,
  RandomNormal: random,
  RandomUniform: random,
  Range: range,
  Shape: shapeOperator,
  Size: () => [typed('int64', [])],
  Unique: unique,
});
