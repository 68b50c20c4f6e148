/** Lists of scores, one per class. */
export interface Ranked {
  readonly index: number;
  readonly score: number;
}

/** Indices of the best `count` scores, best first; ties go to the smaller index. NaN comes last. */
export function ranked(scores: ArrayLike<number>, count: number): Ranked[] {
  const value = (score: number): number => (Number.isNaN(score) ? Number.NEGATIVE_INFINITY : score);
  return Array.from(scores, (score, index) => ({ index, score }))
    .sort((a, b) => value(b.score) - value(a.score) || a.index - b.index)
    .slice(0, count);
}

/**
 * Applies softmax in place, unless the scores are probabilities already. The scores of one prediction are `cells` apart, so `cells` predictions stored
 * side by side are converted at once.
 */
export function softmaxInPlace(data: Float32Array | Float64Array, classes: number, cells = 1): void {
  for (let cell = 0; cell < cells; cell++) {
    if (sharesAt(data, classes, cells, cell)) continue;
    let largest = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < classes; k++) largest = Math.max(largest, data[k * cells + cell] ?? 0);
    let sum = 0;
    for (let k = 0; k < classes; k++) {
      const power = Math.exp((data[k * cells + cell] ?? 0) - largest);
      data[k * cells + cell] = power;
      sum += power;
    }
    for (let k = 0; k < classes; k++) data[k * cells + cell] = (data[k * cells + cell] ?? 0) / sum;
  }
}

/** Whether the values are probabilities already: none below zero, summing to one. */
export const areShares = (scores: ArrayLike<number>): boolean => sharesAt(scores, scores.length, 1, 0);

function sharesAt(scores: ArrayLike<number>, classes: number, cells: number, cell: number): boolean {
  let sum = 0;
  for (let k = 0; k < classes; k++) {
    const score = scores[k * cells + cell] ?? Number.NaN;
    if (!(score >= 0 && score <= 1.01)) return false;
    sum += score;
  }
  return Math.abs(sum - 1) < 1e-2;
}
