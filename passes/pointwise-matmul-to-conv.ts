/**
 * pointwise-matmul-to-conv: turn a linear layer at every position of a channels-last map into a 1x1 convolution.
 *
 *   Transpose<0,3,1,2>(MatMul(X, W) + B)                X [N,H,W,K]  W [K,M]  B [M]
 * becomes
 *   Conv(Transpose<0,3,1,2>(X), W', B)                  W' [M,K,1,1]
 *
 * The Transpose back to channels first moves up through activations and per-channel constants to the MatMul, and on to the Transpose to channels last
 * (`cancel-transposes`) or to an operator that needs channels last (LayerNormalization). The number of Transposes never increases.
 * Numbers: reordered.
 * Left alone: a MatMul whose result stays channels last, where the convolution would need Transposes of its own; weights that are computed.
 */

import { intsAttr } from '../src/ir/attrs';
import { isNode } from '../src/ir/match';
import { broadcastingOps, isBroadcasting, isUnaryElementwise, unaryElementwiseOps } from '../src/ir/operator-traits';
import { elementCount, permuted, reshaped } from '../src/ir/tensor';
import type { ConstValue, Node, Value } from '../src/ir/types';
import { isConst, rankOf } from '../src/ir/types';
import type { Builder } from '../src/rewrite/builder';
import { defineRulePass } from '../src/rewrite/pass';
import { constant, node, oneOf, value } from '../src/rewrite/pattern';
import { defineRule } from '../src/rewrite/rule';

const TO_CHANNELS_FIRST = [0, 3, 1, 2];
const back = { attrs: { perm: TO_CHANNELS_FIRST } };

const matMul = node('MatMul', [value('x'), constant('w')]);
const pointwise = defineRule({
  name: 'matmul',
  match: node('Transpose', [oneOf(matMul, node('Add', [matMul, constant('b')], { commutative: true }))], back),
  when({ x, w, b }) {
    const [inputs, outputs] = w.constant.shape;
    if (rankOf(x) !== 4 || w.constant.shape.length !== 2 || inputs === undefined || outputs === undefined) return undefined;
    // One value per output, along the last axis.
    if (b && !(elementCount(b.constant.shape) === outputs && b.constant.shape[b.constant.shape.length - 1] === outputs)) return undefined;
    return { inputs, outputs };
  },
  build({ x, w, b }, make, { inputs, outputs }) {
    const kernel = make.constant(`${w.name}_kernel`, reshaped(permuted(w.constant, [1, 0]), [outputs, inputs, 1, 1]));
    const bias = b && make.constant(`${b.name}_bias`, reshaped(b.constant, [outputs]));
    return make.op('Conv', [make.op('Transpose', [x], { perm: TO_CHANNELS_FIRST }), kernel, bias], { kernel_shape: [1, 1] });
  },
});

const throughUnary = defineRule({
  name: 'activation',
  match: node('Transpose', [node(unaryElementwiseOps, [value('x')], { as: 'op', moreInputs: true })], back),
  when: ({ x }) => (rankOf(x) === 4 && leadsSomewhere(x) ? {} : undefined),
  build: ({ x, op }, make) => make.op(op.op, [make.op('Transpose', [x], { perm: TO_CHANNELS_FIRST }), ...op.inputs.slice(1)], op.attrs),
});

const throughConstant = defineRule({
  name: 'constant',
  match: node('Transpose', [node(broadcastingOps, [], { as: 'op', moreInputs: true })], back),
  when({ op }) {
    const [x, ...others] = op.inputs.filter((input): input is Value => input !== undefined && !isConst(input));
    if (!x || others.length > 0 || rankOf(x) !== 4 || !leadsSomewhere(x)) return undefined;
    return op.inputs.every((input) => !isConst(input) || isPerChannel(input)) ? { x } : undefined;
  },
  build({ op }, make, { x }) {
    const moved = make.op('Transpose', [x], { perm: TO_CHANNELS_FIRST });
    return make.op(
      op.op,
      op.inputs.map((input) => (input === x ? moved : isConst(input) ? channelsFirst(input, make) : input)),
      op.attrs,
    );
  },
});

/** Whether moving the Transpose up leads to a MatMul or to its inverse; otherwise it would only be moved. */
function leadsSomewhere(value: Value): boolean {
  for (let at: Value | undefined = value; at?.producer; ) {
    const producer: Node = at.producer;
    if (at.uses.length > 1 || producer.graph.isOutput(at)) return false;
    if (isNode(producer, 'MatMul')) return isConst(producer.inputs[1]);
    if (isNode(producer, 'Transpose')) return intsAttr(producer, 'perm')?.join() === '0,2,3,1';
    const varying: readonly Value[] = producer.inputs.filter((input): input is Value => input !== undefined && !isConst(input));
    if (varying.length !== 1 || !(isUnaryElementwise(producer.op) || isBroadcasting(producer.op))) return false;
    at = varying[0];
  }
  return false;
}

/** A single value, or one per index of the last axis. */
const isPerChannel = ({ constant: { shape } }: ConstValue): boolean =>
  shape.length <= 4 && elementCount(shape) === (shape[shape.length - 1] ?? 1);

function channelsFirst(input: ConstValue, make: Builder): ConstValue {
  const count = elementCount(input.constant.shape);
  return count === 1 && input.constant.shape.length === 0
    ? input
    : make.constant(`${input.name}_channels`, reshaped(input.constant, [count, 1, 1]));
}

export const pointwiseMatmulToConv = defineRulePass({
  name: 'pointwise-matmul-to-conv',
  summary: 'turn a linear layer at every place of a channels-last map into a 1x1 convolution',
  numbers: 'reordered',
  rules: [pointwise, throughUnary, throughConstant],
});
