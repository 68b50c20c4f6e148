/** Decides whether an integer layer can be computed in whole numbers of float32, which are exact below 2^24. */
import { type Form, formOf, type Quantised } from '../ir/integer-forms';
import { isNode } from '../ir/match';
import { elementCount, readNumbers } from '../ir/tensor';
import { isConst, type Node, type Value } from '../ir/types';

/** Smallest and largest number. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

/** Integers of the type of a value; nothing for other types. */
export function rangeOf(value: Value | undefined): Range {
  switch (value?.type?.dtype) {
    case 'int8':
      return { low: -128, high: 127 };
    case 'uint8':
      return { low: 0, high: 255 };
    case 'int16':
      return { low: -32768, high: 32767 };
    case 'uint16':
      return { low: 0, high: 65535 };
    default:
      return { low: 0, high: 0 };
  }
}

/** float32 has all whole numbers up to here. */
const LIMIT = 2 ** 24;

/** Reason why float32 cannot hold the layer's sums; undefined if it can. */
export function whyNotWhole(node: Node): string | undefined {
  if (isNode(node, 'ConvInteger', 'MatMulInteger')) return whyNotSums(node);
  const form = formOf(node);
  if (!form) return 'its form is not known';
  const parameters = [form.scale, form.zero, ...form.operands.flatMap(({ scale, zero }) => [scale, zero])];
  if (!parameters.every((value) => !value || isConst(value))) return 'its scales or zero points are computed';
  if (elementCount(shapeOf(form.scale)) !== 1) return 'its result has more than one scale';
  const isLayer = form.weightAxis !== undefined || form.means === 'MatMul';
  for (const [at, { scale, zero }] of form.operands.entries()) {
    const count = Math.max(elementCount(shapeOf(scale)), zero ? elementCount(shapeOf(zero)) : 1);
    if (count !== 1 && !(isLayer && at === 1 && isConst(form.operands[1]?.integers))) return 'its data have more than one scale';
  }
  if (form.bias && !isConst(form.bias)) return 'its bias is computed';
  return isLayer ? tooLarge(largestSum(form)) : undefined;
}

function whyNotSums(node: Node): string | undefined {
  const [x, w, xZero, wZero] = node.inputs;
  if (!isConst(w)) return 'its weight is computed';
  if (wZero && !isConst(wZero)) return 'the zero point of its weight is computed';
  if (xZero && elementCount(shapeOf(xZero)) !== 1) return 'its data have more than one zero point';
  const { low, high } = rangeOf(x);
  const zero = xZero ? (isConst(xZero) ? readNumbers(xZero.constant)[0] : undefined) : 0;
  // A computed zero point may be any number of its type.
  const range = zero === undefined ? { low: low - high, high: high - low } : { low: low - zero, high: high - zero };
  const isConv = isNode(node, 'ConvInteger');
  if (!isConv && shapeOf(w).length !== 2) return 'its weight is not a matrix';
  return tooLarge(sumOf({ integers: w, scale: w, zero: wZero }, isConv ? 0 : 1, range, undefined));
}

const tooLarge = (sum: number): string | undefined =>
  sum < LIMIT ? undefined : `its sums may reach ${sum}, and float32, in which TensorFlow.js adds, has all whole numbers below 2^24 only`;

function largestSum({ operands: [data, weight], bias, weightAxis }: Form): number {
  if (!data || !weight) return Number.POSITIVE_INFINITY;
  const range = centredRange(data);
  if (isConst(weight.integers)) return sumOf(weight, weightAxis ?? 1, range, bias);
  // A product of two maps: as many products as the data has columns.
  const own = centredRange(weight);
  const columns = data.integers.type?.shape?.[(data.integers.type.shape.length ?? 0) - 1];
  const largest = ({ low, high }: Range): number => Math.max(-low, high);
  return typeof columns === 'number' ? columns * largest(range) * largest(own) : Number.POSITIVE_INFINITY;
}

function centredRange({ integers, zero }: Quantised): Range {
  const { low, high } = rangeOf(integers);
  const [own = 0] = zero?.constant ? readNumbers(zero.constant) : [];
  return { low: low - own, high: high - own };
}

/** Largest sum of any part of the products of one output, of either sign: what an addition in any order may meet. */
function sumOf({ integers, zero }: Quantised, axis: number, { low, high }: Range, bias: Value | undefined): number {
  const { constant } = integers;
  if (!constant) return Number.POSITIVE_INFINITY;
  const outputs = constant.shape[axis] ?? 1;
  const inner = elementCount(constant.shape.slice(axis + 1));
  const zeros = zero?.constant ? readNumbers(zero.constant) : new Float64Array(1);
  const [up, down] = [new Float64Array(outputs), new Float64Array(outputs)];
  const biases = bias?.constant ? readNumbers(bias.constant) : undefined;
  biases?.forEach((number, at) => {
    up[at] = Math.max(number, 0);
    down[at] = Math.max(-number, 0);
  });
  const numbers = readNumbers(constant);
  for (let place = 0; place < numbers.length; place++) {
    const output = Math.floor(place / inner) % outputs;
    const weight = (numbers[place] ?? 0) - (zeros[zeros.length === 1 ? 0 : output] ?? 0);
    const [one, other] = [weight * low, weight * high];
    up[output] = (up[output] ?? 0) + Math.max(one, other, 0);
    down[output] = (down[output] ?? 0) + Math.max(-one, -other, 0);
  }
  return [...up, ...down].reduce((most, each) => Math.max(most, each), 0);
}

const shapeOf = (value: Value): readonly number[] => (value.type?.shape ?? []).map(Number);
