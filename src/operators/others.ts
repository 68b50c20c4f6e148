/**
 * Operators for which it is unknown how their results move with the image. A conversion refuses them by name if they read anything that moves.
 * Each is a gap that can be filled: see docs/operators.md.
 */
import type { OnnxOp } from '../ir/operators';
import { uncounted } from './multiply-adds';
import { SAMPLED } from './on-integers';
import { type Operator, unknown } from './operator';

const notKnown = unknown();
const attention = unknown('compares positions with each other (attention)', {
  family: 'linear',
  multiplyAdds: uncounted,
});
const recurrent = unknown('runs along the rows or columns of the image one after the other', { multiplyAdds: uncounted });
const sampled = unknown('samples places that are given in absolute coordinates');
const random = unknown('gives numbers at random');
const noTensor = unknown('gives a sequence, not a map');
const text = unknown('works on text');
const repeating = unknown('runs a subgraph repeatedly, each time on its previous result', { multiplyAdds: uncounted });
const branching = unknown('decides while it runs what is computed', { multiplyAdds: uncounted });

/** Also for the operators of ONNX Runtime that contain it. */
export const dynamicQuantisation = unknown(
  'takes its scale from the range of the whole image, so each prediction would depend on all windows: quantise with calibration (quantize_static), or keep the classifier (--head original)',
);

export const others = {
  Attention: attention,
  Bernoulli: random,
  BitCast: notKnown,
  CausalConvWithState: recurrent,
  Col2Im: notKnown,
  ConcatFromSequence: noTensor,
  Constant: unknown(undefined, { family: 'view' }),
  DFT: unknown('takes all places together by their frequencies', { multiplyAdds: uncounted }),
  DeformConv: unknown('samples places that are computed', { family: 'conv', multiplyAdds: uncounted }),
  Det: notKnown,
  DynamicQuantizeLinear: dynamicQuantisation,
  GatherND: unknown('takes places of the map from a table for the training size (an adaptive pool whose windows differ in size, perhaps)'),
  GridSample: sampled,
  If: branching,
  ImageDecoder: notKnown,
  LinearAttention: attention,
  Loop: repeating,
  MaxRoiPool: sampled,
  MaxUnpool: unknown('puts numbers at places that are counted over the whole map'),
  Multinomial: random,
  NegativeLogLikelihoodLoss: notKnown,
  NonMaxSuppression: unknown('chooses among all places of the map'),
  Optional: noTensor,
  OptionalGetElement: noTensor,
  OptionalHasElement: noTensor,
  RandomNormal: random,
  RandomNormalLike: random,
  RandomUniform: random,
  RandomUniformLike: random,
  RegexFullMatch: text,
  RoiAlign: sampled,
  RotaryEmbedding: unknown('turns numbers by an angle for each position'),
  STFT: unknown('takes all places together by their frequencies', { multiplyAdds: uncounted }),
  Scan: unknown('runs a subgraph over one slice after the other', { multiplyAdds: uncounted }),
  Scatter: unknown('puts numbers at positions that are given one by one'),
  ScatterElements: unknown('puts numbers at positions that are given one by one'),
  ScatterND: unknown('puts numbers at positions that are given one by one'),
  SequenceAt: noTensor,
  SequenceConstruct: noTensor,
  SequenceEmpty: noTensor,
  SequenceErase: noTensor,
  SequenceInsert: noTensor,
  SequenceLength: noTensor,
  SequenceMap: noTensor,
  SoftmaxCrossEntropyLoss: notKnown,
  SplitToSequence: noTensor,
  StringConcat: text,
  StringNormalizer: text,
  StringSplit: text,
  SwiGLU: notKnown,
  TensorScatter: unknown('puts numbers at positions that are given one by one'),
  TfIdfVectorizer: text,
  Unique: unknown('chooses among all places of the map'),
  // Upgraded to Resize when a file is read.
  Upsample: unknown(undefined, { onIntegers: SAMPLED }),
} satisfies Partial<Record<OnnxOp, Operator>>;
