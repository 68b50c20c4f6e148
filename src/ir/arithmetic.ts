/** Arithmetic on doubles by ONNX operator: the functions that `evaluate` applies to one value, to two, and to a group. */
import { table } from './table';

export const UNARY: Readonly<Record<string, (x: number) => number>> = table({
  Abs: Math.abs,
  Ceil: Math.ceil,
  Cos: Math.cos,
  Exp: Math.exp,
  Floor: Math.floor,
  Log: Math.log,
  Neg: (x) => -x,
  Not: (x) => (x === 0 ? 1 : 0),
  Reciprocal: (x) => 1 / x,
  Relu: (x) => Math.max(x, 0),
  Sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  Sign: Math.sign,
  Sin: Math.sin,
  Sqrt: Math.sqrt,
  Tanh: Math.tanh,
});

export const BINARY: Readonly<Record<string, (a: number, b: number) => number>> = table({
  Add: (a, b) => a + b,
  And: (a, b) => (a !== 0 && b !== 0 ? 1 : 0),
  Div: (a, b) => a / b,
  Equal: (a, b) => (a === b ? 1 : 0),
  Greater: (a, b) => (a > b ? 1 : 0),
  GreaterOrEqual: (a, b) => (a >= b ? 1 : 0),
  Less: (a, b) => (a < b ? 1 : 0),
  LessOrEqual: (a, b) => (a <= b ? 1 : 0),
  Max: Math.max,
  Min: Math.min,
  Mod: (a, b) => a - b * Math.floor(a / b),
  Mul: (a, b) => a * b,
  Or: (a, b) => (a !== 0 || b !== 0 ? 1 : 0),
  Pow: (a, b) => a ** b,
  Sub: (a, b) => a - b,
  Sum: (a, b) => a + b,
});

export const REDUCERS: Readonly<Record<string, (group: Float64Array) => number>> = table({
  ReduceL1: (group) => sumOf(group.map(Math.abs)),
  ReduceL2: (group) => Math.sqrt(sumOfSquares(group)),
  ReduceMax: (group) => group.reduce((a, b) => Math.max(a, b), -Infinity),
  ReduceMean: (group) => sumOf(group) / group.length,
  ReduceMin: (group) => group.reduce((a, b) => Math.min(a, b), Infinity),
  ReduceProd: (group) => group.reduce((product, x) => product * x, 1),
  ReduceSum: (group) => sumOf(group),
  ReduceSumSquare: (group) => sumOfSquares(group),
});

/** A plain loop: weights have millions of elements. */
function sumOf(group: Float64Array): number {
  let sum = 0;
  for (let at = 0; at < group.length; at++) sum += group[at] ?? 0;
  return sum;
}
function sumOfSquares(group: Float64Array): number {
  let sum = 0;
  for (let at = 0; at < group.length; at++) sum += (group[at] ?? 0) ** 2;
  return sum;
}

/** `to[first + n] = x[i + n * u] op y[j + n * v]` for n below `length`. */
export type Row = (
  to: Float64Array,
  first: number,
  length: number,
  x: Float64Array,
  i: number,
  u: number,
  y: Float64Array,
  j: number,
  v: number,
) => void;
export const rowsOf =
  (apply: (a: number, b: number) => number): Row =>
  (to, first, length, x, i, u, y, j, v) => {
    for (let n = 0; n < length; n++) to[first + n] = apply(x[i + n * u] ?? 0, y[j + n * v] ?? 0);
  };
/**
 * Operators with which exporters compute weights, millions of elements at a time. Each has its own loop, since a call per element would cost more than
 * the arithmetic.
 */
export const ROWS: Readonly<Record<string, Row>> = table({
  Add: (to, first, length, x, i, u, y, j, v) => {
    for (let n = 0; n < length; n++) to[first + n] = (x[i + n * u] ?? 0) + (y[j + n * v] ?? 0);
  },
  Sub: (to, first, length, x, i, u, y, j, v) => {
    for (let n = 0; n < length; n++) to[first + n] = (x[i + n * u] ?? 0) - (y[j + n * v] ?? 0);
  },
  Mul: (to, first, length, x, i, u, y, j, v) => {
    for (let n = 0; n < length; n++) to[first + n] = (x[i + n * u] ?? 0) * (y[j + n * v] ?? 0);
  },
  Div: (to, first, length, x, i, u, y, j, v) => {
    for (let n = 0; n < length; n++) to[first + n] = (x[i + n * u] ?? 0) / (y[j + n * v] ?? 0);
  },
});
