/**
 * RNN, GRU and LSTM over a sequence within one window: the windows are treated as images of a larger batch, each with its own state.
 *
 *   GRU(X)      X [T, N, D] for one window, [N, h', w', T, D] for all      ->      GRU(X')      X' [T, N*h'*w', D]
 */

import { isNode, producedBy } from '../../src/ir/match';
import { isNumeric, readNumbers } from '../../src/ir/tensor';
import type { ConstValue, Node, Value } from '../../src/ir/types';
import { isConst } from '../../src/ir/types';
import { asRecurrent } from '../../src/operators/recurrent';
import type { HeadNode, Result } from './nodes';
import { type Row, viewed } from './row';

export function recurrence(head: HeadNode, row: Row): Result {
  const { node, make, batch } = head;
  const own = asRecurrent(node);
  const [, , , , lengths, ...states] = node.inputs;
  if (lengths) return 'it is given lengths of sequences';
  if (![states[0], states[1]].every(isZero)) return 'it begins with its own initial state';
  if ([1, 2, 3, 7].some((slot) => head.row(slot))) return 'its weights are computed from the image';
  // One image: its axis belongs to the window.
  const isAlone = !row.hasBatch;
  if (isAlone ? batch !== 1 || row.shape[own.batch] !== 1 : (row.batchAt ?? 0) !== own.batch)
    return 'its batch is not where the images are';
  const shape = isAlone ? row.shape.filter((_, axis) => axis !== own.batch) : row.shape;
  const [steps = 1, features = 1] = shape;
  if (shape.length !== 2) return 'its data is not a list of steps';
  const first = row.places + 1;
  const list = isAlone ? viewed(make, row, shape) : row;
  const images = make.op('Slice', [make.op('Shape', [row.cells]), make.int64s('from', [0]), make.int64s('to', [first])]);
  // A Flatten states which axes are joined: at the original size there is one window, and its axes could be confused with others.
  const joined = make.op('Flatten', [list.cells], { axis: first });
  const rowsOfWindows = make.op('Reshape', [joined, make.int64s(`${node.name}_steps`, [0, steps, features])]);
  const sequence = own.batch === 1 ? make.op('Transpose', [rowsOfWindows], { perm: [1, 0, 2] }) : rowsOfWindows;
  const made = make.ops(
    node.op,
    [sequence, ...node.inputs.slice(1, 4), undefined, undefined, undefined, node.inputs[7]],
    node.attrs,
    node.outputs.length,
  );
  const rows = made.map((output, at): Row | undefined => {
    const original = node.outputs[at]?.type?.shape;
    if (!original) return undefined;
    const isSequence = at === 0;
    const batchAt = isSequence ? (own.batch === 1 ? 2 : 0) : own.batch;
    const others = original.filter((_, axis) => axis !== batchAt);
    if (!others.every((dim): dim is number => typeof dim === 'number')) return undefined;
    const perm = [batchAt, ...original.keys()].filter((axis, place) => place === 0 || axis !== batchAt);
    const last = perm.every((axis, place) => axis === place) ? output : make.op('Transpose', [output], { perm });
    const rowTarget = make.op('Concat', [images, make.int64s(`${node.name}_row`, others)], { axis: 0 });
    const cells = make.op('Reshape', [last, rowTarget]);
    const result: Row = { cells, shape: others, hasBatch: true, places: row.places, batchAt };
    return isAlone ? alone(result, original.map(Number), make) : result;
  });
  return rows.every((each): each is Row => each !== undefined) ? rows : 'its size is not known';
}

const alone = (row: Row, shape: readonly number[], make: HeadNode['make']): Row => ({
  ...viewed(make, { ...row, batchAt: undefined }, shape, false),
});

/** Whether the state is absent or zero, either constant or expanded to the size of the batch. */
function isZero(state: Value | undefined): boolean {
  if (!state) return true;
  if (isConst(state)) return zeros(state);
  const producer: Node | undefined = state.producer;
  if (isNode(producer, 'ConstantOfShape')) {
    const value = producer.attrs.get('value');
    return (
      value === undefined ||
      (value.kind === 'tensor' && isNumeric(value.value.dtype) && readNumbers(value.value).every((number) => number === 0))
    );
  }
  return isZeroBehind(producedBy(state, 'Expand', 'Slice', 'Identity'));
}
const isZeroBehind = (move: Node | undefined): boolean => move !== undefined && isZero(move.inputs[0]);
const zeros = ({ constant }: ConstValue): boolean => isNumeric(constant.dtype) && readNumbers(constant).every((number) => number === 0);
