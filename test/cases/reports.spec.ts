/**
 * Networks from public reports (fixtures/cases/reports), and classifiers as PyTorch exports them that once failed or were refused (fixtures/cases/exported), without
 * their large weights: each with the right value under every head. Judged by ONNX Runtime alone.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compile } from '../../src/compile';
import { CompileError } from '../../src/diagnostics/compile-error';
import { expectCrops as expectCropsAlong } from '../support/crops';
import { parseGraph } from '../support/expect-pass';
import { expectMoves } from '../support/moves';
import { expectCrops, expectMeans } from '../support/windows';
import { judged } from '../verify/oracle/judge';

const FOLDER = join(__dirname, '../../fixtures/cases');

/** `crops`: unpadded, so that crops tell all. `moves`: see there. A refusal: what it says. */
type Right = 'crops' | 'moves' | RegExp;
const PLACES = /no global average: its weights read the places/;
const OTHERWISE = /combines the positions of the map in another way/;
const NOT_AFFINE = /stands between the average and the output and is not affine/;
const SIZES = /brings together the averages of maps/;
const TIED = /CANNOT_SLIDE.* has a separate number for each position/;
const STRIDES = /strides of which none divides/;

/** Folder/name, window, cell, image. */
const RIGHT: readonly (readonly [string, Right, Right, Right])[] = [
  ['reports/01', 'moves', OTHERWISE, 'moves'],
  ['reports/02_gap_48_Relu_window', 'moves', 'moves', 'moves'],
  ['reports/03_resize', 'crops', PLACES, 'crops'],
  ['reports/04_tta_fc', 'crops', PLACES, 'crops'],
  ['reports/05_crop_center', 'crops', 'crops', 'crops'],
  ['reports/06_const', TIED, TIED, TIED],
  ['reports/07_fc_2_3', STRIDES, PLACES, STRIDES],
  ['reports/08', /CANNOT_SLIDE.*resizes/, /CANNOT_SLIDE.*resizes/, /CANNOT_SLIDE.*resizes/],
  ['reports/09', 'crops', OTHERWISE, 'crops'],
  ['reports/10', 'moves', NOT_AFFINE, 'moves'],
  ['reports/14_k13', 'moves', PLACES, 'moves'],
  ['reports/15', 'crops', NOT_AFFINE, 'crops'],
  ['reports/17_einsum', 'crops', PLACES, 'crops'],
  ['reports/17_rowpool', 'crops', PLACES, 'crops'],
  ['reports/17_softmax_axis2', /there is no axis 2/, /there is no axis 2/, /there is no axis 2/],
  ['reports/17_unpool', /CANNOT_SLIDE.*MaxUnpool/, /CANNOT_SLIDE.*MaxUnpool/, /CANNOT_SLIDE.*MaxUnpool/],
  ['reports/17_wavg', 'crops', OTHERWISE, 'crops'],
  ['reports/18', 'moves', 'moves', 'moves'],
  ['reports/19', 'moves', NOT_AFFINE, 'moves'],
  ['reports/20', /align_corners/, /align_corners/, /align_corners/],
  ['exported/allconv_cifar', 'moves', 'moves', 'moves'],
  ['exported/capsule_lengths', 'crops', PLACES, 'crops'],
  ['exported/cbam', 'moves', 'moves', 'moves'],
  ['exported/coordconv', TIED, TIED, TIED],
  ['exported/flat_ln_first', 'crops', PLACES, 'crops'],
  ['exported/flat_relu_before', 'crops', PLACES, 'crops'],
  ['exported/flat_split_heads', 'crops', PLACES, 'crops'],
  ['exported/focus_stem', 'moves', 'moves', 'moves'],
  ['exported/layernorm_chw', 'moves', 'moves', 'moves'],
  ['exported/maxout_fc', 'crops', PLACES, 'crops'],
  ['exported/multicolumn', 'moves', PLACES, 'moves'],
  ['exported/multiscale_concat', 'moves', SIZES, 'moves'],
  ['exported/out_captcha5', 'crops', PLACES, 'crops'],
  ['exported/out_conditional_product', 'moves', NOT_AFFINE, 'moves'],
  ['exported/pixel_unshuffle', 'moves', 'moves', 'moves'],
  ['exported/pool_attention', 'moves', OTHERWISE, 'moves'],
  ['exported/pool_avg7_of_8', 'moves', OTHERWISE, 'moves'],
  ['exported/pool_meanstd', 'moves', NOT_AFFINE, 'moves'],
  ['exported/pool_rows_then_flatten', 'moves', PLACES, 'moves'],
  ['exported/pool_select', 'moves', 'moves', 'moves'],
  ['exported/pool_spp', 'moves', PLACES, 'moves'],
  ['exported/pool_tokens_mean', 'moves', 'moves', 'moves'],
  ['exported/pre_crop', 'moves', 'moves', 'moves'],
  ['exported/pre_flipchannels', 'crops', PLACES, 'crops'],
  ['exported/same_ceil_shortcut', 'moves', 'moves', 'moves'],
  ['exported/se_fixedpool', 'moves', 'moves', 'moves'],
  ['exported/select_head', 'moves', 'moves', 'moves'],
  ['exported/siamese', 'moves', NOT_AFFINE, 'moves'],
  ['exported/tta_crops', 'crops', PLACES, 'crops'],
  ['exported/tta_flip', 'moves', 'moves', 'moves'],
  ['exported/tvconvnext_op14', 'moves', NOT_AFFINE, 'moves'],
  ['exported/two_inputs_meta', 'moves', NOT_AFFINE, 'moves'],
  ['exported/unet_encoder_cls', 'moves', 'moves', 'moves'],
];

const textOf = (name: string): string => readFileSync(join(FOLDER, `${name}.onnxtxt`), 'utf8');

const messageOf = (run: () => unknown): string => {
  try {
    run();
    return 'converted';
  } catch (error) {
    return error instanceof CompileError ? `${error.code}: ${error.message}` : `crash: ${String(error)}`;
  }
};

async function expectRight(name: string, head: 'window' | 'cell' | 'image', right: Right): Promise<void> {
  const text = textOf(name);
  if (right instanceof RegExp) expect(messageOf(() => compile(parseGraph(text), { head }))).toMatch(right);
  else if (right === 'moves') await expectMoves(text, { head });
  else if (head === 'window') await expectCrops(text, {}, 1e-4, { mayHaveMore: true });
  else await expectMeans(text, head);
}

describe.each(RIGHT)('%s', (name, window, cell, image) => {
  test('window', () => expectRight(name, 'window', window));
  test('cell', () => expectRight(name, 'cell', cell));
  test('image', () => expectRight(name, 'image', image));
});

test('every network has its right value here, or a test of its own', () => {
  const names = ['reports', 'exported'].flatMap((folder) =>
    readdirSync(join(FOLDER, folder)).map((file) => `${folder}/${file.replace('.onnxtxt', '')}`),
  );
  // Sound: test/end-to-end/axes.spec.ts. The other: below.
  const listed = new Set([...RIGHT.map(([name]) => name), 'exported/conv1d_m5', 'reports/17_roll']);
  expect(names.filter((name) => !listed.has(name))).toEqual([]);
});

test('an image that is rolled along its width slides along its height', async () => {
  const text = textOf('reports/17_roll');
  for (const head of ['window', 'cell', 'image'] as const)
    expect(messageOf(() => compile(parseGraph(text), { head, slide: ['height', 'width'] }))).toMatch(/rolled round/);
  const model = await expectCropsAlong(text);
  expect(model.metadata.get('convolutionize.slides')).toBe('["height"]');
});

test('a norm with a scale for each place slides where these are all alike, and only there', () => {
  const uneven = textOf('exported/layernorm_chw')
    .replace('w3 = Expand (one, shape)', 'w3 = Identity (uneven)')
    .replace('int64[3] shape', 'float[16,32,32] uneven, int64[3] shape');
  expect(messageOf(() => compile(parseGraph(uneven)))).toMatch(/CANNOT_SLIDE.*its scale has a separate number for each position/);
});

test('metadata beside the image stays what it is while the image moves', async () => {
  const report = await judged(parseGraph(textOf('reports/15')), undefined, { samples: 1 });
  expect(report?.checks.find(({ name }) => name === 'patches elsewhere')?.status).toBe('equal');
  expect(report?.verdict).toBe('equal');
});
