/**
 * Networks that TensorFlow.js once computed wrongly or not at all (fixtures/cases/tfjs), each with the right value under every head: the same numbers as in ONNX
 * Runtime, at its own size and at others, or a refusal with its reason.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Head } from '../../passes';
import { compile } from '../../src/compile';
import { CompileError } from '../../src/diagnostics/compile-error';
import { parseGraph } from '../support/expect-pass';
import { bothWays, startBothWays, stopBothWays } from '../tfjs/both-ways';

jest.setTimeout(120_000);
beforeAll(startBothWays, 120_000);
afterAll(stopBothWays);

const FOLDER = join(__dirname, '../../fixtures/cases/tfjs');
const textOf = (name: string): string => readFileSync(join(FOLDER, `${name}.onnxtxt`), 'utf8');

type Sizes = readonly Readonly<Record<string, number>>[];
type Right = Sizes | RegExp;
const OWN: Sizes = [{}];
const LENGTHS = (...names: readonly string[]): Sizes =>
  [7, 8, 9, 10, 13].map((length) => Object.fromEntries([['n', 2], ...names.map((name, at) => [name, length + 3 * at] as const)]));
const LARGER: Sizes = [
  { height: 64, width: 64, N: 2 },
  { height: 71, width: 98, N: 1 },
];
const NEEDS_SIZE = /INPUT_SIZE_NEEDED/;
const ALIGNED = /CANNOT_SLIDE.*corner to corner \(align_corners\)/;
const NO_CLASSIFIER = /NOTHING_TO_CONVERT/;
const TIED = /CANNOT_SLIDE.*'pos' .* has a separate number for each position/;
const BETWEEN = /CANNOT_SLIDE.*not a whole-numbered scale/;

const RIGHT: readonly (readonly [string, Right, Right, Right])[] = [
  // network, head original, window, image
  ['conv1d_grouped_same_upper_dynamic', LENGTHS('d2'), NEEDS_SIZE, NEEDS_SIZE],
  ['conv1d_same_upper_dynamic', LENGTHS('len'), NEEDS_SIZE, NEEDS_SIZE],
  ['conv2d_same_upper_dynamic', LENGTHS('h', 'w'), NEEDS_SIZE, NEEDS_SIZE],
  ['lppool_same_upper', OWN, NO_CLASSIFIER, NO_CLASSIFIER],
  ['net_pad_edge', OWN, LARGER, LARGER],
  ['net_pad_reflect', OWN, LARGER, LARGER],
  ['net_pad_wrap', OWN, LARGER, LARGER],
  ['net_resize_aligned_1p5', OWN, ALIGNED, ALIGNED],
  ['net_resize_aligned_2', OWN, ALIGNED, ALIGNED],
  ['net_resize_aligned_half', OWN, ALIGNED, ALIGNED],
  ['net_resize_half_linear', OWN, LARGER, LARGER],
  ['net_resize_nearest_p4', OWN, LARGER, LARGER],
  ['resize_asymmetric_round_prefer_ceil', OWN, NO_CLASSIFIER, NO_CLASSIFIER],
  ['resize_tf_half_pixel_for_nn_op11', OWN, /fixes the size of what it reads/, /fixes the size of what it reads/],
  ['resize_tf_half_pixel_for_nn_op13', OWN, BETWEEN, BETWEEN],
  ['sdpa_op18', OWN, TIED, TIED],
  ['sdpa_op23', OWN, TIED, TIED],
];

async function expectRight(name: string, head: Head | 'original', right: Right): Promise<void> {
  const convert = () => compile(parseGraph(textOf(name)), { head }).model;
  if (right instanceof RegExp) return expect(messageOf(convert)).toMatch(right);
  expect(await bothWays(convert(), { sizes: right })).toBeGreaterThan(0);
}

function messageOf(run: () => unknown): string {
  try {
    run();
    return 'converted';
  } catch (error) {
    return error instanceof CompileError ? `${error.code}: ${error.message}` : `crash: ${String(error)}`;
  }
}

describe.each(RIGHT)('%s', (name, original, window, image) => {
  test('original', () => expectRight(name, 'original', original));
  test('window', () => expectRight(name, 'window', window));
  test('image', () => expectRight(name, 'image', image));
});

test('every network has its right value here', () => {
  expect(readdirSync(FOLDER).map((file) => file.replace('.onnxtxt', ''))).toEqual(RIGHT.map(([name]) => name));
});
