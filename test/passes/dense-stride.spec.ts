/** A finer map: every k-th cell is a cell of the coarse one, border included; without padding every cell is the original on its crop. */
import { join } from 'node:path';
import { familyTree } from '../../fixtures/builders';
import { denseShift } from '../../passes/finer-maps/dense-shift';
import { denseStride } from '../../passes/finer-maps/dense-stride';
import { type CompileOptions, compile } from '../../src/compile';
import { CompileError } from '../../src/diagnostics/compile-error';
import { readModelFile } from '../../src/files';
import { intsAttr } from '../../src/ir/attrs';
import type { Model } from '../../src/ir/model';
import { runPasses } from '../../src/rewrite/manager';
import { verifyFiles } from '../../src/verify/files/verify';
import type { VerifyReport } from '../../src/verify/report';
import { expectEqual } from '../support/checks';
import { runBoth } from '../support/compare';
import { expectPass, parseGraph } from '../support/expect-pass';
import { expectSliding } from '../support/sliding';

const lenet = (): Model => readModelFile(join(__dirname, '../../fixtures/models/lenet5.onnx'));

async function refined(model: Model, options: CompileOptions): Promise<VerifyReport & { readonly shape: string }> {
  const compiled = compile(model, options);
  // What a verdict needs, and no more: the maps are compared cell by cell below.
  const report = await verifyFiles(model, compiled.model, { compiled, budget: 1 });
  return { ...report, shape: String(compiled.report.outputs[0]?.converted) };
}

describe('dense-stride', () => {
  test.each([
    [2, 'atrous', 'N,10,floor(height/2) - 13,floor(width/2) - 13'],
    [1, 'atrous', 'N,10,height - 27,width - 27'],
    [1, 'shift', 'N,10,height - 27,width - 27'],
  ] as const)(
    'LeNet5 every %i pixels by %s: all cells equal the original on their crops',
    async (stride, dense, shape) => {
      const report = await refined(lenet(), { stride, dense });
      expect(report.shape).toBe(shape);
      expectEqual(report, 'original size', 'crops of the image');
      // Verification looks at some of them; here, every cell of two images is compared with the original on its crop.
      await expectSliding(lenet(), {
        options: { stride, dense },
        beyond: [
          [5, 8],
          [8, 5],
        ],
      });
    },
    120_000,
  );

  // Residual branches, padded and strided pools.
  test('ResNet-18 every 16 pixels by shift', async () => {
    const original = familyTree.resnet18?.build() ?? lenet();
    const report = await refined(original, { stride: 16, dense: 'shift' });
    expectEqual(report, 'original size');
  }, 240_000);

  const on = (body: string, constants = '', opset = 20): string =>
    `<ir_version: 9, opset_import: ["" : ${opset}]> g (float[1, 3, 20, 24] X) => (float[1, 4] Y) <float[4, 3, 3, 3] K, float[4, 4, 3, 3] L, float[4, 4] F${constants}> {
      A = Conv <kernel_shape = [3, 3], strides = [2, 2], pads = [1, 0, 1, 1]> (X, K) R = Relu (A) ${body}
      P = GlobalAveragePool (Z) V = Flatten (P) Y = Gemm <transB = 1> (V, F) }`;
  test.each([
    ['a padded maximum', 'Z = MaxPool <kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1]> (R)', '', 20],
    [
      'two of them',
      'M = MaxPool <kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1]> (R) Z = MaxPool <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (M)',
      '',
      20,
    ],
    [
      'an average, dilated',
      'M = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (R) Z = AveragePool <kernel_shape = [2, 2]> (M)',
      '',
      20,
    ],
    [
      'an average of an older opset',
      'M = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (R) Z = AveragePool <kernel_shape = [2, 2]> (M)',
      '',
      13,
    ],
    [
      'an average that counts its padding',
      'Z = AveragePool <kernel_shape = [3, 3], pads = [1, 1, 1, 1], count_include_pad = 1> (R)',
      '',
      20,
    ],
    ['an average that leaves out its padding', 'Z = AveragePool <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (R)', '', 20],
    ['an average of rounded-up size', 'Z = AveragePool <kernel_shape = [2, 2], strides = [2, 2], ceil_mode = 1> (R)', '', 13],
    [
      'one that counts its padding, and not what rounding up adds',
      'Z = AveragePool <kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1], ceil_mode = 1, count_include_pad = 1> (R)',
      '',
      20,
    ],
    [
      'a maximum whose last window may begin in the padding',
      'Z = MaxPool <kernel_shape = [2, 2], strides = [2, 2], pads = [1, 1, 1, 1], ceil_mode = 1> (R)',
      '',
      20,
    ],
    ['SAME padding of a strided layer', 'Z = Conv <kernel_shape = [3, 3], strides = [2, 2], auto_pad = "SAME_UPPER"> (R, L)', '', 20],
    ['SAME padding of a strided pool', 'Z = MaxPool <kernel_shape = [3, 3], strides = [2, 2], auto_pad = "SAME_LOWER"> (R)', '', 11],
    ['SAME padding of a strided average', 'Z = AveragePool <kernel_shape = [3, 3], strides = [2, 2], auto_pad = "SAME_UPPER"> (R)', '', 13],
    ['a crop', 'Q = Pad (R, q) Z = Conv <kernel_shape = [3, 3]> (Q, L)', ', int64[8] q = {0, 0, -1, 0, 0, 0, 1, -2}', 20],
    [
      'every second place',
      'Z = Slice (R, s, e, a, t)',
      ', int64[2] s = {1, 0}, int64[2] e = {2147483647, 2147483647}, int64[2] a = {2, 3}, int64[2] t = {2, 2}',
      20,
    ],
    ['SAME padding of stride one', 'Z = Conv <kernel_shape = [3, 3], auto_pad = "SAME_UPPER"> (R, L)', '', 20],
    ['a Pad', 'Q = Pad (R, q) Z = Conv <kernel_shape = [3, 3]> (Q, L)', ', int64[8] q = {0, 0, 1, 0, 0, 0, 1, 2}', 20],
    ['channels scaled to length one', 'Z = LpNormalization <axis = 1> (A)', '', 20],
    ['a gate over the whole map', 'G = GlobalAveragePool (R) S = Sigmoid (G) Z = Mul (R, S)', '', 20],
    [
      'a depthwise layer beside a skip',
      'D = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1], group = 4> (R, D3) Z = Add (D, R)',
      ', float[4, 1, 3, 3] D3',
      20,
    ],
  ])(
    '%s',
    async (_, body, constants, opset) => {
      const original = parseGraph(on(body, constants, opset));
      const report = await refined(original, { stride: 1 });
      expect([report.shape.includes('height'), ...report.checks.slice(0, 2).map(({ status }) => status)]).toEqual([true, 'equal', 'equal']);
      // By shift-and-stitch it is the same map.
      const [dilated, shifted] = (['atrous', 'shift'] as const).map((dense) => compile(original, { stride: 1, dense }).model);
      if (dilated && shifted) await runBoth(dilated, shifted, 'reordered', { sizes: { height: 29, width: 34 } });
      expect(shifted?.graph.nodes.some((node) => /Pool|Conv/.test(node.op) && intsAttr(node, 'dilations')?.some((gap) => gap > 1))).toBe(
        false,
      );
    },
    240_000,
  );

  const along = (op: string, axis: number): Model => parseGraph(on(`Z = ${op} <axis = ${axis}> (R)`));
  test.each(['Softmax', 'LogSoftmax', 'Hardmax', 'LpNormalization'])('%s of channels', (op) =>
    expect(compile(along(op, 1), { stride: 1 }).report.outputs[0]?.converted).toEqual([1, 4, 'height - 18', 'width - 23']),
  );
  test.each(['Softmax', 'LogSoftmax', 'Hardmax'])('%s of rows runs on every window', async (op) => {
    const original = along(op, 2);
    const compiled = compile(original, { stride: 1 });
    expect(compiled.report.passes.some(({ pass, edits }) => pass === 'head-per-window' && edits > 0)).toBe(true);
    expectEqual(await verifyFiles(original, compiled.model, { compiled, budget: 1 }), 'original size', 'windows of the map');
  });
  test('LpNormalization of rows is refused', () => expect(() => compile(along('LpNormalization', 2), { stride: 1 })).toThrow(/cannot/));

  test('a map that lies as close already stays', () =>
    expectPass(
      denseStride(2),
      'g (float[1, 3, 8, 8] X) => (float[1, 4, 4, 4] Y) <float[4, 3, 1, 1] K> { Y = Conv <kernel_shape = [1, 1], strides = [2, 2]> (X, K) }',
    ).toStay());

  test.each([
    [3, /cannot have a cell every 3 pixels/],
    [0, /cannot have a cell every 0 pixels/],
  ])('a stride of %i is not a divisor', (stride, says) => {
    expect(() => compile(lenet(), { stride })).toThrow(says);
  });
  test('there is no finer map of one prediction', () =>
    expect(() => compile(lenet(), { stride: 2, head: 'image' })).toThrow(/no map that could be finer/));
  test('what is in the way is named', () => {
    const text = on('Z = Pad <mode = "edge"> (R, q)', ', int64[8] q = {0, 0, 1, 0, 0, 0, 1, 2}');
    let found: unknown;
    try {
      compile(parseGraph(text), { stride: 1 });
    } catch (error) {
      found = error;
    }
    expect(found).toBeInstanceOf(CompileError);
    expect(found).toMatchObject({ diagnostic: { code: 'CANNOT_REFINE', at: { op: 'Pad' } } });
  });
});

describe('dense-shift leaves alone', () => {
  const reason = (body: string, constants: string, stride: number): string => {
    const model =
      parseGraph(`<ir_version: 9, opset_import: ["" : 20]> g (float[N, 3, height, width] X) => (float[] Y) <float[4, 3, 1, 1] K${constants}> {
      A = Conv <kernel_shape = [1, 1], strides = [2, 2]> (X, K) ${body} }`);
    const [report] = runPasses(model, [denseShift(stride)]);
    expect(report?.edits).toBe(0);
    return report?.refusals[0]?.reason ?? '';
  };
  test.each([
    ['a batch that is taken together', 'Y = ReduceMean (A, a)', ', int64[1] a = {0}', 1, /batch/],
    ['a batch that is joined', 'Y = Concat <axis = 0> (A, A)', '', 1, /batch/],
    ['a batch that moves', 'Y = Transpose <perm = [1, 0, 2, 3]> (A)', '', 1, /batch/],
    ['an output that is not a map', 'Y = Transpose <perm = [0, 2, 3, 1]> (A)', '', 1, /not batch, channels and all spatial axes/],
    ['a stride that is not wholly undone', 'Y = MaxPool <kernel_shape = [3, 3], strides = [3, 3]> (A)', '', 3, /phase by phase/],
    ['a norm over places', 'Y = InstanceNormalization (A, s, s)', ', float[4] s = {1, 1, 1, 1}', 1, /normalises over places/],
  ])('%s', (_, body, constants, stride, says) => {
    expect(reason(body, constants, stride)).toMatch(says);
  });
});
