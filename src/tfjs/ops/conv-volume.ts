import { intAttr } from '../../ir/attrs';
import { permuted, slicedAlong } from '../../ir/tensor';
import { int, ints, text } from '../attrs';
import { type Ref, Unsupported } from '../emitter';
import { dimsOf, type Lowering } from './lowering';
import { cropped, filled } from './pad';
import { isDilated, padsOn, windowOf } from './window';

/** Convolves maps [N, D, H, W, C]: Conv3D supports only SAME and VALID pads, and neither groups nor bias. */
export const volumeConv: Lowering = (node, make) => {
  const [x, w, b] = node.inputs;
  const kernel = dimsOf(w).slice(2);
  if (!x || !w || !kernel.every((size) => typeof size === 'number')) throw new Unsupported('the size of its weight is not known');
  const window = windowOf(node, kernel, dimsOf(x).slice(1, 4));
  if (isDilated(window)) throw new Unsupported('TensorFlow.js has no dilated convolution of three axes');
  const groups = intAttr(node, 'group');
  const { before, after } = padsOn(make, make.ref(x), window);
  const around = { before: [0, ...before, 0], after: [0, ...after, 0] };
  const positive = (amounts: readonly (number | Ref)[]): (number | Ref)[] =>
    amounts.map((amount) => (typeof amount === 'number' ? Math.max(amount, 0) : amount));
  const kept = window.pads.kind === 'known' ? cropped(make, make.ref(x), around) : make.ref(x);
  const source = filled(make, kept, { before: positive(around.before), after: positive(around.after) }, make.float(0));
  const filters = Number(dimsOf(w)[0]) / groups;
  const split = groups === 1 ? source : make.node('Split', [make.int(4), source], { num_split: int(groups) });
  const weights = w.constant || groups === 1 ? undefined : make.node('Split', [make.int(0), make.ref(w)], { num_split: int(groups) });
  const results = Array.from({ length: groups }, (_, group) => {
    const filter = w.constant
      ? make.moved(w, `DHWIO ${group} of ${groups}`, (tensor) =>
          permuted(slicedAlong(tensor, 0, group * filters, filters), [2, 3, 4, 1, 0]),
        )
      : make.node('Transpose', [weights ? make.output(weights, group) : make.ref(w), make.ints([2, 3, 4, 1, 0])]);
    return make.node('Conv3D', [make.output(split, group), filter], {
      strides: ints([1, ...window.strides, 1]),
      dilations: ints([1, 1, 1, 1, 1]),
      padding: text('VALID'),
      data_format: text('NDHWC'),
    });
  });
  const [only] = results;
  const joined = groups === 1 && only ? only : make.node('ConcatV2', [...results, make.int(4)], { N: int(groups) });
  return b ? make.node('AddV2', [joined, make.ref(b)]) : joined;
};
