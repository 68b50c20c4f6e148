/** Headers of .npy files: what they say is checked against the bytes that are there, and nothing in them is evaluated. */
import { npyHeader } from '../../src/sources/npy';
import { stepsOf, storedSource } from '../../src/sources/stored';

/** A file as NumPy writes it. */
function npy(
  descr: string,
  shape: string,
  data: Uint8Array,
  { fortran = false, header }: { fortran?: boolean; header?: string } = {},
): Uint8Array {
  const text = header ?? `{'descr': ${descr}, 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': ${shape}, }`;
  const padded = `${text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11)}\n`;
  const bytes = new Uint8Array(10 + padded.length + data.length);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, padded.length & 255, padded.length >> 8]);
  bytes.set(new TextEncoder().encode(padded), 10);
  bytes.set(data, 10 + padded.length);
  return bytes;
}

class Refused extends Error {}
const header = (bytes: Uint8Array, length = bytes.length) =>
  npyHeader(
    (offset, count) => bytes.subarray(offset, offset + count),
    length,
    (reason) => {
      throw new Refused(reason);
    },
  );

/** 2 x 3 numbers 0 ... 5 in the given type, read as a source of two axes. */
function numbers(
  code: string,
  write: (view: DataView, at: number, value: number, little: boolean) => void,
  width: number,
  fortran = false,
): number[] {
  const data = new Uint8Array(6 * width);
  const order = fortran ? [0, 3, 1, 4, 2, 5] : [0, 1, 2, 3, 4, 5];
  for (const [at, value] of order.entries()) write(new DataView(data.buffer), at * width, value, !code.startsWith('>'));
  const bytes = npy(`'${code}'`, '(2, 3)', data, { fortran });
  const { shape, fortran: columnsFirst, ...rest } = header(bytes);
  const stored = {
    ...rest,
    shape,
    steps: stepsOf(shape, columnsFirst),
    bytes: { length: bytes.length, read: (offset: number, length: number) => bytes.subarray(offset, offset + length) },
  };
  const source = storedSource(stored, { places: [0, 1], bands: undefined }, () => {
    throw new Error('not finite');
  });
  const block = source.read({ starts: [0, 0], lengths: [2, 3] });
  if (block instanceof Promise) throw new Error('bytes in memory are at hand');
  return [...block.data];
}

test.each([
  ['<f4', (view: DataView, at: number, value: number, little: boolean) => view.setFloat32(at, value, little), 4],
  ['>f4', (view: DataView, at: number, value: number, little: boolean) => view.setFloat32(at, value, little), 4],
  ['<f8', (view: DataView, at: number, value: number, little: boolean) => view.setFloat64(at, value, little), 8],
  ['>i2', (view: DataView, at: number, value: number, little: boolean) => view.setInt16(at, value, little), 2],
  ['<u2', (view: DataView, at: number, value: number, little: boolean) => view.setUint16(at, value, little), 2],
  ['|u1', (view: DataView, at: number, value: number) => view.setUint8(at, value), 1],
  ['<i8', (view: DataView, at: number, value: number, little: boolean) => view.setBigInt64(at, BigInt(value), little), 8],
] as const)('%s, in either order', (code, write, width) => {
  expect(numbers(code, write, width)).toEqual([0, 1, 2, 3, 4, 5]);
  expect(numbers(code, write, width, true)).toEqual([0, 1, 2, 3, 4, 5]);
});

test.each([
  ['a Python object', npy("'|O'", '(2,)', new Uint8Array(16)), /Python objects/],
  ['a record', npy("[('a', '<f4'), ('b', '<i4')]", '(2,)', new Uint8Array(16)), /records of several fields/],
  ['complex numbers', npy("'<c8'", '(2,)', new Uint8Array(16)), /complex/],
  ['text', npy("'<U4'", '(2,)', new Uint8Array(32)), /no type of number/],
  ['fewer bytes than its shape needs', npy("'<f4'", '(5, 3)', new Uint8Array(59)), /59 bytes of numbers where shape \(5, 3\) needs 60/],
  ['more', npy("'<f4'", '(5, 3)', new Uint8Array(61)), /61 bytes/],
  ['a shape beyond all numbers', npy("'<f4'", `(${'9'.repeat(18)}, ${'9'.repeat(18)})`, new Uint8Array(4)), /its shape .* is none/],
  ['a negative length', npy("'<f4'", '(-1, 4)', new Uint8Array(4)), /its shape .* is none/],
  [
    'a program in its header',
    npy('', '', new Uint8Array(4), { header: "{'descr': __import__('os').system('true'), 'shape': (1,)}" }),
    /no type of number/,
  ],
  ['no shape', npy('', '', new Uint8Array(4), { header: "{'descr': '<f4'}" }), /no shape/],
  ['a picture', new TextEncoder().encode('\x89PNG\r\n\x1a\n and more'), /does not begin as a .npy file/],
])('%s is refused', (_, bytes, reason) => expect(() => header(bytes)).toThrow(reason));

test('a header that claims more bytes than there are', () => {
  const bytes = npy("'<f4'", '(1,)', new Uint8Array(4));
  expect(() => header(bytes.subarray(0, 40))).toThrow(/cut short within its header/);
  bytes[9] = 255;
  bytes[8] = 255;
  expect(() => header(bytes)).toThrow(/cut short within its header/);
});
