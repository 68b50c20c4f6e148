import { sinkFlatten } from '../../passes/sink-flatten';
import { expectPass } from '../support/expect-pass';

const header = '<ir_version: 8, opset_import: ["" : 17]>';
const flat = (shape: string, features: number, body: string, weights = '', output = `float[N, ${features}] Y`) =>
  `${header} g (float[N, ${shape}] X) => (${output}) ${weights} { F = Flatten (X) ${body} }`;

describe('sink-flatten', () => {
  test('moves Flatten behind an activation, whatever the size of the map', () =>
    expectPass(sinkFlatten, flat('4, 2, 3', 24, 'Y = Relu (F)')).toBecome(`
        Y_Relu = Relu (X)
        Y = Flatten <axis = 1> (Y_Relu)`));
  test('keeps the bounds of Clip', () =>
    expectPass(sinkFlatten, flat('4, 2, 3', 24, 'Y = Clip (F, low, high)', '<float low = {0}, float high = {6}>')).toBecome(`
        Y_Clip = Clip (X, low, high)
        Y = Flatten <axis = 1> (Y_Clip)`));
  test('turns numbers per feature into numbers per channel', () =>
    expectPass(sinkFlatten, flat('4, 1, 1', 4, 'Y = Mul (F, s)', '<float[1, 4] s>')).toBecome(`
        Y_Mul = Mul (X, s_channels)
        Y = Flatten <axis = 1> (Y_Mul)`));
  test('adds two flattened maps', () =>
    expectPass(
      sinkFlatten,
      `${header} g (float[N, 4, 2, 3] X, float[N, 4, 2, 3] Z) => (float[N, 24] Y) { F = Flatten (X) G = Flatten (Z) Y = Add (F, G) }`,
    ).toBecome(`
        Y_Add = Add (X, Z)
        Y = Flatten <axis = 1> (Y_Add)`));
  test('normalises along channels', () =>
    expectPass(sinkFlatten, flat('4, 1, 1', 4, 'Y = Softmax <axis = -1> (F)')).toBecome(`
        Y_Softmax = Softmax <axis = 1> (X)
        Y = Flatten <axis = 1> (Y_Softmax)`));
  test('sums along channels, in another order', () =>
    expectPass(
      sinkFlatten,
      flat('999, 1, 1', 999, 'Y = ReduceMean <keepdims = 1> (F, one)', '<int64[1] one = {1}>', 'float[N, 1] Y'),
    ).toBecome(
      `
        Y_ReduceMean = ReduceMean <keepdims = 1> (X, Y_axes)
        Y = Flatten <axis = 1> (Y_ReduceMean)`,
      { departs: true },
    ));
  test('brings channels last for LayerNormalization', () =>
    expectPass(sinkFlatten, flat('4, 1, 1', 4, 'Y = LayerNormalization <axis = -1> (F, s, b)', '<float[4] s, float[4] b>')).toBecome(`
        Y_Transpose = Transpose <perm = [0, 2, 3, 1]> (X)
        Y_LayerNormalization = LayerNormalization <axis = -1> (Y_Transpose, s, b)
        Y_Transpose_1 = Transpose <perm = [0, 3, 1, 2]> (Y_LayerNormalization)
        Y = Flatten <axis = 1> (Y_Transpose_1)`));
  test('batch-normalises the map', () =>
    expectPass(
      sinkFlatten,
      flat('4, 1, 1', 4, 'Y = BatchNormalization (F, s, b, m, v)', '<float[4] s, float[4] b, float[4] m, float[4] v = {1, 2, 0.5, 3}>'),
    ).toBecome(`
        Y_BatchNormalization = BatchNormalization (X, s, b, m, v)
        Y = Flatten <axis = 1> (Y_BatchNormalization)`));
  test('splits channels', () =>
    expectPass(
      sinkFlatten,
      flat('4, 1, 1', 4, 'Y, Z = Split <axis = 1> (F, parts)', '<int64[2] parts = {1, 3}>', 'float[N, 1] Y, float[N, 3] Z'),
    ).toBecome(`
        Y_Split_0, Y_Split_1 = Split <axis = 1> (X, parts)
        Y = Flatten <axis = 1> (Y_Split_0)
        Z = Flatten <axis = 1> (Y_Split_1)`));
  test.each([
    [
      'a number for each place',
      flat('4, 2, 3', 24, 'Y = Mul (F, s)', '<float[24] s>'),
      "its operand 's' has a separate number for each place of the map",
    ],
    ['Softmax over places', flat('4, 2, 3', 24, 'Y = Softmax <axis = 1> (F)'), 'it reads the features of a map of [4,2,3] by their place'],
    ['Softmax over the batch', flat('4, 1, 1', 4, 'Y = Softmax <axis = 0> (F)'), 'it works along the batch'],
    [
      'an operand per row of the batch',
      `${header} g (float[2, 4, 1, 1] X) => (float[2, 4] Y) <float[2, 4] s> { F = Flatten (X) Y = Mul (F, s) }`,
      "its operand 's' differs from row to row of the batch",
    ],
  ])('leaves %s alone', (_, text, reason) => expectPass(sinkFlatten, text).toRefuse(reason));
});
