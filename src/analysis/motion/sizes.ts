/** Sizes that a node asks for or picks: those of channels and of the batch stay as they are when the image grows. */
import { givenInt, intAttr } from '../../ir/attrs';
import type { Node, Value } from '../../ir/types';
import { constantInts } from '../../operators/constants';
import { asSlice } from '../../operators/slice';
import { isSpatial } from './digits';
import type { State } from './state';

/** True if a node gives sizes of a moving value of which none depends on the size of the image: Shape, Size, or what picks from a Shape. */
export function keepsSizes(node: Node, states: ReadonlyMap<Value, State>): boolean {
  const asked = node.op === 'Shape' || node.op === 'Size' ? node : node.inputs[0]?.producer;
  if (asked?.op !== 'Shape' && asked?.op !== 'Size') return false;
  const value = asked.inputs[0];
  const state = value && states.get(value);
  if (state?.kind !== 'moving') return false;
  const own = state.axes.map((digits) => !digits.some(({ letter }) => isSpatial(letter)));
  if (asked.op === 'Size') return asked === node && own.every(Boolean);
  const told = own.slice(intAttr(asked, 'start'), givenInt(asked, 'end'));
  const picked = asked === node ? told : picks(node, told);
  return picked !== undefined && picked.length > 0 && picked.every((isOwn) => isOwn === true);
}

/** What a Slice or a Gather with constant places takes from a list. */
function picks<T>(node: Node, list: readonly T[]): readonly (T | undefined)[] | undefined {
  if (node.op === 'Gather') return constantInts(node, 1)?.map((at) => list.at(at));
  if (node.op !== 'Slice') return undefined;
  const [cut, ...more] = asSlice(node) ?? [];
  if (cut?.start === undefined || cut.end === undefined || cut.step !== 1 || more.length > 0) return undefined;
  return list.slice(cut.start, Math.min(cut.end, list.length));
}
