/** Pairs that this program did not make: names, layouts, types and shapes of outputs may differ, numbers may not. */
import { CompileError } from '../../../src/diagnostics/compile-error';
import type { Model } from '../../../src/ir/model';
import { fromNumbers, readNumbers } from '../../../src/ir/tensor';
import { type VerifyFilesOptions, verifyFiles } from '../../../src/verify/files/verify';
import type { VerifyReport } from '../../../src/verify/report';
import { parseGraph } from '../../support/expect-pass';

// A busy machine takes its time.
jest.setTimeout(60_000);

const verify = (a: Model, b: Model, options: VerifyFilesOptions = {}): Promise<VerifyReport> =>
  verifyFiles(a, b, { samples: 8, ...options });
const codeOf = (attempt: Promise<unknown>): Promise<string> =>
  attempt.then(
    () => 'none',
    (error: unknown) => (error instanceof CompileError ? error.diagnostic.code : String(error)),
  );

const TOP = '<ir_version: 9, opset_import: ["" : 18]>';
const BODY = `C = Conv <kernel_shape = [3, 3]> (X, K) R = Relu (C) P = GlobalAveragePool (R) F = Flatten (P) Y = Gemm <transB = 1> (F, W)`;
const original = parseGraph(`${TOP} g (float[1, 3, 8, 9] X) => (float[1, 7] Y) <float[4, 3, 3, 3] K, float[7, 4] W> { ${BODY} }`);

/** The same weights under the same names, whatever the graph. */
const copy = (text: string): Model => parseGraph(`${TOP} g ${text}`);

describe('pairs', () => {
  test('the same file: the same numbers, matched by name', async () => {
    const report = await verify(original, original.clone());
    expect(report.verdict).toBe('equal');
    expect(report.checks[0]?.outputs.Y?.maxAbs).toBe(0);
    expect(report.checks[0]?.agreement?.Y).toEqual({ cases: 8, sameBest: 1, sameTopFive: 1 });
    expect(report.match?.outputs).toEqual([{ original: 'Y', converted: 'Y', by: 'name', relation: 'same' }]);
  });

  test('renamed inputs and outputs are matched by order and shape, or as the user says', async () => {
    const renamed = copy(
      `(float[1, 3, 8, 9] pixels) => (float[1, 7] scores) <float[4, 3, 3, 3] K, float[7, 4] W> { ${BODY.replace('(X,', '(pixels,').replace('Y =', 'scores =')} }`,
    );
    const report = await verify(original, renamed);
    expect([report.verdict, report.match?.inputs[0]?.by]).toEqual(['equal', 'order']);
    const map = new Map([['X', 'pixels']]);
    expect((await verify(original, renamed, { map })).match?.inputs[0]?.by).toBe('option');
    expect(await codeOf(verify(original, renamed, { map: new Map([['X', 'image']]) }))).toBe('UNKNOWN_MAPPING');
    expect(await codeOf(verify(original, renamed, { map: new Map([['Z', 'pixels']]) }))).toBe('UNKNOWN_MAPPING');
  });

  test('an input with channels last is fed in its own layout', async () => {
    const last = copy(
      `(float[1, 8, 9, 3] X) => (float[1, 7] Y) <float[4, 3, 3, 3] K, float[7, 4] W> { T = Transpose <perm = [0, 3, 1, 2]> (X) ${BODY.replace('(X,', '(T,')} }`,
    );
    expect((await verify(original, last)).verdict).toBe('equal');
  });

  test('a copy in half precision is judged by the noise of half precision, and a fault in it is still found', async () => {
    const half = (wrong: boolean): Model => {
      const model = copy(`(float16[1, 3, 8, 9] X) => (float16[1, 7] Y) <float16[4, 3, 3, 3] K, float16[7, 4] W> { ${BODY} }`);
      if (!wrong) return model;
      const kernel = model.graph.constants.find(({ name }) => name === 'K');
      const numbers = kernel && readNumbers(kernel.constant);
      if (!kernel || !numbers) throw new Error('no kernel');
      numbers.set(numbers.slice(0, 27), 27);
      model.graph.replaceAllUses(kernel, model.graph.addConstant('sabotage', fromNumbers('float16', kernel.constant.shape, numbers)));
      return model;
    };
    const report = await verify(original, half(false));
    expect(report.verdict).toBe('equal');
    expect(report.tolerance.relative).toBeGreaterThan(2 ** -11);
    expect((await verify(original, half(true))).verdict).toBe('different');
  });

  const trunk = 'C = Conv <kernel_shape = [3, 3]> (X, K) R = Relu (C)';
  const weights = '<float[4, 3, 3, 3] K, float[7, 4] W>';
  test.each([
    [
      'cell',
      `(float[1, 3, 8, 9] X) => (float[1, 7, 1, 1] Y) ${weights} { ${BODY.replace('Y =', 'G =')} ax = Constant <value_ints = [2, 3]> () Y = Unsqueeze (G, ax) }`,
    ],
    [
      'mean',
      `(float[1, 3, 8, 9] X) => (float[1, 7, 6, 7] Y) ${weights} { ${trunk} s = Constant <value_ints = [7, 4, 1, 1]> () V = Reshape (W, s) Y = Conv <kernel_shape = [1, 1]> (R, V) }`,
    ],
  ])('the relation %s is found by shapes', async (relation, text) => {
    const report = await verify(original, copy(text));
    expect([report.verdict, report.match?.outputs[0]?.relation]).toEqual(['equal', relation]);
  });

  test('maps that are transposed or finer are compared where they correspond', async () => {
    const map = copy(
      `(float[1, 3, 8, 9] X) => (float[1, 4, 3, 4] Y) <float[4, 3, 3, 3] K> { Y = Conv <kernel_shape = [3, 3], strides = [2, 2]> (X, K) }`,
    );
    const finer = copy(`(float[1, 3, 8, 9] X) => (float[1, 4, 6, 7] Y) <float[4, 3, 3, 3] K> { Y = Conv <kernel_shape = [3, 3]> (X, K) }`);
    const turned = copy(
      `(float[1, 3, 8, 9] X) => (float[1, 3, 4, 4] Y) <float[4, 3, 3, 3] K> { C = Conv <kernel_shape = [3, 3], strides = [2, 2]> (X, K) Y = Transpose <perm = [0, 2, 3, 1]> (C) }`,
    );
    const sub = await verify(map, finer);
    expect([sub.verdict, sub.match?.outputs[0]?.relation]).toEqual(['equal', 'subsample']);
    // Square enough to be ambiguous: the usual order of axes wins.
    const other = await verify(map, turned, { relation: 'transposed' });
    expect([other.verdict, other.match?.outputs[0]?.relation]).toEqual(['equal', 'transposed']);
    expect(await codeOf(verify(map, turned, { relation: 'cell' }))).toBe('RELATION_DOES_NOT_FIT');
  });

  test('a difference says where, in units in the last place, and what became of the classes', async () => {
    const wrong = original.clone();
    const weight = wrong.graph.constants.find(({ name }) => name === 'W');
    if (!weight) throw new Error('no weight');
    const numbers = readNumbers(weight.constant);
    numbers[13] = (numbers[13] ?? 0) + 1e-3;
    wrong.graph.replaceAllUses(weight, wrong.graph.addConstant('sabotage', fromNumbers('float', weight.constant.shape, numbers)));
    const report = await verify(original, wrong);
    const found = report.checks[0]?.outputs.Y;
    expect(report.verdict).toBe('different');
    expect(found?.worst?.at).toEqual([0, 3]);
    expect(found?.worst?.ulps).toBeGreaterThan(100);
    // A tolerance for this output alone lets it through; one for another name does not.
    expect((await verify(original, wrong, { atol: { Y: 1 } })).verdict).toBe('equal');
    expect((await verify(original, wrong, { atol: { Z: 1 } })).verdict).toBe('different');
  });

  test('an input that is nowhere, and sizes that nobody knows, are errors', async () => {
    const two = copy(`(float[1, 3, 8, 9] X, float[5] B) => (float[1, 7] Y) ${weights} { ${BODY} }`);
    expect(await codeOf(verify(original, two))).toBe('CANNOT_MATCH');
    const open = copy(`(float[1, "T", 9] X) => (float[1, "T", 9] Y) { Y = Relu (X) }`);
    expect(await codeOf(verify(open, open.clone()))).toBe('OPEN_DIMENSION');
  });
});
