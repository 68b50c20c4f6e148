/** What runs give, and small helpers to handle it. */
import { CompileError } from '../diagnostics/compile-error';
import { table } from '../ir/table';
import { type Agreement, compareTensors, type Difference, worse } from './compare';
import type { Numbers } from './onnx-runner';
import type { Tolerance } from './report';

export type Results = ReadonlyMap<string, Numbers>;

/** The largest difference over all outputs of all runs. `allowed`: absolute differences, by output, that say nothing. */
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

/** Whether both name the same class often enough. */
export const agreesEnough = (agreed: Agreement, { criteria }: Tolerance): boolean =>
  agreed.sameBest >= (criteria?.minAgreement ?? 0) - 1e-12;

/**
 * `output`: an output with a tolerance of its own is held to that. `agreed`: where it has classes, how often both name the same; where that or the cosine was
 * asked for in place of a tolerance, numbers may differ.
 */
export function isWithin(difference: Difference, tolerance: Tolerance, output: string, agreed?: Agreement): boolean {
  const { criteria, from } = tolerance;
  if (criteria?.cosine !== undefined && !(difference.cosine >= criteria.cosine)) return false;
  // How often the best class is the same is told over all inputs (agreesEnough).
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

export const mapValues = <T, R>(map: ReadonlyMap<string, T>, apply: (value: T) => R): ReadonlyMap<string, R> =>
  new Map([...map].map(([key, value]) => [key, apply(value)]));
export const only = <T>(map: ReadonlyMap<string, T>, names: readonly string[]): ReadonlyMap<string, T> =>
  new Map([...map].filter(([name]) => names.includes(name)));
