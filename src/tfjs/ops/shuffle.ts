import { permOf } from '../../ir/axis';
import { sameDim } from '../../ir/dims';
import type { Node } from '../../ir/types';
import type { Emitter, Ref } from '../emitter';
import { dimsOf } from './lowering';

/**
 * A shuffle of the last axes, whatever axes are in front of them:
 *
 *   Reshape [N, H, W, g, c], Transpose, Reshape [N, H, W, C]   ->   Reshape [-1, g, c], Transpose [0, 2, 1], Reshape (as before)
 */
export function shuffle(node: Node, make: Emitter): Ref | undefined {
  const [x] = node.inputs;
  const [parted] = node.outputs;
  const transposing = parted?.uses[0]?.user;
  const moved = transposing?.outputs[0];
  const merging = moved?.uses[0]?.user;
  if (transposing?.op !== 'Transpose' || merging?.op !== 'Reshape') return undefined;
  if (!make.isPrivate(parted, transposing) || !make.isPrivate(moved, merging)) return undefined;
  const [from, through, after] = [dimsOf(x), dimsOf(parted), merging.outputs[0]?.type?.shape];
  const perm = permOf(transposing, through.length);
  let lead = 0;
  while (
    lead < from.length &&
    perm[lead] === lead &&
    sameDim(from[lead], through[lead]) &&
    after !== undefined &&
    sameDim(from[lead], after[lead])
  )
    lead++;
  const [inner, last] = [through.slice(lead), after?.slice(lead)];
  if (lead < 2 || !inner.every((dim) => typeof dim === 'number') || !last?.every((dim) => typeof dim === 'number')) return undefined;
  const source = make.throughViews(x);
  const list = make.inOtherShape(make.reshape(source, [-1, ...inner]));
  const turned = make.inOtherShape(make.node('Transpose', [list, make.ints([0, ...perm.slice(lead).map((axis) => axis - lead + 1)])]));
  const isSame = after?.length === from.length && after.every((dim, axis) => sameDim(dim, from[axis]));
  const open = from.slice(0, lead).filter((dim) => typeof dim !== 'number').length;
  const result =
    isSame && open > 1
      ? make.node('Reshape', [turned, make.shapeOf(make.ref(x))])
      : make.reshape(turned, [
          ...make.sizesOf(make.ref(x), from.slice(0, lead)).map((size) => (open === 1 && typeof size !== 'number' ? -1 : size)),
          ...last,
        ]);
  make.fused.set(transposing, turned);
  make.fused.set(merging, result);
  return list;
}
