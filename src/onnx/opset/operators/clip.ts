/** Clip: since opset 11 the bounds are inputs. In either spelling, an absent bound is that of the type. */
import type { Adapter } from '../adapter';
import { refuse } from '../adapter';
import { attrFromScalar, numberOf, scalarFromAttr } from './scalars';

export const clipAdapters: readonly Adapter[] = [
  {
    op: 'Clip',
    since: 11,
    raise: (node, edit) => {
      const bounds = ['min', 'max'].map((name) => scalarFromAttr(node, name, node.inputs[0], edit));
      edit.respell(node, { inputs: [node.inputs[0], ...bounds], attrs: { min: undefined, max: undefined } });
      return undefined;
    },
    lower: (node, edit) => {
      const [data, min, max] = node.inputs;
      const attrs = { min: attrFromScalar(min), max: attrFromScalar(max) };
      if ((min && !attrs.min) || (max && !attrs.max)) return refuse('its bounds are computed, or no float32');
      // The newer operator then returns max everywhere; the older one is undefined, and ONNX Runtime refuses it.
      if (min && max && Number(numberOf(min)) > Number(numberOf(max))) return refuse('its lower bound is above its upper bound');
      edit.respell(node, { inputs: [data], attrs });
      return undefined;
    },
  },
];
