/**
 * Keeps the weights of a quantised network as eight-bit codes in the files: a DequantizeLinear of constants is computed when TensorFlow.js loads the model.
 *
 *   DequantizeLinear (codes, scale, zero)                     ->   a weight of uint8 with its scale and minimum, which TensorFlow.js decodes
 *   the same with a scale for each channel                    ->   Mul (a weight of uint8 that decodes to integers, the scales)
 *   other values (the int32 of biases)                        ->   a weight of float
 *
 * Precision: identical to the last bit. The decoder multiplies and adds in double and rounds once, and code times scale has at most 33 bits.
 * Not handled: scales per block, and codes that are not integers.
 */
import { intAttr } from '../ir/attrs';
import type { Graph } from '../ir/graph';
import { computedTensor, elementCount, isIntType, readNumbers } from '../ir/tensor';
import type { Node, Tensor } from '../ir/types';

/** Codes that a float weight is made of. */
export interface Codes {
  /** Codes minus their zero points, as floats. */
  readonly numbers: Tensor;
  /** Scale of each element; a single scale for all has no axes. */
  readonly scales: Tensor;
  /** Smallest value that the type can hold. */
  readonly lowest: number;
}

/** Codes, by the float tensor that they decode to. */
export type Coded = ReadonlyMap<Tensor, Codes>;

/** Replaces each DequantizeLinear of constants with its decoded constant. */
export function foldCodes(graph: Graph): Coded {
  const coded = new Map<Tensor, Codes>();
  for (const node of graph.nodes) {
    const [output] = node.outputs;
    const codes = node.op === 'QuantizeLinear' && output && !graph.isOutput(output) ? quantised(node) : undefined;
    if (codes && output) {
      graph.replaceAllUses(output, graph.addConstant(output.name, codes));
      graph.removeNode(node);
      continue;
    }
    const decoded = node.op === 'DequantizeLinear' && output && !graph.isOutput(output) ? decode(node) : undefined;
    if (!decoded || !output) continue;
    if (decoded.codes) coded.set(decoded.tensor, decoded.codes);
    graph.replaceAllUses(output, graph.addConstant(output.name, decoded.tensor));
    graph.removeNode(node);
  }
  for (const constant of graph.constants) if (constant.uses.length === 0 && !graph.isOutput(constant)) graph.removeConstant(constant);
  return coded;
}

/** A constant quantised with one scale, rounded half to even. */
function quantised(node: Node): Tensor | undefined {
  const [x, scale, zero] = node.inputs.map((value) => value?.constant);
  const dtype = node.outputs[0]?.type?.dtype;
  const isByte = dtype === 'int8' || dtype === 'uint8';
  if (!isByte || x?.dtype !== 'float' || scale?.dtype !== 'float' || elementCount(scale.shape) !== 1 || (node.inputs[2] && !zero))
    return undefined;
  const [low, high] = dtype === 'int8' ? [-128, 127] : [0, 255];
  return computedTensor(dtype, x.shape, () => {
    const [step = 1, shift = 0] = [readNumbers(scale)[0], zero ? readNumbers(zero)[0] : 0];
    return readNumbers(x).map((number) => Math.min(Math.max(halfToEven(Math.fround(number / step)) + shift, low), high));
  });
}

function halfToEven(number: number): number {
  const floor = Math.floor(number);
  const rest = number - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
}

interface Decoded {
  readonly tensor: Tensor;
  readonly codes: Codes | undefined;
}

function decode(node: Node): Decoded | undefined {
  const [x, scale, zero] = node.inputs.map((value) => value?.constant);
  if (!x || !scale || (node.inputs[2] && !zero) || scale.dtype !== 'float' || !isIntType(x.dtype) || intAttr(node, 'block_size') !== 0)
    return undefined;
  const at = placesOf(node, x, scale);
  if (!at) return undefined;
  const numbers = (): Float64Array => {
    const zeros = zero ? readNumbers(zero) : new Float64Array(1);
    return readNumbers(x).map((code, place) => Math.fround(code - (zeros[at(place) % zeros.length] ?? 0)));
  };
  const spread = (): Float64Array => {
    const scales = readNumbers(scale);
    return new Float64Array(elementCount(x.shape)).map((_, place) => scales[at(place)] ?? 0);
  };
  const tensor = computedTensor('float', x.shape, () => {
    const scales = readNumbers(scale);
    return numbers().map((number, place) => Math.fround(number * (scales[at(place)] ?? 0)));
  });
  const isByte = x.dtype === 'int8' || x.dtype === 'uint8';
  const isOne = elementCount(scale.shape) === 1;
  // Per-channel scales are compared element by element, so large weights are stored as floats.
  if (!isByte || (!isOne && elementCount(x.shape) > LARGE)) return { tensor, codes: undefined };
  const highestZero = zero ? readNumbers(zero).reduce((most, each) => Math.max(most, each), Number.NEGATIVE_INFINITY) : 0;
  const lowestZero = zero ? readNumbers(zero).reduce((least, each) => Math.min(least, each), Number.POSITIVE_INFINITY) : 0;
  // With a zero point per channel, the codes may need more than eight bits.
  if (highestZero !== lowestZero) return { tensor, codes: undefined };
  return {
    tensor,
    codes: {
      numbers: computedTensor('float', x.shape, numbers),
      scales: isOne ? computedTensor('float', [], () => readNumbers(scale)) : computedTensor('float', x.shape, spread),
      lowest: (x.dtype === 'int8' ? -128 : 0) - highestZero,
    },
  };
}
const LARGE = 2 ** 24;

/** Maps the index of an element to the index of its scale; undefined unless there is one scale for all or one per index of the axis. */
function placesOf(node: Node, x: Tensor, scale: Tensor): ((place: number) => number) | undefined {
  const count = elementCount(scale.shape);
  if (count === 1) return () => 0;
  const given = intAttr(node, 'axis');
  const axis = given < 0 ? given + x.shape.length : given;
  const length = x.shape[axis] ?? 0;
  if (scale.shape.length !== 1 || count !== length) return undefined;
  const inner = elementCount(x.shape.slice(axis + 1));
  return (place) => Math.floor(place / inner) % length;
}

/**
 * The scales of a weight in another form, reduced to as few axes as determine them all. The zeros between the elements of a dilated kernel match any scale.
 * undefined: more than two axes are needed.
 */
export function collapsed(scales: Tensor): Tensor | undefined {
  const { shape } = scales;
  const numbers = readNumbers(scales);
  const axes = shape.map((_, axis) => axis);
  const choices = [[], ...axes.map((axis) => [axis]), ...axes.flatMap((a) => axes.filter((b) => b > a).map((b) => [a, b]))];
  for (const kept of choices) {
    const short = shape.map((length, axis) => (kept.includes(axis) ? length : 1));
    const found = alongAxes(numbers, shape, short);
    if (found) return computedTensor('float', short, () => found);
  }
  return undefined;
}

function alongAxes(numbers: Float64Array, shape: readonly number[], short: readonly number[]): Float64Array | undefined {
  const steps = short.map((length, axis) => (length === 1 ? 0 : elementCount(short.slice(axis + 1))));
  const found = new Float64Array(elementCount(short));
  const index = shape.map(() => 0);
  for (const number of numbers) {
    const at = index.reduce((sum, each, axis) => sum + each * (steps[axis] ?? 0), 0);
    const known = found[at] ?? 0;
    if (known === 0) found[at] = number;
    else if (number !== 0 && number !== known) return undefined;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis] = (index[axis] ?? 0) + 1;
      if ((index[axis] ?? 0) < (shape[axis] ?? 0)) break;
      index[axis] = 0;
    }
  }
  return found;
}
