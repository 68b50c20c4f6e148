/**
 * The axes of the image that an axis of a value runs over, as digits of its index. A map [N, C, H, W] has one digit in each axis; flattened to
 * [N, C*H*W], its second axis has three. A view that splits the rows in two, [.., H/2, 2, ..], has a digit of size H/2 with steps of 2 cells, and one of
 * size 2 with steps of 1; in the opposite order, [.., 2, H/2, ..], the first has steps of H/2. This follows regrouping by views exactly, and detects a view
 * that mistakes rows for columns.
 */
import { divideDim, multiplyDims, sameDim } from '../../ir/dims';
import { isSpatialRole } from '../../ir/spatial';
import type { Dim } from '../../ir/types';

export interface Digit {
  /** N, C, a spatial axis of the image, or '' for copies of the same value. */
  readonly letter: string;
  readonly size: Dim;
  /** Step in cells of the map. */
  readonly step: Dim;
}
/** Digits from the slowest to the fastest. */
export type Digits = readonly Digit[];

/** Neither batch nor channels. */
export const isSpatial = isSpatialRole;
export const channels = (size: Dim): Digits => [{ letter: 'C', size, step: 1 }];

export const copies = (size: Dim): Digits => (size === 1 ? [] : [{ letter: '', size, step: 0 }]);
/** True if all values are the same: one cell, or copies of one. */
export const isAlike = (digits: Digits): boolean => digits.every(({ letter, size }) => letter === '' || size === 1);

/** Digits that run over more than one position. */
export const spreadOf = (digits: Digits): Digits => digits.filter(({ letter, size }) => isSpatial(letter) && size !== 1);

/** Axes of the same values, in the same order, in shape `to`; undefined if the shape splits a digit unevenly. */
export function regrouped(axes: readonly Digits[], to: readonly Dim[]): readonly Digits[] | undefined {
  const rest = axes.flat();
  const result: Digits[] = [];
  for (const wanted of to) {
    const own: Digit[] = [];
    let open: Dim = wanted;
    // A digit of size 1 stays if an axis of size 1 can hold it.
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
  // Remaining digits of size 1 join the last axis.
  if (rest.some(({ size }) => size !== 1)) return undefined;
  const last = result.length - 1;
  return result.map((digits, at) => joined(at === last ? [...digits, ...rest] : digits));
}

const quotient = (a: Dim, b: Dim): Dim => (a === b ? 1 : divideDim(a, b));

/** Merges neighbouring digits that continue each other. */
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

/** Number of neighbouring cells that the digits of one letter cover; undefined if there are gaps. */
export function lowBlock(digits: Digits): number | undefined {
  let run = 1;
  for (const { size, step } of [...digits].sort((a, b) => Number(a.step) - Number(b.step))) {
    if (typeof size !== 'number' || step !== run) return undefined;
    run *= size;
  }
  return run;
}

/** True if both run over the same positions in the same way. Lengths written differently may be equal at every size that the network accepts. */
export const sameDigits = (a: Digits, b: Digits): boolean =>
  a.length === b.length &&
  a.every(({ letter, size, step }, at) => {
    const other = b[at];
    if (other === undefined || letter !== other.letter || !sameDim(step, other.step)) return false;
    return sameDim(size, other.size) || (a.length === 1 && (typeof size !== 'number' || typeof other.size !== 'number'));
  });
