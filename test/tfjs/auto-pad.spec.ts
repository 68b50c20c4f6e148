/** Pads that auto_pad asks for, and pads that repeat the map, at known sizes and at open ones, in ONNX Runtime and in TensorFlow.js. */
import { CompileError } from '../../src/diagnostics/compile-error';
import { allBothWays, bothWays, startBothWays, stopBothWays } from './both-ways';

jest.setTimeout(240_000);
beforeAll(startBothWays);
afterAll(stopBothWays);

const SIZES = [
  { N: 1, D: 5, H: 9, W: 8 },
  { N: 2, D: 6, H: 10, W: 7 },
];
const graph = (input: string, outputs: string, body: string, constants = '', opset = 19): string =>
  `<ir_version: 9, opset_import: ["" : ${opset}]> g (float[${input}] X) => (float[${outputs}] Y) ${constants && `<${constants}>`} { ${body} }`;
const AUTO = ['SAME_UPPER', 'SAME_LOWER'];
const INPUTS = ['N, 4, H, W', '2, 4, 9, 8', '2, 4, 10, 7'];
const WINDOWS = [
  ['3, 3', '2, 2'],
  ['3, 2', '1, 2'],
  ['2, 2', '1, 1'],
  ['4, 3', '3, 2'],
] as const;
/** Strides that leave places out. */
const SPARSE = [
  ['2, 3', '3, 3'],
  ['1, 2', '3, 2'],
] as const;
const each = (
  make: (auto: string, input: string, kernel: string, strides: string) => [string, string],
  windows: readonly (readonly [string, string])[] = WINDOWS,
): [string, string][] =>
  AUTO.flatMap((auto) => INPUTS.flatMap((input) => windows.map(([kernel, strides]) => make(auto, input, kernel, strides))));

test.each([1, 2, 4])('convolutions in %i groups', async (groups) => {
  const cases = each(
    (auto, input, kernel, strides) => [
      `${auto} [${input}] ${kernel} by ${strides}`,
      graph(
        input,
        'N, 4, h, w',
        `Y = Conv <auto_pad = "${auto}", group = ${groups}, strides = [${strides}]> (X, K)`,
        `float[4, ${4 / groups}, ${kernel}] K`,
      ),
    ],
    [...WINDOWS, ...SPARSE],
  );
  expect(await allBothWays(cases, { sizes: SIZES })).toBeGreaterThan(0);
});

test('convolutions along a line, in groups and with strides', async () => {
  const cases = AUTO.flatMap((auto) =>
    [1, 2, 4].flatMap((groups) =>
      [1, 2, 3].map((stride): [string, string] => [
        `${auto} ${groups} ${stride}`,
        graph(
          'N, 4, W',
          'N, 4, w',
          `Y = Conv <auto_pad = "${auto}", group = ${groups}, strides = [${stride}]> (X, K)`,
          `float[4, ${4 / groups}, 3] K`,
        ),
      ]),
    ),
  );
  expect(await allBothWays(cases, { sizes: SIZES })).toBeGreaterThan(0);
});

test.each([
  ['MaxPool', ''],
  ['AveragePool', ''],
  ['AveragePool', ', count_include_pad = 1'],
  ['LpPool', ', p = 2'],
])('%s%s', async (op, more) => {
  const cases = each((auto, input, kernel, strides) => [
    `${auto} [${input}] ${kernel} by ${strides}`,
    graph(input, 'N, 4, h, w', `Y = ${op} <auto_pad = "${auto}", kernel_shape = [${kernel}], strides = [${strides}]${more}> (X)`),
  ]);
  expect(await allBothWays(cases, { sizes: SIZES })).toBeGreaterThan(0);
});

test.each(['MaxPool', 'AveragePool', 'LpPool'])('%s whose strides leave places out, with auto_pad: refused', async (op) => {
  const text = (input: string, auto: string): string =>
    graph(input, 'N, 4, h, w', `Y = ${op} <auto_pad = "${auto}", kernel_shape = [1, 1], strides = [3, 3]> (X)`);
  for (const auto of AUTO)
    for (const input of ['N, 4, H, W', '2, 4, 9, 8']) await expect(bothWays(text(input, auto))).rejects.toThrow(CompileError);
  // The last window ends where the map ends: nothing would be cut.
  expect(await bothWays(text('2, 4, 10, 7', 'SAME_UPPER'))).toBeGreaterThan(0);
});

test('over three axes', async () => {
  const cases = AUTO.flatMap((auto) =>
    ['N, 4, D, H, W', '1, 4, 5, 9, 8'].flatMap((input): [string, string][] => [
      [
        `MaxPool ${auto} [${input}]`,
        graph(input, 'N, 4, d, h, w', `Y = MaxPool <auto_pad = "${auto}", kernel_shape = [2, 3, 2], strides = [1, 2, 2]> (X)`),
      ],
      [
        `AveragePool ${auto} [${input}]`,
        graph(input, 'N, 4, d, h, w', `Y = AveragePool <auto_pad = "${auto}", kernel_shape = [2, 3, 2], strides = [1, 2, 2]> (X)`),
      ],
      [
        `Conv ${auto} [${input}]`,
        graph(input, 'N, 4, d, h, w', `Y = Conv <auto_pad = "${auto}", strides = [1, 2, 2]> (X, K)`, 'float[4, 4, 2, 3, 2] K'),
      ],
    ]),
  );
  expect(await allBothWays(cases, { sizes: SIZES })).toBeGreaterThan(0);
});

test('Pad by what the map repeats, further than by one place, at any size', async () => {
  const cases = ['wrap', 'edge', 'reflect', 'constant'].map((mode): [string, string] => [
    mode,
    graph(
      'N, 4, H, W',
      'N, 4, h, w',
      `A = Conv (X, K) Y = Pad <mode = "${mode}"> (A, pads)`,
      'float[4, 4, 1, 1] K, int64[8] pads = {0, 0, 3, 2, 0, 0, 1, 4}',
    ),
  ]);
  expect(await allBothWays(cases, { sizes: SIZES })).toBeGreaterThan(0);
});

test('Pad by amounts that the graph computes, some of which cut off', async () => {
  const body = (mode: string): string => `S = Shape <start = 2, end = 4> (X)
    R = Mod (S, four) A = Sub (R, one) P = Concat <axis = 0> (none, A, none, one, one) Y = Pad <mode = "${mode}"> (X, P)`;
  const constants = 'int64 four = {4}, int64[1] one = {1}, int64[2] none = {0, 0}';
  const cases = ['constant', 'edge', 'wrap'].map((mode): [string, string] => [
    mode,
    graph('N, 4, H, W', 'N, 4, h, w', body(mode), constants),
  ]);
  expect(await allBothWays(cases, { sizes: [...SIZES, { N: 1, H: 4, W: 8 }] })).toBeGreaterThan(0);
});

test('Slice backwards from a place in front of the map begins at its first place', async () => {
  const constants = 'int64[2] from = {-5, -2}, int64[2] to = {-100, -100}, int64[2] along = {2, 3}, int64[2] by = {-1, -2}';
  const cases = ['2, 4, 3, 8', 'N, 4, H, W'].map((input): [string, string] => [
    input,
    graph(input, 'N, 4, h, w', 'Y = Slice (X, from, to, along, by)', constants),
  ]);
  expect(
    await allBothWays(cases, {
      sizes: [
        { N: 1, H: 3, W: 8 },
        { N: 2, H: 9, W: 2 },
      ],
    }),
  ).toBeGreaterThan(0);
});

test('a line of one place', async () => {
  expect(
    await bothWays(graph('N, 4, W', 'N, 4, w', 'Y = Conv <auto_pad = "SAME_UPPER", strides = [2]> (X, K)', 'float[4, 4, 3] K'), {
      sizes: [{ N: 1, W: 1 }],
    }),
  ).toBe(4);
});
