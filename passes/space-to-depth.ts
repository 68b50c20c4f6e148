/**
 * space-to-depth: replace the views by which a stem moves blocks of pixels into the channels by SpaceToDepth, which contains no pixel counts.
 *
 *   Reshape<[N, C', h, w]>(Transpose<0, (1, 3, 5), 2, 4>(Reshape<[N, C, h, b, w, b]>(X)))     X [N, C, h*b, w*b]
 * becomes
 *   SpaceToDepth<blocksize = b>(X)              if the order of the channels is (row of the block, column of the block, channel)
 *   Gather<axis = 1>(SpaceToDepth(X), order)    otherwise
 *
 * Numbers: identical.
 * Left alone: blocks that are not square; views of fewer or more axes.
 */
import { intsAttr } from '../src/ir/attrs';
import { int64s } from '../src/ir/tensor';
import { defineRulePass } from '../src/rewrite/pass';
import { node, value } from '../src/rewrite/pattern';
import { defineRule } from '../src/rewrite/rule';

const blocks = defineRule({
  name: 'blocks',
  match: node(
    'Reshape',
    [node('Transpose', [node('Reshape', [value('x'), value('split')], { as: 'cut' })], { as: 'turn' }), value('merged')],
    {
      as: 'join',
    },
  ),
  when({ x, cut, turn, join }) {
    const [from, parts] = [x.type?.shape, cut.outputs[0]?.type?.shape];
    const to = join.outputs[0]?.type?.shape;
    const perm = intsAttr(turn, 'perm');
    if (from?.length !== 4 || parts?.length !== 6 || to?.length !== 4 || perm?.length !== 6) return undefined;
    const [channels, rows, byRows, columns, byColumns] = parts.slice(1);
    if (typeof channels !== 'number' || typeof rows !== 'number' || typeof columns !== 'number' || typeof byRows !== 'number')
      return undefined;
    const isCut = from[0] === parts[0] && from[1] === channels && from[2] === rows * byRows && from[3] === columns * byRows;
    const isJoined = to[0] === from[0] && to[1] === channels * byRows * byRows && to[2] === rows && to[3] === columns;
    const into = perm.slice(1, 4);
    const movesBlocks = perm[0] === 0 && perm[4] === 2 && perm[5] === 4 && [1, 3, 5].every((axis) => into.includes(axis));
    if (byRows < 2 || byColumns !== byRows || !isCut || !isJoined || !movesBlocks) return undefined;
    return { size: byRows, order: channelOrder(into, { 1: channels, 3: byRows, 5: byRows }) };
  },
  build({ x, join }, make, { size, order }) {
    const packed = make.op('SpaceToDepth', [x], { blocksize: size });
    return order.every((from, to) => from === to)
      ? packed
      : make.op('Gather', [packed, make.constant(`${join.name}_order`, int64s(order))], { axis: 1 });
  },
});

/** For each new channel, its position in the result of SpaceToDepth: (row of the block, column of the block, channel) in row-major order. */
function channelOrder(into: readonly number[], sizes: Readonly<Record<number, number>>): number[] {
  const [a = 1, b = 3, c = 5] = into;
  const size = (axis: number): number => sizes[axis] ?? 1;
  const order: number[] = [];
  for (let i = 0; i < size(a); i++)
    for (let j = 0; j < size(b); j++)
      for (let k = 0; k < size(c); k++) {
        const at: Record<number, number> = { [a]: i, [b]: j, [c]: k };
        order.push(((at[3] ?? 0) * size(5) + (at[5] ?? 0)) * size(1) + (at[1] ?? 0));
      }
  return order;
}

export const spaceToDepth = defineRulePass({
  name: 'space-to-depth',
  summary: 'write blocks of pixels moved into the channels as SpaceToDepth',
  numbers: 'identical',
  rules: [blocks],
});
