/** Exact growth rate of an expression with its only name: 1/4 for floor((height + 3)/4), regardless of offsets and rounding. */
import { plus, type Ratio, ratio, sameRatio, times, toNumber, ZERO } from '../ratio';
import type { Atom, Sum } from './sum';

/** Growth rate for large sizes: min(1000, height) does not grow. undefined if it is not a fraction (products of names). */
export function growthOf(sum: Sum): Ratio | undefined {
  let growth = ZERO;
  for (const { coefficient, atoms } of sum.values()) {
    const [atom, ...others] = atoms;
    if (!atom) continue;
    const own = others.length > 0 ? undefined : growthOfAtom(atom);
    if (!own) return undefined;
    growth = plus(growth, times(ratio(coefficient), own));
  }
  return growth;
}

function growthOfAtom(atom: Atom): Ratio | undefined {
  if (atom.kind === 'name') return ratio(1);
  if (atom.kind === 'floor') {
    const own = growthOf(atom.of);
    return own && times(own, ratio(1, atom.by));
  }
  const sides = atom.sides.map(growthOf);
  let best: Ratio | undefined;
  for (const side of sides) {
    if (!side) return undefined;
    const wins = best === undefined || (atom.kind === 'max' ? toNumber(side) > toNumber(best) : toNumber(side) < toNumber(best));
    if (wins && !(best && sameRatio(best, side))) best = side;
  }
  return best;
}
