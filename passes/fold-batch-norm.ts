/**
 * fold-batch-norm: absorb a per-channel affine map (BatchNormalization; Mul, Div, Add, Sub by constants) into an adjacent linear layer.
 *
 *   k (W * x + B) + s          ->  (k W) * x + (k B + s)             behind Conv, ConvTranspose, Gemm; or behind a Transpose or Flatten of their result
 *   W * (k x + s) + B          ->  (W k) * x + (B + sum W s)         in front of Conv, Gemm; with zero padding only if s = 0
 *
 * k = scale / sqrt(var + epsilon) and s = shift - mean k, one of each per channel. In front of a zero-padded convolution the border does not contain s (the
 * padding comes after the norm and is zero), but would contain it after the rewrite, so a shift is not moved.
 * Numbers: rounding (one product in place of two, computed in double precision).
 * Left alone: weights that are computed or shared with another layer; a layer whose result has another reader.
 */

import { type ChannelAffine, channelAffine } from '../src/analysis/maps/channel-affine';
import { intAttr } from '../src/ir/attrs';
import { permOf } from '../src/ir/axis';
import { computedBias, responseTo, scaledAlong } from '../src/ir/linear-algebra';
import { isNode } from '../src/ir/match';
import { isFloatType, permuted, readNumbers } from '../src/ir/tensor';
import type { ConstValue, Node, Tensor, Value } from '../src/ir/types';
import { isConst } from '../src/ir/types';
import { flattenedMap } from '../src/ir/views';
import { isPadded } from '../src/ir/window-attrs';
import { asConv, asConvolution, asProduct } from '../src/operators/layers';
import type { Builder } from '../src/rewrite/builder';
import { defineRulePass } from '../src/rewrite/pass';
import { node } from '../src/rewrite/pattern';
import { defineRule, refuse } from '../src/rewrite/rule';

const AFFINE = ['BatchNormalization', 'Mul', 'Div', 'Add', 'Sub'];

/** A layer y = W x + B; `outputAxis` is the axis of W that runs over its outputs. */
interface Layer {
  readonly node: Node;
  readonly weight: ConstValue & { readonly constant: Tensor };
  readonly bias: ConstValue | undefined;
  readonly outputs: number;
  readonly outputAxis: number;
}

const affineAfter = defineRule({
  name: 'affine-after-layer',
  match: node(AFFINE, [], { as: 'affine', moreInputs: true }),
  when({ affine }) {
    const map = channelAffine(affine);
    const producer = map?.input.producer;
    if (!map || !producer || affine.outputs.length > 1) return undefined;
    const layer = linearLayer(producer);
    if (!layer) return undefined;
    if (typeof layer === 'string') return refuse(layer, producer);
    if (layer.outputs !== map.channels) return undefined;
    if (!producer.graph.isPrivateTo(map.input, affine)) return refuse(`'${map.input.name}' has another reader`, producer);
    if (isGroupedBackwards(producer) && map.scale) return refuse('it is a grouped ConvTranspose', producer);
    return { layer, map };
  },
  build: ({ affine }, make, { layer, map }) => rebuilt(make, layer, affine, scaledOutputs(layer, map)),
});

/** Channels-last sources add the bias behind the Transpose, where the channels are on another axis. */
const affineAfterTurned = defineRule({
  name: 'affine-after-turned-layer',
  match: node(['Mul', 'Div', 'Add', 'Sub'], [], { as: 'affine', moreInputs: true }),
  when({ affine }) {
    const operands = affine.inputs.filter((input) => input && !isConst(input));
    const turn = operands.length === 1 ? operands[0]?.producer : undefined;
    const result = turn?.inputs[0];
    const producer = result?.producer;
    const axis = turn && channelsBehind(turn);
    const map = axis === undefined ? undefined : channelAffine(affine, axis);
    if (!turn || !result || !producer || !map) return undefined;
    const layer = linearLayer(producer);
    if (!layer || typeof layer === 'string' || layer.outputs !== map.channels) return undefined;
    if (!turn.graph.isPrivateTo(map.input, affine)) return refuse(`'${map.input.name}' has another reader`, turn);
    if (!producer.graph.isPrivateTo(result, turn)) return refuse(`'${result.name}' has another reader`, producer);
    if (isGroupedBackwards(producer) && map.scale) return refuse('it is a grouped ConvTranspose', producer);
    return { layer, map, turn };
  },
  build: ({ affine }, make, { layer, map, turn }) =>
    make.op(turn.op, [rebuilt(make, layer, affine, scaledOutputs(layer, map)), ...turn.inputs.slice(1)], turn.attrs),
});

/** Axis of the result that holds the channels (axis 1 of the input), behind a Transpose, or a Flatten that only drops unit axes. */
function channelsBehind(turn: Node): number | undefined {
  if (isNode(turn, 'Transpose')) {
    const axis = permOf(turn, turn.inputs[0]?.type?.shape?.length ?? 0).indexOf(1);
    return axis < 0 ? undefined : axis;
  }
  const shape = turn.inputs[0]?.type?.shape;
  return flattenedMap(turn) && shape?.slice(2).every((dim) => dim === 1) ? 1 : undefined;
}

const affineBefore = defineRule({
  name: 'affine-before-layer',
  match: node(['Conv', 'Gemm'], [], { as: 'layer', moreInputs: true }),
  when({ layer }) {
    const affine = layer.inputs[0]?.producer;
    const map = affine && channelAffine(affine);
    if (!affine || !map || affine.outputs.length > 1) return undefined;
    const linear = linearLayer(layer);
    if (!linear) return undefined;
    if (typeof linear === 'string') return refuse(linear, layer);
    const [shared] = affine.outputs;
    if (!shared || !affine.graph.isPrivateTo(shared, layer)) return refuse(`'${shared?.name}' has another reader`, affine);
    if (map.shift && asConv(layer) && isPadded(layer))
      return refuse('it is padded with zeros after the shift, which must not be shifted', layer);
    return { linear, map };
  },
  build: ({ layer }, make, { linear, map }) => rebuilt(make, linear, layer, scaledInputs(linear, map), map.input),
});

/** The layer, the reason why it cannot be used, or undefined if the node is not a linear layer. */
function linearLayer(candidate: Node): Layer | string | undefined {
  const [conv, product] = [asConvolution(candidate), asProduct(candidate)];
  if (!conv && !product?.isGemm) return undefined;
  const [, weight, bias] = candidate.inputs;
  if (!isConst(weight) || (bias && !isConst(bias)) || !isFloatType(weight.constant.dtype)) return 'its weight is computed';
  if (weight.uses.length > 1) return `its weight '${weight.name}' is shared with another layer`;
  const outputAxis = (conv ? conv.isTransposed : !product?.transB) ? 1 : 0;
  const group = conv?.isTransposed ? conv.groups : 1;
  const outputs = (weight.constant.shape[outputAxis] ?? 0) * group;
  if (product && (product.transA || product.alpha !== 1 || product.beta !== 1)) return 'it scales or transposes its operands';
  if (bias && !(bias.constant?.shape.length === 1 && bias.constant.shape[0] === outputs)) return 'its bias is not one number per output';
  return { node: candidate, weight, bias, outputs, outputAxis };
}

/** A grouped ConvTranspose has the channels of its result on two axes of its weight. */
const isGroupedBackwards = (node: Node): boolean => {
  const own = asConvolution(node);
  return own?.isTransposed === true && own.groups !== 1;
};

interface Weights {
  readonly weight: Tensor | undefined;
  readonly bias: Tensor | undefined;
}

function scaledOutputs({ weight, bias, outputs, outputAxis }: Layer, { scale, shift }: ChannelAffine): Weights {
  const old = bias?.constant;
  const needsBias = shift !== undefined || (scale !== undefined && old !== undefined);
  return {
    weight: scale && scaledAlong(weight.constant, outputAxis, scale),
    bias: needsBias
      ? computedBias(weight.constant.dtype, outputs, () => {
          const result = old ? readNumbers(old) : new Float64Array(outputs);
          const [k, s] = [scale?.(), shift?.()];
          return result.map((number, at) => number * (k?.[at] ?? 1) + (s?.[at] ?? 0));
        })
      : undefined,
  };
}

function scaledInputs(layer: Layer, { scale, shift }: ChannelAffine): Weights {
  const { node: conv, weight, bias, outputs } = layer;
  const group = intAttr(conv, 'group');
  const tensor = weight.constant;
  const transposed = asProduct(conv) !== undefined && layer.outputAxis === 1;
  // Inputs of a grouped convolution: output block g reads the channels from g * C/group on.
  const perOutput = scale && group > 1 ? groupScaled(tensor, group, scale) : scale && scaledAlong(tensor, transposed ? 0 : 1, scale);
  const old = bias?.constant;
  return {
    weight: perOutput,
    bias: shift
      ? computedBias(tensor.dtype, outputs, () => {
          const response = responseTo(transposed ? permuted(tensor, [1, 0]) : tensor, group, shift());
          const before = old && readNumbers(old);
          return response.map((number, at) => number + (before?.[at] ?? 0));
        })
      : undefined,
  };
}

/** Scales each weight [m, c - first of m's group, ...] by the factor of input channel c, seen as one factor per (m, c) row. */
function groupScaled(weight: Tensor, group: number, scale: () => Float64Array): Tensor {
  const [outputs = 0, perGroup = 0] = weight.shape;
  const rows: Tensor = { ...weight, shape: [outputs * perGroup, ...weight.shape.slice(2)] };
  const scaledRows = scaledAlong(rows, 0, () => {
    const k = scale();
    return Float64Array.from(
      { length: outputs * perGroup },
      (_, row) => k[Math.floor(row / perGroup / (outputs / group)) * perGroup + (row % perGroup)] ?? 0,
    );
  });
  return { ...scaledRows, shape: weight.shape };
}

function rebuilt(make: Builder, layer: Layer, root: Node, weights: Weights, input = layer.node.inputs[0]): Value {
  const weight = weights.weight ? make.constant(`${layer.weight.name}_folded`, weights.weight) : layer.weight;
  const bias = weights.bias ? make.constant(`${layer.bias?.name ?? `${root.name}_bias`}_folded`, weights.bias) : layer.bias;
  return make.op(layer.node.op, [input, weight, bias], layer.node.attrs);
}

export const foldBatchNorm = defineRulePass({
  name: 'fold-batch-norm',
  summary: 'absorb batch normalisation and per-channel scales and shifts into the layer beside them',
  numbers: 'rounding',
  role: 'folds',
  rules: [affineAfter, affineAfterTurned, affineBefore],
});
