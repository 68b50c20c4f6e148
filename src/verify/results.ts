/** Results of runs, and small helpers for them. */
import { CompileError } from '../diagnostics/compile-error';
import { table } from '../ir/table';
import { type Agreement, compareTensors, type Difference, worse } from './compare';
import type { Numbers } from './onnx-runner';
import type { Tolerance } from './report';

export type Results = ReadonlyMap<string, Numbers>;

/** The largest difference over all outputs of all runs. `allowed`: absolute differences, by output, that count as zero. */
export function worstOf(
  expected: readonly Results[],
  actual: readonly Results[],
  allowed: Readonly<Record<string, number>> = table({}),
): Difference | undefined {
  let worst: Difference | undefined;
  expected.forEach((results, index) => {
    for (const [name, numbers] of results) {
      const found = compareTensors(numbers, actual[index]?.get(name));
      const isNothing = found.broken === 0 && found.maxAbs <= (allowed[name] ?? -1);
      worst = worse(worst, isNothing ? { ...found, maxAbs: 0, maxRel: 0 } : found);
    }
  });
  return worst;
}

/** True if both models predict the same class often enough. */
export const agreesEnough = (agreed: Agreement, { criteria }: Tolerance): boolean =>
  agreed.sameBest >= (criteria?.minAgreement ?? 0) - 1e-12;

/**
 * True if a difference is within tolerance. `output`: its own tolerance applies, if it has one. `agreed`: for outputs with classes, how often both
 * models predict the same class. If agreement or cosine similarity was requested instead of a tolerance, values may differ.
 */
export function isWithin(difference: Difference, tolerance: Tolerance, output: string, agreed?: Agreement): boolean {
  const { criteria, from } = tolerance;
  if (criteria?.cosine !== undefined && !(difference.cosine >= criteria.cosine)) return false;
  // Agreement on the best class is judged over all inputs (agreesEnough).
  if (from === 'criteria' && (criteria?.cosine !== undefined || agreed)) return difference.broken === 0;
  const { relative, absolute } = tolerance.outputs?.[output] ?? tolerance;
  const activation = tolerance.outputs?.[output] ? 0 : (tolerance.activation?.[output] ?? 0);
  return difference.broken === 0 && difference.maxAbs <= Math.max(absolute + relative * difference.scale, activation);
}

export function asCompileError(error: unknown): CompileError {
  if (error instanceof CompileError) return error;
  throw error;
}

export async function each<T, R>(items: readonly T[], action: (item: T, index: number) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const [index, item] of items.entries()) results.push(await action(item, index));
  return results;
}

export const mapValues = <T, R>(map: ReadonlyMap<string, T>, apply: (value: T, key: string) => R): ReadonlyMap<string, R> =>
  new Map([...map].map(([key, value]) => [key, apply(value, key)]));
export const only = <T>(map: ReadonlyMap<string, T>, names: readonly string[]): ReadonlyMap<string, T> =>
  new Map([...map].filter(([name]) => names.includes(name)));
