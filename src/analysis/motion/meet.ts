/** Operators that combine their operands position by position: broadcasting operators, Concat, Expand. */
import { intAttr } from '../../ir/attrs';
import { wrapAxis } from '../../ir/axis';
import type { Dim, Node, Value } from '../../ir/types';
import { isConst } from '../../ir/types';
import type { Operator } from '../../operators/operator';
import { copies, type Digits, isAlike, isSpatial, sameDigits, spreadOf } from './digits';
import { type Blame, counted, digitsOf, isSpread, type Moving, type State, settled, unknownBy } from './state';
import { met } from './track';
import { isUniformAlong } from './uniform';

export function combined(node: Node, inputs: readonly State[], { form, settings }: Operator): State {
  const shape = node.outputs[0]?.type?.shape;
  const own = inputs.flatMap((state, slot) => (state.kind === 'moving' && !settings.includes(slot) ? [state] : []));
  const rank = shape?.length ?? Math.max(...own.map(({ axes }) => axes.length));
  const joins = form === 'joined' ? wrapAxis(intAttr(node, 'axis'), rank) : undefined;
  if (joins !== undefined && own.some(({ axes }) => spreadOf(axes[joins] ?? []).length > 0))
    return unknownBy(node, joinsPlaces(node, inputs, joins));
  const [first, ...others] = own.map((state): Moving => ({ ...state, axes: aligned(state.axes, rank) }));
  if (!first) return unknownBy(node, 'is not known');
  let state = first;
  for (const other of others) {
    const both = meeting(state, other, joins);
    if (typeof both === 'string') return unknownBy(node, both);
    state = both;
  }
  state = {
    ...state,
    axes: state.axes.map((digits, axis) => (isAlike(digits) ? laidOut(node, digits, axis, { shape, settings }) : digits)),
  };
  if (joins !== undefined) state = { ...state, axes: state.axes.map((digits, axis) => (axis === joins ? counted(shape?.[axis]) : digits)) };
  const tied = state.tied ?? tiedBy(node, inputs, state, settings);
  return tied ? { ...state, tied } : state;
}

/** Expands a single value along an axis: into copies, unless a constant tells them apart. */
function laidOut(
  node: Node,
  digits: Digits,
  axis: number,
  { shape, settings }: { readonly shape: readonly Dim[] | undefined; readonly settings: readonly number[] },
): Digits {
  const size = shape?.[axis];
  if (size === undefined || size === 1) return digits;
  const tellsApart = node.inputs.some((input, slot) => {
    if (!isConst(input) || settings.includes(slot)) return false;
    const at = axis - (shape?.length ?? 0) + input.constant.shape.length;
    return (input.constant.shape[at] ?? 1) !== 1 && !isUniformAlong(input, [at]);
  });
  return tellsApart ? counted(size) : copies(size);
}

/** Broadcasting aligns the last axes. */
const aligned = (axes: readonly Digits[], rank: number): readonly Digits[] =>
  axes.length >= rank ? axes : [...Array.from({ length: rank - axes.length }, (): Digits => []), ...axes];

function joinsPlaces(node: Node, inputs: readonly State[], axis: number): string {
  // A token may be learnt, or be the mean of all positions.
  const isToken = (value: Value | undefined, slot: number): boolean => inputs[slot]?.kind !== 'moving' || value?.type?.shape?.[axis] === 1;
  const isPiece = ({ producer }: Value): boolean => producer !== undefined && PIECES.has(producer.op);
  if (node.inputs.every((value, slot) => value && inputs[slot]?.kind === 'moving' && isPiece(value)))
    return 'lays pieces of a map next to each other in another order (a map that is rolled round, perhaps)';
  return node.inputs.some(isToken) ? 'adds an extra token to the positions (class token)' : 'lays maps next to each other in space';
}

const PIECES = new Set(['Slice', 'Split', 'Gather']);

/** The combined state of both, or the reason why they do not fit. */
function meeting(a: Moving, b: Moving, joins: number | undefined): Moving | string {
  // Most branches have the position of the map that they all read; there may be thousands.
  if (a.tracks === b.tracks && a.axes.every((digits, axis) => digits === b.axes[axis]))
    return a.tied ? a : b.tied ? { ...a, tied: b.tied } : a;
  const [left, right] = alike(a, b);
  const axes: Digits[] = [];
  for (const [axis, one] of left.axes.entries()) {
    const other = right.axes[axis] ?? [];
    const [x, y] = [spreadOf(one), spreadOf(other)];
    if (axis !== joins && x.length > 0 && y.length > 0 && !sameDigits(x, y))
      return 'combines places of a map with other places of the image';
    const counts = (digits: Digits): boolean => digits.some(({ letter, size }) => !isSpatial(letter) && letter !== '' && size !== 1);
    if (axis !== joins && ((x.length > 0 && y.length === 0 && counts(other)) || (y.length > 0 && x.length === 0 && counts(one))))
      return 'combines places of a map with numbers that run along channels';
    axes.push(x.length > 0 ? one : y.length > 0 ? other : isAlike(one) && other.length > 0 ? other : one);
  }
  const tracks = new Map(left.tracks);
  for (const [letter, track] of right.tracks) {
    const own = tracks.get(letter);
    if (!own) {
      tracks.set(letter, track);
      continue;
    }
    const [here, there] = [digitsOf(left, letter).length > 0, digitsOf(right, letter).length > 0];
    // One cell of a map, broadcast over all others: on a larger image it would be only the first of several.
    const single = here === there ? undefined : here ? track : own;
    if (single && single.pooled === undefined)
      return 'lays one cell of a map over all others: on a larger image that is the first of several';
    const pooled = own.pooled ?? track.pooled;
    if (!here && !there && pooled && (own.pooled === undefined || track.pooled === undefined))
      return `combines one cell with what ${pooled.op} '${pooled.name}' takes of the whole image: on a larger image there are many cells`;
    const both = met(own, track);
    if (typeof both === 'string') return both;
    tracks.set(letter, both);
  }
  return { kind: 'moving', axes, tracks, tied: a.tied ?? b.tied };
}

/** If one of the two has regrouped cells, brings both into the same form. */
function alike(a: Moving, b: Moving): readonly [Moving, Moving] {
  let [left, right] = [a, b];
  for (const axis of a.axes.keys()) {
    const [x, y] = [spreadOf(left.axes[axis] ?? []), spreadOf(right.axes[axis] ?? [])];
    const letter = x[0]?.letter;
    if (letter === undefined || x.length === 0 || y.length === 0 || sameDigits(x, y)) continue;
    left = settled(left, letter, axis) ?? left;
    right = settled(right, letter, axis) ?? right;
  }
  return [left, right];
}

/** Blames operands that tie the result to positions: constants with a value for each position, sizes and coordinates. */
function tiedBy(node: Node, inputs: readonly State[], state: Moving, settings: readonly number[]): Blame | undefined {
  const places = isSpread(state);
  for (const [slot, input] of node.inputs.entries()) {
    const other = inputs[slot];
    if (!input || settings.includes(slot)) continue;
    if (other?.kind === 'sized') {
      const context = !places && [...state.tracks.values()].every(({ whole }) => whole !== undefined);
      if (other.places)
        return {
          node,
          why: `is given numbers that tell where a place is, by ${other.node.op} '${other.node.name}' (coordinates, perhaps)`,
        };
      if (!context) return { node, why: `computes with the size of the image, which ${other.node.op} '${other.node.name}' gives it` };
    }
    if (isConst(input) && places) {
      const { shape } = input.constant;
      const own = placesOf(state, shape);
      if (own.length > 0 && !isUniformAlong(input, own))
        return {
          node,
          why: `is tied to places: its constant '${input.name}' [${shape.join(', ')}] has a separate number for each position, for the training size only`,
        };
    }
  }
  return undefined;
}

/** Axes of a constant that run along positions of the map. */
const placesOf = ({ axes }: Moving, shape: readonly Dim[]): number[] =>
  shape.flatMap((size, at) => (size !== 1 && spreadOf(axes[axes.length - shape.length + at] ?? []).length > 0 ? [at] : []));
