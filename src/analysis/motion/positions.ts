/** Whether a value is a map: it has several positions of the image. */
import type { Value } from '../../ir/types';
import { productOf } from '../../ir/views';
import type { Motion } from './index';
import { isSpread } from './state';

/** Whether a value has more than one position; if its motion is unknown, decided by the shape of a map. */
export function hasPlaces(value: Value, motion: Motion): boolean {
  const state = motion.of(value);
  if (state.kind === 'moving') return isSpread(state);
  const shape = value.type?.shape ?? [];
  return state.kind === 'unknown' && shape.length === 4 && (productOf(shape.slice(2)) ?? 1) > 1;
}
