/** Elementwise operators, with one operand or several that broadcast. */
import { floatAttr, intAttr, stringAttr } from '../../ir/attrs';
import { table } from '../../ir/table';
import type { Node, Value } from '../../ir/types';
import { float, tfjsType, type } from '../attrs';
import { type Emitter, type Ref, Unsupported } from '../emitter';
import { isBool, isInt, type Lowering, numberIn, numbersIn } from './lowering';

const first = (node: Node, make: Emitter): Ref => make.ref(node.inputs[0]);

/** The same operator under TensorFlow's name, on floats. */
const unary =
  (op: string): Lowering =>
  (node, make) =>
    make.node(op, [first(node, make)]);

/** Computes on floats, whatever the element type is. */
const viaFloat =
  (op: string): Lowering =>
  (node, make) => {
    const [x] = node.inputs;
    return isInt(x) ? make.cast(make.node(op, [make.cast(make.ref(x), 'DT_FLOAT')]), 'DT_INT32') : make.node(op, [make.ref(x)]);
  };

const binary =
  (op: string): Lowering =>
  (node, make) =>
    make.node(op, [make.ref(node.inputs[0]), make.ref(node.inputs[1])]);

/** Integers of eight and sixteen bits are int32 in TensorFlow.js: what does not fit into them begins again at the other end, as in ONNX Runtime. */
const wrapping =
  (op: string): Lowering =>
  (node, make) => {
    const result = make.node(op, [make.ref(node.inputs[0]), make.ref(node.inputs[1])]);
    const [, sign, bits] = /^(u?)int(8|16)$/.exec(node.inputs[0]?.type?.dtype ?? '') ?? [];
    if (bits === undefined) return result;
    const count = 2 ** Number(bits);
    const modulo = (x: Ref): Ref => make.node('FloorMod', [x, make.int(count)]);
    if (sign === 'u') return modulo(result);
    return make.node('Sub', [modulo(make.node('AddV2', [result, make.int(count / 2)])), make.int(count / 2)]);
  };

/** TensorFlow.js rounds integer division down, ONNX towards zero. */
const div: Lowering = (node, make) => {
  const [a, b] = [make.ref(node.inputs[0]), make.ref(node.inputs[1])];
  if (!isInt(node.inputs[0])) return make.node('RealDiv', [a, b]);
  return make.cast(make.node('RealDiv', [make.cast(a, 'DT_FLOAT'), make.cast(b, 'DT_FLOAT')]), 'DT_INT32');
};

const pow: Lowering = (node, make) => {
  const [a, b] = node.inputs;
  const exponent = numberIn(b);
  if (!isInt(a) && exponent === 2) return make.node('Square', [make.ref(a)]);
  if (!isInt(a) && exponent === 0.5) return make.node('Sqrt', [make.ref(a)]);
  const asFloat = (value: Value | undefined): Ref => (isInt(value) ? make.cast(make.ref(value), 'DT_FLOAT') : make.ref(value));
  const result = make.node('Pow', [asFloat(a), asFloat(b)]);
  // Rounded, because the power of two integers is computed as a float.
  return isInt(a) ? make.cast(make.node('Round', [result]), 'DT_INT32') : result;
};

/** Remainder with the sign of the divisor, or with `fmod` that of the dividend. */
const mod: Lowering = (node, make) => {
  const [a, b] = [make.ref(node.inputs[0]), make.ref(node.inputs[1])];
  const isWhole = isInt(node.inputs[0]);
  if (intAttr(node, 'fmod') === 0) {
    // FloorMod by an infinity is NaN, where ONNX gives the dividend or the infinity.
    if (!isWhole && !numbersIn(node.inputs[1])?.every(Number.isFinite))
      throw new Unsupported('the remainder of floats with the sign of the divisor (fmod = 0) needs a constant divisor');
    return make.node('FloorMod', [a, b]);
  }
  const [x, y] = isWhole ? [make.cast(a, 'DT_FLOAT'), make.cast(b, 'DT_FLOAT')] : [a, b];
  const rest = make.node('FloorMod', [make.node('Abs', [x]), make.node('Abs', [y])]);
  const signed = make.node('Mul', [make.node('Sign', [x]), rest]);
  return isWhole ? make.cast(signed, 'DT_INT32') : signed;
};

/** Combines any number of operands, one after the other. */
const folded =
  (op: string): Lowering =>
  (node, make) => {
    const refs = node.inputs.map((value) => make.ref(value));
    const [only] = refs;
    if (refs.length === 1 && only) return make.node('Identity', [only]);
    return refs.reduce((a, b) => make.node(op, [a, b]));
  };

const sum: Lowering = folded('AddV2');
const mean: Lowering = (node, make) => {
  const [total] = [sum(node, make)].flat();
  return total ? make.node('Mul', [total, make.float(1 / node.inputs.length)]) : [];
};

const clip: Lowering = (node, make) => {
  const [x, low, high] = node.inputs;
  const [least, most] = [low && numberIn(low), high && numberIn(high)];
  if (least === 0 && most === 6 && !isInt(x)) return make.node('Relu6', [make.ref(x)]);
  if (least !== undefined && most !== undefined && !isInt(x) && least <= most)
    return make.node('ClipByValue', [make.ref(x), make.float(least), make.float(most)]);
  const raised = low ? make.node('Maximum', [make.ref(x), make.ref(low)]) : make.ref(x);
  const result = high ? make.node('Minimum', [raised, make.ref(high)]) : raised;
  return low || high ? result : make.node('Identity', [result]);
};

const leakyRelu: Lowering = (node, make) => make.node('LeakyRelu', [first(node, make)], { alpha: float(floatAttr(node, 'alpha')) });

const elu: Lowering = (node, make) => {
  const alpha = floatAttr(node, 'alpha');
  const x = first(node, make);
  if (alpha === 1) return make.node('Elu', [x]);
  const below = make.node('Elu', [make.node('Minimum', [x, make.float(0)])]);
  return make.node('AddV2', [make.node('Relu', [x]), make.node('Mul', [below, make.float(alpha)])]);
};

/** max(0, x) + min(0, alpha * (exp(x / alpha) - 1)) */
const celu: Lowering = (node, make) => {
  const alpha = floatAttr(node, 'alpha');
  const x = first(node, make);
  const below = make.node('Elu', [make.node('Mul', [make.node('Minimum', [x, make.float(0)]), make.float(1 / alpha)])]);
  return make.node('AddV2', [make.node('Relu', [x]), make.node('Mul', [below, make.float(alpha)])]);
};

const selu: Lowering = (node, make) => {
  const [alpha, gamma] = [floatAttr(node, 'alpha'), floatAttr(node, 'gamma')];
  const x = first(node, make);
  if (Math.fround(alpha) === Math.fround(SELU.alpha) && Math.fround(gamma) === Math.fround(SELU.gamma)) return make.node('Selu', [x]);
  const below = make.node('Mul', [make.node('Elu', [make.node('Minimum', [x, make.float(0)])]), make.float(alpha)]);
  return make.node('Mul', [make.node('AddV2', [make.node('Relu', [x]), below]), make.float(gamma)]);
};
const SELU = { alpha: 1.6732631921768188, gamma: 1.0507010221481323 };

const prelu: Lowering = (node, make) => {
  const [x, slope] = node.inputs;
  if (isInt(x)) {
    const [value, factor] = [make.ref(x), make.ref(slope)];
    const zero = make.int(0);
    return make.node('AddV2', [make.node('Maximum', [value, zero]), make.node('Mul', [make.node('Minimum', [value, zero]), factor])]);
  }
  const shape = slope?.type?.shape ?? [];
  const isChannels = shape.length === 1 && shape[0] === x?.type?.shape?.at(-1);
  // The kernel requires a slope that repeats evenly; any other is written with other operators.
  if (isChannels || numberIn(slope) !== undefined) return make.node('Prelu', [make.ref(x), make.ref(slope)]);
  const zero = make.float(0);
  const below = make.node('Mul', [make.node('Minimum', [make.ref(x), zero]), make.ref(slope)]);
  return make.node('AddV2', [make.node('Relu', [make.ref(x)]), below]);
};

/** clip(alpha * x + beta, 0, 1) */
function hardSigmoidOf(x: Ref, alpha: number, beta: number, make: Emitter): Ref {
  const line = make.node('AddV2', [make.node('Mul', [x, make.float(alpha)]), make.float(beta)]);
  return make.node('ClipByValue', [line, make.float(0), make.float(1)]);
}
const hardSigmoid: Lowering = (node, make) => hardSigmoidOf(first(node, make), floatAttr(node, 'alpha'), floatAttr(node, 'beta'), make);
/** x * relu6(x + 3) / 6 */
const hardSwish: Lowering = (node, make) => {
  const x = first(node, make);
  const gate = make.node('Relu6', [make.node('AddV2', [x, make.float(3)])]);
  return make.node('Mul', [x, make.node('Mul', [gate, make.float(1 / 6)])]);
};
const swish: Lowering = (node, make) => {
  const x = first(node, make);
  const alpha = floatAttr(node, 'alpha');
  return make.node('Mul', [x, make.node('Sigmoid', [alpha === 1 ? x : make.node('Mul', [x, make.float(alpha)])])]);
};
const mish: Lowering = (node, make) => {
  const x = first(node, make);
  return make.node('Mul', [x, make.node('Tanh', [make.node('Softplus', [x])])]);
};
/** x / 2 * (1 + erf(x / sqrt 2)), or its approximation by tanh. */
const gelu: Lowering = (node, make) => {
  const x = first(node, make);
  const half = make.node('Mul', [x, make.float(0.5)]);
  const inner =
    stringAttr(node, 'approximate') === 'tanh'
      ? make.node('Tanh', [
          make.node('Mul', [
            make.node('AddV2', [x, make.node('Mul', [make.node('Mul', [x, make.node('Square', [x])]), make.float(0.044715)])]),
            make.float(Math.sqrt(2 / Math.PI)),
          ]),
        ])
      : make.node('Erf', [make.node('Mul', [x, make.float(Math.SQRT1_2)])]);
  return make.node('Mul', [half, make.node('AddV2', [inner, make.float(1)])]);
};
const softsign: Lowering = (node, make) => {
  const x = first(node, make);
  return make.node('RealDiv', [x, make.node('AddV2', [make.node('Abs', [x]), make.float(1)])]);
};
const thresholdedRelu: Lowering = (node, make) => {
  const x = first(node, make);
  const passes = make.cast(make.node('Greater', [x, make.float(floatAttr(node, 'alpha'))]), 'DT_FLOAT');
  return make.node('Mul', [x, passes]);
};
const shrink: Lowering = (node, make) => {
  const x = isInt(node.inputs[0]) ? make.cast(first(node, make), 'DT_FLOAT') : first(node, make);
  const [bias, lambd] = [floatAttr(node, 'bias'), floatAttr(node, 'lambd')];
  const when = (op: string, bound: number, shift: number): Ref =>
    make.node('Mul', [make.cast(make.node(op, [x, make.float(bound)]), 'DT_FLOAT'), make.node('AddV2', [x, make.float(shift)])]);
  const result = make.node('AddV2', [when('Less', -lambd, bias), when('Greater', lambd, -bias)]);
  return isInt(node.inputs[0]) ? make.cast(result, 'DT_INT32') : result;
};

const cast: Lowering = (node, make) => {
  const [x] = node.inputs;
  const [from, to] = [tfjsType(x?.type?.dtype), tfjsType(node.outputs[0]?.type?.dtype)];
  if (!from || !to) throw new Unsupported(`it casts ${x?.type?.dtype} to ${node.outputs[0]?.type?.dtype}`);
  if (from === to) return make.node('Identity', [make.ref(x)]);
  if (to === 'DT_BOOL') return make.node('NotEqual', [make.ref(x), make.like(x, 0)]);
  return make.node('Cast', [make.ref(x)], { DstT: type(to) });
};

/** Nothing is dropped at inference: the mask is true everywhere. */
const dropout: Lowering = (node, make) => {
  const [x, ratio, training] = node.inputs;
  if (training && numberIn(training) !== 0 && numberIn(ratio) !== 0) throw new Unsupported('it is in training mode');
  const source = make.ref(x);
  return [make.node('Identity', [source]), make.node('Equal', [make.node('ZerosLike', [source]), make.float(0)])];
};

const not: Lowering = unary('LogicalNot');
/** a != b, of booleans. */
const xor: Lowering = (node, make) => {
  const asInt = (value: Value | undefined): Ref => make.cast(make.ref(value), 'DT_INT32');
  return make.node('NotEqual', [asInt(node.inputs[0]), asInt(node.inputs[1])]);
};
const equal: Lowering = (node, make) => {
  const operand = (value: Value | undefined): Ref => (isBool(value) ? make.cast(make.ref(value), 'DT_INT32') : make.ref(value));
  return make.node('Equal', [operand(node.inputs[0]), operand(node.inputs[1])]);
};

const isInf: Lowering = (node, make) => {
  const x = first(node, make);
  const [negative, positive] = [intAttr(node, 'detect_negative') !== 0, intAttr(node, 'detect_positive') !== 0];
  const infinite = make.node('IsInf', [x]);
  if (negative && positive) return infinite;
  if (!negative && !positive) return make.node('LogicalAnd', [infinite, make.node('LogicalNot', [infinite])]);
  return make.node('LogicalAnd', [infinite, make.node(positive ? 'Greater' : 'Less', [x, make.float(0)])]);
};

const where: Lowering = (node, make) =>
  make.node('SelectV2', [make.ref(node.inputs[0]), make.ref(node.inputs[1]), make.ref(node.inputs[2])]);

const UNARY = [
  ['Acos'],
  ['Acosh'],
  ['Asin'],
  ['Asinh'],
  ['Atan'],
  ['Atanh'],
  ['Ceil'],
  ['Cos'],
  ['Cosh'],
  ['Erf'],
  ['Exp'],
  ['Floor'],
  ['Identity'],
  ['IsNaN', 'IsNan'],
  ['Log'],
  ['Reciprocal'],
  ['Round'],
  ['Sigmoid'],
  ['Sin'],
  ['Sinh'],
  ['Softplus'],
  ['Sqrt'],
  ['Tan'],
  ['Tanh'],
] as const;

export const elementwise: Readonly<Record<string, Lowering>> = table({
  ...Object.fromEntries(UNARY.map(([op, name = op]): [string, Lowering] => [op, unary(name)])),
  ...Object.fromEntries(['Abs', 'Neg', 'Relu', 'Sign'].map((op): [string, Lowering] => [op, viaFloat(op)])),
  Add: wrapping('AddV2'),
  And: binary('LogicalAnd'),
  Cast: cast,
  CastLike: cast,
  Celu: celu,
  Clip: clip,
  Div: div,
  Dropout: dropout,
  Elu: elu,
  Equal: equal,
  Gelu: gelu,
  Greater: binary('Greater'),
  GreaterOrEqual: binary('GreaterEqual'),
  HardSigmoid: hardSigmoid,
  HardSwish: hardSwish,
  IsInf: isInf,
  LeakyRelu: leakyRelu,
  Less: binary('Less'),
  LessOrEqual: binary('LessEqual'),
  Max: folded('Maximum'),
  Mean: mean,
  Min: folded('Minimum'),
  Mish: mish,
  Mod: mod,
  Mul: wrapping('Mul'),
  Not: not,
  Or: binary('LogicalOr'),
  PRelu: prelu,
  Pow: pow,
  Selu: selu,
  Shrink: shrink,
  Softsign: softsign,
  Sub: wrapping('Sub'),
  Sum: sum,
  Swish: swish,
  ThresholdedRelu: thresholdedRelu,
  Where: where,
  Xor: xor,
});
