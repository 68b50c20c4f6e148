/** The judge is judged by kinds of faults, and by networks on which it must not raise an alarm. All of them: npm run sabotage, npm run false-alarms. */
import { FAULTS } from './faults';
import { judged } from './judge';
import { NETWORKS } from './networks';
import { ordinary } from './ordinary';

/** One of each kind of contract; of two outputs. */
const SAMPLE = ['two padded layers', 'two outputs'] as const;

describe.each(SAMPLE)('%s', (name) => {
  const make = NETWORKS.get(name);
  if (!make) throw new Error(`no network '${name}'`);

  test('a right conversion is equal', async () => {
    const report = await judged(make());
    expect([report?.verdict, report?.checks.filter(({ required, status }) => required && status !== 'equal')]).toEqual(['equal', []]);
  });

  test.each([...FAULTS])('%s is found', async (_, fault) => {
    const report = await judged(make(), fault);
    // Some faults need a second output.
    if (report) expect(report.verdict).toBe('different');
  });
});

test('a gate: cells are local once it is held, which is what the contract says', async () => {
  const make = NETWORKS.get('a gate');
  const report = make && (await judged(make()));
  expect(report?.contract?.kind).toBe('whole-image');
  expect(report?.verdict).toBe('equal');
  expect(report?.checks.map(({ name, status }) => `${name}: ${status}`)).toContain('patches elsewhere: equal');
});

test.each([1, 2, 3, 4])('ordinary network %i is not called different', async (seed) => {
  expect((await judged(ordinary(seed).model))?.verdict).toBe('equal');
});

test('a saturated sigmoid is off by itself: that is no fault of the runtime, no noise of sums, and buys no tolerance', async () => {
  const report = await judged(ordinary(1073).model);
  expect([report?.verdict, report?.runtimeFault, report?.tolerance.noise.order]).toEqual(['equal', undefined, 0]);
  expect(report?.tolerance.relative).toBeLessThan(1e-5);
});

test('the head of cells is held to the mean, at more sizes than one', async () => {
  const make = NETWORKS.get('a global pool');
  const report = make && (await judged(make(), undefined, { head: 'cell' }));
  const mean = report?.checks.find(({ name }) => name === 'mean of the map');
  expect([report?.verdict, mean?.required, mean?.status]).toEqual(['equal', true, 'equal']);
});
