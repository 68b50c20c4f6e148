/**
 * inline-functions: expand an operator that ONNX defines by other operators, if they are elementwise along channels.
 *
 *   Y = SwiGLU <alpha = 1.5> (A, B)
 * becomes
 *   S = Swish <alpha = 1.5> (A)
 *   Y = Mul (S, B)
 *
 * Numbers: rounding, if the runtime has a separate kernel for the operator.
 * Left alone: operators whose bodies hide their effect on positions (Attention, RotaryEmbedding, CenterCropPad): they are refused under their own names.
 */
import { inlineBodies } from '../src/ir/functions';
import { definePass } from '../src/rewrite/pass';

/** Operators that are fully described by their bodies. */
const PLAIN = new Set(['SwiGLU']);

export const inlineFunctions = definePass({
  name: 'inline-functions',
  summary: 'write operators that ONNX defines by others as those',
  numbers: 'rounding',
  run: (graph) => {
    inlineBodies(graph, (node) => PLAIN.has(node.op));
  },
});
