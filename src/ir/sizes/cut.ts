/**
 * The part of an image that a network uses: a Slice to whole steps, as the pass fit-images creates it.
 *
 *   sizes = Gather(Shape(X), axes)     Slice(X, 0, sizes - (sizes - rest) % multiple, axes)
 */
import { isNode, producedBy } from '../match';
import { readNumbers } from '../tensor';
import type { Value } from '../types';

/** Along one axis of the image, `multiple * n + rest` positions are used. */
export interface AxisCut {
  readonly axis: number;
  readonly multiple: number;
  readonly rest: number;
}

/** Cuts that the graph applies to the image; empty if it reads the image as it is. */
export function cutsOf(image: Value): readonly AxisCut[] {
  const slice = image.uses.map(({ user }) => user).find((user) => isNode(user, 'Slice') && producedBy(user.inputs[2], 'Sub'));
  const [sizes, over] = slice?.inputs[2]?.producer?.inputs ?? [];
  const axes = numbersOf(slice?.inputs[3]);
  const mod = producedBy(over, 'Mod');
  if (!axes || !sizes || !mod || sizes.producer?.inputs[0]?.producer?.inputs[0] !== image) return [];
  const [beyond] = mod.inputs;
  const [multiples, rests] = [numbersOf(mod.inputs[1]), numbersOf(beyond === sizes ? undefined : beyond?.producer?.inputs[1])];
  return axes.map((axis, at) => ({ axis, multiple: multiples?.[at] ?? 1, rest: rests?.[at] ?? 0 }));
}

const numbersOf = (value: Value | undefined): number[] | undefined => value?.constant && [...readNumbers(value.constant)];
