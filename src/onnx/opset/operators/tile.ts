/** Tile: until opset 5 it repeats along one axis, both given as inputs; since 6 there is one repeat count per axis. */
import { fromNumbers } from '../../../ir/tensor';
import type { Adapter } from '../adapter';
import { pin } from '../adapter';
import { rankOf } from '../facts';
import { numberOf } from './scalars';

export const tileAdapters: readonly Adapter[] = [
  {
    op: 'Tile',
    since: 6,
    raise: (node, edit) => {
      const [data, tiles, axisInput] = node.inputs;
      const rank = rankOf(data);
      const repeats = numberOf(tiles);
      const axis = numberOf(axisInput);
      if (rank === undefined || repeats === undefined || axis === undefined) return pin('its axis, its repeats or its rank are not known');
      const all = Array.from({ length: rank }, (_, index) => (index === axis ? repeats : 1));
      edit.respell(node, { inputs: [data, edit.constant(node, 'repeats', fromNumbers('int64', [rank], all))] });
      return undefined;
    },
  },
];
