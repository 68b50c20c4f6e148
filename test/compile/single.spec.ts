import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inSingle, isSingled, otherFloats } from '../../src/compile/single';
import { readModelFile } from '../../src/files';
import { modelToBytes } from '../../src/onnx/write';
import { verifyFiles } from '../../src/verify/files/verify';
import { useProgram } from '../support/cli';
import { parseGraph } from '../support/expect-pass';

/** A network in this element type; its Casts are between it and float32. */
const network = (dtype: string, code: number): string => `g (${dtype}[N, 2, 8, 8] X) => (${dtype}[N, 5] Y)
  <${dtype}[4, 2, 3, 3] K, ${dtype}[4] B, ${dtype}[5, 64] W> {
  a = Conv <pads = [1, 1, 1, 1]> (X, K, B)
  s = Cast <to = 1> (a)
  r = Relu (s)
  c = Cast <to = ${code}> (r)
  p = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (c)
  f = Flatten (p)
  Y = Gemm <transB = 1> (f, W) }`;

describe('a network in another precision', () => {
  test.each([
    ['bfloat16', 16],
    ['double', 11],
    ['float16', 10],
  ] as const)('%s becomes float32, without a Cast', (dtype, code) => {
    const original = parseGraph(network(dtype, code));
    expect(otherFloats(original)).toEqual([dtype]);
    const { graph, metadata } = inSingle(original);
    const types = [...graph.inputs, ...graph.constants, ...graph.nodes.flatMap(({ outputs }) => outputs)].map(
      ({ type }) => type?.dtype ?? 'float',
    );
    expect(new Set(types)).toEqual(new Set(['float']));
    expect(metadata.get('convolutionize.float32')).toBe(dtype);
    expect(otherFloats(original)).toEqual([dtype]);
    expect(graph.inputs.map(({ name }) => name)).toEqual(['X']);
    expect(graph.constants.map(({ name }) => name).sort()).toEqual(['B', 'K', 'W']);
  });
  // The runtime has all of these operators in float16, so the file itself can be the reference.
  test('computes what the network in float16 computes, up to the rounding of float16', async () => {
    const original = parseGraph(network('float16', 10));
    const { verdict, checks } = await verifyFiles(modelToBytes(original), modelToBytes(inSingle(original)), { samples: 4, atol: 0.02 });
    expect(checks.map(({ name }) => name)).toContain('outputs');
    expect(verdict).toBe('equal');
  });

  const program = useProgram();
  test('that the runtime lacks is named, with the option that helps, and then verified', async () => {
    const input = join(program.directory(), 'net.onnx');
    const output = join(program.directory(), 'out.onnx');
    writeFileSync(input, modelToBytes(parseGraph(network('bfloat16', 16))));
    const refused = await program.run(['convert', input, '-o', output]);
    expect(refused.stderr).toContain('error[PRECISION_NOT_RUN]: the network computes in bfloat16');
    expect(refused.stderr).toContain('--float32');
    const { code, stdout } = await program.run(['convert', input, '-o', output, '--float32', '--verify-budget', '1s']);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/verdict +equal/)]);
    const written = readModelFile(output);
    expect(isSingled(written)).toBe(true);
    expect(written.graph.nodes.map(({ op }) => op)).not.toContain('Cast');
    expect((await program.run(['verify', input, output, '--verify-budget', '1s'])).stdout).toMatch(
      /windows of the map equal[\s\S]*verdict +equal/,
    );
  }, 60_000);
});
