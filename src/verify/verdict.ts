/** From checks to a verdict: "equal" only where everything that the contract speaks of was looked at. */
import type { Check, Tolerance, Verdict } from './report';

/** Beyond this share of its largest score, how far the original is from itself says that its numbers mean little. */
export const NOT_REPRODUCIBLE = 1e-2;

export function verdictOf(checks: readonly Check[], noise: number, from: Tolerance['from'] = 'noise'): Verdict {
  if (checks.some(({ status }) => status === 'different')) return 'different';
  if (from === 'noise' && noise > NOT_REPRODUCIBLE) return 'not reproducible';
  if (checks.some(({ required, status }) => required && status !== 'equal')) return 'unverified';
  return 'equal';
}

/** The worst first: what a whole of several parts is. */
const WORST_FIRST: readonly Verdict[] = ['different', 'not reproducible', 'unverified', 'equal'];
export const worstVerdict = (...verdicts: readonly Verdict[]): Verdict => WORST_FIRST.find((each) => verdicts.includes(each)) ?? 'equal';

/** For people. */
export const VERDICT_TEXT: Readonly<Record<Verdict, string>> = {
  equal: 'equal',
  different: 'NOT EQUIVALENT',
  unverified: 'NOT VERIFIED beyond the original size',
  'not reproducible': 'THE ORIGINAL IS NOT REPRODUCIBLE: it differs from itself by more than 1 % of its largest score',
};
