/** Trunks that go down and up again: a cell where the original on its crop sees the same phase, and no other. */
import { contractOf } from '../../src/analysis/contract';
import { compile } from '../../src/compile';
import { CompileError } from '../../src/diagnostics/compile-error';
import { parseGraph } from '../support/expect-pass';
import { expectCrops } from '../support/windows';

const WEIGHTS =
  'float[4, 3, 3, 3] K, float[16, 3, 3, 3] K16, float[4, 4, 3, 3] K2, float[4, 4, 2, 2] T, float[5, 4] W, float[4] S2 = {1, 1, 2, 2}, float[4] S3 = {1, 1, 3, 3}, float[4] S23 = {1, 1, 2, 3}, int64[2] one = {1, 1}, int64[2] far = {1000, 1000}, int64[2] places = {2, 3}';
const UP = 'Resize <mode = "nearest", coordinate_transformation_mode = "asymmetric", nearest_mode = "floor">';
const network = (trunk: string, size = '16, 18'): string =>
  `<ir_version: 9, opset_import: ["" : 18]> g (float[1, 3, ${size}] X) => (float[1, 5] Y) <${WEIGHTS}> {
    ${trunk} P = GlobalAveragePool (M) F = Flatten (P) Y = Gemm <transB = 1> (F, W) }`;
const down = (stride: string): string => `A = Conv <strides = [${stride}]> (X, K) R = Relu (A)`;

describe('drop-phases', () => {
  test.each<[string, string, readonly [number, number]]>([
    ['Resize', `${down('2, 2')} U = ${UP} (R, , S2) M = Conv (U, K2)`, [2, 2]],
    ['Resize by three', `${down('3, 3')} U = ${UP} (R, , S3) M = Conv (U, K2)`, [3, 3]],
    ['other factors for rows and columns', `${down('2, 3')} U = ${UP} (R, , S23) M = Conv (U, K2)`, [2, 3]],
    ['an odd phase', `${down('2, 2')} U = ${UP} (R, , S2) V = Slice (U, one, far, places) M = Conv (V, K2)`, [2, 2]],
    ['a pool of three behind it', `${down('2, 2')} U = ${UP} (R, , S2) M = MaxPool <kernel_shape = [3, 3], strides = [3, 3]> (U)`, [6, 6]],
    ['a transposed convolution', `${down('2, 2')} U = ConvTranspose <strides = [2, 2]> (R, T) M = Conv (U, K2)`, [2, 2]],
    ['DepthToSpace', 'A = Conv <strides = [2, 2]> (X, K16) R = Relu (A) U = DepthToSpace <blocksize = 2> (R) M = Conv (U, K2)', [2, 2]],
  ])('%s', async (_, trunk, stride) => {
    // More cells than windows are no fault: those see pixels that the window has and the network does not look at.
    const { model } = compile(parseGraph(network(trunk)));
    expect(model.metadata.get('convolutionize.stride')).toBe(JSON.stringify({ Y: stride }));
    expect((await expectCrops(network(trunk), {}, 2e-5, { mayHaveMore: true })).stride).toEqual(stride);
  });

  test('maps that repeat with every cell stay as they are', () => {
    const { model } = compile(parseGraph(network(`U = ${UP} (X, , S2) M = Conv <strides = [2, 2]> (U, K)`)));
    expect(model.graph.nodes.map(({ op }) => op)).not.toContain('Slice');
  });

  test('the mean of an image is over windows in the phase of the original', () => {
    const { model } = compile(parseGraph(network(`${down('2, 2')} U = ${UP} (R, , S2) M = Conv (U, K2)`)), { head: 'image' });
    const slice = model.graph.nodes.findIndex(({ op }) => op === 'Slice');
    expect(slice).toBeGreaterThan(0);
    expect(model.graph.nodes.slice(slice).map(({ op }) => op)).toContain('GlobalAveragePool');
  });

  test('cells of the last feature map are all kept, and the contract tells their phases', () => {
    const { report } = compile(parseGraph(network(`${down('2, 2')} U = ${UP} (R, , S2) M = Conv (U, K2)`)), { head: 'cell' });
    expect(report.contract).toMatchObject({ kind: 'everywhere', period: { rows: 2, columns: 2 } });
  });

  test('a finer map would have cells of another phase: refused, by the node that makes the map coarse and fine', () => {
    const source = parseGraph(network(`${down('2, 2')} U = ${UP} (R, , S2) M = Conv (U, K2)`));
    expect(() => compile(source, { stride: 1 })).toThrow(
      /Resize 'U' gives a map that was downsampled and upsampled again, so it repeats only every 2 pixels/,
    );
    expect(() => compile(source, { stride: 1 })).toThrow(CompileError);
  });

  test('the contract of a network that was not converted tells its phases as well', () => {
    const { graph } = parseGraph(
      `g (float[1, 3, 16, 16] X) => (float[1, 4, h, w] M) <${WEIGHTS}> { ${down('2, 2')} U = ${UP} (R, , S2) M = Conv (U, K2) }`,
    );
    expect(contractOf(graph).period).toEqual({ rows: 2, columns: 2 });
  });
});
