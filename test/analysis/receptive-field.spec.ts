/** Receptive fields, judged by a run: a row of pixels is changed, and the rows of cells that change are those that look at it. */
import { join } from 'node:path';
import { type AxisField, receptiveFields } from '../../src/analysis/receptive-field';
import { compile } from '../../src/compile';
import { closeModel, readModelFile } from '../../src/files';
import type { Model } from '../../src/ir/model';
import { fromNumbers, readNumbers } from '../../src/ir/tensor';
import { parseGraph } from '../support/expect-pass';
import { feedsFor, runModel } from '../support/run';

interface Axes {
  /** Which axis of the input, and of the output, are rows and columns. */
  readonly input?: readonly [number, number];
  readonly output?: readonly [number, number];
}

/** `seen.rows[i]`: the rows of pixels that change row i of the output. */
async function seen(model: Model, { input = [2, 3], output = [2, 3] }: Axes): Promise<Record<'rows' | 'columns', number[][]>> {
  const feeds = feedsFor(model.graph.inputs);
  const [image, tensor] = [...feeds][0] ?? [];
  const name = model.graph.outputs[0]?.name ?? '';
  if (!image || !tensor) throw new Error('no image');
  const base = (await runModel(model, feeds)).get(name);
  if (!base) throw new Error('no output');
  const before = readNumbers(base);
  const along = async (from: number, to: number): Promise<number[][]> => {
    const pixels: number[][] = Array.from({ length: base.shape[to] ?? 0 }, () => []);
    for (let at = 0; at < (tensor.shape[from] ?? 0); at++) {
      const changed = readNumbers(tensor).map((number, index) => (position(index, tensor.shape, from) === at ? number * 3 + 5 : number));
      const after = readNumbers(
        (await runModel(model, new Map([...feeds, [image, fromNumbers('float', tensor.shape, changed)]]))).get(name) ?? base,
      );
      const cells = new Set<number>();
      after.forEach((number, index) => {
        if (number !== before[index]) cells.add(position(index, base.shape, to));
      });
      for (const cell of cells) pixels[cell]?.push(at);
    }
    return pixels;
  };
  return { rows: await along(input[0], output[0]), columns: await along(input[1], output[1]) };
}

const position = (index: number, shape: readonly number[], axis: number): number =>
  Math.floor(index / shape.slice(axis + 1).reduce((product, dim) => product * dim, 1)) % (shape[axis] ?? 1);

/** Pixels that the analysis gives to cell `cell`, inside the image. */
const given = ({ offset, stride, window }: AxisField, cell: number, length: number): number[] => {
  const first = offset + cell * stride;
  return Array.from({ length }, (_, at) => at).filter((at) => at > first - 1e-9 && at < first + window - 1 + 1e-9);
};

async function expectFields(text: string, axes: Axes = {}, kind: 'exact' | 'bound' = 'exact'): Promise<void> {
  const model = parseGraph(text);
  const [output] = model.graph.outputs;
  const [image] = model.graph.inputs;
  const field = output && receptiveFields(model.graph).of(output);
  const found = await seen(model, axes);
  (['rows', 'columns'] as const).forEach((axis, index) => {
    const length = Number(image?.type?.shape?.[(axes.input ?? [2, 3])[index] ?? 0]);
    const own = field?.[axis];
    if (own === undefined) throw new Error('not known');
    const expected = found[axis].map((_, cell) => (own === 'whole' ? Array.from({ length }, (_, at) => at) : given(own, cell, length)));
    if (kind === 'exact') expect(found[axis]).toEqual(expected);
    else for (const [cell, pixels] of found[axis].entries()) expect(expected[cell]).toEqual(expect.arrayContaining(pixels));
  });
}

describe('every cell looks at the pixels that were said, through', () => {
  test.each([
    ['convolutions', 'g (float[1, 2, 13, 15] X) => (float[1, 3, h, w] Y) <float[3, 2, 3, 5] W> { Y = Conv <strides = [2, 3]> (X, W) }'],
    [
      'padding on one side, and dilation',
      // The second convolution closes the holes of the first.
      `g (float[1, 2, 13, 15] X) => (float[1, 3, h, w] Y) <float[3, 2, 3, 3] W, float[3, 3, 2, 1] V> {
        A = Conv <pads = [2, 0, 1, 3], dilations = [2, 1]> (X, W) Y = Conv (A, V) }`,
    ],
    [
      'pools after convolutions',
      `g (float[1, 1, 28, 31] X) => (float[1, 3, h, w] Y) <float[2, 1, 5, 5] W1, float[3, 2, 3, 3] W2> {
        A = Conv (X, W1) B = AveragePool <kernel_shape = [2, 3], strides = [2, 2]> (A) C = Conv <pads = [1, 1, 1, 1]> (B, W2)
        Y = AveragePool <kernel_shape = [3, 2], strides = [1, 2]> (C) }`,
    ],
    [
      'SAME padding, upper and lower',
      `g (float[1, 1, 14, 15] X) => (float[1, 3, h, w] Y) <float[2, 1, 3, 4] W1, float[3, 2, 4, 3] W2> {
        A = Conv <auto_pad = "SAME_UPPER", strides = [2, 2]> (X, W1) Y = Conv <auto_pad = "SAME_LOWER"> (A, W2) }`,
    ],
    [
      'branches that meet',
      `g (float[1, 2, 9, 10] X) => (float[1, 4, h, w] Y) <float[2, 2, 1, 1] W1, float[2, 2, 5, 3] W2> {
        A = Conv (X, W1) B = Conv <pads = [1, 1, 3, 1]> (X, W2) C = Add (X, B) Y = Concat <axis = 1> (A, C) }`,
    ],
    [
      'a Pad, and a Slice with a step',
      `g (float[1, 2, 9, 11] X) => (float[1, 2, h, w] Y)
        <int64[8] P = {0, 0, 2, 1, 0, 0, 0, 3}, int64[2] S = {1, -9}, int64[2] E = {100, -1}, int64[2] A = {2, 3}, int64[2] T = {2, 1}> {
        B = Pad (X, P) Y = Slice (B, S, E, A, T) }`,
    ],
    [
      'a strided transposed convolution',
      'g (float[1, 2, 6, 5] X) => (float[1, 2, h, w] Y) <float[2, 2, 2, 3] W> { Y = ConvTranspose <strides = [2, 3]> (X, W) }',
    ],
    ['space to depth', 'g (float[1, 2, 8, 6] X) => (float[1, 8, h, w] Y) { Y = SpaceToDepth <blocksize = 2> (X) }'],
    [
      'space to depth by views',
      `g (float[1, 2, 8, 12] X) => (float[1, 3, h, w] Y) <int64[6] A = {1, 2, 4, 2, 3, 4}, int64[4] B = {1, 16, 4, 3}, float[3, 16, 2, 1] W> {
        C = Reshape (X, A) D = Transpose <perm = [0, 1, 3, 5, 2, 4]> (C) E = Reshape (D, B) Y = Conv (E, W) }`,
    ],
    [
      'a grouped shuffle of channels',
      `g (float[1, 4, 7, 6] X) => (float[1, 4, h, w] Y) <int64[5] A = {1, 2, 2, 7, 6}, int64[4] B = {1, 4, 7, 6}, float[4, 1, 3, 2] W> {
        C = Reshape (X, A) D = Transpose <perm = [0, 2, 1, 3, 4]> (C) E = Reshape (D, B) Y = Conv <group = 4> (E, W) }`,
    ],
    [
      'norms and activations over channels',
      `g (float[1, 4, 7, 6] X) => (float[1, 4, h, w] Y) <float[4, 4, 2, 2] W> {
        A = LRN <size = 3> (X) B = Sigmoid (A) C = Softmax <axis = 1> (B) Y = Conv (C, W) }`,
    ],
  ])('%s', async (_, text) => expectFields(text));

  test('channels-last stretches', async () => {
    await expectFields(
      `g (float[1, 9, 11, 2] X) => (float[1, h, w, 3] Y) <float[5, 2, 3, 4] W, float[5, 3] M> {
        A = Transpose <perm = [0, 3, 1, 2]> (X) B = Conv <strides = [1, 2], pads = [0, 1, 1, 0]> (A, W) C = Transpose <perm = [0, 2, 3, 1]> (B) Y = MatMul (C, M) }`,
      { input: [1, 2], output: [1, 2] },
    );
  });

  test.each([
    [
      'maxima',
      'g (float[1, 2, 11, 12] X) => (float[1, 2, h, w] Y) { Y = MaxPool <kernel_shape = [3, 2], strides = [2, 2], ceil_mode = 1, pads = [1, 0, 0, 0]> (X) }',
    ],
    [
      'upsampling of a map',
      `g (float[1, 2, 8, 6] X) => (float[1, 2, h, w] Y) <float[4] S = {1, 1, 2, 3}, float[2, 2, 2, 2] W> {
        A = Conv <strides = [2, 2]> (X, W) Y = Resize <mode = "nearest", coordinate_transformation_mode = "asymmetric", nearest_mode = "floor"> (A, , S) }`,
    ],
    [
      'interpolation',
      'g (float[1, 2, 6, 8] X) => (float[1, 2, h, w] Y) <float[4] S = {1, 1, 1.5, 2}> { Y = Resize <mode = "linear"> (X, , S) }',
    ],
    [
      'cubic interpolation',
      'g (float[1, 2, 9, 8] X) => (float[1, 2, h, w] Y) <float[4] S = {1, 1, 0.5, 2}> { Y = Resize <mode = "cubic"> (X, , S) }',
    ],
    [
      'nearest to a fraction',
      'g (float[1, 2, 9, 8] X) => (float[1, 2, h, w] Y) <float[4] S = {1, 1, 0.7, 1.5}> { Y = Resize <mode = "nearest"> (X, , S) }',
    ],
    [
      'dilated transposed convolutions',
      'g (float[1, 2, 6, 5] X) => (float[1, 2, h, w] Y) <float[2, 2, 3, 4] W> { Y = ConvTranspose <strides = [2, 1], dilations = [1, 2], pads = [1, 2, 0, 1]> (X, W) }',
    ],
    [
      'interleaved branches',
      `g (float[1, 2, 12, 12] X) => (float[1, 4, h, w] Y) <float[2, 2, 1, 1] W1, float[2, 2, 3, 3] W2> {
      A = Conv <strides = [2, 2]> (X, W1) B = Conv <strides = [2, 2], pads = [0, 0, 1, 1]> (X, W2) Y = Concat <axis = 1> (A, B) }`,
    ],
  ])('%s, within bounds', async (_, text) => expectFields(text, {}, 'bound'));
});

describe('the whole image is looked at behind', () => {
  test.each([
    ['a gate by a global pool', 'A = GlobalAveragePool (X) B = Sigmoid (A) Y = Mul (X, B)'],
    ['a mean over rows and columns', 'A = ReduceMean <keepdims = 1> (X, HW) Y = Sub (X, A)'],
    ['instance normalisation', 'Y = InstanceNormalization (X, ones, ones)'],
    ['a softmax over places', 'A = Reshape (X, flat) B = Softmax <axis = 2> (A) Y = Reshape (B, back)'],
    ['attention', 'A = Reshape (X, flat) B = Transpose <perm = [0, 2, 1]> (A) C = MatMul (B, A) D = MatMul (A, C) Y = Reshape (D, back)'],
  ])('%s', async (_, body) => {
    await expectFields(
      `g (float[1, 2, 5, 6] X) => (float[1, 2, 5, 6] Y) <int64[2] HW = {2, 3}, int64[3] flat = {1, 2, 30}, int64[4] back = {1, 2, 5, 6}, float[2] ones> { ${body} }`,
    );
  });

  test('a mean along rows only: rows are whole, columns are not', async () => {
    const model = parseGraph(
      'g (float[1, 2, 5, 6] X) => (float[1, 2, 5, 6] Y) <int64[1] H = {2}> { A = ReduceMean <keepdims = 1> (X, H) Y = Mul (X, A) }',
    );
    const fields = receptiveFields(model.graph);
    expect(model.graph.outputs[0] && fields.of(model.graph.outputs[0])).toEqual({
      rows: 'whole',
      columns: { window: 1, stride: 1, offset: 0 },
    });
    expect(fields.global.map((node) => node.op)).toEqual(['ReduceMean']);
  });
});

describe('lists', () => {
  const lists = (text: string): Record<string, string[]> => {
    const { padding, global, unknown } = receptiveFields(parseGraph(text).graph);
    const names = (nodes: readonly { readonly op: string }[]): string[] => nodes.map((node) => node.op);
    return { padding: names(padding), global: names(global), unknown: names(unknown) };
  };
  test('padding only where some window sticks out', () => {
    expect(
      lists(`g (float[1, 1, 17, 17] X) => (float[1, 1, h, w] Y) <float[1, 1, 3, 3] W, float[1, 1, 1, 1] V> {
        A = Conv <auto_pad = "SAME_UPPER"> (X, V) B = MaxPool <kernel_shape = [3, 3], strides = [2, 2], ceil_mode = 1> (A)
        C = MaxPool <kernel_shape = [3, 3], strides = [2, 2], ceil_mode = 1> (B) Y = Conv <pads = [0, 0, 0, 1]> (C, W) }`),
    ).toEqual({ padding: ['MaxPool', 'Conv'], global: [], unknown: [] });
  });
  test('an operator that cannot be followed, and not those behind it', () => {
    expect(
      lists(
        'g (float[1, 1, 4, 4] X, float[1, 5, 5, 2] G) => (float[1, 1, h, w] Y) { A = GridSample (X, G) B = Relu (A) Y = GlobalMaxPool (B) }',
      ),
    ).toEqual({ padding: [], global: [], unknown: ['GridSample'] });
  });
  test('sizes are not pixels', () => {
    expect(lists(`g (float[1, 2, 4, 4] X) => (float[1, 2, 4, 4] Y) { S = Shape (X) R = Reshape (X, S) Y = Relu (R) }`)).toEqual({
      padding: [],
      global: [],
      unknown: [],
    });
  });
});

test('LeNet5: a cell of the map looks at 28 x 28 pixels, every 4, and every layer at its own', () => {
  const source = readModelFile(join(__dirname, '../../fixtures/models/lenet5.onnx'));
  const { model, original } = compile(source);
  const { of } = receptiveFields(original.graph);
  const windows = original.graph.nodes
    .filter((node) => node.op === 'Conv' || node.op === 'MaxPool')
    .map((node) => node.outputs[0] && of(node.outputs[0])?.rows);
  expect(windows).toEqual([
    { window: 5, stride: 1, offset: 0 },
    { window: 6, stride: 2, offset: 0 },
    { window: 14, stride: 2, offset: 0 },
    { window: 16, stride: 4, offset: 0 },
  ]);
  const [map] = model.graph.outputs;
  expect(map && receptiveFields(model.graph).of(map)?.rows).toEqual({ window: 28, stride: 4, offset: 0 });
  closeModel(source);
});
