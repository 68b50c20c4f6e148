/**
 * remove-idle-moves: at a fixed size, drop operators that cut, pad, stretch or reshape nothing.
 *
 *   Slice(X), Pad(X), Resize(X), Expand(X), Tile(X), Reshape(X)  ->  X         if the result has the shape of X, at this size
 *
 * In a network with free sizes these nodes have an effect at other sizes; a conversion to one size (`--fix-size`) makes them superfluous.
 * Numbers: identical.
 * Left alone: symbolic shapes; Slices that run backwards; a Resize of a region; a node between a graph input and a graph output.
 */
import { stringAttr } from '../src/ir/attrs';
import { readNumbers } from '../src/ir/tensor';
import { type Node, staticShape } from '../src/ir/types';
import { defineRulePass } from '../src/rewrite/pass';
import { node, value } from '../src/rewrite/pattern';
import { defineRule } from '../src/rewrite/rule';

const numbersAt = ({ inputs }: Node, slot: number): readonly number[] | undefined => {
  const constant = inputs[slot]?.constant;
  return constant && [...readNumbers(constant)];
};

/** Further conditions for a node to move nothing. */
const IDLE: ReadonlyMap<string, (node: Node) => boolean> = new Map<string, (node: Node) => boolean>([
  ['Slice', (slice) => slice.inputs[4] === undefined || (numbersAt(slice, 4)?.every((step) => step > 0) ?? false)],
  ['Pad', (pad) => numbersAt(pad, 1)?.every((width) => width === 0) ?? false],
  ['Resize', (resize) => stringAttr(resize, 'coordinate_transformation_mode') !== 'tf_crop_and_resize'],
  ['Expand', () => true],
  ['Tile', () => true],
  ['Reshape', () => true],
]);

const idleMove = defineRule({
  name: 'idle-move',
  match: node([...IDLE.keys()], [value('x')], { as: 'move', moreInputs: true }),
  when({ x, move }) {
    const before = staticShape(x);
    const after = move.outputs[0] && staticShape(move.outputs[0]);
    const isSame = before && after && before.length === after.length && before.every((dim, axis) => dim === after[axis]);
    return isSame && IDLE.get(move.op)?.(move) ? {} : undefined;
  },
  build: ({ x }) => x,
});

export const removeIdleMoves = defineRulePass({
  name: 'remove-idle-moves',
  summary: 'drop Slice, Pad, Resize, Expand, Tile and Reshape that do nothing at a fixed size',
  numbers: 'identical',
  rules: [idleMove],
});
