/** States of values that are not computed from pixels: constants, sizes, coordinates. */
import { isNode } from '../../ir/match';
import type { Node } from '../../ir/types';
import { isConst } from '../../ir/types';
import type { Operator } from '../../operators/operator';
import { FIXED, GROWN, type State, unknownBy } from './state';
import { isUniform } from './uniform';

/** State of the result of a node whose inputs are all independent of pixels. */
export function fixedState(node: Node, inputs: readonly State[], { form, settings }: Operator): State {
  const sized = inputs.find((state) => state.kind === 'sized');
  const grows = inputs.some((state) => state.kind === 'fixed' && state.grows);
  if (!sized && !grows) return FIXED;
  const of = (places: boolean): State => ({ kind: 'sized', places, node });
  if (form === 'constant') return GROWN;
  if (form === 'places') return of(true);
  if (form === 'unknown') return unknownBy(node, 'computes with the size of the image in a way that is not known');
  const data = inputs.filter((_, slot) => !settings.includes(slot));
  const placed = data.some((state) => state.kind === 'sized' && state.places);
  const moved = data.some((state) => state.kind === 'sized');
  if (moved && !grows) return of(placed);
  switch (form) {
    case 'reduced':
      return of(placed);
    case 'spread':
    case 'view':
    case 'transposed':
    case 'each':
    case 'joined':
    case 'gathered':
      // A table expanded or cut to the image size has a separate value for each position, unless all are equal.
      return placed ? of(true) : moved ? of(false) : isAlike(node, settings) ? GROWN : of(true);
    case 'same':
      return isNode(node, 'Slice', 'Tile', 'Dropout', 'Resize')
        ? placed
          ? of(true)
          : isAlike(node, settings)
            ? GROWN
            : of(true)
        : of(true);
    default:
      return of(true);
  }
}

const isAlike = (node: Node, settings: readonly number[]): boolean =>
  node.inputs.every((input, slot) => settings.includes(slot) || !isConst(input) || isUniform(input));
