/** Derives the verdict from the checks: "equal" only if everything that the contract covers was checked. */
import { NOISE_FACTOR } from './noise';
import type { Check, Tolerance, Verdict } from './report';

/** True if a tolerance is so large that hardly anything would be detected, because the original differs from itself by more than it may. */
export const isVague = (relative: number): boolean => relative > NOISE_FACTOR * NOT_REPRODUCIBLE;

/** If the original differs from itself by more than this share of its largest score, its values mean little. */
export const NOT_REPRODUCIBLE = 1e-2;

/** `isCopy`: the converted model is the original, only folded. `noise`: noise of the original on ordinary inputs. The reference input may have more noise; the tolerance follows from it. */
export function verdictOf(
  checks: readonly Check[],
  noise: number,
  { from, relative }: Pick<Tolerance, 'from' | 'relative'>,
  isCopy = false,
): Verdict {
  if (checks.some(({ status }) => status === 'different')) return 'different';
  if (!(isCopy && areSame(checks)) && from === 'noise' && (noise > NOT_REPRODUCIBLE || isVague(relative))) return 'not reproducible';
  if (checks.some(({ required, status }) => required && status !== 'equal' && status !== 'measured')) return 'unverified';
  return from === 'measured' ? 'measured' : 'equal';
}

/** True if all comparisons found the very same numbers, which a copy of a network must have however sensitive the network is. */
const areSame = (checks: readonly Check[]): boolean => {
  const seen = checks.flatMap(({ outputs }) => Object.values(outputs));
  return seen.length > 0 && seen.every(({ maxAbs, broken, scale }) => maxAbs === 0 && broken === 0 && scale > 0);
};

/** Worst first: the verdict on a whole is the worst of its parts. */
const WORST_FIRST: readonly Verdict[] = ['different', 'not reproducible', 'unverified', 'measured', 'equal'];
export const worstVerdict = (...verdicts: readonly Verdict[]): Verdict => WORST_FIRST.find((each) => verdicts.includes(each)) ?? 'equal';

/** Texts for reports. */
export const VERDICT_TEXT: Readonly<Record<Verdict, string>> = {
  equal: 'equal',
  different: 'NOT EQUIVALENT',
  measured: 'MEASURED, held to no bound',
  unverified: 'NOT VERIFIED beyond the original size',
  'not reproducible': 'THE ORIGINAL IS NOT REPRODUCIBLE: it differs from itself by more than 1 % of its largest score',
};
