import { runtimeNames, runtimeReport } from '../../src/analysis/runtimes';
import { readModelFile } from '../../src/files';
import { parseGraph } from '../support/expect-pass';

describe('inspect --for', () => {
  test('names the nodes that a runtime lacks, and what helps', () => {
    const model = parseGraph(`<ir_version: 9, opset_import: ["" : 21, "com.microsoft" : 1]>
      g (float[N, 2, height, width] X) => (float[M, K] Y) <float[2] S> {
        b = BatchNormalization (X, S, S, S, S)
        m = Mish (b)
        s = Shape (m)
        r = Reshape (X, s)
        e = Einsum <equation = "nchw,nchw->nc"> (r, m)
        Y = Det (e) }`);
    const coreml = runtimeReport(model, 'coreml');
    expect(coreml.lacking.map(({ op, nodes }) => [op, nodes.length])).toEqual([
      ['BatchNormalization', 1],
      ['Det', 1],
      ['Einsum', 1],
      ['Mish', 1],
    ]);
    expect(coreml).toMatchObject({ nodes: 6, known: 2 });
    const help = Object.fromEntries(coreml.lacking.map((each) => [each.op, each.help]));
    expect(help).toEqual({
      BatchNormalization: expect.stringContaining('fold-batch-norm'),
      Det: undefined,
      Einsum: expect.stringContaining('einsum-to-matmul'),
      Mish: expect.stringContaining('--opset 17'),
    });
    expect(coreml.remarks).toEqual([expect.stringContaining('--fix-size'), expect.stringContaining("Reshape 'r'")]);
    expect(runtimeReport(model, 'opencv-dnn').remarks).toEqual([]);
  });
  test('QOperator networks go to runtimes that know them; others are told to take QDQ', () => {
    const model = readModelFile('fixtures/quantised/qoperator.onnx');
    expect(runtimeReport(model, 'opencv-dnn').lacking).toEqual([]);
    const { lacking } = runtimeReport(model, 'qnn');
    expect(lacking.map(({ op }) => op)).toContain('QLinearConv');
    expect(lacking.every(({ help }) => help?.includes('QDQ'))).toBe(true);
    for (const name of runtimeNames)
      expect(runtimeReport(readModelFile('fixtures/models/lenet5.onnx'), name).lacking.filter(({ op }) => op !== 'Flatten')).toEqual([]);
  });
});
