/**
 * inline-functions: an operator that ONNX defines by others, elementwise along channels, becomes those.
 *
 *   Y = SwiGLU <alpha = 1.5> (A, B)
 * becomes
 *   S = Swish <alpha = 1.5> (A)
 *   Y = Mul (S, B)
 *
 * Numbers: rounding, where the runtime has a kernel of its own for the operator.
 * Left alone: operators whose bodies hide what they do to positions (Attention, RotaryEmbedding, CenterCropPad): they are refused by their own names.
 */
import { inlineBodies } from '../src/ir/functions';
import { definePass } from '../src/rewrite/pass';

/** Operators whose bodies say all that there is to know about them. */
const PLAIN = new Set(['SwiGLU']);

export const inlineFunctions = definePass({
  name: 'inline-functions',
  summary: 'write operators that ONNX defines by others as those',
  numbers: 'rounding',
  run: (graph) => {
    inlineBodies(graph, (node) => PLAIN.has(node.op));
  },
});
