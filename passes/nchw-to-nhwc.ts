/**
 * nchw-to-nhwc: change the whole graph to channels-last maps, for TensorFlow.js.
 *
 *   Y = Conv (X, W)           X [N, C, H, W]
 * becomes
 *   Y = nhwc.Conv (X, W)      X [N, H, W, C], Y [N, h, w, M], W unchanged
 *
 * Inputs and outputs that are maps change their layout, so there is no Transpose at the border. Other operators follow their operands: the axes that they name
 * are renumbered, constants are permuted, and a Transpose of the model only renames axes. A Transpose is inserted where an operator cannot handle the order
 * of its input. Numbers: identical.
 * Left alone: operators that src/tfjs/channels-last/rules does not know keep ONNX's order, behind Transposes where they need them.
 *
 * Not part of a conversion to ONNX, which cannot contain operators of the domain `nhwc`. `convert --to tfjs` runs it last.
 */

import { definePass } from '../src/rewrite/pass';
import { moveToChannelsLast } from '../src/tfjs/channels-last';

export const nchwToNhwc = definePass({
  name: 'nchw-to-nhwc',
  summary: 'put the channels of maps last, as TensorFlow.js has them (--to tfjs)',
  numbers: 'identical',
  run(graph, { model }) {
    // Idempotent: a second run would find no ONNX operators over maps.
    if (!graph.nodes.some((node) => node.domain === 'nhwc')) moveToChannelsLast(model);
  },
});
