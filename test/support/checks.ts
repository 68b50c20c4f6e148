/** Expectations about the report of a verification. */
import type { Check, VerifyReport } from '../../src/verify/report';

type Checked = Pick<VerifyReport, 'verdict' | 'checks'>;

/** The verdict is equal, no check that the contract needs was left out or found a difference, and the checks of these names found none. */
export function expectEqual({ verdict, checks }: Checked, ...names: readonly Check['name'][]): void {
  expect(verdict).toBe('equal');
  const decisive = checks.filter(({ required, name }) => required || names.includes(name));
  expect(decisive.filter(({ status }) => status !== 'equal').map(({ name, status, note }) => [name, status, note])).toEqual([]);
  expect(checks.filter(({ status }) => status === 'different')).toEqual([]);
  expect(checks.map(({ name }) => name)).toEqual(expect.arrayContaining([...names]));
}
