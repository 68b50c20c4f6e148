import { listLayers, shapeText } from '../../src/analysis/layers';
import { float } from '../../src/ir/attrs';
import type { Graph } from '../../src/ir/graph';
import { TypedGraph } from './typed-graph';

const notations = (graph: Graph): string[] => listLayers(graph).layers.map((layer) => layer.notation);

/** AlexNet's structure, as in slide 18 of the lecture (or 19, when the classifier is convolutional). */
function alexNet(convolutional: boolean): Graph {
  const g = new TypedGraph();
  g.input('x', 'N', 3, 224, 224);
  const conv = (out: number, inp: number, kernel: number, stride: number, pad: number, size: number) =>
    g.node('Conv', ['last', g.weight(out, inp, kernel, kernel), g.weight(out)], ['N', out, size, size], {
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
      pads: [pad, pad, pad, pad],
    });
  const relu = (...shape: (number | string)[]) => g.node('Relu', ['last'], shape);
  const pool = (channels: number, size: number) =>
    g.node('MaxPool', ['last'], ['N', channels, size, size], { kernel_shape: [3, 3], strides: [2, 2] });
  conv(64, 3, 11, 4, 2, 55);
  relu('N', 64, 55, 55);
  pool(64, 27);
  conv(192, 64, 5, 1, 2, 27);
  relu('N', 192, 27, 27);
  pool(192, 13);
  conv(384, 192, 3, 1, 1, 13);
  relu('N', 384, 13, 13);
  conv(256, 384, 3, 1, 1, 13);
  relu('N', 256, 13, 13);
  conv(256, 256, 3, 1, 1, 13);
  relu('N', 256, 13, 13);
  pool(256, 6);
  const dropout = (...shape: (number | string)[]) => g.node('Dropout', ['last', g.constant('float', [], [0.5])], shape);
  if (convolutional) {
    dropout('N', 256, 6, 6);
    conv(4096, 256, 6, 1, 0, 1);
    relu('N', 4096, 1, 1);
    dropout('N', 4096, 1, 1);
    conv(4096, 4096, 1, 1, 0, 1);
    relu('N', 4096, 1, 1);
    conv(1000, 4096, 1, 1, 0, 1);
  } else {
    const linear = (out: number, inp: number) => g.node('Gemm', ['last', g.weight(out, inp), g.weight(out)], ['N', out], { transB: 1 });
    dropout('N', 256, 6, 6);
    g.node('Flatten', ['last'], ['N', 9216]);
    linear(4096, 9216);
    relu('N', 4096);
    dropout('N', 4096);
    linear(4096, 4096);
    relu('N', 4096);
    linear(1000, 4096);
  }
  return g.done();
}

const FEATURES = [
  'Conv2d(3, 64, kernel_size=(11, 11), stride=(4, 4), padding=(2, 2))',
  'ReLU()',
  'MaxPool2d(size=(3, 3), stride=(2, 2), dilation=(1, 1))',
  'Conv2d(64, 192, kernel_size=(5, 5), stride=(1, 1), padding=(2, 2))',
  'ReLU()',
  'MaxPool2d(size=(3, 3), stride=(2, 2), dilation=(1, 1))',
  'Conv2d(192, 384, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))',
  'ReLU()',
  'Conv2d(384, 256, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))',
  'ReLU()',
  'Conv2d(256, 256, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))',
  'ReLU()',
  'MaxPool2d(size=(3, 3), stride=(2, 2), dilation=(1, 1))',
];

describe('the lecture', () => {
  test('lists AlexNet as slide 18 does', () => {
    expect(notations(alexNet(false))).toEqual([
      ...FEATURES,
      'Dropout(p=0.5)',
      'Linear(9216 -> 4096)',
      'ReLU()',
      'Dropout(p=0.5)',
      'Linear(4096 -> 4096)',
      'ReLU()',
      'Linear(4096 -> 1000)',
    ]);
  });

  test('lists the convolutional AlexNet as slide 19 does', () => {
    expect(notations(alexNet(true))).toEqual([
      ...FEATURES,
      'Dropout(p=0.5)',
      'Conv2d(256, 4096, kernel_size=(6, 6), stride=(1, 1))',
      'ReLU()',
      'Dropout(p=0.5)',
      'Conv2d(4096, 4096, kernel_size=(1, 1), stride=(1, 1))',
      'ReLU()',
      'Conv2d(4096, 1000, kernel_size=(1, 1), stride=(1, 1))',
    ]);
  });

  test.each([false, true])("counts AlexNet's parameters and multiply-adds as torchvision does (convolutional: %s)", (convolutional) => {
    const list = listLayers(alexNet(convolutional));
    expect(list.parameters).toBe(61_100_840);
    // torchvision's documentation says 0.71 GFLOPS, which counts a multiply-add as one.
    expect(list.multiplyAdds).toBe(714_188_480);
    expect(list.complete).toBe(true);
    expect(list.kinds.map(({ kind, layers }) => [kind, layers])).toEqual(
      convolutional
        ? [
            ['Conv2d', 8],
            ['ReLU', 7],
            ['MaxPool2d', 3],
            ['Dropout', 2],
          ]
        : [
            ['Conv2d', 5],
            ['ReLU', 7],
            ['MaxPool2d', 3],
            ['Dropout', 2],
            ['Linear', 3],
          ],
    );
  });
});

describe('layers of several nodes', () => {
  test('reads MatMul + Add as Linear, whichever side the bias is on', () => {
    const g = new TypedGraph();
    g.input('x', 'N', 4);
    const product = g.node('MatMul', ['last', g.weight(4, 3)], ['N', 3]);
    g.node('Add', [g.weight(3), product], ['N', 3]);
    const list = listLayers(g.done());
    expect(list.layers.map(({ notation, nodes, parameters }) => [notation, nodes.length, parameters])).toEqual([['Linear(4 -> 3)', 2, 15]]);
  });

  test('keeps MatMul and Add apart when the product is read elsewhere', () => {
    const g = new TypedGraph();
    g.input('x', 'N', 4);
    const product = g.node('MatMul', ['last', g.weight(4, 3)], ['N', 3]);
    const sum = g.node('Add', [product, g.weight(3)], ['N', 3]);
    expect(notations(g.done(sum, product))).toEqual(['Linear(4 -> 3, bias=False)', 'Add()']);
  });

  test('does not call a scaled Gemm linear', () => {
    const g = new TypedGraph();
    g.input('x', 'N', 4);
    g.node('Gemm', ['last', g.weight(4, 3)], ['N', 3], { alpha: float(0.5) });
    expect(notations(g.done())).toEqual(['Gemm(alpha=0.5)']);
  });

  test('takes the chain of views before a Linear into it, up to the pool', () => {
    const g = new TypedGraph();
    g.input('x', 'N', 8, 7, 7);
    g.node('GlobalAveragePool', ['last'], ['N', 8, 1, 1]);
    g.node('Squeeze', ['last', g.constant('int64', [2], [2, 3])], ['N', 8]);
    g.node('Reshape', ['last', g.constant('int64', [2], [-1, 8])], ['N', 8]);
    g.node('Gemm', ['last', g.weight(5, 8)], ['N', 5], { transB: 1 });
    const { layers } = listLayers(g.done());
    expect(layers.map((layer) => layer.notation)).toEqual(['AdaptiveAvgPool2d(output_size=(1, 1))', 'Linear(8 -> 5, bias=False)']);
    expect(layers[1]?.reads).toEqual([0]);
  });

  test('lists a Flatten that others read as well', () => {
    const g = new TypedGraph();
    g.input('x', 'N', 2, 2, 3);
    const flat = g.node('Flatten', ['last'], ['N', 12]);
    const y = g.node('Gemm', [flat, g.weight(5, 12)], ['N', 5], { transB: 1 });
    expect(notations(g.done(y, flat))).toEqual(['Flatten(start_dim=1, end_dim=-1)', 'Linear(12 -> 5, bias=False)']);
  });

  test('reads x * Sigmoid(x) as SiLU, and a gate by another value as what it is', () => {
    const g = new TypedGraph();
    const x = g.input('x', 'N', 2, 4, 4);
    const gate = g.node('Sigmoid', [x], ['N', 2, 4, 4]);
    const y = g.node('Mul', [gate, x], ['N', 2, 4, 4]);
    const other = g.node('Sigmoid', [y], ['N', 2, 4, 4]);
    g.node('Mul', [x, other], ['N', 2, 4, 4]);
    expect(notations(g.done())).toEqual(['SiLU()', 'Sigmoid()', 'Mul()']);
  });
});

describe('notation of single nodes', () => {
  const cases: readonly [string, (g: TypedGraph) => unknown][] = [
    [
      'Conv2d(8, 8, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1), dilation=(2, 1), groups=8, bias=False)',
      (g) => g.node('Conv', ['last', g.weight(8, 1, 3, 3)], ['N', 8, 8, 8], { pads: [1, 1, 1, 1], dilations: [2, 1], group: 8 }),
    ],
    [
      'Conv2d(8, 4, kernel_size=(3, 3), stride=(2, 2), padding=(0, 0)+(1, 1), bias=False)',
      (g) => g.node('Conv', ['last', g.weight(4, 8, 3, 3)], ['N', 4, 4, 4], { strides: [2, 2], pads: [0, 0, 1, 1] }),
    ],
    [
      "Conv2d(8, 4, kernel_size=(3, 3), stride=(2, 2), padding='same_upper', bias=False)",
      (g) => g.node('Conv', ['last', g.weight(4, 8, 3, 3)], ['N', 4, 4, 4], { strides: [2, 2], auto_pad: 'SAME_UPPER' }),
    ],
    [
      'ConvTranspose2d(8, 6, kernel_size=(2, 2), stride=(2, 2), groups=2)',
      (g) => g.node('ConvTranspose', ['last', g.weight(8, 3, 2, 2), g.weight(6)], ['N', 6, 16, 16], { strides: [2, 2], group: 2 }),
    ],
    [
      'AvgPool2d(size=(3, 3), stride=(2, 2), padding=(1, 1), ceil_mode=True, count_include_pad=False)',
      (g) => g.node('AveragePool', ['last'], ['N', 8, 5, 5], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], ceil_mode: 1 }),
    ],
    ['AvgPool2d(size=(2, 2), stride=(1, 1))', (g) => g.node('AveragePool', ['last'], ['N', 8, 7, 7], { kernel_shape: [2, 2] })],
    [
      'BatchNorm2d(8, eps=0.001)',
      (g) =>
        g.node('BatchNormalization', ['last', g.weight(8), g.weight(8), g.weight(8), g.weight(8)], ['N', 8, 8, 8], {
          epsilon: float(1e-3),
        }),
    ],
    [
      'LayerNorm((8,), eps=1e-06)',
      (g) => g.node('LayerNormalization', ['last', g.weight(8), g.weight(8)], ['N', 8, 8, 8], { epsilon: float(1e-6) }),
    ],
    ['AdaptiveAvgPool2d(output_size=(1, 1))', (g) => g.node('ReduceMean', ['last', g.constant('int64', [2], [-1, -2])], ['N', 8, 1, 1])],
    ['Mean(dim=(2, 3))', (g) => g.node('ReduceMean', ['last', g.constant('int64', [2], [2, 3])], ['N', 8], { keepdims: 0 })],
    ['ReLU6()', (g) => g.node('Clip', ['last', g.constant('float', [], [0]), g.constant('float', [], [6])], ['N', 8, 8, 8])],
    [
      'Hardtanh(min_val=-1.0, max_val=1.0)',
      (g) => g.node('Clip', ['last', g.constant('float', [], [-1]), g.constant('float', [], [1])], ['N', 8, 8, 8]),
    ],
    ['Hardsigmoid()', (g) => g.node('HardSigmoid', ['last'], ['N', 8, 8, 8], { alpha: float(1 / 6), beta: float(0.5) })],
    ['HardSigmoid(alpha=0.2, beta=0.5)', (g) => g.node('HardSigmoid', ['last'], ['N', 8, 8, 8], { alpha: float(0.2), beta: float(0.5) })],
    ['LeakyReLU(negative_slope=0.01)', (g) => g.node('LeakyRelu', ['last'], ['N', 8, 8, 8])],
    ['Softmax(dim=1)', (g) => g.node('Softmax', ['last'], ['N', 8, 8, 8], { axis: 1 })],
    ["GELU(approximate='tanh')", (g) => g.node('Gelu', ['last'], ['N', 8, 8, 8], { approximate: 'tanh' })],
    ['LocalResponseNorm(5, alpha=0.0001, beta=0.75, k=2.0)', (g) => g.node('LRN', ['last'], ['N', 8, 8, 8], { size: 5, bias: float(2) })],
    ['ZeroPad2d((1, 2, 3, 4))', (g) => g.node('Pad', ['last', g.constant('int64', [8], [0, 0, 3, 1, 0, 0, 4, 2])], ['N', 8, 15, 11])],
    ['Mul(0.1)', (g) => g.node('Mul', ['last', g.constant('float', [], [0.1])], ['N', 8, 8, 8])],
    ['Transpose(perm=(0, 2, 3, 1))', (g) => g.node('Transpose', ['last'], ['N', 8, 8, 8], { perm: [0, 2, 3, 1] })],
    ['com.example.Warp(power=2)', (g) => g.node('com.example.Warp', ['last'], ['N', 8, 8, 8], { power: 2 })],
  ];
  test.each(cases)('%s', (expected, build) => {
    const g = new TypedGraph();
    g.input('x', 'N', 8, 8, 8);
    build(g);
    expect(notations(g.done())).toEqual([expected]);
  });
});

test('leaves out what computes on shapes and weights alone, and tells how much', () => {
  const g = new TypedGraph();
  const x = g.input('x', 'N', 4, 2, 2);
  g.node('Shape', [x], [4]);
  const shape = g.node('Slice', ['last', g.constant('int64', [1], [0]), g.constant('int64', [1], [1])], [1]);
  const scaled = g.node('Mul', [g.weight(4, 4, 1, 1), g.weight(4, 1, 1, 1)], [4, 4, 1, 1]);
  const y = g.node('Conv', [x, scaled], ['N', 4, 2, 2]);
  g.node('Reshape', [y, shape], [16]);
  const list = listLayers(g.done());
  expect(list.layers.map(({ notation, parameters }) => [notation, parameters])).toEqual([
    ['Conv2d(4, 4, kernel_size=(1, 1), stride=(1, 1), bias=False)', 20],
    ['Reshape()', 0],
  ]);
  expect(list.unlisted).toBe(3);
});

test('says where each layer reads from', () => {
  const g = new TypedGraph();
  const x = g.input('x', 'N', 4, 2, 2);
  const a = g.node('Relu', [x], ['N', 4, 2, 2]);
  const b = g.node('Sigmoid', [x], ['N', 4, 2, 2]);
  g.node('Add', [a, b], ['N', 4, 2, 2]);
  expect(listLayers(g.done()).layers.map((layer) => layer.reads)).toEqual([['x'], ['x'], [0, 1]]);
});

test('prints types', () => {
  expect(shapeText({ dtype: 'float', shape: ['N', 3, undefined] })).toBe('[N, 3, ?]');
  expect(shapeText({ dtype: 'int64', shape: [] })).toBe('int64[]');
  expect(shapeText({ dtype: 'float' })).toBe('[...]');
  expect(shapeText(undefined)).toBe('?');
});

test('lists 50,000 nodes in the time of one breath', () => {
  const g = new TypedGraph();
  g.input('x', 'N', 8);
  for (let n = 0; n < 50_000; n++) g.node('Relu', ['last'], ['N', 8]);
  const graph = g.done();
  const start = performance.now();
  expect(listLayers(graph).kinds).toEqual([{ kind: 'ReLU', layers: 50_000, parameters: 0, multiplyAdds: 0, complete: true }]);
  // Measured 1 s on a loaded machine; what grows with the square of the nodes takes minutes.
  expect(performance.now() - start).toBeLessThan(15_000);
});
