/** Scatter is renamed to ScatterElements in opset 11; reductions beyond add and mul (16) were added in 18. */
import { stringAttr } from '../../../ir/attrs';
import type { Adapter } from '../adapter';
import { refuse } from '../adapter';

export const scatterAdapters: readonly Adapter[] = [
  {
    op: 'ScatterElements',
    since: 11,
    formerly: 'Scatter',
    raise: (node, edit) => {
      edit.respell(node, { op: 'ScatterElements' });
      return undefined;
    },
    lower: (node, edit) => {
      edit.respell(node, { op: 'Scatter' });
      return undefined;
    },
  },
  ...['ScatterElements', 'ScatterND'].map(
    (op): Adapter => ({
      op,
      since: 18,
      lower: (node) => {
        const reduction = stringAttr(node, 'reduction');
        return reduction === 'min' || reduction === 'max' ? refuse(`reduction ${reduction}`) : undefined;
      },
    }),
  ),
];
