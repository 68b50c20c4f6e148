import { compile } from '../../src/compile';
import { parseModel } from '../../src/onnx/text/parser';
import { rewriteFacts, rewriteText } from '../../src/reports/conversion';

const lenet = (): ReturnType<typeof parseModel> =>
  parseModel(`
    <ir_version: 8, opset_import: ["" : 17]>
    g (float[N, 1, 12, 16] image) => (float[N, 3] scores)
    <float[2, 1, 3, 3] w1 = {${new Array(18).fill(0.5).join(', ')}}, float[5, 70] w2 = {${new Array(350).fill(0.25).join(', ')}},
     float[5] b2 = {1, 2, 3, 4, 5}, float[5, 3] w3 = {${new Array(15).fill(-1).join(', ')}}>
    {
      conv1 = Conv <kernel_shape = [3, 3]> (image, w1)
      pool = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (conv1)
      flat = Flatten (pool)
      fc1 = Gemm <transB = 1> (flat, w2, b2)
      relu = Relu (fc1)
      drop = Dropout (relu)
      scores = MatMul (drop, w3)
    }`);

const summaries = new Map([['linear-to-conv', 'read it as a convolution']]);

describe('of a small network', () => {
  const facts = rewriteFacts(compile(lenet()), summaries);
  const text = rewriteText(facts, { remarks: false });

  test('tells which passes did what, and why', () => {
    expect(text).toContainEqual(expect.stringMatching(/^ {2}linear-to-conv +2 {2}read it as a convolution$/));
    expect(text).toContainEqual(expect.stringMatching(/^ {2}remove-identities +1/));
  });

  test('tells which layer became which', () => {
    expect(facts.layers.map(({ from, to, node }) => [from, to, node])).toEqual([
      ['Linear(70 -> 5)', 'Conv2d(2, 5, kernel_size=(5, 7), stride=(1, 1))', 'fc1'],
      ['Linear(5 -> 3, bias=False)', 'Conv2d(5, 3, kernel_size=(1, 1), stride=(1, 1), bias=False)', 'scores'],
    ]);
    expect(text).toContain('  Linear(70 -> 5)             ->  Conv2d(2, 5, kernel_size=(5, 7), stride=(1, 1))');
  });

  test('tells which pixels a cell looks at', () => {
    expect(facts.maps).toEqual([
      { output: 'scores', original: ['N', 3], converted: ['N', 3, 'floor(height/2) - 5', 'floor(width/2) - 7'], stride: [2, 2] },
    ]);
    expect(text).toContain(
      '  scores [N, 3, floor(height/2) - 5, floor(width/2) - 7]: one prediction for each window of 12x16 pixels, every 2 pixels',
    );
    expect(text).toContain('  cell (i, j) looks at rows 2 i to 2 i + 11 and columns 2 j to 2 j + 15');
  });

  test('tells what it costs before and after, at the original size', () => {
    // 2 x 10 x 14 places of 9 products, 70 x 5 and 5 x 3.
    const cost = { parameters: 18 + 355 + 15, multiplyAdds: 2 * 10 * 14 * 9 + 350 + 15, complete: true };
    expect(facts.before).toEqual({ nodes: 7, ...cost });
    expect(facts.after).toMatchObject(cost);
  });
});

describe('of a pooled network', () => {
  const pooled = (): ReturnType<typeof parseModel> =>
    parseModel(`
      <ir_version: 8, opset_import: ["" : 17]>
      g (float[N, 1, 12, 16] image) => (float[N, 3] scores)
      <float[2, 1, 3, 3] w1 = {${new Array(18).fill(0.5).join(', ')}}, float[3, 2] w2 = {1, 2, 3, 4, 5, 6}, float[3] b2 = {1, 2, 3}>
      {
        conv1 = Conv <kernel_shape = [3, 3], strides = [2, 2]> (image, w1)
        mean = GlobalAveragePool (conv1)
        flat = Flatten (mean)
        scores = Gemm <transB = 1> (flat, w2, b2)
      }`);

  test.each([
    ['window', 'one prediction for each window of 12x16 pixels, every 2 pixels'],
    ['cell', 'one prediction for each cell of the last feature map, every 2 pixels'],
    ['image', 'one prediction for an image of 12x16 pixels or more, the mean over its windows, every 2 pixels'],
  ] as const)('--head %s says what a prediction is about', (head, meaning) => {
    const facts = rewriteFacts(compile(pooled(), { head }), summaries);
    const text = rewriteText(facts, { remarks: false }).join('\n');
    expect(text).toContain(meaning);
    // Which pixels a cell looks at is true of windows alone.
    expect(text.includes('cell (i, j) looks at rows')).toBe(head === 'window');
  });
});
