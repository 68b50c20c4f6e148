/** Two lists of numbers: how far apart, where, and whether they say the same. */

export interface Difference {
  /** Numbers compared. */
  readonly count: number;
  readonly maxAbs: number;
  /** Largest of the differences divided by the scale of the expected numbers. */
  readonly maxRel: number;
  /** Flat index of the worst element, with both numbers. */
  readonly worst: { readonly index: number; readonly expected: number; readonly actual: number } | undefined;
  /** Largest magnitude among the expected numbers. */
  readonly scale: number;
  readonly cosine: number;
  /** Elements that are NaN or infinite on one side only, or differently. */
  readonly broken: number;
}

/** NaN equals NaN and an infinity itself; anything else beside one of them is broken. */
export function compare(expected: ArrayLike<number>, actual: ArrayLike<number>): Difference {
  let [maxAbs, scale, dot, a2, b2, broken] = [
    0,
    0,
    0,
    0,
    0,
    expected.length === actual.length ? 0 : Math.abs(expected.length - actual.length),
  ];
  let worst: Difference['worst'];
  const count = Math.min(expected.length, actual.length);
  for (let index = 0; index < count; index++) {
    const [a, b] = [expected[index] ?? Number.NaN, actual[index] ?? Number.NaN];
    if (!Number.isFinite(a) || !Number.isFinite(b)) {
      if (Object.is(a, b)) continue;
      broken++;
      worst ??= { index, expected: a, actual: b };
      continue;
    }
    scale = Math.max(scale, Math.abs(a));
    dot += a * b;
    a2 += a * a;
    b2 += b * b;
    const apart = Math.abs(a - b);
    if (apart > maxAbs || (worst === undefined && index === 0)) {
      maxAbs = apart;
      worst = { index, expected: a, actual: b };
    }
  }
  return {
    count,
    maxAbs,
    maxRel: scale > 0 ? maxAbs / scale : maxAbs,
    worst,
    scale,
    cosine: a2 > 0 && b2 > 0 ? dot / Math.sqrt(a2 * b2) : a2 === b2 ? 1 : 0,
    broken,
  };
}

/** The larger of two, for reports over several inputs. */
export function worse(a: Difference | undefined, b: Difference): Difference {
  if (!a) return b;
  const larger = b.broken > 0 || (a.broken === 0 && b.maxRel > a.maxRel) ? b : a;
  return {
    ...larger,
    count: a.count + b.count,
    broken: a.broken + b.broken,
    cosine: Math.min(a.cosine, b.cosine),
    maxAbs: Math.max(a.maxAbs, b.maxAbs),
    maxRel: Math.max(a.maxRel, b.maxRel),
    scale: Math.max(a.scale, b.scale),
  };
}

/** Index of the largest number. */
export function best(scores: ArrayLike<number>): number {
  let at = 0;
  for (let index = 1; index < scores.length; index++) if ((scores[index] ?? 0) > (scores[at] ?? 0)) at = index;
  return at;
}
