/** Matrix products: sum over one axis of each operand. */
import { intAttr } from '../../ir/attrs';
import { meaningOf, weightSlotOf } from '../../ir/integer-operators';
import type { Dim, Node } from '../../ir/types';
import { isConst } from '../../ir/types';
import { type Digits, spreadOf } from './digits';
import type { Notes } from './follow';
import { counted, type Moving, replaced, type State, taken, unknownBy } from './state';
import { met } from './track';

export function product(node: Node, inputs: readonly State[], notes: Notes): State {
  const shape = node.outputs[0]?.type?.shape;
  const slots = [0, weightSlotOf(node)];
  if (inputs.some((state, slot) => state.kind === 'moving' && !slots.includes(slot)))
    return unknownBy(node, 'has weights that are computed from the image');
  const ranks = slots.map((slot) => node.inputs[slot]?.type?.shape?.length ?? 0);
  const [rankA = 0, rankB = 0] = ranks;
  const isGemm = meaningOf(node) === 'Gemm';
  const summedA = isGemm && intAttr(node, 'transA') !== 0 ? 0 : rankA - 1;
  const summedB = isGemm ? (intAttr(node, 'transB') !== 0 ? 1 : 0) : Math.max(rankB - 2, 0);
  const [a, b] = [side(node, inputs[0], summedA, notes), side(node, inputs[weightSlotOf(node)], summedB, notes)];
  if (typeof a === 'string' || typeof b === 'string') return unknownBy(node, typeof a === 'string' ? a : String(b));
  const own = [a, b].filter((state) => state !== undefined);
  const weights = slots.find((slot, at) => perPlace(node, slot, inputs[slots[1 - at] ?? 0]));
  if (weights !== undefined) return unknownBy(node, 'has separate weights for each position');
  const sized = inputs.find((state) => state.kind === 'sized');
  const [first, second] = own;
  if (!first) return unknownBy(node, 'is not known');
  // [.., rows of a, columns of b]
  const row = a ? (rankA < 2 ? undefined : (a.axes[summedA === 0 && isGemm ? 1 : rankA - 2] ?? [])) : undefined;
  const column = b ? (rankB < 2 ? undefined : (b.axes[isGemm ? 1 - summedB : rankB - 1] ?? [])) : undefined;
  const batches = (state: Moving | undefined, rank: number): readonly Digits[] => state?.axes.slice(0, Math.max(rank - 2, 0)) ?? [];
  const rank = shape?.length ?? Math.max(rankA, rankB);
  const [left, right] = [batches(a, rankA), batches(b, rankB)];
  const count = rank - (rankA > 1 ? 1 : 0) - (rankB > 1 ? 1 : 0);
  const batch = Array.from({ length: Math.max(count, 0) }, (_, at): Digits => {
    const [x, y] = [left[at - count + left.length] ?? [], right[at - count + right.length] ?? []];
    return spreadOf(x).length > 0 || y.length === 0 ? x : y;
  });
  const dim = (fromEnd: number): Dim => shape?.[rank - fromEnd];
  // Positions times positions: each is combined with every other. The second axis then is a plain count.
  const letters = (digits: Digits): Set<string> => new Set(spreadOf(digits).map(({ letter }) => letter));
  const against = row && column && [...letters(row)].some((letter) => letters(column).has(letter));
  const axes: readonly Digits[] = [
    ...batch,
    ...(rankA > 1 ? [row ?? counted(dim(rankB > 1 ? 2 : 1))] : []),
    ...(rankB > 1 ? [column && !against ? column : counted(dim(1))] : []),
  ];
  let state: Moving = { ...first, axes, tied: first.tied ?? second?.tied };
  if (second) {
    const tracks = new Map(first.tracks);
    for (const [letter, track] of second.tracks) {
      const before = tracks.get(letter);
      const both = before ? met(before, track) : track;
      if (typeof both === 'string') return unknownBy(node, both);
      tracks.set(letter, both);
    }
    state = { ...state, tracks };
  }
  if (against) {
    notes.global.add(node);
    state = { ...state, tracks: new Map([...state.tracks].map(([letter, track]) => [letter, { ...track, whole: track.whole ?? node }])) };
  }
  if (sized && !state.tied)
    state = { ...state, tied: { node, why: 'multiplies the map by numbers that follow from the size of the image' } };
  return state;
}

/** State of an operand after summing over its axis; a string is the reason why it cannot be followed. */
function side(node: Node, state: State | undefined, axis: number, notes: Notes): Moving | string | undefined {
  if (state?.kind !== 'moving') return undefined;
  const found = taken(state, axis, node, 'filtered');
  if (typeof found === 'string') return found;
  if (found.whole) notes.global.add(node);
  return { ...found.state, axes: replaced(found.state.axes, axis, []) };
}

/** True for a batch of constant matrices, one for each position. */
function perPlace(node: Node, slot: number, other: State | undefined): boolean {
  const value = node.inputs[slot];
  if (!isConst(value) || other?.kind !== 'moving') return false;
  const batch = value.constant.shape.slice(0, -2);
  const axes = other.axes.slice(0, -2);
  return batch.some((size, at) => size !== 1 && spreadOf(axes[axes.length - batch.length + at] ?? []).length > 0);
}
