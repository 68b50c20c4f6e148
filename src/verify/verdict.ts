/** From checks to a verdict: "equal" only where everything that the contract speaks of was looked at. */
import { NOISE_FACTOR } from './noise';
import type { Check, Tolerance, Verdict } from './report';

/** A tolerance by which next to nothing is told apart: that of an original which is further from itself than it may be. */
export const isVague = (relative: number): boolean => relative > NOISE_FACTOR * NOT_REPRODUCIBLE;

/** Beyond this share of its largest score, how far the original is from itself says that its numbers mean little. */
export const NOT_REPRODUCIBLE = 1e-2;

/** `noise`: of the original on ordinary inputs. One reference input may be worse than these: what is allowed follows from it. */
export function verdictOf(checks: readonly Check[], noise: number, { from, relative }: Pick<Tolerance, 'from' | 'relative'>): Verdict {
  if (checks.some(({ status }) => status === 'different')) return 'different';
  if (from === 'noise' && (noise > NOT_REPRODUCIBLE || isVague(relative))) return 'not reproducible';
  if (checks.some(({ required, status }) => required && status !== 'equal' && status !== 'measured')) return 'unverified';
  return from === 'measured' ? 'measured' : 'equal';
}

/** The worst first: what a whole of several parts is. */
const WORST_FIRST: readonly Verdict[] = ['different', 'not reproducible', 'unverified', 'measured', 'equal'];
export const worstVerdict = (...verdicts: readonly Verdict[]): Verdict => WORST_FIRST.find((each) => verdicts.includes(each)) ?? 'equal';

/** For people. */
export const VERDICT_TEXT: Readonly<Record<Verdict, string>> = {
  equal: 'equal',
  different: 'NOT EQUIVALENT',
  measured: 'MEASURED, held to no bound',
  unverified: 'NOT VERIFIED beyond the original size',
  'not reproducible': 'THE ORIGINAL IS NOT REPRODUCIBLE: it differs from itself by more than 1 % of its largest score',
};
