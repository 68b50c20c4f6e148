/** Activations that TensorFlow.js can fuse into a convolution or linear layer. */
import { floatAttr } from '../../ir/attrs';
import type { Node } from '../../ir/types';
import type { Emitter, Ref } from '../emitter';
import { numberIn, rankOf } from './lowering';

export interface Activation {
  readonly name: 'Relu' | 'Relu6' | 'Elu' | 'LeakyRelu' | 'Sigmoid' | 'Prelu';
  /** The ONNX node of the activation. */
  readonly node: Node;
  readonly alpha?: number | undefined;
  readonly slope?: Ref | undefined;
}

/** The activation that is the only reader of the node's output, if it can be fused. */
export function activationAfter(node: Node, make: Emitter): Activation | undefined {
  const [output] = node.outputs;
  const user = output?.uses[0]?.user;
  if (!make.options.fuse || !user || output.uses[0]?.slot !== 0 || !make.isPrivate(output, user)) return undefined;
  switch (user.op) {
    case 'Relu':
    case 'Sigmoid':
      return { name: user.op, node: user };
    case 'Clip':
      return numberIn(user.inputs[1]) === 0 && numberIn(user.inputs[2]) === 6 ? { name: 'Relu6', node: user } : undefined;
    case 'Elu':
      return floatAttr(user, 'alpha') === 1 ? { name: 'Elu', node: user } : undefined;
    case 'LeakyRelu':
      return { name: 'LeakyRelu', node: user, alpha: floatAttr(user, 'alpha') };
    case 'PRelu': {
      const slope = user.inputs[1];
      // One value per channel, which is the last axis.
      const shape = slope?.constant?.shape;
      return shape && shape.length === 1 && shape[0] === output.type?.shape?.[rankOf(output) - 1]
        ? { name: 'Prelu', node: user, slope: make.ref(slope) }
        : undefined;
    }
    default:
      return undefined;
  }
}
