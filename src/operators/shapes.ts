/** Operators that move values without changing them: views, transposes, parts and copies. */
import type { OnnxOp } from '../ir/operators';
import type { Node } from '../ir/types';
import { asAxis } from './axes';
import { alongAxis, flattenModule } from './notation';
import { KEPT } from './on-integers';
import { type Operator, operator, POINT, pointwise, type Reads } from './operator';

const picks = (why: string): Reads => ({ kind: 'picks', why });

/** Picks positions by index along the node's own axis. */
const picking =
  (why: string) =>
  (node: Node, axis: number): Reads => {
    const rank = node.inputs[0]?.type?.shape?.length;
    return rank === undefined || asAxis(node, rank) === axis ? picks(why) : POINT;
  };

const FIXED_PLACES = 'takes fixed positions of the map (a class token, or windows cut out at fixed places)';

function repeated(node: Node, axis: number): Reads {
  const [from, to] = [node.inputs[0]?.type?.shape?.[axis], node.outputs[0]?.type?.shape?.[axis]];
  return from !== undefined && (from === to || from === 1) ? POINT : picks('lays copies of the map next to each other');
}

export const shapes = {
  Compress: operator('same', 'positions given one by one', () => picks('takes positions that are given one by one')),
  Concat: operator('joined', 'one of its inputs', (node, axis) => picking('lays maps next to each other in space')(node, axis), {
    family: 'view',
    onIntegers: KEPT,
    torch: alongAxis('Concat'),
  }),
  Expand: pointwise('spread', { settings: [1], family: 'view', onIntegers: KEPT }),
  Flatten: pointwise('view', { family: 'view', onIntegers: KEPT, torch: flattenModule }),
  Gather: operator(
    'gathered',
    'positions given by index',
    (node, axis) => picking(node.inputs[1]?.constant ? FIXED_PLACES : 'takes positions that are computed')(node, axis),
    { family: 'view', onIntegers: KEPT },
  ),
  GatherElements: operator('same', 'positions given by index', picking('takes another position for every place')),
  Reshape: pointwise('view', { settings: [1], family: 'view', onIntegers: KEPT }),
  Split: operator('same', 'a part', picking('cuts the map into a fixed number of rows or columns'), {
    settings: [1],
    family: 'view',
    onIntegers: KEPT,
  }),
  Squeeze: pointwise('view', { settings: [1], family: 'view', onIntegers: KEPT }),
  Tile: operator('same', 'a copy', repeated, { settings: [1], family: 'view', onIntegers: KEPT }),
  Transpose: pointwise('transposed', { family: 'view', onIntegers: KEPT }),
  Unsqueeze: pointwise('view', { settings: [1], family: 'view', onIntegers: KEPT }),
} satisfies Partial<Record<OnnxOp, Operator>>;
