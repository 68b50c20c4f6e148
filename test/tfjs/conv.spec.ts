/** Convolutions in every attribute, in ONNX Runtime and in TensorFlow.js. */
import { allBothWays, bothWays, startBothWays, stopBothWays } from './both-ways';

jest.setTimeout(120_000);
beforeAll(startBothWays);
afterAll(stopBothWays);

const SIZES = [
  { N: 1, H: 11, W: 8 },
  { N: 3, H: 10, W: 9 },
];
const head = (opset: number): string => `<ir_version: 8, opset_import: ["" : ${opset}]>`;

interface ConvCase {
  readonly channels: number;
  readonly filters: number;
  readonly kernel: readonly [number, number];
  readonly attrs: string;
  readonly group?: number;
  readonly bias?: boolean;
  readonly opset?: number;
}

const convText = ({ channels, filters, kernel, attrs, group = 1, bias = true, opset = 13 }: ConvCase): string =>
  `${head(opset)} g (float[N, ${channels}, H, W] X) => (float[N, ${filters}, h, w] Y)
    <float[${filters}, ${channels / group}, ${kernel}] K${bias ? `, float[${filters}] B` : ''}> {
    Y = Conv <kernel_shape = [${kernel}], group = ${group}${attrs}> (X, K${bias ? ', B' : ''}) }`;

const GROUPS = [
  ['one group', { channels: 4, filters: 6, group: 1 }],
  ['two groups', { channels: 6, filters: 4, group: 2 }],
  ['groups of few channels, which are merged', { channels: 16, filters: 24, group: 8 }],
  ['more channels than a part has', { channels: 96, filters: 6, group: 3 }],
  ['depthwise', { channels: 5, filters: 5, group: 5 }],
  ['depthwise with two filters for each channel', { channels: 3, filters: 6, group: 3 }],
] as const;
const KERNELS = [
  [1, 1],
  [3, 3],
  [2, 3],
  [5, 1],
] as const;
const STRIDES = ['', ', strides = [2, 2]', ', strides = [3, 1]'];
const PADS = ['', ', pads = [1, 1, 1, 1]', ', pads = [0, 2, 1, 0]', ', pads = [3, 0, 2, 1]'];
const DILATIONS = ['', ', dilations = [2, 2]', ', dilations = [1, 3]'];

/** All combinations of a window; of those, every third, another third for each group, where they are alike but for the group. */
const windows = STRIDES.flatMap((strides) => PADS.flatMap((pads) => DILATIONS.map((dilations) => `${strides}${pads}${dilations}`)));
const some = (index: number): string[] => (index === 0 ? windows : windows.filter((_, at) => at % 3 === (index + Math.floor(at / 3)) % 3));

describe.each(GROUPS)('Conv, %s', (title, sizes) => {
  test.each(title === 'one group' || title === 'depthwise' ? KERNELS : KERNELS.slice(1, 3))(
    'kernel %i x %i: strides, pads and dilations, alone and together',
    async (...kernel) => {
      const cases = some(GROUPS.findIndex(([group]) => group === title)).map((attrs, at): [string, string] => [
        attrs,
        convText({ ...sizes, kernel, attrs, bias: at % 2 === 0, opset: at % 3 === 2 ? 11 : 22 }),
      ]);
      expect(await allBothWays(cases, { sizes: SIZES })).toBeGreaterThan(0);
    },
  );

  test('auto_pad at sizes that are known', async () => {
    const cases = [
      [8, 8],
      [9, 7],
    ].flatMap(([height, width]) =>
      ['SAME_UPPER', 'SAME_LOWER', 'VALID'].flatMap((auto) =>
        [KERNELS[1], KERNELS[2]].flatMap((kernel) =>
          STRIDES.map((strides): [string, string] => [
            `${height}x${width} ${auto} ${kernel} ${strides}`,
            convText({ ...sizes, kernel, attrs: `${strides}, auto_pad = "${auto}"` })
              .replace('[N, ', '[2, ')
              .replace('H, W]', `${height}, ${width}]`),
          ]),
        ),
      ),
    );
    expect(await allBothWays(cases)).toBeGreaterThan(0);
  });
});

test('auto_pad at any size, where TensorFlow.js says the same', async () => {
  const cases = ['SAME_UPPER', 'VALID'].flatMap((auto) =>
    // Where the stride is beyond the kernel, SAME needs to know the size.
    KERNELS.filter(([, width]) => width > 1 || auto === 'VALID').flatMap((kernel) =>
      STRIDES.filter((strides) => !strides.includes('3') || auto === 'VALID').map((strides): [string, string] => [
        `${auto} ${kernel} ${strides}`,
        convText({ channels: 3, filters: 4, kernel, attrs: `${strides}, auto_pad = "${auto}"` }),
      ]),
    ),
  );
  expect(await allBothWays(cases, { sizes: SIZES })).toBeGreaterThan(0);
});

test.each([true, false])('with its activation, fused: %s', async (fuse) => {
  const activations = [
    'Relu (C)',
    'Clip (C, zero, six)',
    'Clip (C, low, six)',
    'LeakyRelu <alpha = 0.3> (C)',
    'LeakyRelu (C)',
    'Elu (C)',
    'Elu <alpha = 0.5> (C)',
    'Sigmoid (C)',
    'Tanh (C)',
    'PRelu (C, slope)',
    'HardSwish (C)',
  ];
  const cases = activations.flatMap((activation) =>
    GROUPS.filter(([, { channels }]) => channels < 20).flatMap(([, { channels, filters, group }]) =>
      [true, false].map((bias): [string, string] => [
        `${activation} ${group} ${bias}`,
        `${head(18)} g (float[N, ${channels}, H, W] X) => (float[N, ${filters}, h, w] Y)
          <float[${filters}, ${channels / group}, 3, 3] K, float[${filters}] B, float[${filters}, 1, 1] slope, float zero = {0}, float six = {6}, float low = {-0.25}> {
          C = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1], group = ${group}> (X, K${bias ? ', B' : ''}) Y = ${activation} }`,
      ]),
    ),
  );
  expect(await allBothWays(cases, { fuse, scale: 3, sizes: SIZES })).toBeGreaterThan(0);
});

test('the result of a convolution that others read as well is not fused away', async () => {
  await bothWays(
    `${head(18)} g (float[N, 4, H, W] X) => (float[N, 5, h, w] C, float[N, 5, h, w] Y) <float[5, 4, 3, 3] K, float[5] B> {
      C = Conv (X, K, B) Y = Relu (C) }`,
    { sizes: SIZES },
  );
});

test.each([true, false])('a 1 x 1 convolution in front of groups gives their parts, fused: %s', async (fuse) => {
  const cases = ['Relu (A)', 'Clip (A, zero, six)', 'LeakyRelu (A)', 'PRelu (A, slope)', 'HardSwish (A)', 'Identity (A)'].flatMap(
    (activation) =>
      [', B', ''].flatMap((bias) =>
        ['', ', strides = [2, 1]'].map((strides): [string, string] => [
          `${activation} ${bias} ${strides}`,
          `${head(18)} g (float[N, 5, H, W] X) => (float[N, 6, h, w] Y)
          <float[96, 5, 1, 1] P, float[96] B, float[96, 1, 1] slope, float zero = {0}, float six = {6}, float[6, 32, 3, 3] K> {
          A = Conv <kernel_shape = [1, 1]${strides}> (X, P${bias}) M = ${activation} Y = Conv <kernel_shape = [3, 3], group = 3> (M, K) }`,
        ]),
      ),
  );
  expect(await allBothWays(cases, { fuse, scale: 3, sizes: SIZES })).toBeGreaterThan(0);
});

test('Conv without kernel_shape, and over one axis', async () => {
  await bothWays(`${head(11)} g (float[N, 4, H, W] X) => (float[N, 5, h, w] Y) <float[5, 4, 2, 3] K> { Y = Conv (X, K) }`, {
    sizes: SIZES,
  });
  const cases = ['', ', strides = [2]', ', pads = [1, 2]', ', dilations = [2]', ', strides = [2], pads = [0, 1], dilations = [2]'].flatMap(
    (attrs) =>
      [1, 2, 4].map((group): [string, string] => [
        `${attrs} ${group}`,
        `${head(13)} g (float[N, 4, L] X) => (float[N, 8, l] Y) <float[8, ${4 / group}, 3] K, float[8] B> { Y = Conv <kernel_shape = [3], group = ${group}${attrs}> (X, K, B) }`,
      ]),
  );
  expect(
    await allBothWays(cases, {
      sizes: [
        { N: 1, L: 12 },
        { N: 3, L: 9 },
      ],
    }),
  ).toBeGreaterThan(0);
});

describe('ConvTranspose', () => {
  const text = (attrs: string, group = 1, kernel = [3, 3]): string =>
    `${head(13)} g (float[N, 4, H, W] X) => (float[N, 6, h, w] Y) <float[4, ${6 / group}, ${kernel}] K, float[6] B> {
      Y = ConvTranspose <kernel_shape = [${kernel}], group = ${group}${attrs}> (X, K, B) }`;
  test.each([1, 2])('groups: %i; strides, pads, output_padding, dilations', async (group) => {
    const cases = ['', ', strides = [2, 2]', ', strides = [1, 3]'].flatMap((strides) =>
      ['', ', pads = [1, 1, 1, 1]', ', pads = [0, 1, 2, 0]'].flatMap((pads) =>
        ['', ', dilations = [2, 1]', strides === ', strides = [2, 2]' ? ', output_padding = [1, 1]' : ''].map((more): [string, string] => [
          `${strides}${pads}${more}`,
          text(`${strides}${pads}${more}`, group),
        ]),
      ),
    );
    expect(await allBothWays(cases, { sizes: SIZES })).toBeGreaterThan(0);
  });
  test('output_shape and auto_pad at known sizes', async () => {
    const fixed = (attrs: string, kernel?: number[]): string => text(attrs, 1, kernel).replace('[N, 4, H, W]', '[2, 4, 5, 6]');
    const cases = [
      ', strides = [2, 2], output_shape = [10, 12]',
      ', strides = [3, 2], output_shape = [16, 13]',
      ', strides = [2, 2], auto_pad = "SAME_UPPER"',
      ', strides = [2, 2], auto_pad = "SAME_LOWER"',
      ', strides = [2, 3], auto_pad = "VALID"',
    ].flatMap((attrs) =>
      [
        [3, 3],
        [2, 4],
      ].map((kernel): [string, string] => [`${attrs} ${kernel}`, fixed(attrs, kernel)]),
    );
    expect(await allBothWays(cases)).toBeGreaterThan(0);
  });
});
