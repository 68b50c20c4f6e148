/** What a conversion promises, read off the graph. */
import { contractOf, describeContract } from '../../src/analysis/contract';
import { compile } from '../../src/compile';
import { readNumbers } from '../../src/ir/tensor';
import { parseGraph } from '../support/expect-pass';
import { feedsFor, runModel } from '../support/run';

const HEAD = '<float[5, 4] W, float[3, 3, 3, 3] K, float[4, 3, 3, 3] L>';
const classifier = (trunk: string): string => `g (float[1, 3, 16, 16] X) => (float[1, 5] Y) ${HEAD} {
  ${trunk} P = GlobalAveragePool (M) F = Flatten (P) Y = Gemm <transB = 1> (F, W) }`;
const contract = (trunk: string) => compile(parseGraph(classifier(trunk))).report.contract;

test('nothing padded, nothing global: equal everywhere', () => {
  expect(contract('A = Conv (X, K) M = Conv <strides = [2, 2]> (A, L)')).toEqual({
    kind: 'everywhere',
    padded: [],
    global: [],
    reach: { rows: 0, columns: 0 },
    axes: { height: 'everywhere', width: 'everywhere' },
    fields: { Y: { rows: { offset: 0, stride: 2, window: 15 }, columns: { offset: 0, stride: 2, window: 15 } } },
  });
});

test('padding: border effects, by these layers and as far as this', async () => {
  const text = classifier('A = Conv <pads = [1, 1, 1, 0]> (X, K) M = Conv <pads = [2, 0, 0, 1]> (A, L)');
  const { model, report } = compile(parseGraph(text));
  expect(report.contract).toMatchObject({ kind: 'border', padded: ['A', 'M'], global: [], reach: { rows: 3, columns: 1 } });
  expect(describeContract(report.contract)).toBe(
    'equal at the original size; elsewhere cells see real pixels where crops are padded, up to 3 rows and 1 columns beyond their window, by 2 padded layers (A, M)',
  );

  // A run on a larger image: cell (4, 4) depends on row 4 - 3 and no longer on row 4 - 4.
  const sizes = Object.fromEntries(
    (model.graph.inputs[0]?.type?.shape ?? []).flatMap((dim) => (typeof dim === 'string' ? [[dim, 26]] : [])),
  );
  const feeds = feedsFor(model.graph.inputs, { sizes });
  const [name, image] = [...feeds][0] ?? [];
  if (!name || !image) throw new Error('no image');
  const cell = async (row: number | undefined): Promise<number> => {
    const pixels = readNumbers(image).map((number, at) => (Math.floor(at / 26) % 26 === row ? number + 10 : number));
    const bytes = new Uint8Array(Float32Array.from(pixels).buffer);
    const map = [...(await runModel(model, new Map([[name, { ...image, data: { kind: 'bytes' as const, bytes } }]]))).values()][0];
    const columns = map?.shape[3] ?? 0;
    return (map && readNumbers(map)[4 * columns + 4]) ?? Number.NaN;
  };
  const before = await cell(undefined);
  expect(await cell(0)).toBe(before);
  expect(await cell(1)).not.toBe(before);
});

test('global context: predictions depend on the whole image, by these nodes', () => {
  const found = contract('A = Conv (X, K) G = GlobalAveragePool (A) H = Sigmoid (G) B = Mul (A, H) M = Conv (B, L)');
  expect(found).toMatchObject({ kind: 'whole-image', padded: [], global: ['G'] });
  expect(describeContract(found)).toMatch(/depend on the whole image, by 1 node \(G\)$/);
});

test.each([
  [
    'cell',
    'A = Conv (X, K) M = Conv (A, L)',
    "the mean over the map is the original's scores of the whole image, at every size that it takes whole; each cell depends on the pixels that it looks at alone",
  ],
  [
    'cell',
    'M = Conv <pads = [1, 1, 1, 1]> (X, L)',
    "the mean over the map is the original's scores of the whole image, at every size that it takes whole; cells at the border of the image see padding, by 1 padded layer (M)",
  ],
  [
    'cell',
    'A = Conv (X, K) G = GlobalAveragePool (A) H = Sigmoid (G) B = Mul (A, H) M = Conv (B, L)',
    "the mean over the map is the original's scores of the whole image, at every size that it takes whole; each cell depends on the whole image, by 1 node (G)",
  ],
  [
    'image',
    'A = Conv (X, K) M = Conv (A, L)',
    'the mean over the predictions of all windows; every window equals the original on its crop, at every size',
  ],
  [
    'image',
    'M = Conv <pads = [1, 1, 1, 1]> (X, L)',
    'the mean over the predictions of all windows; equal at the original size; elsewhere windows see real pixels where crops are padded, up to 1 pixels beyond their edges, by 1 padded layer (M)',
  ],
] as const)('head %s has a contract of its own: %s', (head, trunk, meaning) => {
  const { model, report } = compile(parseGraph(classifier(trunk)), { head });
  expect(report.contract.head).toBe(head);
  expect(describeContract(report.contract)).toBe(meaning);
  expect(model.metadata.get('convolutionize.meaning')).toBe(meaning);
});

test('a map in front of a softmax says so', () => {
  const text = classifier('A = Conv (X, K) M = Conv (A, L)').replace(
    'Y = Gemm <transB = 1> (F, W)',
    'Z = Gemm <transB = 1> (F, W) Y = Softmax (Z)',
  );
  const { contract } = compile(parseGraph(text), { head: 'cell' }).report;
  expect(describeContract(contract)).toContain("the original's scores in front of its Softmax of the whole image");
});

test('an operator that is not known here may look anywhere', () => {
  const { graph } = parseGraph(
    'g (float[1, 3, 6, 6] X, float[1, 4, 4, 2] G) => (float[1, 3, 4, 4] Y) { A = GridSample (X, G) Y = Relu (A) }',
  );
  const found = contractOf(graph);
  expect(found).toMatchObject({ kind: 'whole-image', padded: [], global: [], unknown: ['A'] });
  expect(describeContract(found)).toMatch(/by 1 node \(A\) whose operator is not known here$/);
});

test('only what leads to an output counts', () => {
  const { graph } = parseGraph(
    'g (float[1, 3, 6, 6] X) => (float[1, 4, h, w] Y) <float[4, 3, 3, 3] L> { P = MaxPool <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (X) G = GlobalMaxPool (P) Y = Conv (X, L) }',
  );
  expect(contractOf(graph).kind).toBe('everywhere');
});
