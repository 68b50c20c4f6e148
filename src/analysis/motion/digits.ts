/**
 * Which axes of the image an axis of a value runs over, as digits of its index. A map [N, C, H, W] has one digit in each axis; flattened, [N, C*H*W],
 * its second axis has three. A view that splits the rows in two, [.., H/2, 2, ..], has a digit of H/2 that goes in steps of 2 cells, and one of 2 in steps
 * of 1; put the other way round, [.., 2, H/2, ..], the first goes in steps of H/2. So regrouping by views is followed exactly, and a view that takes
 * rows for columns is seen.
 */
import { divideDim, multiplyDims, sameDim } from '../../ir/dims';
import { isSpatialRole } from '../../ir/spatial';
import type { Dim } from '../../ir/types';

export interface Digit {
  /** N, C, a spatial axis of the image, or '': copies of one and the same. */
  readonly letter: string;
  readonly size: Dim;
  /** In cells of the map. */
  readonly step: Dim;
}
/** From the slowest to the fastest. */
export type Digits = readonly Digit[];

/** What is neither batch nor channels. */
export const isSpatial = isSpatialRole;
export const channels = (size: Dim): Digits => [{ letter: 'C', size, step: 1 }];

export const copies = (size: Dim): Digits => (size === 1 ? [] : [{ letter: '', size, step: 0 }]);
/** The same number all along: one cell, or copies of one. */
export const isAlike = (digits: Digits): boolean => digits.every(({ letter, size }) => letter === '' || size === 1);

/** Digits that run over more than one place. */
export const spreadOf = (digits: Digits): Digits => digits.filter(({ letter, size }) => isSpatial(letter) && size !== 1);

/** The axes of the same numbers in the same order in shape `to`; undefined where it cuts through digits. */
export function regrouped(axes: readonly Digits[], to: readonly Dim[]): readonly Digits[] | undefined {
  const rest = axes.flat();
  const result: Digits[] = [];
  for (const wanted of to) {
    const own: Digit[] = [];
    let open: Dim = wanted;
    // A digit of one stays where an axis of one can hold it.
    if (wanted === 1) {
      const next = rest[0];
      if (next?.size === 1) own.push(...rest.splice(0, 1));
      result.push(own);
      continue;
    }
    while (open !== 1) {
      const next = rest.shift();
      if (!next || open === undefined || next.size === undefined) return undefined;
      if (next.size === 1) {
        own.push(next);
        continue;
      }
      const left = quotient(open, next.size);
      if (left !== undefined) {
        own.push(next);
        open = left;
        continue;
      }
      const below = quotient(next.size, open);
      if (below === undefined) return undefined;
      own.push({ letter: next.letter, size: open, step: multiplyDims(next.step, below) });
      rest.unshift({ letter: next.letter, size: below, step: next.step });
      open = 1;
    }
    result.push(own);
  }
  // Digits of one that are left over go with the last axis.
  if (rest.some(({ size }) => size !== 1)) return undefined;
  const last = result.length - 1;
  return result.map((digits, at) => joined(at === last ? [...digits, ...rest] : digits));
}

const quotient = (a: Dim, b: Dim): Dim => (a === b ? 1 : divideDim(a, b));

/** Neighbours that count on from each other are one digit again. */
function joined(digits: Digits): Digits {
  const result: Digit[] = [];
  for (const digit of digits) {
    const before = result.at(-1);
    if (before && before.letter === digit.letter && before.size !== 1 && digit.size !== 1) {
      if (sameDim(before.step, multiplyDims(digit.step, digit.size))) {
        result[result.length - 1] = { letter: digit.letter, size: multiplyDims(before.size, digit.size), step: digit.step };
        continue;
      }
    }
    result.push(digit);
  }
  return result;
}

/** Of the digits of one letter: how many neighbouring cells those with the smallest steps run over, where they are all of them. */
export function lowBlock(digits: Digits): number | undefined {
  let run = 1;
  for (const { size, step } of [...digits].sort((a, b) => Number(a.step) - Number(b.step))) {
    if (typeof size !== 'number' || step !== run) return undefined;
    run *= size;
  }
  return run;
}

/** Whether both run over the same places in the same way. Lengths in other words may be equal at every size that the network takes. */
export const sameDigits = (a: Digits, b: Digits): boolean =>
  a.length === b.length &&
  a.every(({ letter, size, step }, at) => {
    const other = b[at];
    if (other === undefined || letter !== other.letter || !sameDim(step, other.step)) return false;
    return sameDim(size, other.size) || (a.length === 1 && (typeof size !== 'number' || typeof other.size !== 'number'));
  });
