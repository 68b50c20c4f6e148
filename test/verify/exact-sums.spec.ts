/** The original with its long sums in double precision: the same function, nearer to the truth. */
import type { Model } from '../../src/ir/model';
import { inferShapes } from '../../src/ir/shape-inference';
import { modelToBytes } from '../../src/onnx/write';
import { using } from '../../src/verify/bench';
import { withExactSums } from '../../src/verify/exact-sums';
import { makeInput } from '../../src/verify/inputs';
import type { Numbers } from '../../src/verify/onnx-runner';
import { openSession } from '../../src/verify/runtime/node';
import { parseGraph } from '../support/expect-pass';

const graph = (text: string, opset = 21): Model => {
  const model = parseGraph(`<ir_version: 10, opset_import: ["" : ${opset}]> ${text}`);
  inferShapes(model);
  return model;
};
const exactly = (model: Model): Model => {
  const exact = withExactSums(model);
  if (!exact) throw new Error('nothing long in it');
  return exact;
};
const run = async (model: Model, x: Numbers): Promise<ArrayLike<number>> => {
  const results = await using(openSession(modelToBytes(model), 'the model'), (session) => session.run(new Map([['X', x]])));
  return results.get('Y')?.data ?? [];
};

const instance = graph(`g (float[N, 3, 12, 8] X) => (float[N, 3, 12, 8] Y) <float[3] s = {1.5, -2, 0.5}, float[3] b = {0.25, 0, -1}> {
  Y = InstanceNormalization <epsilon = 0.01> (X, s, b) }`);
const groups = graph(`g (float[N, 4, 12, 8] X) => (float[N, 4, 12, 8] Y) <float[4] s = {1.5, -2, 0.5, 3}, float[4] b = {0.25, 0, -1, 2}> {
  Y = GroupNormalization <num_groups = 2, epsilon = 0.01> (X, s, b) }`);
const layer = graph(`g (float[N, 3, 12, 8] X) => (float[N, 3, 12, 8] Y) <float[12, 8] s, float[12, 8] b> {
  Y = LayerNormalization <axis = 2, epsilon = 0.01> (X, s, b) }`);
const bare = graph(`g (float[N, 3, 12, 8] X) => (float[N, 3, 12, 8] Y) <float[3, 12, 8] s> { Y = LayerNormalization <axis = -3> (X, s) }`);
const squares = graph(
  `g (float[N, 3, 12, 8] X) => (float[N, 3, 12, 8] Y) <float[12, 8] s> { Y = RMSNormalization <axis = 2, epsilon = 0.01> (X, s) }`,
  23,
);
const pool = graph(`g (float[N, 3, 12, 8] X) => (float[N, 5] Y) <int64[2] a = {2, 3}, float[3, 5] W> {
  M = ReduceMean <keepdims = 0> (X, a) Y = Gemm (M, W) }`);

describe('long sums in double precision', () => {
  test.each([
    ['InstanceNormalization', instance],
    ['GroupNormalization', groups],
    ['LayerNormalization over two axes', layer],
    ['LayerNormalization over three axes, without a shift', bare],
    ['RMSNormalization', squares],
    ['ReduceMean of the head', pool],
  ])('%s: the same function, in batches as well', async (_, model) => {
    const exact = exactly(model);
    expect(exact.graph.nodes.some(({ op }) => op.endsWith('Normalization'))).toBe(false);
    expect(exact.graph.nodes.some(({ op, inputs }) => op === 'ReduceMean' && inputs[0]?.type?.dtype !== 'double')).toBe(false);
    const channels = model.graph.inputs[0]?.type?.shape?.[1];
    const x = makeInput('normal', 3, 'float', [2, Number(channels), 12, 8], [2, 3]);
    const [expected, found] = [await run(model, x), await run(exact, x)];
    expect(found).toHaveLength(expected.length);
    const largest = Math.max(...Array.from(expected, Math.abs));
    Array.from(expected).forEach((number, at) => {
      expect(Math.abs(number - (found[at] ?? Number.NaN)) / largest).toBeLessThan(2e-6);
    });
  });

  test('a plain background with one line: the truth, where the runtime is off by much more', async () => {
    const [height, width] = [448, 448];
    const model =
      graph(`g (float[1, 1, ${height}, ${width}] X) => (float[1, 1, ${height}, ${width}] Y) <float[1] s = {1}, float[1] b = {0}> {
      Y = InstanceNormalization (X, s, b) }`);
    const data = new Float32Array(height * width).fill(0.1).fill(0.7, 9 * width, 10 * width);
    const mean = data.reduce((sum, number) => sum + number, 0) / data.length;
    const variance = data.reduce((sum, number) => sum + (number - mean) ** 2, 0) / data.length;
    const truth = Float64Array.from(data, (number) => (number - mean) / Math.sqrt(variance + Math.fround(1e-5)));
    const x = { dtype: 'float', shape: [1, 1, height, width], data };
    const off = (found: ArrayLike<number>): number =>
      Math.max(...[0, 9 * width].map((at) => Math.abs((found[at] ?? 0) - (truth[at] ?? 0))));
    const [own, exact] = [off(await run(model, x)), off(await run(exactly(model), x))];
    expect(exact).toBeLessThan(1e-6);
    expect(own).toBeGreaterThan(10 * exact);
  });

  test('short sums, and a norm whose statistics are read, are left alone', () => {
    for (const text of [
      'g (float[1, 3, 6, 6] X) => (float[1, 3, 6, 6] Y) <float[3] s, float[3] b> { Y = InstanceNormalization (X, s, b) }',
      'g (float[1, 3, 6, 6] X) => (float[1, 3, 6, 6] Y) <float[6] s> { Y = LayerNormalization (X, s) }',
      'g (float[1, 3, 9, 9] X) => (float[1, 3, 9, 9] Y, float[1, 3, 1, 1] M) <float[9, 9] s> { Y, M = LayerNormalization <axis = 2> (X, s) }',
      'g (double[1, 3, 9, 9] X) => (double[1, 3, 9, 9] Y) <double[3] s, double[3] b> { Y = InstanceNormalization (X, s, b) }',
    ])
      expect(withExactSums(graph(text))).toBeUndefined();
  });
});
