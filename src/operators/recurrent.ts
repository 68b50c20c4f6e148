/** RNN, GRU and LSTM: a sequence processed step by step, each element of the batch independently. */
import { intAttr, stringAttr } from '../ir/attrs';
import type { OnnxOp } from '../ir/operators';
import type { Node } from '../ir/types';
import { uncounted } from './multiply-adds';
import { FILTERS, type Operator, operator, POINT, type Reads } from './operator';

export interface Recurrent {
  /** Batch axis of the data. The state is [directions, batch, hidden] or, batch first, [batch, directions, hidden]. */
  readonly batch: 0 | 1;
  readonly sequence: 0 | 1;
  readonly directions: 1 | 2;
}

export const asRecurrent = (node: Node): Recurrent => {
  const batch = intAttr(node, 'layout') === 0 ? 1 : 0;
  return { batch, sequence: batch === 1 ? 0 : 1, directions: stringAttr(node, 'direction') === 'bidirectional' ? 2 : 1 };
};

const IN_ORDER: Reads = { kind: 'in order', why: 'runs along the rows or columns of the image one after the other' };

const reads = (node: Node, axis: number): Reads => {
  const { batch, sequence } = asRecurrent(node);
  return axis === sequence ? IN_ORDER : axis === batch ? POINT : FILTERS;
};
const says = 'one step of its sequence after the other; the same place of the batch';

const hidden = { settings: [4], family: 'linear', multiplyAdds: uncounted } as const;

export const recurrent = {
  GRU: operator('recurrent', says, reads, { ...hidden, weights: [1, 2, 3] }),
  LSTM: operator('recurrent', says, reads, { ...hidden, weights: [1, 2, 3, 7] }),
  RNN: operator('recurrent', says, reads, { ...hidden, weights: [1, 2, 3] }),
} satisfies Partial<Record<OnnxOp, Operator>>;
