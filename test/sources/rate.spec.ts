/** Recordings at another rate: the numbers of torchaudio.functional.resample (its formula written out with NumPy gave those below), in any region. */
import { atRate } from '../../src/sources/rate';
import { blockSource } from '../../src/sources/source';

const samples = Float32Array.from({ length: 40 }, (_, at) => ((at * 7919) % 101) / 101 - 0.5);
const source = (data = samples, bands = 1) => blockSource({ lengths: [data.length / bands], bands, data });

async function all(from: number, to: number): Promise<number[]> {
  const made = atRate(source(), from, to);
  return [...(await made.read({ starts: [0], lengths: made.lengths })).data];
}

test.each([
  [44100, 16000, 15, [-0.146055, -0.05048, -0.08999, -0.039877, -0.032942, -0.032005, 0.023355, -0.019066], [-0.184916, 0.019446]],
  [8000, 16000, 80, [-0.500326, -0.460478, -0.090953, 0.303327, 0.306117, -0.058882, -0.274962, -0.08067], [0.332848, 0.1749]],
  [48000, 44100, 37, [-0.503681, 0.011423, 0.163925, -0.172001, -0.023551, -0.481317, 0.343076, -0.091506], [-0.029063, 0.30148]],
])('%d to %d', async (from, to, count, first, last) => {
  const made = await all(from, to);
  expect(made).toHaveLength(count);
  for (const [at, value] of first.entries()) expect(made[at]).toBeCloseTo(value, 5);
  for (const [at, value] of last.entries()) expect(made[count - last.length + at]).toBeCloseTo(value, 5);
});

test('a region has the numbers of the whole, bit for bit', async () => {
  const made = atRate(source(), 44100, 48000);
  const whole = await made.read({ starts: [0], lengths: made.lengths });
  for (const [start, length] of [
    [0, 5],
    [7, 13],
    [40, 4],
  ] as const) {
    const part = await made.read({ starts: [start], lengths: [length] });
    expect(part.data).toEqual(whole.data.slice(start, start + length));
  }
});

test('a tone keeps its height; what the lower rate cannot carry is gone', async () => {
  const tone = (hertz: number) => Float32Array.from({ length: 8000 }, (_, at) => Math.sin((2 * Math.PI * hertz * at) / 16000));
  const strength = async (hertz: number): Promise<number> => {
    const made = atRate(source(tone(hertz)), 16000, 8000);
    const { data } = await made.read({ starts: [500], lengths: [3000] });
    return Math.max(...data);
  };
  expect(await strength(1000)).toBeCloseTo(1, 2);
  expect(await strength(6000)).toBeLessThan(0.01);
});

test('channels stay apart; equal rates change nothing; time is in seconds', async () => {
  const two = Float32Array.from({ length: 80 }, (_, at) => (at % 2 === 0 ? (samples[at / 2] ?? 0) : 0));
  const made = atRate(source(two, 2), 44100, 16000);
  const { data } = await made.read({ starts: [0], lengths: made.lengths });
  expect([...data].filter((_, at) => at % 2 === 0)).toEqual(await all(44100, 16000));
  expect(data.every((value, at) => at % 2 === 0 || value === 0)).toBe(true);
  const same = source();
  expect(atRate(same, 8000, 8000)).toBe(same);
  expect(made.units).toEqual([{ name: 'seconds', size: 1 / 16000 }]);
});

test('rates without a common measure need no filter for each sample at once', async () => {
  const made = atRate(source(), 44100, 44101);
  expect((await made.read({ starts: [0], lengths: made.lengths })).data).toHaveLength(41);
});
