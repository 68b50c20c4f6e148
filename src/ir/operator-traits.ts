/**
 * Properties shared by operators, for passes that depend on a property rather than a name.
 * All names are those of ONNX's own domain in normal form.
 */

import { type OnnxOp, onnxOps } from './operators';
import { table } from './table';

/** How the axes of a result follow from those of the inputs. */
export type AxisRule =
  | 'unary'
  | 'broadcast'
  | 'joined'
  | 'in place'
  | 'same'
  | 'filtered'
  | 'reduced'
  | 'picked'
  | 'gathered'
  | 'product'
  | 'linear'
  | 'transposed'
  | 'view'
  | 'recurrent'
  | 'size'
  | 'unknown';

/**
 * The rule of every operator: an operator without one does not compile. It agrees with `form` in the registry (src/operators), which is above this folder
 * (test/operators/registry.spec.ts).
 */
const AXES: Readonly<Record<OnnxOp, AxisRule>> = {
  // One data input; each element of the result depends only on the element at the same position; other inputs (Clip's bounds) are scalars.
  Abs: 'unary',
  Acos: 'unary',
  Acosh: 'unary',
  Asin: 'unary',
  Asinh: 'unary',
  Atan: 'unary',
  Atanh: 'unary',
  BitwiseNot: 'unary',
  Cast: 'unary',
  Ceil: 'unary',
  Celu: 'unary',
  Clip: 'unary',
  Cos: 'unary',
  Cosh: 'unary',
  Elu: 'unary',
  Erf: 'unary',
  Exp: 'unary',
  Floor: 'unary',
  Gelu: 'unary',
  HardSigmoid: 'unary',
  HardSwish: 'unary',
  Identity: 'unary',
  IsInf: 'unary',
  IsNaN: 'unary',
  LeakyRelu: 'unary',
  Log: 'unary',
  Mish: 'unary',
  Neg: 'unary',
  Not: 'unary',
  Reciprocal: 'unary',
  Relu: 'unary',
  Round: 'unary',
  Selu: 'unary',
  Shrink: 'unary',
  Sigmoid: 'unary',
  Sign: 'unary',
  Sin: 'unary',
  Sinh: 'unary',
  Softplus: 'unary',
  Softsign: 'unary',
  Sqrt: 'unary',
  Swish: 'unary',
  Tan: 'unary',
  Tanh: 'unary',
  ThresholdedRelu: 'unary',
  // Elementwise over inputs that broadcast against each other as in numpy.
  Add: 'broadcast',
  And: 'broadcast',
  BitShift: 'broadcast',
  BitwiseAnd: 'broadcast',
  BitwiseOr: 'broadcast',
  BitwiseXor: 'broadcast',
  Div: 'broadcast',
  Equal: 'broadcast',
  Greater: 'broadcast',
  GreaterOrEqual: 'broadcast',
  Less: 'broadcast',
  LessOrEqual: 'broadcast',
  Max: 'broadcast',
  Mean: 'broadcast',
  Min: 'broadcast',
  Mod: 'broadcast',
  Mul: 'broadcast',
  Or: 'broadcast',
  Pow: 'broadcast',
  PRelu: 'broadcast',
  Sub: 'broadcast',
  Sum: 'broadcast',
  Where: 'broadcast',
  Xor: 'broadcast',
  // Axis by axis the same as each input that has them.
  Concat: 'joined',
  Expand: 'joined',
  // The axes of the first input, with every value at its position.
  BatchNormalization: 'in place',
  CastLike: 'in place',
  CumProd: 'in place',
  CumSum: 'in place',
  DequantizeLinear: 'in place',
  Dropout: 'in place',
  GroupNormalization: 'in place',
  Hardmax: 'in place',
  InstanceNormalization: 'in place',
  LayerNormalization: 'in place',
  LogSoftmax: 'in place',
  LpNormalization: 'in place',
  LRN: 'in place',
  MeanVarianceNormalization: 'in place',
  QuantizeLinear: 'in place',
  RMSNormalization: 'in place',
  Softmax: 'in place',
  Trilu: 'in place',
  // The axes of the first input, possibly with other sizes.
  AveragePool: 'same',
  CenterCropPad: 'same',
  GlobalAveragePool: 'same',
  GlobalLpPool: 'same',
  GlobalMaxPool: 'same',
  LpPool: 'same',
  MaxPool: 'same',
  Pad: 'same',
  Resize: 'same',
  Slice: 'same',
  Split: 'same',
  Tile: 'same',
  TopK: 'same',
  // The same, with new channels on axis 1.
  Conv: 'filtered',
  ConvTranspose: 'filtered',
  DepthToSpace: 'filtered',
  SpaceToDepth: 'filtered',
  // Without the reduced axes, or with length one along them.
  ReduceL1: 'reduced',
  ReduceL2: 'reduced',
  ReduceLogSum: 'reduced',
  ReduceLogSumExp: 'reduced',
  ReduceMax: 'reduced',
  ReduceMean: 'reduced',
  ReduceMin: 'reduced',
  ReduceProd: 'reduced',
  ReduceSum: 'reduced',
  ReduceSumSquare: 'reduced',
  // The same for a single axis, given by an attribute.
  ArgMax: 'picked',
  ArgMin: 'picked',
  // One axis replaced by those of the indices.
  Gather: 'gathered',
  // Rows of the first operand, columns of the second.
  MatMul: 'product',
  // Rows of the first operand, then channels.
  Gemm: 'linear',
  // In another order.
  Transpose: 'transposed',
  // A sequence, step by step, for each element of the batch.
  GRU: 'recurrent',
  LSTM: 'recurrent',
  RNN: 'recurrent',
  // The same values in the same order, in another shape.
  Flatten: 'view',
  Reshape: 'view',
  Squeeze: 'view',
  Unsqueeze: 'view',
  // Sizes, not data.
  Shape: 'size',
  Size: 'size',
  // Operators that compute in integers follow the operator that they stand for (integer-operators.ts).
  AffineGrid: 'unknown',
  Attention: 'unknown',
  Bernoulli: 'unknown',
  BitCast: 'unknown',
  BlackmanWindow: 'unknown',

  CausalConvWithState: 'unknown',
  Col2Im: 'unknown',
  Compress: 'unknown',
  ConcatFromSequence: 'unknown',
  Constant: 'unknown',
  ConstantOfShape: 'unknown',
  ConvInteger: 'unknown',
  DFT: 'unknown',
  DeformConv: 'unknown',
  Det: 'unknown',
  DynamicQuantizeLinear: 'unknown',
  Einsum: 'unknown',
  EyeLike: 'unknown',
  GatherElements: 'unknown',
  GatherND: 'unknown',
  GridSample: 'unknown',
  HammingWindow: 'unknown',
  HannWindow: 'unknown',
  If: 'unknown',
  ImageDecoder: 'unknown',
  LinearAttention: 'unknown',
  Loop: 'unknown',
  MatMulInteger: 'unknown',
  MaxRoiPool: 'unknown',
  MaxUnpool: 'unknown',
  MelWeightMatrix: 'unknown',
  Multinomial: 'unknown',
  NegativeLogLikelihoodLoss: 'unknown',
  NonMaxSuppression: 'unknown',
  NonZero: 'unknown',
  OneHot: 'unknown',
  Optional: 'unknown',
  OptionalGetElement: 'unknown',
  OptionalHasElement: 'unknown',
  QLinearConv: 'unknown',
  QLinearMatMul: 'unknown',
  RandomNormal: 'unknown',
  RandomNormalLike: 'unknown',
  RandomUniform: 'unknown',
  RandomUniformLike: 'unknown',
  Range: 'unknown',
  RegexFullMatch: 'unknown',
  ReverseSequence: 'unknown',
  RoiAlign: 'unknown',
  RotaryEmbedding: 'unknown',
  STFT: 'unknown',
  Scan: 'unknown',
  Scatter: 'unknown',
  ScatterElements: 'unknown',
  ScatterND: 'unknown',
  SequenceAt: 'unknown',
  SequenceConstruct: 'unknown',
  SequenceEmpty: 'unknown',
  SequenceErase: 'unknown',
  SequenceInsert: 'unknown',
  SequenceLength: 'unknown',
  SequenceMap: 'unknown',
  SoftmaxCrossEntropyLoss: 'unknown',
  SplitToSequence: 'unknown',
  StringConcat: 'unknown',
  StringNormalizer: 'unknown',
  StringSplit: 'unknown',
  SwiGLU: 'unknown',
  TensorScatter: 'unknown',
  TfIdfVectorizer: 'unknown',
  Unique: 'unknown',
  Upsample: 'unknown',
};

/** `op`: an operator of ONNX's own domain, in normal form. */
export const axisRule = (op: string): AxisRule => BY_NAME[op] ?? 'unknown';
const BY_NAME = table<AxisRule | undefined>(AXES);

const withRule = (rule: AxisRule): readonly OnnxOp[] => onnxOps.filter((op) => AXES[op] === rule);

export const isUnaryElementwise = (op: string): boolean => axisRule(op) === 'unary';
/** True for operators that return the size of a value, which follows the image size. */
export const tellsSize = (op: string): boolean => axisRule(op) === 'size';
/** Operators that convert each value separately, with a scale and a zero point as operands. */
export const isQuantiser = (op: string): boolean => op === 'QuantizeLinear' || op === 'DequantizeLinear';
/** Operators that compute in integers, with scales and zero points as operands: ONNX's and ONNX Runtime's. */
export const isIntegerOp = (op: string): boolean =>
  /^(com\.microsoft\.)?(QLinear\w+|QGemm|\w+Integer|MatMulInteger\w+|DynamicQuantize\w+)$/.test(op);

export const isBroadcasting = (op: string): boolean => axisRule(op) === 'broadcast';
export const isReduction = (op: string): boolean => axisRule(op) === 'reduced';

export const unaryElementwiseOps: readonly string[] = withRule('unary');
export const broadcastingOps: readonly string[] = withRule('broadcast');
export const reductionOps: readonly string[] = withRule('reduced');
