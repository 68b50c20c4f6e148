/** Pools in every attribute, in ONNX Runtime and in TensorFlow.js. */
import { parseGraph } from '../support/expect-pass';
import { allBothWays, open, startBothWays, stopBothWays } from './both-ways';

jest.setTimeout(120_000);
beforeAll(startBothWays);
afterAll(stopBothWays);

const SIZES = [
  { N: 1, H: 9, W: 8 },
  { N: 3, H: 10, W: 7 },
];
const text = (op: string, kernel: readonly number[], attrs: string, opset: number, input = 'N, 3, H, W'): string =>
  `<ir_version: 8, opset_import: ["" : ${opset}]> g (float[${input}] X) => (float[${input.startsWith('N') ? 'N' : '2'}, 3, h, w] Y) {
    Y = ${op} <kernel_shape = [${kernel}]${attrs}> (X) }`;

const KERNELS = [
  [3, 3],
  [3, 2],
] as const;
const STRIDES = ['', ', strides = [2, 2]', ', strides = [3, 3]', ', strides = [1, 2]'];
const PADS = ['', ', pads = [1, 1, 1, 1]', ', pads = [0, 1, 1, 0]', ', pads = [1, 0, 1, 1]'];
/** Every combination of two of strides, pads and the rest, and a part of those of three. */
const combine = (more: readonly string[]): string[] =>
  STRIDES.flatMap((strides, s) =>
    PADS.flatMap((pads, p) => more.filter((_, m) => s * p * m === 0 || (s + p + m) % 3 === 0).map((attr) => `${strides}${pads}${attr}`)),
  );
/** Pads must be smaller than the kernel for all runtimes. */
const fits = (kernel: readonly number[], attrs: string): boolean => !/pads = \[([\d, ]+)\]/.test(attrs) || kernel.every((size) => size > 1);

const ceil = [', ceil_mode = 0', ', ceil_mode = 1'];

describe.each(KERNELS)('kernel %i x %i', (...kernel) => {
  test('MaxPool: strides, pads, ceil_mode, dilations', async () => {
    const cases = combine([...ceil, ', dilations = [2, 2]', ', dilations = [2, 1], ceil_mode = 1'])
      .filter((attrs) => fits(kernel, attrs))
      .map((attrs): [string, string] => [attrs, text('MaxPool', kernel, attrs, 12)]);
    expect(await allBothWays(cases, { sizes: SIZES })).toBeGreaterThan(0);
  });

  test.each([7, 19])('AveragePool of opset %i: strides, pads, ceil_mode, count_include_pad, dilations', async (opset) => {
    const counted = [', count_include_pad = 0', ', count_include_pad = 1'];
    const more = opset < 11 ? counted : counted.flatMap((count) => ceil.map((mode) => `${count}${mode}`));
    const cases = combine([...more, ...(opset >= 19 ? counted.map((count) => `${count}, dilations = [2, 2]`) : [])]).map(
      (attrs): [string, string] => [attrs, text('AveragePool', kernel, attrs, opset)],
    );
    expect(await allBothWays(cases, { sizes: SIZES })).toBeGreaterThan(0);
  });

  test('the same at sizes that are known', async () => {
    const cases = [
      [9, 8],
      [10, 7],
    ].flatMap(([height, width]) =>
      combine(ceil).flatMap((attrs): [string, string][] => [
        [`MaxPool ${height}x${width} ${attrs}`, text('MaxPool', kernel, attrs, 12, `2, 3, ${height}, ${width}`)],
        [`AveragePool ${height}x${width} ${attrs}`, text('AveragePool', kernel, attrs, 19, `2, 3, ${height}, ${width}`)],
        [
          `counted ${height}x${width} ${attrs}`,
          text('AveragePool', kernel, `${attrs}, count_include_pad = 1`, 19, `2, 3, ${height}, ${width}`),
        ],
      ]),
    );
    expect(await allBothWays(cases)).toBeGreaterThan(0);
  });

  test('auto_pad at known sizes', async () => {
    const cases = ['SAME_UPPER', 'SAME_LOWER', 'VALID'].flatMap((auto) =>
      // A stride beyond the kernel may leave nothing to pad, which ONNX Runtime refuses.
      STRIDES.filter((strides) => !strides.includes('3')).flatMap((strides) =>
        ['MaxPool', 'AveragePool'].map((op): [string, string] => [
          `${op} ${auto}${strides}`,
          text(op, kernel, `${strides}, auto_pad = "${auto}"`, 12, '2, 3, 9, 8'),
        ]),
      ),
    );
    expect(await allBothWays(cases)).toBeGreaterThan(0);
  });

  test('LpPool', async () => {
    const cases = ['', ', p = 1', ', p = 3'].flatMap((p) =>
      combine(['']).map((attrs): [string, string] => [`${p}${attrs}`, text('LpPool', kernel, `${attrs}${p}`, 18)]),
    );
    expect(await allBothWays(cases, { sizes: SIZES })).toBeGreaterThan(0);
  });
});

test('pools over one axis and over the whole map', async () => {
  const line = (op: string, attrs: string): [string, string] => [
    `${op}${attrs}`,
    `<ir_version: 8, opset_import: ["" : 19]> g (float[N, 3, L] X) => (float[N, 3, l] Y) { Y = ${op} <kernel_shape = [3]${attrs}> (X) }`,
  ];
  const whole = (op: string): [string, string] => [
    op,
    `<ir_version: 8, opset_import: ["" : 13]> g (float[N, 3, H, W] X) => (float[N, 3, 1, 1] Y) { Y = ${op} (X) }`,
  ];
  const cases = [
    ...['', ', strides = [2]', ', strides = [2], pads = [1, 1]'].flatMap((attrs) =>
      ['MaxPool', 'AveragePool'].map((op) => line(op, attrs)),
    ),
    ...['GlobalAveragePool', 'GlobalMaxPool', 'GlobalLpPool'].map(whole),
  ];
  expect(
    await allBothWays(cases, {
      sizes: [
        { N: 2, L: 12, H: 7, W: 10 },
        { N: 1, L: 9, H: 6, W: 5 },
      ],
    }),
  ).toBeGreaterThan(0);
});

test('a mean over 90,000 cells keeps its digits', async () => {
  const numbers = Float32Array.from({ length: 3 * 90_000 }, (_, at) => 1 + ((at * 7919) % 1000) / 3000);
  const session = await open(
    parseGraph('<ir_version: 9, opset_import: ["" : 18]> g (float[1, 3, H, W] X) => (float[1, 3, 1, 1] Y) { Y = GlobalAveragePool (X) }'),
  );
  try {
    const found = (await session.run(new Map([['X', { dtype: 'float', shape: [1, 3, 300, 300], data: numbers }]]))).get('Y');
    for (let channel = 0; channel < 3; channel++) {
      const mean = numbers.subarray(channel * 90_000, (channel + 1) * 90_000).reduce((sum, each) => sum + each / 90_000, 0);
      expect(Math.abs(Number(found?.data[channel]) / mean - 1)).toBeLessThan(1e-6);
    }
  } finally {
    await session.release();
  }
});
