/** Operators that ONNX defines by others: the body in place of the call, both in ONNX Runtime, and in TensorFlow.js. */
import { inlineBodies } from '../../src/ir/functions';
import { inferShapes } from '../../src/ir/shape-inference';
import { readNumbers } from '../../src/ir/tensor';
import { parseGraph } from '../support/expect-pass';
import { feedsFor, runModel } from '../support/run';
import { bothWays, startBothWays, stopBothWays } from '../tfjs/both-ways';

jest.setTimeout(120_000);
beforeAll(startBothWays);
afterAll(stopBothWays);

const model = (inputs: string, outputs: string, body: string, constants = '', opset = 23): string =>
  `<ir_version: 11, opset_import: ["" : ${opset}]> g (${inputs}) => (${outputs}) ${constants && `<${constants}>`} { ${body} }`;

const HEADS = 'float[2, 5, 12] Q, float[2, 7, 12] K, float[2, 7, 12] V';
const CASES: readonly (readonly [title: string, text: string])[] = [
  [
    'attention over heads of their own',
    model('float[2, 3, 5, 4] Q, float[2, 3, 7, 4] K, float[2, 3, 7, 6] V', 'float[2, 3, 5, 6] Y', 'Y = Attention (Q, K, V)'),
  ],
  [
    'attention that parts rows into heads, with a scale and a soft cap',
    model(HEADS, 'float[2, 5, 12] Y', 'Y = Attention <q_num_heads = 3, kv_num_heads = 3, scale = 0.3, softcap = 2.0> (Q, K, V)'),
  ],
  [
    'attention that looks back only',
    model(HEADS, 'float[2, 5, 12] Y', 'Y = Attention <q_num_heads = 3, kv_num_heads = 3, is_causal = 1> (Q, K, V)'),
  ],
  [
    'attention with a bias for each pair',
    model(`${HEADS}, float[5, 7] M`, 'float[2, 5, 12] Y', 'Y = Attention <q_num_heads = 3, kv_num_heads = 3> (Q, K, V, M)'),
  ],
  [
    'attention in which several queries share keys',
    model('float[2, 4, 5, 4] Q, float[2, 2, 7, 4] K, float[2, 2, 7, 4] V', 'float[2, 4, 5, 4] Y', 'Y = Attention (Q, K, V)'),
  ],
  [
    'rotated halves',
    model('float[2, 3, 4, 8] X, float[2, 4, 4] C, float[2, 4, 4] S', 'float[2, 3, 4, 8] Y', 'Y = RotaryEmbedding (X, C, S)'),
  ],
  [
    'rotated neighbours, of some numbers',
    model(
      'float[2, 3, 4, 8] X, float[2, 4, 2] C, float[2, 4, 2] S',
      'float[2, 3, 4, 8] Y',
      'Y = RotaryEmbedding <interleaved = 1, rotary_embedding_dim = 4> (X, C, S)',
    ),
  ],
  [
    'a crop along one axis and pads along another',
    model('float[2, 3, 8, 5] X', 'float[2, 3, 6, 9] Y', 'Y = CenterCropPad <axes = [2, 3]> (X, size)', 'int64[2] size = {6, 9}', 18),
  ],
];

test.each(CASES)('%s: the body gives the same numbers', async (_, text) => {
  const [whole, parted] = [parseGraph(text), parseGraph(text)];
  expect(inlineBodies(parted.graph, () => true)).toBe(true);
  inferShapes(parted);
  expect(parted.graph.nodes.map(({ op }) => op)).not.toContain(whole.graph.nodes[0]?.op);
  const feeds = feedsFor(whole.graph.inputs, { seed: 3 });
  const [expected, found] = [await runModel(whole, feeds), await runModel(parted, feeds)];
  const [wanted, own] = [expected.get('Y'), found.get('Y')];
  if (!wanted || !own) throw new Error('there is no Y');
  expect(own.shape).toEqual(wanted.shape);
  const numbers = readNumbers(own);
  readNumbers(wanted).forEach((number, at) => {
    expect(numbers[at]).toBeCloseTo(number, 5);
  });
});

test.each(CASES)('%s: in TensorFlow.js', async (_, text) => {
  expect(await bothWays(text)).toBeGreaterThan(0);
});

test('a call for which ONNX has no body stays: a cache on one side only', () => {
  const text = model(
    `${HEADS}, float[2, 3, 2, 4] P, float[2, 3, 2, 4] R`,
    'float[2, 5, 12] Y',
    'Y = Attention <q_num_heads = 3, kv_num_heads = 3> (Q, K, V, , P, R)',
  );
  expect(inlineBodies(parseGraph(text).graph, () => true)).toBe(false);
});
