/**
 * Rewrites layers that compute in integers as layers over whole numbers in float32, the only numbers that TensorFlow.js computes layers on.
 *
 *   y = QLinearConv (x, xs, xz, w, ws, wz, ys, yz, b)
 * becomes
 *   y = Round (Clip (Conv (x - xz, w - wz, b) * (xs * ws / ys), low - yz, high - yz))        represents y - yz
 *
 * Numbers: as ONNX Runtime computes them. Whole numbers below 2^24 and their sums are exact in float32, in any order; scales are multiplied in the same
 * order and rounded alike. Only sums of two maps, averages over windows, Sigmoid and Softmax are rounded in other places, so that a result may be one step off.
 * Left alone, and so refused by name: layers whose sums may reach 2^24; operands whose scales or weights are computed.
 */
import { attributes, intAttr } from '../ir/attrs';
import { dtypeNumber } from '../ir/dtypes';
import type { Graph } from '../ir/graph';
import { type Form, formOf, type Quantised } from '../ir/integer-forms';
import { isNode } from '../ir/match';
import { computedTensor, elementCount, fromNumbers, int64s, readNumbers, scalar } from '../ir/tensor';
import type { Attr, DType, Node, Tensor, TensorType, Value } from '../ir/types';
import { isConst } from '../ir/types';
import type { Coded, Codes } from './codes';
import { type Range, rangeOf, whyNotWhole } from './whole-sums';

/** A float value whose sum with `offset` is the integer that it represents. */
interface Whole {
  readonly value: Value;
  readonly offset: number;
}

/** Rewrites the graph, and returns the weights that are made of bytes. */
export function inWholeNumbers(graph: Graph): Coded {
  if (!graph.nodes.some((node) => formOf(node) !== undefined || isNode(node, 'ConvInteger', 'MatMulInteger'))) return new Map();
  const work = new Rewriting(graph);
  for (const node of graph.nodes) work.visit(node);
  work.finish();
  return work.coded;
}

/** ONNX code of float32. */
const FLOAT = 1;
type Attrs = ReadonlyMap<string, Attr> | undefined;

class Rewriting {
  readonly coded = new Map<Tensor, Codes>();
  private readonly wholes = new Map<Value, Whole>();
  private readonly made = new Set<Node>();
  private current: Node | undefined;

  constructor(private readonly graph: Graph) {}

  visit(node: Node): void {
    this.current = node;
    const form = formOf(node);
    const [output] = node.outputs;
    if (form) {
      if (whyNotWhole(node) === undefined) this.put(output, this.layer(node, form));
    } else if (isNode(node, 'ConvInteger', 'MatMulInteger')) {
      if (whyNotWhole(node) === undefined) this.put(output, { value: this.sums(node), offset: 0 });
    } else if (isNode(node, 'QuantizeLinear')) this.put(output, this.quantised(node));
    else if (isNode(node, 'DequantizeLinear')) this.dequantise(node);
    else if (isNode(node, 'Cast')) this.cast(node);
    else this.move(node);
  }

  private put(output: Value | undefined, whole: Whole | undefined): void {
    if (output && whole) this.wholes.set(output, whole);
  }

  // ---- operators ----

  private layer(node: Node, form: Form): Whole | undefined {
    const { low, high } = rangeOf(node.outputs[0]);
    const [scale, zero] = [numberOf(form.scale), form.zero ? numberOf(form.zero) : 0];
    const range = { low: low - zero, high: high - zero };
    const [first, second] = form.operands;
    const shape = node.outputs[0]?.type?.shape;
    const centred = (operand: Quantised | undefined): Value | undefined => operand && this.centred(operand.integers, zeroOf(operand));
    const own = (operand: Quantised | undefined): number => numberOf(operand?.scale);
    const requantised = (value: Value | undefined): Whole => ({ value: this.rounded(value, range), offset: zero });
    const steps = (value: Value | undefined): Whole =>
      requantised(this.op('Div', [value, this.number(scale)], undefined, { dtype: 'float', shape }));
    switch (form.means) {
      case 'Conv':
      case 'Gemm':
      case 'MatMul': {
        const scales = numbersOf(second?.scale).map((each) => fround(fround(own(first) * each) / scale));
        // Behind the axis of the channels of a map are those along which it slides.
        const behind = form.means === 'Conv' ? (second?.integers.type?.shape?.length ?? 2) - 2 : 0;
        const dims = [scales.length, ...new Array<number>(behind).fill(1)];
        const factor = scales.length === 1 ? scalar('float', scales[0] ?? 1) : fromNumbers('float', dims, scales);
        return requantised(
          this.op('Mul', [this.product(node, form, centred(first)), this.constant('scale', factor)], undefined, typeOf(shape)),
        );
      }
      case 'Add': {
        // Nearly as ONNX Runtime adds, which also fuses each product with its sum where the processor can.
        const ratios = form.operands.map((operand) => fround(own(operand) / scale));
        const shifts = form.operands.map((operand, at) => fround((ratios[at] ?? 0) * zeroOf(operand)));
        const fixed = fround(zero - fround((shifts[0] ?? 0) + (shifts[1] ?? 0)));
        const [a, b] = form.operands.map(({ integers }, at) => this.times(this.centred(integers, 0), ratios[at] ?? 1));
        const sum = this.op('Add', [this.plus(a, fixed), b], undefined, typeOf(shape));
        return { value: this.rounded(sum, { low, high }), offset: 0 };
      }
      case 'Mul': {
        const product = this.op('Mul', [centred(first), centred(second)], undefined, typeOf(shape));
        return requantised(this.times(product, fround(fround(own(first) * own(second)) / scale)));
      }
      case 'Concat': {
        const parts = form.operands.map((operand) => this.rescaled(operand, { scale, zero, range }));
        return { value: this.op('Concat', parts, attributes({ axis: intAttr(node, 'axis') }), typeOf(shape)), offset: zero };
      }
      case 'GlobalAveragePool':
        return requantised(this.average(node, centred(first), own(first), scale));
      case 'AveragePool': {
        const mean = this.op('AveragePool', [centred(first)], plainAttrs(node), typeOf(shape));
        return requantised(this.times(mean, fround(own(first) / scale)));
      }
      default:
        return steps(this.op(form.means, [this.times(centred(first), own(first))], plainAttrs(node), typeOf(shape)));
    }
  }

  /** Sum of products of whole numbers, and the bias. */
  private product(node: Node, { means, operands, bias, weightAxis }: Form, data: Value | undefined): Value {
    const weight = operands[1];
    const w = weight && (isConst(weight.integers) ? this.weight(weight, weightAxis) : this.centred(weight.integers, zeroOf(weight)));
    const added =
      bias && isConst(bias)
        ? [
            this.constant(
              bias.name,
              computedTensor('float', [elementCount(bias.constant.shape)], () => readNumbers(bias.constant)),
            ),
          ]
        : [];
    const attrs = means === 'Gemm' ? attributes({ transB: weightAxis === 0 ? 1 : 0 }) : means === 'Conv' ? node.attrs : undefined;
    return this.op(means, [data, w, ...added], attrs, typeOf(node.outputs[0]?.type?.shape));
  }

  /** ConvInteger and MatMulInteger, whose zero point of the data may be computed. */
  private sums(node: Node): Value {
    const [x, w, xZero, wZero] = node.inputs;
    const data = x && this.floated(x);
    const zero = xZero && (isConst(xZero) ? this.number(numberOf(xZero)) : this.floated(xZero));
    const centred = zero ? this.op('Sub', [data, zero], undefined, typeOf(x?.type?.shape)) : data;
    const isConv = isNode(node, 'ConvInteger');
    const weight = w && this.weight({ integers: w, scale: w, zero: wZero }, isConv ? 0 : 1);
    return this.op(isConv ? 'Conv' : 'MatMul', [centred, weight], isConv ? node.attrs : undefined, typeOf(node.outputs[0]?.type?.shape));
  }

  private average(node: Node, data: Value | undefined, own: number, scale: number): Value {
    const [before, after] = [node.inputs[0]?.type?.shape, typeOf(node.outputs[0]?.type?.shape)];
    const lengths = before?.slice(2) ?? [];
    const count = lengths.length > 0 && lengths.every((length) => typeof length === 'number') ? elementCount(lengths) : undefined;
    if (count === undefined || !(count * 255 < 2 ** 24))
      return this.times(this.op('GlobalAveragePool', [data], undefined, after), fround(own / scale));
    const axes = this.constant('axes', int64s(lengths.map((_, at) => at + 2)));
    const sum = this.op('ReduceSum', [data, axes], attributes({ keepdims: 1 }), after);
    return this.times(sum, fround(own / fround(scale * count)));
  }

  /** An operand of a Concat in the scale of its result. */
  private rescaled(operand: Quantised, result: { readonly scale: number; readonly zero: number; readonly range: Range }): Value {
    const data = this.centred(operand.integers, zeroOf(operand));
    const own = numberOf(operand.scale);
    if (own === result.scale) return zeroOf(operand) === result.zero ? data : this.clipped(data, result.range);
    const divided = this.op('Div', [this.times(data, own), this.number(result.scale)], undefined, data.type);
    return this.rounded(divided, result.range);
  }

  private quantised(node: Node): Whole | undefined {
    const [x, scale, zero] = node.inputs;
    if (!x || !scale || !isScalar(scale) || (zero && !isScalar(zero)) || x.type?.dtype !== 'float' || isConst(x)) return undefined;
    const { low, high } = rangeOf(node.outputs[0]);
    if (high === 0) return undefined;
    const offset = zero ? numberOf(zero) : 0;
    const steps = this.op('Div', [x, this.number(numberOf(scale))], undefined, x.type);
    return { value: this.rounded(steps, { low: low - offset, high: high - offset }), offset };
  }

  private dequantise(node: Node): void {
    const [x, scale, zero] = node.inputs;
    const [output] = node.outputs;
    if (!x || !output || !this.wholes.has(x) || !scale || !isScalar(scale) || (zero && !isScalar(zero)) || output.type?.dtype !== 'float')
      return;
    const { name } = output;
    const real = this.times(this.centred(x, zero ? numberOf(zero) : 0), numberOf(scale));
    this.replace(output, real, name);
  }

  /** Sums of integers are whole numbers in float32 already. */
  private cast(node: Node): void {
    const [x] = node.inputs;
    const [output] = node.outputs;
    if (x && output && this.wholes.has(x) && intAttr(node, 'to') === FLOAT) this.replace(output, this.floated(x), output.name);
  }

  private replace(output: Value, by: Value, name: string): void {
    if (!this.graph.canReplace(output, by)) return;
    this.graph.replaceAllUses(output, by);
    if (output.producer && output.uses.length === 0 && !this.graph.isOutput(output)) this.graph.removeNode(output.producer);
    if (!this.graph.isOutput(by)) this.graph.rename(by, name);
  }

  /** Operators that only move values move whole numbers. */
  private move(node: Node): void {
    const wholes = node.inputs.map((input) => input && this.wholes.get(input));
    const data = isNode(node, 'Concat') ? wholes : wholes.slice(0, 1);
    const [first] = data;
    const isMoving = isNode(node, ...MOVES) || (isNode(node, 'MaxPool') && node.outputs.length === 1);
    if (!first || !isMoving || !data.every((each) => each?.offset === first.offset)) return;
    const made = this.graph.addNode({
      op: node.op,
      inputs: node.inputs.map((input, at) => data[at]?.value ?? input),
      attrs: node.attrs,
      outputs: node.outputs.map(({ name }) => (name === '' ? '' : `${name}_whole`)),
      outputTypes: node.outputs.map(({ type }) => typeOf(type?.shape)),
      origin: node.origin,
      before: node,
    });
    this.made.add(made);
    node.outputs.forEach((output, at) => {
      const value = made.outputs[at];
      if (value) this.put(output, { value, offset: first.offset });
    });
  }

  // ---- values ----

  /** The integer minus the zero point, as a float. */
  private centred(integers: Value, zero: number): Value {
    const whole = this.wholes.get(integers) ?? { value: this.floated(integers), offset: 0 };
    return this.plus(whole.value, whole.offset - zero);
  }

  /** The integer itself as a float. */
  private floated(integers: Value): Value {
    const whole = this.wholes.get(integers);
    if (whole) return this.plus(whole.value, whole.offset);
    if (isConst(integers)) {
      const { constant } = integers;
      return this.constant(
        integers.name,
        computedTensor('float', constant.shape, () => readNumbers(constant)),
      );
    }
    return this.op('Cast', [integers], attributes({ to: FLOAT }), typeOf(integers.type?.shape));
  }

  /** A weight minus its zero points, which is stored in bytes if its numbers fit. */
  private weight({ integers, zero }: Quantised, axis: number | undefined): Value {
    const { constant } = integers;
    if (!constant) return this.floated(integers);
    const zeros = zero?.constant ? [...readNumbers(zero.constant)] : [0];
    const inner = elementCount(constant.shape.slice((axis ?? 0) + 1));
    const at = (place: number): number => zeros[zeros.length === 1 ? 0 : Math.floor(place / inner) % zeros.length] ?? 0;
    const tensor = computedTensor('float', constant.shape, () => readNumbers(constant).map((code, place) => code - at(place)));
    if (zeros.every((each) => each === zeros[0]))
      this.coded.set(tensor, {
        numbers: tensor,
        scales: scalar('float', 1),
        lowest: (constant.dtype === 'int8' ? -128 : 0) - (zeros[0] ?? 0),
      });
    return this.constant(integers.name, tensor);
  }

  private times(value: Value | undefined, factor: number): Value {
    return this.op('Mul', [value, this.number(factor)], undefined, value?.type);
  }
  private plus(value: Value | undefined, shift: number): Value {
    if (value && shift === 0) return value;
    return this.op('Add', [value, this.number(shift)], undefined, value?.type);
  }
  private clipped(value: Value | undefined, { low, high }: Range): Value {
    return this.op('Clip', [value, this.number(low), this.number(high)], undefined, value?.type);
  }
  private rounded(value: Value | undefined, range: Range): Value {
    return this.op('Round', [this.clipped(value, range)], undefined, value?.type);
  }
  private number(number: number): Value {
    return this.constant('number', scalar('float', number));
  }
  private constant(name: string, tensor: Tensor): Value {
    return this.graph.addConstant(name, tensor);
  }
  private op(op: string, inputs: readonly (Value | undefined)[], attrs: Attrs, type: TensorType | undefined): Value {
    const { current } = this;
    const node = this.graph.addNode({
      op,
      inputs,
      attrs,
      outputs: [`${current?.outputs[0]?.name}_${op}`],
      outputTypes: [type],
      origin: current?.origin,
      before: current,
    });
    this.made.add(node);
    const [output] = node.outputs;
    if (!output) throw new Error(`${op} has no output`);
    return output;
  }

  /** Whatever still reads integers gets them from the whole numbers; the integer layers go. */
  finish(): void {
    const { graph, wholes } = this;
    // What was made may still be read by an operator of integers.
    sweep(graph, this.made);
    for (const integers of [...wholes.keys()].reverse()) {
      const { producer, type } = integers;
      if (!producer || !graph.has(producer) || (integers.uses.length === 0 && !graph.isOutput(integers))) continue;
      this.current = producer;
      const value = this.floated(integers);
      const isInteger = type !== undefined && INTEGERS.includes(type.dtype);
      const back = isInteger ? this.op('Cast', [value], attributes({ to: dtypeNumber(type.dtype) }), type) : value;
      const { name } = integers;
      if (!graph.canReplace(integers, back)) continue;
      graph.replaceAllUses(integers, back);
      if (!graph.isOutput(back)) graph.rename(back, `${name}_integers`);
      sweep(graph, this.made);
    }
    sweep(graph);
    graph.sort();
  }
}

/** The integer types of values. */
const INTEGERS: readonly DType[] = ['uint8', 'int8', 'uint16', 'int16', 'int32'];

const MOVES = [
  'Concat',
  'Flatten',
  'Identity',
  'Reshape',
  'Slice',
  'Split',
  'Squeeze',
  'Transpose',
  'Unsqueeze',
  'DepthToSpace',
  'SpaceToDepth',
] as const;

const { fround } = Math;
const typeOf = (shape: TensorType['shape']): TensorType => ({ dtype: 'float', ...(shape && { shape }) });
const numbersOf = (value: Value | undefined): number[] => (value?.constant ? [...readNumbers(value.constant)] : []);
const numberOf = (value: Value | undefined): number => numbersOf(value)[0] ?? 0;
const zeroOf = ({ zero }: Quantised): number => (zero ? numberOf(zero) : 0);
const isScalar = (value: Value): boolean => value.constant !== undefined && elementCount(value.constant.shape) === 1;

/** Attributes of ONNX's own operator. */
const plainAttrs = (node: Node): ReadonlyMap<string, Attr> =>
  new Map([...node.attrs].filter(([name]) => name !== 'opset' && name !== 'channels_last'));

function sweep(graph: Graph, kept: ReadonlySet<Node> = new Set()): void {
  for (const node of [...graph.nodes].reverse())
    if (!kept.has(node) && node.outputs.every((value) => value.uses.length === 0 && !graph.isOutput(value))) graph.removeNode(node);
}
