/**
 * Decides which nodes of a model stay in float32 with `--fp16` (half.ts), and why: by what the operator does, by the number of terms of its sums, and by
 * the largest magnitudes of its values, measured on inputs.
 */
import { intAttr, intsAttr } from '../ir/attrs';
import { elementCount, readNumbers } from '../ir/tensor';
import { isConst, type Node, type Value } from '../ir/types';
import { productOf } from '../ir/views';
import { asReduce } from '../operators/reduce';

/** Largest magnitude of each value by name, measured on inputs. Values without an entry were not measured. */
export type Ranges = ReadonlyMap<string, number>;

export interface KeepReason {
  /** `operator`: norms, exponentials and the like; `sum`: too many terms; `large`, `small`: outside float16's range; `unknown`: not known in float16. */
  readonly why: 'operator' | 'sum' | 'large' | 'small' | 'unknown';
  readonly text: string;
}
export interface Kept extends KeepReason {
  readonly node: string;
  readonly op: string;
  readonly origin: readonly string[];
}

/** float16 ends at 65,504: other inputs may give values twice as large as those that were measured. */
export const LARGEST = 32768;
/** Below, float16 numbers lose bits. */
const SMALLEST = 2 ** -14;
/** A float16 sum of n numbers of the same size loses about sqrt(n / 2) times as much as rounding one number. */
export const MOST_TERMS = 1024;

/** Arithmetic that float16 can do as well as it can hold its numbers. */
const ARITHMETIC: ReadonlySet<string> = new Set([
  'Add',
  'AveragePool',
  'Celu',
  'Clip',
  'Conv',
  'ConvTranspose',
  'Div',
  'Elu',
  'Gemm',
  'GlobalAveragePool',
  'HardSigmoid',
  'HardSwish',
  'LeakyRelu',
  'MatMul',
  'Max',
  'Mean',
  'Min',
  'Mul',
  'PRelu',
  'ReduceMean',
  'ReduceSum',
  'Resize',
  'Selu',
  'Sigmoid',
  'Softsign',
  'Sub',
  'Sum',
  'Tanh',
  'ThresholdedRelu',
  'Upsample',
  'Where',
  'Sqrt',
  'Erf',
  'Gelu',
  'Floor',
  'Ceil',
  'Round',
  'Sign',
]);
/** Operators that square, sum squares, or turn small differences into large ones. */
const DELICATE: ReadonlyMap<string, string> = new Map([
  ...[
    'BatchNormalization',
    'GroupNormalization',
    'InstanceNormalization',
    'LayerNormalization',
    'LpNormalization',
    'LRN',
    'MeanVarianceNormalization',
    'RMSNormalization',
    'ReduceL2',
    'ReduceSumSquare',
    'GlobalLpPool',
    'LpPool',
  ].map((op): [string, string] => [op, 'a norm sums squares']),
  ...[
    'Softmax',
    'LogSoftmax',
    'Exp',
    'Pow',
    'Log',
    'Softplus',
    'Mish',
    'Swish',
    'ReduceLogSumExp',
    'ReduceLogSum',
    'ReduceProd',
    'CumSum',
    'CumProd',
    'Attention',
    'Reciprocal',
    'Cosh',
    'Sinh',
  ].map((op): [string, string] => [op, 'exponentials, powers and their like turn rounding into larger errors']),
]);

/** Reason why a node that gives float32 values must stay in float32; undefined: it may become float16. */
export function keepReason(node: Node, ranges: Ranges): KeepReason | undefined {
  const delicate = DELICATE.get(node.op);
  if (delicate !== undefined) return { why: 'operator', text: delicate };
  if (!ARITHMETIC.has(node.op)) return { why: 'unknown', text: `${node.op} is not known to run in float16` };
  const [a, b] = node.inputs;
  if (node.op === 'Mul' && a !== undefined && a === b) return { why: 'operator', text: 'a square' };
  const numbers = node.inputs.filter((input) => isConst(input) && input.type.dtype === 'float' && elementCount(input.constant.shape) > 0);
  for (const constant of numbers) {
    const largest = largestIn(constant);
    if (!(largest <= LARGEST)) return { why: 'large', text: `its constant '${constant?.name}' reaches ${text(largest)}` };
    if (largest > 0 && largest < SMALLEST) return { why: 'small', text: `its constant '${constant?.name}' is ${text(largest)} at most` };
  }
  for (const value of [...node.inputs, ...node.outputs]) {
    if (!value || isConst(value) || value.type?.dtype !== 'float') continue;
    const largest = ranges.get(value.name);
    if (largest === undefined) return { why: 'unknown', text: `the range of '${value.name}' was not measured` };
    if (!(largest <= LARGEST)) return { why: 'large', text: `'${value.name}' reaches ${text(largest)}; float16 ends at 65504` };
    if (largest > 0 && largest < SMALLEST) return { why: 'small', text: `'${value.name}' is ${text(largest)} at most` };
  }
  return keepSum(node, ranges);
}

function keepSum(node: Node, ranges: Ranges): KeepReason | undefined {
  const sum = sumOf(node);
  if (!sum) return undefined;
  const { terms } = sum;
  if (terms === undefined) return { why: 'sum', text: 'the number of terms of its sums depends on the size of the image' };
  if (terms > MOST_TERMS) return { why: 'sum', text: `its sums have ${terms} terms` };
  const [x] = node.inputs;
  const reach = ((x && ranges.get(x.name)) ?? 0) * sum.weight();
  if (reach > LARGEST) return { why: 'large', text: `a part of its sums can reach ${text(reach)}; float16 ends at 65504` };
  return undefined;
}

/** Number of terms of each sum, and the largest sum of the magnitudes of the weights: no part of a sum exceeds that times the largest number. */
function sumOf(node: Node): { readonly terms: number | undefined; readonly weight: () => number } | undefined {
  const [x, w] = node.inputs;
  const shape = x?.type?.shape ?? [];
  const rows = w?.type?.shape ?? [];
  const plain = (terms: number | undefined): ReturnType<typeof sumOf> => ({ terms, weight: () => terms ?? 0 });
  switch (node.op) {
    case 'Conv':
      return { terms: productOf(rows.slice(1)), weight: () => rowSums(w, 0) };
    case 'ConvTranspose':
      return { terms: productOf([rows[0], ...rows.slice(2)]), weight: () => rowSums(w, 1) };
    case 'Gemm':
    case 'MatMul': {
      const axis = node.op === 'Gemm' && intAttr(node, 'transB') !== 0 ? 0 : rows.length - 1;
      const terms = rows.length > 0 ? productOf([rows[node.op === 'Gemm' && axis === 0 ? 1 : rows.length - 2]]) : undefined;
      return isConst(w) && rows.length === 2 ? { terms, weight: () => rowSums(w, axis) } : { terms, weight: () => 0 };
    }
    case 'AveragePool':
      return plain(productOf(intsAttr(node, 'kernel_shape') ?? [undefined]));
    case 'GlobalAveragePool':
      return plain(productOf(shape.slice(2)));
    case 'ReduceMean':
    case 'ReduceSum': {
      const axes = asReduce(node)?.axes;
      return plain(axes ? productOf(axes.map((axis) => shape[axis])) : undefined);
    }
    default:
      return undefined;
  }
}

function largestIn(value: Value | undefined): number {
  let largest = 0;
  if (isConst(value)) for (const number of readNumbers(value.constant)) if (!(Math.abs(number) <= largest)) largest = Math.abs(number);
  return largest;
}

/** Largest sum of magnitudes of the weights that belong to one element along `axis`. */
function rowSums(value: Value | undefined, axis: number): number {
  if (!isConst(value)) return 0;
  const { shape } = value.constant;
  const [length, inner] = [shape[axis] ?? 1, elementCount(shape.slice(axis + 1))];
  const sums = new Float64Array(length);
  for (const [at, number] of readNumbers(value.constant).entries()) {
    const row = Math.floor(at / inner) % length;
    sums[row] = (sums[row] ?? 0) + Math.abs(number);
  }
  return sums.reduce((most, sum) => Math.max(most, sum), 0);
}

const text = (number: number): string => (Number.isFinite(number) ? String(Number(number.toPrecision(3))) : 'infinity');
