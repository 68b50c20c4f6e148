import { type CompileOptions, compile } from '../../src/compile';
import { CompileError } from '../../src/diagnostics/compile-error';
import { readNumbers } from '../../src/ir/tensor';
import { parseGraph } from '../support/expect-pass';
import { feedsFor, runModel } from '../support/run';

const header = '<ir_version: 9, opset_import: ["" : 18]>';
const trunk = 'C = Conv <kernel_shape = [3, 3], strides = [2, 2]> (X, K) R = Relu (C)';
const weights = 'float[4, 3, 3, 3] K, float[5, 36] W, float[5] B';
const classifier = (input = 'float[N, 3, 7, 7] X', extra = '', outputs = 'float[N, 5] Y', more = ''): string =>
  `${header} g (${input}) => (${outputs}) <${weights}${more}> { ${trunk} F = Flatten (R) Y = Gemm <transB = 1> (F, W, B) ${extra} }`;
const shapesOf = (text: string, options: CompileOptions = {}): unknown =>
  compile(parseGraph(text), options).report.outputs.map(({ converted }) => converted);
const failure = (text: string, options: CompileOptions = {}): string => {
  try {
    compile(parseGraph(text), options);
    return 'no error';
  } catch (error) {
    return error instanceof CompileError ? `${error.code}: ${error.message}` : `crash: ${String(error)}`;
  }
};

describe('compile', () => {
  test('a vector becomes a map', () => {
    expect(shapesOf(classifier())).toEqual([['N', 5, 'floor((height + 1)/2) - 3', 'floor((width + 1)/2) - 3']]);
  });

  test('the model that is given is not touched', () => {
    const model = parseGraph(classifier());
    const before = model.graph.edits;
    compile(model);
    expect(model.graph.edits).toBe(before);
  });

  test('two classifiers on one trunk, and a vector that an output and another layer read', () => {
    const text = classifier(
      'float[N, 3, 7, 7] X',
      'S = Softmax <axis = 1> (Y) Z = Gemm <transB = 1> (F, V)',
      'float[N, 5] Y, float[N, 5] S, float[N, 2] Z',
      ', float[2, 36] V',
    );
    expect(shapesOf(text)).toEqual([5, 5, 2].map((features) => ['N', features, 'floor((height + 1)/2) - 3', 'floor((width + 1)/2) - 3']));
  });

  test('--outputs keeps some and removes what only the others need', () => {
    const text = classifier('float[N, 3, 7, 7] X', 'Z = Gemm <transB = 1> (F, V)', 'float[N, 5] Y, float[N, 2] Z', ', float[2, 36] V');
    const { model } = compile(parseGraph(text), { outputs: ['Z'] });
    expect(model.graph.outputs.map(({ name }) => name)).toEqual(['Z']);
    expect(model.graph.constants.map(({ constant }) => constant.shape[0])).toEqual([4, 2]);
  });

  test('a pooled classifier of an NHWC image, its Transpose at the border', () => {
    const text = `${header} g (float[N, 7, 7, 3] X) => (float[N, 5] Y) <float[4, 3, 3, 3] K, float[4, 5] W, int64[2] a = {1, 2}> {
      T = Transpose <perm = [0, 3, 1, 2]> (X) C = Conv <kernel_shape = [3, 3]> (T, K) U = Transpose <perm = [0, 2, 3, 1]> (C) R = Relu (U)
      P = ReduceMean <keepdims = 0> (R, a) Y = MatMul (P, W) }`;
    expect(shapesOf(text)).toEqual([['N', 5, 'height - 6', 'width - 6']]);
  });

  test.each(['window', 'cell', 'image'] as const)('--head %s gives the original numbers at the original size', async (head) => {
    const text = `${header} g (float[1, 3, 7, 7] X) => (float[1, 5] Y) <float[4, 3, 3, 3] K, float[5, 4] W, float[5] B> {
      ${trunk} P = GlobalAveragePool (R) F = Flatten (P) Y = Gemm <transB = 1> (F, W, B) }`;
    const original = parseGraph(text);
    const { model } = compile(original, { head });
    const feeds = feedsFor(original.graph.inputs);
    const [expected, actual] = [(await runModel(original, feeds)).get('Y'), (await runModel(model, feeds)).get('Y')];
    const numbers = actual ? readNumbers(actual) : new Float64Array();
    const cells = numbers.length / 5;
    const means = Array.from(
      { length: 5 },
      (_, k) => numbers.slice(k * cells, (k + 1) * cells).reduce((sum, number) => sum + number, 0) / cells,
    );
    expect(actual?.shape).toEqual({ window: [1, 5, 1, 1], cell: [1, 5, 3, 3], image: [1, 5] }[head]);
    for (const [k, number] of (expected ? readNumbers(expected) : []).entries()) expect(means[k]).toBeCloseTo(number, 5);
  });

  test.each<[string, string, CompileOptions, RegExp]>([
    ['whose input has no size', classifier('float[N, 3, H, W] X').replace('float[N, 5] Y', 'float[M, 5] Y'), {}, /INPUT_SIZE_NEEDED.*'X'/],
    ['whose size is asked for otherwise than it is', classifier(), { inputSize: { lengths: [9, 9] } }, /INPUT_SIZE_CONFLICT/],
    [
      'with an input that it does not have',
      classifier(),
      { inputSize: { shapes: new Map([['Z', [1, 3, 7, 7]]]) } },
      /UNKNOWN_INPUT: the model has no input 'Z'/,
    ],
    ['with an output that it does not have', classifier(), { outputs: ['Z'] }, /UNKNOWN_OUTPUT: the model has no output 'Z'/],
    ['with a pass that there is not', classifier(), { skip: ['nonsense'] }, /UNKNOWN_PASS/],
    [
      'without an image',
      `${header} g (float[N, 8] X) => (float[N, 5] Y) <float[5, 8] W> { Y = Gemm <transB = 1> (X, W) }`,
      {},
      /NO_IMAGE_INPUT/,
    ],
    [
      'without a classifier',
      `${header} g (float[N, 3, 7, 7] X) => (float[N, 4, 3, 3] R) <float[4, 3, 3, 3] K> { ${trunk} }`,
      {},
      /NOTHING_TO_CONVERT/,
    ],
    ['with a fully connected classifier and --head cell', classifier(), { head: 'cell' }, /NOT_CONVERTIBLE.*no global average/],
    [
      'with a function that is not monotone behind its average and --head cell',
      `${header} g (float[N, 3, 7, 7] X) => (float[N, 4] Y) <float[4, 3, 3, 3] K> { ${trunk} P = GlobalAveragePool (R) T = Sin (P) Y = Flatten (T) }`,
      { head: 'cell' },
      /Sin 'T' stands between the average and the output/,
    ],
    [
      'with position embeddings',
      `${header} g (float[N, 3, 7, 7] X) => (float[N, 5] Y) <${weights}, float[1, 4, 3, 3] E> { ${trunk} P = Add (R, E) F = Flatten (P) Y = Gemm <transB = 1> (F, W, B) }`,
      {},
      /CANNOT_SLIDE.*'E' \[1, 4, 3, 3\] has a separate number for each position/,
    ],
    [
      'that names the best class and --head image',
      classifier('float[N, 3, 7, 7] X', 'Z = ArgMax <axis = 1> (Y)', 'int64[N, 1] Z'),
      { head: 'image' },
      /NOT_CONVERTIBLE.*its numbers are int64: labels have no average/,
    ],
    [
      'that adds numbers of two types',
      classifier()
        .replace('float[5] B', 'double[5] B')
        .replace('Y = Gemm <transB = 1> (F, W, B)', 'M = Gemm <transB = 1> (F, W) Y = Add (M, B)'),
      {},
      /BAD_GRAPH: Add 'Y' reads 'M' of type float and 'B' of type double/,
    ],
    [
      'whose Dropout hands on its mask',
      classifier().replace('Y = Gemm <transB = 1> (F', 'D, M = Dropout (F) Q = Cast <to = 1> (M) E = Mul (D, Q) Y = Gemm <transB = 1> (E'),
      {},
      /NOT_CONVERTIBLE: output 'Y' cannot become a map: Dropout '\w+': its mask is read/,
    ],
    [
      'with a bias of its own for each image of the batch',
      classifier('float[2, 3, 7, 7] X', '', 'float[2, 5] Y').replace('float[5] B', 'float[2, 5] B'),
      {},
      /NOT_CONVERTIBLE.*Gemm 'Y': the bias is not one number per output/,
    ],
    [
      'whose weight is computed',
      classifier('float[N, 3, 7, 7] X, float[5, 36] W').replace(', float[5, 36] W,', ','),
      { skip: ['head-per-window'] },
      /NOT_CONVERTIBLE.*input 1 of Gemm 'Y', 'W', is not constant/,
    ],
    [
      'with an operator behind the classifier that is not known',
      classifier('float[N, 3, 7, 7] X', 'Z = acme.Vote (Y)', 'float[N, 5] Z').replace('["" : 18]', '["" : 18, "acme" : 1]'),
      {},
      /NOT_CONVERTIBLE: output 'Z' cannot become a map: acme.Vote 'Z': no rule is known that makes it work for each window/,
    ],
    [
      'whose output flattens a map of many cells',
      `${header} g (float[N, 3, 7, 7] X) => (float[N, 36] Y) <float[4, 3, 3, 3] K> { ${trunk} Y = Flatten (R) }`,
      { skip: ['head-per-window'] },
      /NOT_CONVERTIBLE.*places would change their meaning/,
    ],
  ])('a model %s is refused', (_, text, options, says) => {
    expect(failure(text, options)).toMatch(says);
  });

  test('a size that the file does not say is given', () => {
    const text = classifier('float[N, 3, H, W] X').replace('float[N, 5] Y', 'float[M, 5] Y');
    expect(shapesOf(text, { inputSize: { lengths: [7, 7] } })).toEqual([['N', 5, 'floor((height + 1)/2) - 3', 'floor((width + 1)/2) - 3']]);
  });
});

test('what is only folded need not look at images', () => {
  const model = parseGraph('g (float[3, 4] X, float[4] B) => (float[3, 4] Y) { A = Identity (X) Y = Add (A, B) }');
  const { report, model: folded } = compile(model, { head: 'original' });
  expect(report.windows).toEqual([]);
  expect(folded.graph.nodes.map(({ op }) => op)).toEqual(['Add']);
  expect(() => compile(model)).toThrow(expect.objectContaining({ code: 'NO_IMAGE_INPUT' }));
});
