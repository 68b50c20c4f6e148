/**
 * Operators that runtimes document as supported: names only, as of the version given. docs/runtimes.md is generated from this file (npm run docs).
 * A name without a domain is of ONNX's own domain.
 */
export interface RuntimeData {
  readonly title: string;
  /** The runtime, or its accelerator, takes only models whose sizes are all constant. */
  readonly fixedSizes: boolean;
  /** Address of the documentation. */
  readonly source: string;
  /** Version or commit of the source, and the date on which it was read. */
  readonly version: string;
  /** Names separated by white space. */
  readonly operators: string;
}

export const runtimeData = {
  webnn: {
    title: 'WebNN, by ONNX Runtime Web',
    fixedSizes: true,
    source: 'https://github.com/microsoft/onnxruntime/blob/main/js/web/docs/webnn-operators.md',
    version: 'as in the package onnxruntime-web 1.30.0, read on 2026-11-30',
    operators: `
    Abs Add And ArgMax ArgMin AveragePool BatchNormalization Cast Ceil Clip Concat Conv ConvInteger ConvTranspose Cos CumSum
    DepthToSpace DequantizeLinear Div Dropout DynamicQuantizeLinear Einsum Elu Equal Erf Exp Expand Flatten Floor GRU Gather
    GatherElements GatherND Gelu Gemm GlobalAveragePool GlobalLpPool GlobalMaxPool Greater GreaterOrEqual HardSigmoid HardSwish
    Identity InstanceNormalization IsInf IsNaN LRN LSTM LayerNormalization LeakyRelu Less LessOrEqual Log LpNormalization LpPool
    MatMul MatMulInteger Max MaxPool Min Mul Neg Not Or PRelu Pad Pow QuantizeLinear Reciprocal ReduceL1 ReduceL2 ReduceLogSum
    ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape Resize RotaryEmbedding Round
    ScatterElements ScatterND Shape Sigmoid Sign SimplifiedLayerNormalization Sin Slice Softmax Softplus Softsign Split Sqrt
    Squeeze Sub Tan Tanh Tile Transpose Trilu Unsqueeze Where Xor com.microsoft.GatherBlockQuantized
    com.microsoft.GroupQueryAttention com.microsoft.MatMulNBits com.microsoft.MultiHeadAttention com.microsoft.RotaryEmbedding
    com.microsoft.SkipLayerNormalization com.microsoft.SkipSimplifiedLayerNormalization`,
  },
  coreml: {
    title: 'Core ML, by the ML Program format of ONNX Runtime',
    fixedSizes: true,
    source:
      'https://github.com/microsoft/onnxruntime/blob/04f568d869ec533a48f29f67f9842ddf694d7ab1/tools/ci_build/github/apple/coreml_supported_mlprogram_ops.md',
    version: 'commit 04f568d, read on 2026-11-30',
    operators: `
    Add ArgMax AveragePool Cast Ceil Clip Concat Conv ConvTranspose Cos DepthToSpace Div Elu Erf Exp GatherND Gelu Gemm
    GlobalAveragePool GlobalMaxPool GridSample GroupNormalization HardSigmoid Identity InstanceNormalization LayerNormalization
    LeakyRelu MatMul Max MaxPool Mul PRelu Pow Range Reciprocal ReduceMax ReduceMean ReduceSum Relu Reshape Resize Round Shape
    Sigmoid Sin Slice Softmax Softplus Split Sqrt Squeeze Sub Tanh Tile Transpose Unsqueeze com.microsoft.FusedConv
    com.microsoft.QuickGelu`,
  },
  qnn: {
    title: 'Qualcomm QNN, by ONNX Runtime',
    fixedSizes: true,
    source:
      'https://github.com/microsoft/onnxruntime/blob/00cd7c6df0a66cd628a5ab7e682cb870134a27ee/onnxruntime/core/providers/qnn/builder/op_builder_factory.cc',
    version: 'commit 00cd7c6, read on 2026-11-30',
    operators: `
    Abs Add And ArgMax ArgMin Asin Atan AveragePool BatchNormalization Cast Ceil Clip Concat Conv ConvTranspose Cos CumSum
    DepthToSpace DequantizeLinear Div Einsum Elu Equal Exp Expand Flatten Floor Gather GatherElements GatherND Gelu Gemm
    GlobalAveragePool GlobalMaxPool Greater GreaterOrEqual GridSample HardSigmoid HardSwish InstanceNormalization LRN LSTM
    LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax LpNormalization MatMul Max MaxPool Mean Min Mod Mul Neg Not Or
    PRelu Pad Pow QuantizeLinear RMSNormalization RandomUniformLike Reciprocal ReduceL2 ReduceMax ReduceMean ReduceMin ReduceProd
    ReduceSum Relu Reshape Resize Round STFT ScatterElements ScatterND Sigmoid Sign Sin Slice Softmax SpaceToDepth Split Sqrt
    Squeeze Sub Sum Tanh ThresholdedRelu Tile TopK Transpose Unsqueeze Upsample Where com.microsoft.FusedMatMul
    com.microsoft.Inverse`,
  },
  tflite: {
    title: 'TensorFlow Lite, by onnx2tf',
    fixedSizes: true,
    source: 'https://github.com/PINTO0309/onnx2tf/blob/001faec86c689730f6f78bef792045ce16838901/README.md',
    version: 'commit 001faec (onnx2tf 1.24.0), read on 2026-11-30',
    operators: `
    Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh AveragePool BatchNormalization Bernoulli BitShift Cast Ceil Celu
    Clip Col2Im Compress Concat ConcatFromSequence Constant ConstantOfShape Conv ConvInteger ConvTranspose Cos Cosh CumSum
    DepthToSpace DequantizeLinear Det Div Dropout DynamicQuantizeLinear Einsum Elu Equal Erf Exp Expand EyeLike Flatten Floor GRU
    Gather GatherElements GatherND Gelu Gemm GlobalAveragePool GlobalLpPool GlobalMaxPool Greater GreaterOrEqual GridSample
    HammingWindow HannWindow HardSigmoid HardSwish Hardmax Identity If InstanceNormalization IsInf IsNaN LRN LSTM
    LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax LpNormalization MatMul MatMulInteger Max MaxPool MaxUnpool Mean
    MeanVarianceNormalization MelWeightMatrix Min Mish Mod Mul Multinomial Neg NonMaxSuppression NonZero Not OneHot
    OptionalGetElement OptionalHasElement Or PRelu Pad Pow QLinearConv QLinearMatMul QuantizeLinear RNN RandomNormal
    RandomNormalLike RandomUniform RandomUniformLike Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax
    ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape Resize ReverseSequence RoiAlign Round STFT Scatter
    ScatterElements ScatterND Selu SequenceAt SequenceConstruct SequenceEmpty SequenceErase SequenceInsert SequenceLength Shape
    Shrink Sigmoid Sign Sin Sinh Size Slice Softmax Softplus Softsign SpaceToDepth Split SplitToSequence Sqrt Squeeze
    StringNormalizer Sub Sum Tan Tanh ThresholdedRelu Tile TopK Transpose Trilu Unique Unsqueeze Upsample Where Xor
    com.microsoft.FusedConv com.microsoft.Inverse com.microsoft.QLinearAdd com.microsoft.QLinearConcat
    com.microsoft.QLinearLeakyRelu com.microsoft.QLinearMul com.microsoft.QLinearSigmoid com.microsoft.QLinearSoftmax`,
  },
  'opencv-dnn': {
    title: 'OpenCV DNN 4.x',
    fixedSizes: false,
    source: 'https://github.com/opencv/opencv/blob/4771da51aee757e1baf221259d0b70ae5ab08364/modules/dnn/src/onnx/onnx_importer.cpp',
    version: 'commit 4771da5, read on 2026-11-30',
    operators: `
    Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh Attention AveragePool BatchNormalization Cast Ceil Celu Clip Concat
    Constant ConstantOfShape Conv ConvTranspose Cos Cosh CumSum DepthToSpace DequantizeLinear Div Dropout Einsum Elu Equal Erf Exp
    Expand Flatten Floor GRU Gather GatherElements GatherND Gelu GeluApproximation Gemm GlobalAveragePool GlobalMaxPool Greater
    GreaterOrEqual GroupNormalization HardSigmoid HardSwish Hardmax Identity ImageScaler InstanceNormalization LRN LSTM
    LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax MatMul Max MaxPool MaxUnpool Mean Min Mod Mul Neg Or PRelu Pad
    Pow QLinearConv QLinearMatMul QuantizeLinear Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax
    ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape Resize Round Scatter ScatterElements ScatterND Selu
    Shape Shrink Sigmoid Sign Sin Sinh Slice Softmax Softplus Softsign SpaceToDepth Split Sqrt Squeeze Sub Sum Tan Tanh
    ThresholdedRelu Tile TopK Transpose Unsqueeze Upsample Where Xor com.microsoft.Attention com.microsoft.QGemm
    com.microsoft.QLinearAdd com.microsoft.QLinearAveragePool com.microsoft.QLinearConcat com.microsoft.QLinearGlobalAveragePool
    com.microsoft.QLinearLeakyRelu com.microsoft.QLinearMul com.microsoft.QLinearSigmoid com.microsoft.QLinearSoftmax`,
  },
} as const satisfies Readonly<Record<string, RuntimeData>>;
