/**
 * nchw-to-nhwc: the whole graph with its maps channels-last, for TensorFlow.js.
 *
 *   Y = Conv (X, W)           X [N, C, H, W]
 * becomes
 *   Y = nhwc.Conv (X, W)      X [N, H, W, C], Y [N, h, w, M], W as it was
 *
 * Inputs and outputs that are maps change their layout, so there is no Transpose at the border. Other operators follow their operands: axes that they name
 * are named anew, constants are permuted, a Transpose that the model has only renames axes. One is made where an operator cannot do with the order that it
 * finds. Numbers: identical.
 * Left alone: operators that src/tfjs/channels-last/rules does not know keep ONNX's order, behind Transposes where they need them.
 *
 * Not part of a conversion to ONNX: what is in the domain `nhwc` cannot be written there. `convert --to tfjs` does it last.
 */

import { definePass } from '../src/rewrite/pass';
import { moveToChannelsLast } from '../src/tfjs/channels-last';

export const nchwToNhwc = definePass({
  name: 'nchw-to-nhwc',
  summary: 'put the channels of maps last, as TensorFlow.js has them (--to tfjs)',
  numbers: 'identical',
  run(graph, { model }) {
    // Twice is once: a second look finds nothing of ONNX's over maps.
    if (!graph.nodes.some((node) => node.domain === 'nhwc')) moveToChannelsLast(model);
  },
});
