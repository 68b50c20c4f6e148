/** Where two correct orders of the same sums lie further apart than a few units in the last place of the outputs. */
import { compile, freeSizes } from '../../src/compile';
import { modelToBytes } from '../../src/onnx/write';
import { verifyModels } from '../../src/verify/equivalence';
import { parseGraph } from '../support/expect-pass';

test('a network of half precision between two Casts is judged by half precision', async () => {
  const source = parseGraph(`<ir_version: 9, opset_import: ["" : 18]> g (float[1, 3, 8, 8] X) => (float[1, 5] Y)
    <float16[4, 3, 3, 3] K, float16[5, 4] W> {
      H = Cast <to = 10> (X) C = Conv <kernel_shape = [3, 3]> (H, K) R = Relu (C) P = GlobalAveragePool (R) F = Flatten (P)
      G = Gemm <transB = 1> (F, W) Y = Cast <to = 1> (G) }`);
  const { model, original, report } = compile(source);
  const { verdict, tolerance } = await verifyModels({
    original: { source: modelToBytes(original), model: original },
    converted: { source: modelToBytes(model), model },
    windows: report.windows,
    contract: report.contract,
    free: freeSizes,
    place: (part) => modelToBytes(part),
  });
  expect(verdict).toBe('equal');
  expect(tolerance.relative).toBeGreaterThan(2 ** -11);
}, 60_000);
