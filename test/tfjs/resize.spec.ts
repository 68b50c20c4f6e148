/** Resize in every mode, at known sizes and at open ones, in ONNX Runtime and in TensorFlow.js. */
import { CompileError } from '../../src/diagnostics/compile-error';
import { allBothWays, bothWays, startBothWays, stopBothWays } from './both-ways';

jest.setTimeout(240_000);
beforeAll(startBothWays);
afterAll(stopBothWays);

const COORDINATES = ['half_pixel', 'half_pixel_symmetric', 'pytorch_half_pixel', 'align_corners', 'asymmetric'];
const ROUNDINGS = ['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil'];
/** Whole factors, halves, factors that float32 does not have, and ones that leave a rest. */
const FACTORS = ['2.0, 3.0', '0.5, 1.5', '1.7, 0.4'];

const OPEN = 'N, 3, H, W';
const KNOWN = '2, 3, 7, 10';
const SIZES = [
  { N: 1, H: 7, W: 10 },
  { N: 2, H: 5, W: 6 },
];

const byFactor = (attrs: string, factors: string, input: string, opset = 19): string =>
  `<ir_version: 9, opset_import: ["" : ${opset}]> g (float[${input}] X) => (float[a, b, c, d] Y) <float[4] scales = {1.0, 1.0, ${factors}}> {
    Y = Resize <${attrs}> (X, , scales) }`;

describe.each([
  ['at a known size', KNOWN],
  ['at any size', OPEN],
])('%s', (_, input) => {
  test('nearest: every coordinate mode, rounding and factor', async () => {
    const cases = COORDINATES.filter((coordinates) => input === KNOWN || coordinates !== 'half_pixel_symmetric').flatMap((coordinates) =>
      ROUNDINGS.flatMap((rounding) =>
        FACTORS.map((factors): [string, string] => [
          `${coordinates} ${rounding} ${factors}`,
          byFactor(`mode = "nearest", coordinate_transformation_mode = "${coordinates}", nearest_mode = "${rounding}"`, factors, input),
        ]),
      ),
    );
    expect(await allBothWays(cases, { sizes: SIZES })).toBeGreaterThan(0);
  });

  test('linear: every coordinate mode and factor', async () => {
    const cases = COORDINATES.flatMap((coordinates) =>
      FACTORS.map((factors): [string, string] => [
        `${coordinates} ${factors}`,
        byFactor(`mode = "linear", coordinate_transformation_mode = "${coordinates}"`, factors, input),
      ]),
    );
    expect(await allBothWays(cases, { sizes: SIZES })).toBeGreaterThan(0);
  });

  test('cubic: coefficients, and what lies outside left out', async () => {
    const cases = ['half_pixel', 'asymmetric', 'align_corners'].flatMap((coordinates) =>
      ['', ', cubic_coeff_a = -0.5', ', exclude_outside = 1'].flatMap((more) =>
        ['2.0, 3.0', '0.5, 1.5', '1.7, 1.0'].map((factors): [string, string] => [
          `${coordinates} ${more} ${factors}`,
          byFactor(`mode = "cubic", coordinate_transformation_mode = "${coordinates}"${more}`, factors, input),
        ]),
      ),
    );
    expect(await allBothWays(cases, { sizes: SIZES })).toBeGreaterThan(0);
  });
});

test('aligned corners by halves and by one and a half, at any size, behind a convolution', async () => {
  const graph = (factors: string): string =>
    `<ir_version: 9, opset_import: ["" : 18]> g (float[N, 3, H, W] X) => (float[a, b, c, d] Y)
      <float[5, 3, 3, 3] K, float[4] scales = {1.0, 1.0, ${factors}}> {
      A = Conv <pads = [1, 1, 1, 1]> (X, K)
      Y = Resize <mode = "linear", coordinate_transformation_mode = "align_corners"> (A, , scales)
    }`;
  const sizes = [...SIZES, { N: 1, H: 1, W: 2 }, { N: 1, H: 33, W: 16 }];
  expect(await bothWays(graph('0.5, 1.5'), { sizes: sizes.slice(0, 2) })).toBeGreaterThan(0);
  expect(await bothWays(graph('1.5, 1.5'), { sizes })).toBeGreaterThan(0);
});

test('a coordinate within a millionth of the middle of two places counts as the middle', async () => {
  const cases = ['round_prefer_ceil', 'round_prefer_floor'].flatMap((rounding) =>
    [
      ['asymmetric', '1.2', 23],
      ['asymmetric', '1.1428572', 19],
      ['half_pixel', '1.3', 25],
    ].flatMap(([coordinates, factor, length]) =>
      [`2, 3, 5, ${length}`, OPEN].map((input): [string, string] => [
        `${coordinates} ${rounding} ${factor} of ${input}`,
        byFactor(
          `mode = "nearest", coordinate_transformation_mode = "${coordinates}", nearest_mode = "${rounding}"`,
          `1.0, ${factor}`,
          input,
        ),
      ]),
    ),
  );
  const sizes = [19, 23, 25].map((W) => ({ N: 2, H: 5, W }));
  expect(await allBothWays(cases, { sizes })).toBeGreaterThan(0);
});

test('where no length changes the map is copied, whatever the factors are; where one does, the others follow their factors', async () => {
  const cases = ['nearest', 'linear', 'cubic'].flatMap((mode) =>
    ['2, 3, 3, 4', '2, 3, 3, 9', OPEN].map((input): [string, string] => [
      `${mode} ${input}`,
      byFactor(`mode = "${mode}", coordinate_transformation_mode = "asymmetric", nearest_mode = "floor"`, '1.3, 1.2', input),
    ]),
  );
  const sizes = [
    { N: 2, H: 3, W: 4 },
    { N: 1, H: 3, W: 9 },
    { N: 1, H: 7, W: 4 },
  ];
  expect(await allBothWays(cases, { sizes })).toBeGreaterThan(0);
});

test('the length of the result is rounded in float32: 0.7 of 10 are 7', async () => {
  const cases = ['0.7', '0.1', '0.3'].flatMap((factor) =>
    [KNOWN, OPEN].map((input): [string, string] => [
      `${factor} of ${input}`,
      byFactor('mode = "nearest", coordinate_transformation_mode = "asymmetric", nearest_mode = "floor"', `1.0, ${factor}`, input),
    ]),
  );
  expect(await allBothWays(cases, { sizes: [{ N: 2, H: 7, W: 10 }] })).toBeGreaterThan(0);
});

test('the coordinates of opset 11 that later ones have no word for', async () => {
  const graph = `<ir_version: 8, opset_import: ["" : 11]> g (float[1, 1, 4, 4] X) => (float[1, 1, 3, 2] Y)
    <float[0] none, int64[4] sizes = {1, 1, 3, 2}> {
    Y = Resize <mode = "nearest", coordinate_transformation_mode = "tf_half_pixel_for_nn"> (X, none, none, sizes) }`;
  expect(await bothWays(graph)).toBe(6);
});

test('nearest by half_pixel_symmetric at any size is refused: ONNX Runtime rounds those coordinates as doubles', async () => {
  const graph = byFactor('mode = "nearest", coordinate_transformation_mode = "half_pixel_symmetric"', '1.7, 0.4', OPEN);
  await expect(bothWays(graph)).rejects.toThrow(CompileError);
});

test.each([
  ['coordinate_transformation_mode', 'tf_crop_and_resize'],
  ['coordinate_transformation_mode', 'half_pixel_of_tomorrow'],
  ['nearest_mode', 'round_at_random'],
  ['mode', 'lanczos'],
])('%s %s is refused by its name', async (attribute, word) => {
  const graph = byFactor(`${attribute} = "${word}"`, '2.0, 2.0', KNOWN);
  const error = await bothWays(graph).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(CompileError);
  expect(JSON.stringify((error as CompileError).diagnostic)).toContain(`its ${attribute} is '${word}'`);
});
