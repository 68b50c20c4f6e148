/** The tolerance follows from what the original does on its own: wide enough for another order of the same sums, too narrow for a fault. */
import { compile, freeSizes } from '../../src/compile';
import type { Model } from '../../src/ir/model';
import { fromNumbers, readNumbers } from '../../src/ir/tensor';
import { modelToBytes } from '../../src/onnx/write';
import { verifyModels } from '../../src/verify/equivalence';
import { nudged } from '../../src/verify/inputs';
import type { VerifyReport } from '../../src/verify/report';
import { openSession } from '../../src/verify/runtime/node';
import { parseGraph } from '../support/expect-pass';

async function judged(source: Model, fault: (model: Model) => void = () => {}): Promise<VerifyReport> {
  const { model, original, report } = compile(source);
  fault(model);
  return verifyModels({
    original: { source: modelToBytes(original), model: original },
    converted: { source: modelToBytes(model), model },
    windows: report.windows,
    contract: report.contract,
    free: freeSizes,
    open: openSession,
    place: (part) => modelToBytes(part),
  });
}

/** The largest weight of the last convolution, times 1 + `by`. */
const changeWeight =
  (by: number) =>
  ({ graph }: Model): void => {
    const conv = graph.nodes.filter(({ op }) => op === 'Conv').at(-1);
    const tensor = conv?.inputs[1]?.constant;
    if (!conv || !tensor) throw new Error('no convolution');
    const numbers = readNumbers(tensor);
    const largest = numbers.reduce((at, number, index) => (Math.abs(number) > Math.abs(numbers[at] ?? 0) ? index : at), 0);
    numbers[largest] = (numbers[largest] ?? 0) * (1 + by);
    graph.replaceInput(conv, 1, graph.addConstant('sabotage', fromNumbers(tensor.dtype, tensor.shape, numbers)));
  };

const half = `<ir_version: 9, opset_import: ["" : 18]> g (float[1, 3, 8, 8] X) => (float[1, 5] Y)
  <float16[4, 3, 3, 3] K, float16[5, 4] W> {
    H = Cast <to = 10> (X) C = Conv <kernel_shape = [3, 3]> (H, K) R = Relu (C) P = GlobalAveragePool (R) F = Flatten (P)
    G = Gemm <transB = 1> (F, W) Y = Cast <to = 1> (G) }`;
/** A pool of 900 cells: sums long enough for their order to show. */
const pooled = `<ir_version: 9, opset_import: ["" : 18]> g (float[1, 3, 32, 32] X) => (float[1, 5] Y)
  <float[8, 3, 3, 3] K, float[5, 8] W> {
    C = Conv <kernel_shape = [3, 3]> (X, K) R = Relu (C) P = GlobalAveragePool (R) F = Flatten (P) Y = Gemm <transB = 1> (F, W) }`;

describe('tolerance', () => {
  test.each([
    ['half precision between two Casts', half, 2 ** -10, 8 * 2 ** -10],
    ['a long average', pooled, 2 ** -20, 2 ** -16],
  ])(
    '%s: equal, within bounds',
    async (_, text, least, most) => {
      const { verdict, tolerance } = await judged(parseGraph(text));
      expect(verdict).toBe('equal');
      expect(tolerance.relative).toBeGreaterThan(least);
      expect(tolerance.relative).toBeLessThanOrEqual(most);
    },
    60_000,
  );

  test.each([
    ['half precision', half, 0.05],
    ['a long average', pooled, 1e-4],
  ])(
    '%s: one weight off is found',
    async (_, text, by) => {
      expect((await judged(parseGraph(text), changeWeight(by))).verdict).toBe('different');
    },
    60_000,
  );

  test('one unit in the last place of a coarser type', () => {
    const one = { dtype: 'float', shape: [3], data: Float32Array.of(1, -2, 0) };
    const moved = [...nudged(one, 1, 2 ** -10).data].map((value, at) => Math.abs(value - (one.data[at] ?? 0)));
    for (const [at, unit] of [2 ** -10, 2 ** -9].entries()) expect([unit / 2, unit]).toContain(moved[at]);
    expect(moved[2]).toBe(0);
  });
});
