/** The judge is judged by kinds of faults, and by networks on which it must not raise an alarm. All of them: npm run sabotage, npm run false-alarms. */
import { parseGraph } from '../../support/expect-pass';
import { CLAIMS, claiming, FAULTS } from './faults';
import { judged, NoPlace } from './judge';
import { NETWORKS } from './networks';
import { ordinary } from './ordinary';

/** These need a second output, or a stride of four pixels or more. */
const NO_PLACE = /second output|one residue of the stride/;

/** One of each kind of contract; of two outputs. */
const SAMPLE = ['two padded layers', 'two outputs'] as const;

describe.each(SAMPLE)('%s', (name) => {
  const make = NETWORKS.get(name);
  if (!make) throw new Error(`no network '${name}'`);

  test('a right conversion is equal', async () => {
    const report = await judged(make());
    expect([report?.verdict, report?.checks.filter(({ required, status }) => required && status !== 'equal')]).toEqual(['equal', []]);
  });

  test.each([...FAULTS])('%s is found', async (fault, put) => {
    try {
      expect((await judged(make(), put))?.verdict).toBe('different');
    } catch (error) {
      if (!(error instanceof NoPlace)) throw error;
      expect(fault).toMatch(NO_PLACE);
    }
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

test('a saturated sigmoid is off by itself: that is not a fault of the runtime, no noise of sums, and buys no tolerance', async () => {
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

test('padding at the far end that no window reaches at the original size is reached at others: cells there see it', async () => {
  const report = await judged(
    parseGraph(`<ir_version: 9, opset_import: ["" : 18]> g (float[N, 2, 9, 9] X) => (float[N, 3] Y) <float[4, 2, 3, 3] K, float[3, 64] W> {
    C = Conv <strides = [2, 2], pads = [0, 0, 1, 1]> (X, K) R = Relu (C) F = Flatten (R) Y = Gemm <transB = 1> (F, W) }`),
  );
  expect([report?.contract?.kind, report?.verdict]).toEqual(['border', 'equal']);
});

test('a conversion that says that its cells look at less than they do is different; at more, it is told', async () => {
  const make = NETWORKS.get('padding');
  if (!make) throw new Error('no such network');
  const seen = await Promise.all(
    [...CLAIMS].map(async ([name, { change, isTold }]) => {
      const report = await judged(make(), undefined, { claim: (contract) => claiming(contract, change) });
      const edges = report?.checks.find((check) => check.name === 'edges of the field');
      return [name, isTold === true, report?.verdict, edges?.status];
    }),
  );
  expect(seen.map(([name, isTold, verdict, edges]) => [name, isTold ? edges : verdict])).toEqual(
    seen.map(([name, isTold]) => [name, isTold ? 'informative' : 'different']),
  );
});
