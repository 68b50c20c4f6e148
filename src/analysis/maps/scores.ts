/**
 * The scores of a classifier: what is in front of the activations that it ends in.
 *
 *   Y = Sigmoid(S), Softmax(S), Clip(Tanh(S)) ...   S: the scores, the activation nearest to them: Sigmoid, Softmax, Tanh
 *
 * Activations are what keeps the order of the classes, or of the values of a class: they are not affine, so that the mean over their results is not their
 * result for the mean. Views are passed.
 */
import { isConst, type Node, type Value } from '../../ir/types';
import { viewedBy } from '../../ir/views';

export interface Scores {
  readonly value: Value;
  /** The activation that takes the scores; undefined if there is none. */
  readonly activation?: Node | undefined;
}

/** The scores behind an output, and the views of them that are nearest to it. */
export function scoresOf(output: Value): Scores {
  let scores: Scores = { value: output };
  for (let at: Value | undefined = output; at?.producer; ) {
    const node: Node = at.producer;
    if (isFinalActivation(node)) scores = { value: node.inputs[0] ?? output, activation: node };
    else if (viewedBy(node) === undefined) break;
    at = node.inputs[0];
  }
  return scores;
}

/** Whether a node is an activation that may end a classifier: its settings, if it has some, are constants. */
export const isFinalActivation = ({ op, inputs }: Node): boolean =>
  ENDS.has(op) && inputs.slice(1).every((input) => input === undefined || isConst(input));

/** Over the classes, and for each class by itself. All are monotone. */
const ENDS = new Set([
  'Softmax',
  'LogSoftmax',
  'Sigmoid',
  'HardSigmoid',
  'Tanh',
  'Softsign',
  'Softplus',
  'Exp',
  'Log',
  'Clip',
  'Relu',
  'LeakyRelu',
  'Elu',
  'Selu',
  'Celu',
]);
