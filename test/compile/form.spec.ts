import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compile } from '../../src/compile';
import { beforeEnds } from '../../src/compile/ends';
import { declaredForm, type FormRequest, formOf } from '../../src/compile/form';
import { closeModel, readModelFile } from '../../src/files';
import type { Model } from '../../src/ir/model';
import { fromNumbers } from '../../src/ir/tensor';
import { modelToBytes } from '../../src/onnx/write';
import { verifyFiles } from '../../src/verify/files/verify';
import { useProgram } from '../support/cli';
import { codeOf } from '../support/code-of';
import { parseGraph } from '../support/expect-pass';

/** A SAME stem and a pool that rounds up: at each size they pad and round otherwise. */
const NETWORK = `g (float[N, 2, 12, 12] X) => (float[N, 5] Y) <float[4, 2, 3, 3] K, float[5, 36] W, float[5] B> {
  a = Conv <auto_pad = "SAME_UPPER", strides = [2, 2]> (X, K)
  r = Relu (a)
  p = MaxPool <kernel_shape = [2, 2], strides = [2, 2], ceil_mode = 1> (r)
  f = Flatten (p)
  Y = Gemm <transB = 1> (f, W, B) }`;
/** Blocks of 2x2 pixels become channels: even sizes alone. */
const BLOCKS = `g (float[N, 2, 12, 12] X) => (float[N, 5] Y) <float[4, 8, 3, 3] K, float[5, 64] W> {
  s = SpaceToDepth <blocksize = 2> (X)
  a = Conv (s, K)
  f = Flatten (a)
  Y = Gemm <transB = 1> (f, W) }`;

const size = (...lengths: readonly number[]): FormRequest['size'] => ({ lengths });
const shapes = ({ graph }: Model): unknown => [graph.inputs, graph.outputs].map((list) => list.map(({ type }) => type?.shape));

describe('the form of a converted model', () => {
  test.each([
    [16, 20],
    [13, 15],
    [12, 31],
  ])('at %i x %i is the model itself, with the padding of that size', async (height, width) => {
    const original = parseGraph(NETWORK);
    const compiled = compile(original);
    const formed = formOf(compiled, { size: size(height, width) });
    expect(formed.model.graph.nodes.filter(({ attrs }) => attrs.has('auto_pad'))).toEqual([]);
    expect(formed.model.graph.nodes.every(({ outputs }) => outputs.every(({ type }) => type?.shape?.every(Number.isInteger)))).toBe(true);
    const report = await verifyFiles(original, compiled.model, {
      compiled,
      budget: 1,
      samples: 1,
      form: { source: modelToBytes(formed.model), model: formed.model, form: formed.form },
    });
    expect(report.checks.filter(({ name }) => name === 'fixed form').map(({ status }) => status)).toEqual(['equal']);
    expect(report.verdict).toBe('equal');
  });
  // A window of 12 with stride 4, and one of 13 (its centre is a pixel) with stride 2: the two ways of `centres`.
  test.each([
    [NETWORK, { softmax: true, upsample: 'centres' }],
    [
      NETWORK.replace('auto_pad = "SAME_UPPER", strides = [2, 2]', 'pads = [1, 1, 1, 1]')
        .replaceAll('12, 12', '11, 11')
        .replace('[5, 36]', '[5, 144]'),
      { upsample: 'centres', argmax: true },
    ],
    [NETWORK, { upsample: 'bilinear' }],
  ] as const)('with ends is what their definitions say (%#)', async (text, ends) => {
    const original = parseGraph(text);
    const compiled = compile(original);
    for (const request of [{ ends }, { ends, size: size(21, 18) }]) {
      const formed = formOf(compiled, request);
      const form = { source: modelToBytes(formed.model), model: formed.model, form: formed.form };
      const { checks } = await verifyFiles(original, compiled.model, { compiled, budget: 1, samples: 1, form });
      expect(checks.filter(({ name }) => name === 'fixed form').map(({ status }) => status)).toEqual(['equal']);
    }
  });
  test('is refused for outputs that have no such end', () => {
    const shares = compile(
      parseGraph(NETWORK.replace('Y = Gemm', 's = Gemm').replace('(f, W, B)', '(f, W, B) Y = Softmax <axis = 1> (s)')),
    );
    expect(codeOf(() => formOf(shares, { ends: { softmax: true } }))).toBe('END_NOT_FOR');
    const image = compile(parseGraph(NETWORK), { head: 'image' });
    expect(codeOf(() => formOf(image, { ends: { upsample: 'bilinear' } }))).toBe('END_NOT_FOR');
    expect(declaredForm(formOf(image, { ends: { softmax: true } }).model)?.ends).toMatchObject({
      Y: { softmax: true, axis: 1, classes: 5 },
    });
  });
  test.each(['bilinear', 'centres'] as const)('is read in front of its pixels and labels (%s)', (upsample) => {
    const compiled = compile(parseGraph(NETWORK));
    const plain = formOf(compiled, { size: size(21, 18) });
    const { model, form } = formOf(compiled, { size: size(21, 18), ends: { upsample, argmax: true } });
    expect(shapes(model)).toEqual([[[1, 2, 21, 18]], [[1, 21, 18]]]);
    const before = beforeEnds(model, form.ends ?? {});
    expect(shapes(before)).toEqual(shapes(plain.model));
    expect(before.graph.nodes.map(({ op }) => op)).toEqual(plain.model.graph.nodes.map(({ op }) => op));
    expect(before.graph.outputs.map(({ name }) => name)).toEqual(['Y']);
  });
  test('of a batch', () => {
    const compiled = compile(parseGraph(NETWORK));
    expect(shapes(formOf(compiled, { size: size(16, 16), batch: 3 }).model)).toEqual([[[3, 2, 16, 16]], [[3, 5, 2, 2]]]);
    expect(shapes(formOf(compiled, { size: size(16, 16) }).model)).toEqual([[[1, 2, 16, 16]], [[1, 5, 2, 2]]]);
    expect(shapes(formOf(compiled, { batch: 2 }).model)).toEqual([
      [[2, 2, 'height', 'width']],
      [[2, 5, expect.any(String), expect.any(String)]],
    ]);
  });
  test('is refused at sizes of which a part would be cut off, and names the nearest', () => {
    const compiled = compile(parseGraph(BLOCKS));
    expect(() => formOf(compiled, { size: size(17, 20) })).toThrow(
      expect.objectContaining({ diagnostic: expect.objectContaining({ hint: 'nearest: --fix-size 16x20 or 18x20' }) }),
    );
    expect(codeOf(() => formOf(compiled, { size: size(4, 20) }))).toBe('SIZE_NOT_TAKEN');
    const { model } = formOf(compiled, { size: size(16, 20) });
    expect(model.graph.nodes.map(({ op }) => op)).not.toContain('Slice');
  });
  test('cannot be converted again, nor be of another batch than the file', () => {
    const compiled = compile(parseGraph(NETWORK.replace('[N, 2', '[1, 2')));
    expect(codeOf(() => formOf(compiled, { batch: 2 }))).toBe('BATCH_FIXED');
    const { model } = formOf(compiled, { size: size(16, 16) });
    expect(codeOf(() => compile(model))).toBe('FORMED_ALREADY');
  });
});

describe('convert --fix-size', () => {
  const program = useProgram();
  test('runs in ONNX Runtime Web, is verified as a file of its own, and a file with another number is found', async () => {
    const folder = program.directory();
    const [original, fixed] = [join(folder, 'net.onnx'), join(folder, 'fixed.onnx')];
    writeFileSync(original, modelToBytes(parseGraph(NETWORK)));
    const made = await program.run([
      'convert',
      original,
      '-o',
      fixed,
      '--fix-size',
      '21x18',
      '--runtime',
      'wasm',
      '--verify-budget',
      '1s',
      '-n',
      '1',
      '--json',
    ]);
    const { form, verification } = JSON.parse(made.stdout);
    expect(form).toMatchObject({ size: { X: [21, 18] }, batch: 1, inputs: { X: [1, 2, 21, 18] }, outputs: { Y: [1, 5, 4, 3] } });
    expect(verification.checks).toContainEqual(expect.objectContaining({ name: 'fixed form', status: 'equal', sizes: ['21x18'] }));
    expect(verification.runtime).toContain('WebAssembly');
    expect((await program.run(['verify', original, fixed, '--verify-budget', '1s', '-n', '1'])).code).toBe(0);
    const model = readModelFile(fixed, {});
    const bias = model.graph.constants.find(({ constant }) => constant.shape.length === 1 && constant.dtype === 'float');
    const other = model.clone();
    const named = other.graph.constants.find(({ name }) => name === bias?.name);
    if (!named) throw new Error('the network has a bias');
    other.graph.replaceAllUses(named, other.graph.addConstant('moved', fromNumbers('float', [5], [0, 0, 0, 0, 1e-3])));
    writeFileSync(join(folder, 'moved.onnx'), modelToBytes(other));
    closeModel(model);
    const found = await program.run(['verify', original, join(folder, 'moved.onnx'), '--verify-budget', '1s', '-n', '1']);
    expect([found.code, found.stdout]).toEqual([1, expect.stringMatching(/fixed form\s+different/)]);
  });
});
