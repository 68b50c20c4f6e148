/** ONNX Runtime does not know opset 28 yet: the text of the result is compared; its numbers are those of ONNX's own tests (npm run conformance). */
import { inlineFunctions } from '../../passes/inline-functions';
import { printNode } from '../../src/onnx/text/printer';
import { runPasses } from '../../src/rewrite/manager';
import { parseGraph } from '../support/expect-pass';

const after = (body: string, types = 'float[N, 4, H, W] A, float[N, 4, H, W] B'): string[] => {
  const model = parseGraph(`<ir_version: 13, opset_import: ["" : 28]> g (${types}) => (float[N, 4, H, W] Y) { ${body} }`);
  runPasses(model, [inlineFunctions]);
  const once = model.graph.edits;
  runPasses(model, [inlineFunctions]);
  expect(model.graph.edits).toBe(once);
  return model.graph.nodes.map((node) =>
    printNode(node)
      .trim()
      .replace(/ {2}#.*/, ''),
  );
};

test('a gated unit becomes a Swish and a Mul, under the name that its result had', () => {
  expect(after('Y = SwiGLU <alpha = 1.5> (A, B)')).toEqual([
    expect.stringContaining('= Swish <alpha = 1.5> (A)'),
    expect.stringMatching(/ Y = Mul \("Y\/SwishGate", B\)$/),
  ]);
});

test('operators that look at positions stay: they are refused by name', () => {
  const body = 'Y = RotaryEmbedding (A, C, S)';
  expect(after(body, 'float[N, 4, H, W] A, float[N, H, K] C, float[N, H, K] S')).toEqual([body]);
});
