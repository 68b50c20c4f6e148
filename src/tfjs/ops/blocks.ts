/** Moves blocks of pixels to channels, and back, in maps [N, H, W, C]. */
import { intAttr, stringAttr } from '../../ir/attrs';
import { int, ints, text } from '../attrs';
import { Unsupported } from '../emitter';
import { dimsOf, isInt, type Lowering, rankOf } from './lowering';

/** DCR is TensorFlow's own order; for CRD the channels are permuted into it first. */
export const depthToSpace: Lowering = (node, make) => {
  const [x] = node.inputs;
  if (rankOf(x) !== 4) throw new Unsupported('its input is not a map of two axes');
  const size = intAttr(node, 'blocksize');
  const source = isInt(x) ? make.cast(make.ref(x), 'DT_FLOAT') : make.ref(x);
  const channels = dimsOf(x)[3];
  const attrs = { block_size: int(size), data_format: text('NHWC') };
  const back = (ref: typeof source): typeof source => (isInt(x) ? make.cast(ref, 'DT_INT32') : ref);
  if (stringAttr(node, 'mode') === 'DCR') return back(make.node('DepthToSpace', [source], attrs));
  if (typeof channels !== 'number') throw new Unsupported('its number of channels is not known');
  const depth = channels / size ** 2;
  const order = Array.from({ length: channels }, (_, at) => (at % depth) * size ** 2 + Math.floor(at / depth));
  const sorted = make.node('GatherV2', [source, make.ints(order), make.int(3)], { batch_dims: int(0) });
  return back(make.node('DepthToSpace', [sorted], attrs));
};

/** TensorFlow.js has no SpaceToDepth: a Transpose of six axes where sizes are known, otherwise a convolution that picks each pixel. */
export const spaceToDepth: Lowering = (node, make) => {
  const [x] = node.inputs;
  const dims = dimsOf(x);
  if (dims.length !== 4) throw new Unsupported('its input is not a map of two axes');
  const size = intAttr(node, 'blocksize');
  const isCrd = stringAttr(node, 'mode') === 'CRD';
  const [batch, rows, columns, channels] = dims;
  const source = make.ref(x);
  if (typeof rows === 'number' && typeof columns === 'number' && typeof channels === 'number') {
    const first = typeof batch === 'number' ? batch : -1;
    const parted = make.reshape(source, [first, rows / size, size, columns / size, size, channels]);
    const moved = make.node('Transpose', [parted, make.ints(isCrd ? [0, 1, 3, 5, 2, 4] : [0, 1, 3, 2, 4, 5])]);
    return make.reshape(moved, [first, rows / size, columns / size, channels * size ** 2]);
  }
  if (typeof channels !== 'number' || isInt(x)) throw new Unsupported('its number of channels is not known');
  const filters = channels * size ** 2;
  // Output channel of a pixel: block first, or channel first.
  const outputOf = (pixel: number): number => (isCrd ? (pixel % channels) * size ** 2 + Math.floor(pixel / channels) : pixel);
  const picks = Array.from({ length: filters * filters }, (_, at) => (outputOf(Math.floor(at / filters)) === at % filters ? 1 : 0));
  return make.node('Conv2D', [source, make.floats([size, size, channels, filters], picks)], {
    strides: ints([1, size, size, 1]),
    dilations: ints([1, 1, 1, 1]),
    padding: text('VALID'),
    data_format: text('NHWC'),
  });
};
