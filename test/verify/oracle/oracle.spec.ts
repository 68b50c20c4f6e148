/** The judge is judged by kinds of faults, and by networks on which it must not raise an alarm. All of them: npm run sabotage, npm run false-alarms. */
import { parseGraph } from '../../support/expect-pass';
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

test('a gate behind a map that goes up after down: cells repeat at the common period of its phases', async () => {
  const report = await judged(
    parseGraph(`<ir_version: 9, opset_import: ["" : 18]> g (float[1, 3, 15, 15] X) => (float[1, 4] Y)
    <float[8, 3, 3, 3] K, float[4, 2, 4, 4] L, float[4, 4, 1, 1] G, float[4, 4] W> {
    C = Conv <kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1]> (X, K) D = DepthToSpace <blocksize = 2> (C)
    E = Conv <kernel_shape = [4, 4], strides = [3, 3], auto_pad = "SAME_UPPER"> (D, L)
    P = GlobalAveragePool (E) Q = Conv <kernel_shape = [1, 1]> (P, G) S = Sigmoid (Q) M = Mul (E, S)
    A = GlobalAveragePool (M) F = Flatten (A) Y = Gemm <transB = 1> (F, W) }`),
  );
  expect(report?.contract).toMatchObject({ kind: 'whole-image', period: { rows: 6, columns: 6 } });
  expect(report?.verdict).toBe('equal');
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
