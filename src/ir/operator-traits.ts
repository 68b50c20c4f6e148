/**
 * Properties shared by operators, for passes that depend on a property rather than a name.
 * All names are those of ONNX's own domain in normal form.
 */

/** One data input; each output element depends only on the input element at the same position; other inputs (Clip's bounds) are scalars. */
const UNARY_ELEMENTWISE = new Set([
  'Abs',
  'Acos',
  'Acosh',
  'Asin',
  'Asinh',
  'Atan',
  'Atanh',
  'Cast',
  'Ceil',
  'Celu',
  'Clip',
  'Cos',
  'Cosh',
  'Elu',
  'Erf',
  'Exp',
  'Floor',
  'Gelu',
  'HardSigmoid',
  'HardSwish',
  'Identity',
  'IsInf',
  'IsNaN',
  'LeakyRelu',
  'Log',
  'Mish',
  'Neg',
  'Not',
  'Reciprocal',
  'Relu',
  'Round',
  'Selu',
  'Shrink',
  'Sigmoid',
  'Sign',
  'Sin',
  'Sinh',
  'Softplus',
  'Softsign',
  'Sqrt',
  'Swish',
  'Tan',
  'Tanh',
  'ThresholdedRelu',
]);

/** Elementwise over inputs that broadcast against each other as in numpy. */
const BROADCASTING = new Set([
  'Add',
  'And',
  'BitShift',
  'BitwiseAnd',
  'BitwiseOr',
  'BitwiseXor',
  'Div',
  'Equal',
  'Greater',
  'GreaterOrEqual',
  'Less',
  'LessOrEqual',
  'Max',
  'Mean',
  'Min',
  'Mod',
  'Mul',
  'Or',
  'Pow',
  'PRelu',
  'Sub',
  'Sum',
  'Where',
  'Xor',
]);

const REDUCTIONS = new Set([
  'ReduceL1',
  'ReduceL2',
  'ReduceLogSum',
  'ReduceLogSumExp',
  'ReduceMax',
  'ReduceMean',
  'ReduceMin',
  'ReduceProd',
  'ReduceSum',
  'ReduceSumSquare',
]);

export const isUnaryElementwise = (op: string): boolean => UNARY_ELEMENTWISE.has(op);
/** True for operators that return the size of a value, which follows the image size. */
export const tellsSize = (op: string): boolean => op === 'Shape' || op === 'Size';
/** Operators that convert each value separately, with a scale and a zero point as operands. */
export const isQuantiser = (op: string): boolean => op === 'QuantizeLinear' || op === 'DequantizeLinear';
/** Operators that compute in integers, with scales and zero points as operands: ONNX's and ONNX Runtime's. */
export const isIntegerOp = (op: string): boolean =>
  /^(com\.microsoft\.)?(QLinear\w+|QGemm|\w+Integer|MatMulInteger\w+|DynamicQuantize\w+)$/.test(op);

export const isBroadcasting = (op: string): boolean => BROADCASTING.has(op);
export const isReduction = (op: string): boolean => REDUCTIONS.has(op);

export const unaryElementwiseOps: readonly string[] = [...UNARY_ELEMENTWISE];
export const broadcastingOps: readonly string[] = [...BROADCASTING];
export const reductionOps: readonly string[] = [...REDUCTIONS];
