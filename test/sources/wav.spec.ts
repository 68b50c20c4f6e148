/** Recordings: every kind of samples that is read, and files that are not what they say. */

import { storedSource } from '../../src/sources/stored';
import { wavRecording } from '../../src/sources/wav';

interface Kind {
  readonly format: number;
  readonly channels: number;
  readonly rate: number;
  readonly bits: number;
  readonly extensible?: boolean;
}

function wav(
  { format, channels, rate, bits, extensible = false }: Kind,
  samples: Uint8Array,
  extra: Uint8Array = new Uint8Array(),
): Uint8Array {
  const size = extensible ? 40 : 16;
  const bytes = new Uint8Array(12 + 8 + size + extra.length + 8 + samples.length);
  const view = new DataView(bytes.buffer);
  const text = (at: number, value: string): void => bytes.set(new TextEncoder().encode(value), at);
  text(0, 'RIFF');
  view.setUint32(4, bytes.length - 8, true);
  text(8, 'WAVEfmt ');
  view.setUint32(16, size, true);
  view.setUint16(20, extensible ? 0xfffe : format, true);
  view.setUint16(22, channels, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, (rate * channels * bits) / 8, true);
  view.setUint16(32, (channels * bits) / 8, true);
  view.setUint16(34, bits, true);
  if (extensible) view.setUint16(44, format, true);
  bytes.set(extra, 20 + size);
  text(20 + size + extra.length, 'data');
  view.setUint32(24 + size + extra.length, samples.length, true);
  bytes.set(samples, 28 + size + extra.length);
  return bytes;
}

const recording = (bytes: Uint8Array) =>
  wavRecording({ length: bytes.length, read: (offset, length) => bytes.subarray(offset, offset + length) }, (reason) => {
    throw new Error(reason);
  });

function samplesOf(bytes: Uint8Array): number[] {
  const { stored } = recording(bytes);
  const source = storedSource(stored, { places: [0], bands: 1 }, () => {
    throw new Error('not finite');
  });
  const block = source.read({ starts: [0], lengths: source.lengths });
  if (block instanceof Promise) throw new Error('at hand');
  return [...block.data];
}

const made = (count: number, width: number, write: (view: DataView, at: number) => void): Uint8Array => {
  const bytes = new Uint8Array(count * width);
  for (let at = 0; at < count; at++) write(new DataView(bytes.buffer, at * width, width), at);
  return bytes;
};
const PCM = { format: 1, channels: 1, rate: 8000 };

test.each([
  ['8 bits, whose middle is 128', { ...PCM, bits: 8 }, made(3, 1, (view, at) => view.setUint8(0, [0, 128, 192][at] ?? 0)), [-1, 0, 0.5]],
  ['16 bits', { ...PCM, bits: 16 }, made(3, 2, (view, at) => view.setInt16(0, [-32768, 0, 16384][at] ?? 0, true)), [-1, 0, 0.5]],
  ['24 bits', { ...PCM, bits: 24 }, Uint8Array.of(0, 0, 0x80, 0, 0, 0, 0, 0, 0x40), [-1, 0, 0.5]],
  ['32 bits', { ...PCM, bits: 32 }, made(3, 4, (view, at) => view.setInt32(0, [-(2 ** 31), 0, 2 ** 30][at] ?? 0, true)), [-1, 0, 0.5]],
  ['floats', { ...PCM, format: 3, bits: 32 }, made(3, 4, (view, at) => view.setFloat32(0, [-1, 0, 0.5][at] ?? 0, true)), [-1, 0, 0.5]],
  [
    'floats of 64 bits',
    { ...PCM, format: 3, bits: 64 },
    made(3, 8, (view, at) => view.setFloat64(0, [-1, 0, 0.5][at] ?? 0, true)),
    [-1, 0, 0.5],
  ],
  [
    'the longer header',
    { ...PCM, bits: 16, extensible: true },
    made(3, 2, (view, at) => view.setInt16(0, [-32768, 0, 16384][at] ?? 0, true)),
    [-1, 0, 0.5],
  ],
])('%s', (_, kind, samples, expected) => expect(samplesOf(wav(kind, samples))).toEqual(expected));

test('two channels stand side by side; chunks in front of the samples are passed over', () => {
  const samples = made(4, 2, (view, at) => view.setInt16(0, at * 8192 - 16384, true));
  const list = Uint8Array.of(0x4c, 0x49, 0x53, 0x54, 3, 0, 0, 0, 1, 2, 3, 0);
  const bytes = wav({ ...PCM, channels: 2, rate: 44100, bits: 16 }, samples, list);
  expect(samplesOf(bytes)).toEqual([-0.5, -0.25, 0, 0.25]);
  expect([recording(bytes).rate, recording(bytes).stored.shape]).toEqual([44100, [2, 2]]);
});

test('a stream that was never closed ends where it ends', () => {
  const bytes = wav(
    { ...PCM, bits: 16 },
    made(4, 2, () => undefined),
  );
  new DataView(bytes.buffer).setUint32(40, 0, true);
  expect(recording(bytes).stored.shape).toEqual([4, 1]);
});

test.each([
  ['cut short', wav({ ...PCM, bits: 16 }, new Uint8Array(100)).subarray(0, 90), /100 bytes of samples are announced, and 46 are there/],
  ['without samples', wav({ ...PCM, bits: 16 }, new Uint8Array(0)), /no samples/],
  ['without the chunk of samples', wav({ ...PCM, bits: 16 }, new Uint8Array(10)).subarray(0, 36), /no samples \(no data chunk\)/],
  ['compressed', wav({ ...PCM, format: 17, bits: 4 }, new Uint8Array(10)), /format 17, 4 bits/],
  ['of no channels', wav({ ...PCM, channels: 0, bits: 16 }, new Uint8Array(10)), /0 channels/],
  ['of no rate', wav({ ...PCM, rate: 0, bits: 16 }, new Uint8Array(10)), /0 samples a second/],
])('a file %s is refused', (_, bytes, reason) => expect(() => recording(bytes)).toThrow(reason));
