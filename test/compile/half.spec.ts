import { statSync } from 'node:fs';
import { join } from 'node:path';
import { compile } from '../../src/compile';
import { declaredForm, formOf, inHalf } from '../../src/compile/form';
import { halved } from '../../src/compile/half';
import type { Model } from '../../src/ir/model';
import { computedTensor, readNumbers } from '../../src/ir/tensor';
import { modelToBytes } from '../../src/onnx/write';
import { rangesOf } from '../../src/verify/files/ranges';
import { verifyFiles } from '../../src/verify/files/verify';
import type { VerifyReport } from '../../src/verify/report';
import { useProgram } from '../support/cli';
import { codeOf } from '../support/code-of';
import { parseGraph } from '../support/expect-pass';

/** A norm, a square, an exponential, a sum of 1,152 terms, and plain layers. */
const NETWORK = `g (float[N, 2, 10, 10] X) => (float[N, 5] Y) <float[128, 2, 3, 3] K, float[8, 128, 3, 3] L, float[8] S, float[5, 200] W, float[5] B> {
  a = Conv <pads = [1, 1, 1, 1]> (X, K)
  r = Relu (a)
  b = Conv <pads = [1, 1, 1, 1]> (r, L)
  n = InstanceNormalization (b, S, S)
  q = Mul (n, n)
  t = Tanh (q)
  p = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (t)
  f = Flatten (p)
  Y = Gemm <transB = 1> (f, W, B) }`;
const PLAIN = `g (float[N, 2, 10, 10] X) => (float[N, 5] Y) <float[8, 2, 3, 3] K, float S, float[5, 128] W, float[5] B> {
  a = Conv (X, K)
  r = Relu (a)
  s = Mul (r, S)
  d = Div (s, S)
  p = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (d)
  f = Flatten (p)
  Y = Gemm <transB = 1> (f, W, B) }`;

const options = { budget: 1, samples: 1 };
/** The converted model in half precision, and its verification. */
async function inHalves(original: Model, form: Parameters<typeof formOf>[1] = {}, change: (model: Model) => void = () => {}) {
  const compiled = compile(original);
  const formed = formOf(compiled, form);
  const measured = await rangesOf(formed.model, { windows: compiled.report.windows, options });
  const half = inHalf(formed, { ends: form.half?.ends ?? false }, measured);
  change(half.model);
  const report = await verifyFiles(original, compiled.model, {
    ...options,
    compiled,
    form: { source: modelToBytes(half.model), model: half.model, form: half.form },
  });
  return { half, report, measured };
}
const price = ({ checks }: VerifyReport): number =>
  Math.max(
    ...checks.filter(({ name }) => name === 'half precision').flatMap(({ outputs }) => Object.values(outputs).map(({ maxRel }) => maxRel)),
  );
const types = ({ graph }: Model): Record<string, string | undefined> =>
  Object.fromEntries([...graph.inputs, ...graph.nodes.flatMap(({ outputs }) => outputs)].map(({ name, type }) => [name, type?.dtype]));

describe('a model in half precision', () => {
  test('keeps norms, squares and long sums in float32, stores their weights in float16, and costs what rounding costs', async () => {
    const { half, report, measured } = await inHalves(parseGraph(NETWORK));
    expect(half.half?.kept.map(({ op, why }) => `${op} ${why}`)).toEqual(['Conv sum', 'InstanceNormalization operator', 'Mul operator']);
    expect(half.half?.kept[0]?.text).toBe('its sums have 1152 terms');
    expect(measured.on).toMatch(/^random inputs: normal, .*10x10, 15x15$/);
    expect(types(half.model)).toMatchObject({
      X: 'float',
      Y: 'float',
      a: 'float16',
      r: 'float16',
      b: 'float',
      n: 'float',
      q: 'float',
      t: 'float16',
    });
    const stored = half.model.graph.constants.filter(({ constant }) => constant.shape.length === 4);
    expect(stored.map(({ constant }) => constant.dtype)).toEqual(expect.arrayContaining(['float16', 'float16', 'float16']));
    expect(declaredForm(half.model)?.half).toEqual({ ends: false });
    expect(report.verdict).toBe('measured');
    expect(price(report)).toBeGreaterThan(1e-5);
    expect(price(report)).toBeLessThan(0.01);
  });
  test('at one size, with shares of classes, and float16 at its ends', async () => {
    const { half, report } = await inHalves(parseGraph(PLAIN.replaceAll('s = Mul (r, S)', 's = Abs (r)')), {
      size: { lengths: [14, 16] },
      ends: { softmax: true },
      half: { ends: true },
    });
    expect(types(half.model)).toMatchObject({ X: 'float16', Y: 'float16' });
    expect(half.half?.kept.map(({ op }) => op)).toEqual(['Softmax']);
    expect(report.verdict).toBe('measured');
  });
  test('keeps values in float32 that float16 cannot hold', async () => {
    const original = parseGraph(PLAIN);
    const scale = original.graph.constants.find(({ name }) => name === 'S');
    if (scale)
      original.graph.replaceAllUses(
        scale,
        original.graph.addConstant(
          'T',
          computedTensor('float', [], () => [20000]),
        ),
      );
    const { half, report } = await inHalves(original);
    expect(half.half?.kept.map(({ op, why }) => `${op} ${why}`)).toEqual(['Mul large', 'Div large']);
    expect(report.verdict).toBe('measured');
  });
  test('is different if a weight is', async () => {
    const { report } = await inHalves(parseGraph(PLAIN), {}, ({ graph }) => {
      const weight = graph.constants.find(
        ({ constant }) => constant.dtype === 'float16' && constant.shape[0] === 5 && constant.shape.length > 1,
      );
      if (!weight) throw new Error('no weight');
      const { shape } = weight.constant;
      const off = computedTensor('float16', shape, () => readNumbers(weight.constant).map((number) => number * 1.05));
      graph.replaceAllUses(weight, graph.addConstant('off', off));
    });
    expect(report.verdict).toBe('different');
  });
  test('is refused where nothing is in float32', () => {
    const formed = formOf(compile(parseGraph(PLAIN)), {});
    expect(codeOf(() => inHalf(formed, { ends: false }, { ranges: new Map(), on: 'nothing' }))).toBe('NOTHING_IN_HALF');
    expect(halved(formed.model, new Map()).kept.every(({ why }) => why === 'unknown')).toBe(true);
  });

  const program = useProgram();
  const run = (...args: readonly string[]): ReturnType<typeof program.run> => program.run(args);
  test('is written by --fp16, at half the size, and verify knows it again', async () => {
    const output = join(program.directory(), 'half.onnx');
    const lenet5 = 'fixtures/models/lenet5.onnx';
    const { code, stdout } = await run('convert', lenet5, '-o', output, '--fp16', '--verify-budget', '1s');
    expect(stdout).toContain('11 nodes compute in float16, 0 stay in float32; ranges measured on random inputs');
    expect(stdout).toContain('within 4 times what float16 must cost');
    expect(code).toBe(0);
    expect(statSync(output).size).toBeLessThan(0.55 * statSync(lenet5).size);
    expect((await run('verify', lenet5, output, '--verify-budget', '1s')).stdout).toMatch(/half precision +measured/);
    expect((await run('convert', lenet5, '-o', output, '-f', '--inputs', 'fixtures/photos')).stderr).toContain('give --fp16');
    expect((await run('convert', output, '-o', `${output}.again.onnx`)).stderr).toContain('FORMED_ALREADY');
  }, 60_000);
});
