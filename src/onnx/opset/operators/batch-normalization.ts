/**
 * BatchNormalization: `is_test` (until opset 6), non-spatial statistics (until 8), training indicated by the number of outputs (until 13),
 * by `training_mode` (14).
 */
import { int, intAttr } from '../../../ir/attrs';
import type { Node } from '../../../ir/types';
import type { Adapter, Raised } from '../adapter';
import { pin } from '../adapter';
import { type Editor, isRead } from '../editor';
import { rankOf } from '../facts';
import { floatBefore, intBefore } from '../old-attributes';
import { scalarBeside } from './scalars';

export const batchNormalizationAdapters: readonly Adapter[] = [
  {
    op: 'BatchNormalization',
    since: 7,
    raise: (node, edit) => {
      const training = intBefore(7, node, 'is_test') === 0;
      if (!training && node.outputs.slice(1).some(isRead)) return pin('its statistics are read though it is not in training mode');
      // `training_mode` belongs to opset 14, which raising will reach.
      edit.respell(node, {
        attrs: { is_test: undefined, training_mode: training ? int(1) : undefined },
        ...(training ? {} : { outputs: 1 }),
      });
      return undefined;
    },
  },
  {
    op: 'BatchNormalization',
    since: 9,
    raise: (node, edit) => {
      if (intBefore(9, node, 'spatial') === 0) return raiseNonSpatial(node, edit);
      edit.setAttrs(node, { spatial: undefined });
      return undefined;
    },
  },
  {
    op: 'BatchNormalization',
    since: 14,
    raise: (node, edit) => {
      const training = node.attrs.has('training_mode') || node.outputs.slice(1).some((output) => output.name !== '');
      if (node.outputs.slice(3).some(isRead)) return pin('its saved statistics are read');
      edit.respell(node, { attrs: { training_mode: training ? int(1) : undefined }, outputs: training ? 3 : 1 });
      return undefined;
    },
    lower: (node, edit) => {
      // Before opset 14, five outputs indicate training. ONNX Runtime 1.30 crashes if they have no names.
      const training = intAttr(node, 'training_mode') !== 0;
      edit.respell(node, { attrs: { training_mode: undefined }, ...(training ? { outputs: 5 } : {}) });
      return undefined;
    },
  },
];

/**
 * Statistics per element of [C, D1, ...], not per channel: no newer BatchNormalization supports them, so they are expressed with arithmetic.
 *   Y = X * k + (B - mean * k)      k = scale / sqrt(var + epsilon), broadcast over the batch
 * For a rank of 2 both forms are the same.
 */
function raiseNonSpatial(node: Node, edit: Editor): Raised {
  const [x, scale, shift, mean, variance] = node.inputs;
  if (node.attrs.has('training_mode') || node.outputs.length > 1) return pin('it is non-spatial and in training mode');
  if (rankOf(scale) === 1) {
    const rank = rankOf(x);
    if (rank !== undefined && rank !== 2) return pin(`it is non-spatial with one parameter per channel on ${rank} axes`);
    edit.setAttrs(node, { spatial: undefined });
    return undefined;
  }
  const epsilon = floatBefore(9, node, 'epsilon');
  const epsilonValue = scalarBeside(node, 'epsilon', epsilon, scale, edit);
  const step = (op: string, inputs: Parameters<Editor['insert']>[2], suffix: string) => edit.insert(node, op, inputs, { suffix });
  const deviation = step('Sqrt', [step('Add', [variance, epsilonValue], 'variance')], 'deviation');
  const factor = step('Mul', [step('Reciprocal', [deviation], 'inverse'), scale], 'factor');
  const offset = step('Sub', [shift, step('Mul', [mean, factor], 'mean')], 'offset');
  const scaled = step('Mul', [x, factor], 'scaled');
  const attrs = Object.fromEntries([...node.attrs.keys()].map((name) => [name, undefined]));
  edit.respell(node, { op: 'Add', inputs: [scaled, offset], attrs, outputs: 1 });
  return 'done';
}
