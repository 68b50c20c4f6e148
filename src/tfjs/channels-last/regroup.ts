/**
 * Correspondence between the axes of two shapes of the same elements in row-major order: the smallest runs of axes with equal products.
 *
 *   [N, C, H, W] and [N, 2, C/2, H, W]   ->   N:N  C:(2, C/2)  H:H  W:W
 */
import { divideDim, multiplyDims, sameDim } from '../../ir/dims';
import type { Dim } from '../../ir/types';

export interface Group {
  readonly ins: readonly number[];
  readonly outs: readonly number[];
}

/** undefined: the sizes do not determine it. */
export function regroup(from: readonly Dim[], to: readonly Dim[]): readonly Group[] | undefined {
  const groups: Group[] = [];
  let i = 0;
  let j = 0;
  while (i < from.length || j < to.length) {
    const isUnit = (shape: readonly Dim[], axis: number): boolean => axis < shape.length && shape[axis] === 1;
    // Unit axes pair with each other where both sides have one; otherwise they appear or disappear.
    if (i >= from.length || j >= to.length || isUnit(from, i) !== isUnit(to, j)) {
      if (isUnit(from, i)) groups.push({ ins: [i++], outs: [] });
      else if (isUnit(to, j)) groups.push({ ins: [], outs: [j++] });
      else return undefined;
      continue;
    }
    const ins = [i];
    const outs = [j];
    let left = from[i++];
    let right = to[j++];
    while (!sameDim(left, right)) {
      const side = shorter(left, right);
      if (side === 'in' && i < from.length) {
        left = multiplyDims(left, from[i]);
        ins.push(i++);
      } else if (side === 'out' && j < to.length) {
        right = multiplyDims(right, to[j]);
        outs.push(j++);
      } else return undefined;
    }
    groups.push({ ins, outs });
  }
  return groups;
}

/** The side that needs another axis for the products to meet. */
function shorter(left: Dim, right: Dim): 'in' | 'out' | undefined {
  if (left === undefined || right === undefined) return undefined;
  if (typeof left === 'number' && typeof right === 'number') return left < right ? 'in' : 'out';
  if (divideDim(right, left) !== undefined) return 'in';
  if (divideDim(left, right) !== undefined) return 'out';
  // A number can meet the factor of a later symbol: [.., 2, H] as [.., 2*H].
  return typeof left === 'number' ? 'in' : typeof right === 'number' ? 'out' : undefined;
}
