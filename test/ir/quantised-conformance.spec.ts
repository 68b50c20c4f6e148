import { codeOf } from '../support/code-of';
import { parseGraph } from '../support/expect-pass';
import { integers } from '../support/integers';

const OPSETS = '<ir_version: 9, opset_import: ["" : 21]>';
/** A quantised layer whose meanings are given. */
const layer = (given: Readonly<Record<string, string>>): string => {
  const values = {
    xs: 'float xs = {0.1}',
    xz: 'uint8 xz = {3}',
    ws: 'float ws = {0.1}',
    wz: 'int8 wz = {0}',
    ys: 'float ys = {0.2}',
    ...given,
  };
  return `${OPSETS} g (uint8[1, 2, 4, 4] X) => (uint8[1, 3, 2, 2] Y) <${Object.values(values).join(', ')}, ${integers('int8', 'K', [3, 2, 3, 3])}, uint8 yz = {7}> {
    Y = QLinearConv (X, xs, xz, K, ws, wz, ys, yz) }`;
};
const problem = (text: string): string => {
  try {
    parseGraph(text);
    return '';
  } catch (error) {
    return error instanceof Error ? error.message : '';
  }
};

describe('scales and zero points', () => {
  test('are taken as one, or one for each channel', () => {
    expect(codeOf(() => parseGraph(layer({})))).toBe('none');
    expect(codeOf(() => parseGraph(layer({ ws: 'float[3] ws = {0.1, 0.2, 0.3}', wz: 'int8[3] wz = {0, 0, 0}' })))).toBe('none');
  });
  test.each([
    [{ ws: 'float[2] ws = {0.1, 0.2}', wz: 'int8[2] wz = {0, 0}' }, /2 scales in 'ws' for 3 places of 'K'/],
    [{ xs: 'float[2] xs = {0.1, 0.2}', xz: 'uint8[2] xz = {0, 0}' }, /2 scales in 'xs', where it takes one/],
    [{ ws: 'float[3] ws = {0.1, 0.2, 0.3}' }, /3 scales in 'ws' and 1 zero point in 'wz'/],
    [{ ws: 'float ws = {inf}' }, /Infinity in its scale 'ws'/],
    [{ xs: 'float xs = {-0.1}' }, /has -0.1\d* in its scale 'xs'/],
    [{ ys: 'float ys = {0}' }, /has 0 in its scale 'ys'/],
    [{ ys: 'float ys = {nan}' }, /has NaN in its scale 'ys'/],
  ])('of another kind are told by name (%#)', (given, words) => {
    expect(problem(layer(given))).toMatch(words);
  });
  test('may be 0 for a channel of zeros', () => {
    expect(problem(layer({ ws: 'float[3] ws = {0.1, 0, 0.3}', wz: 'int8[3] wz = {0, 0, 0}' }))).toBe('');
  });
  test.each([
    ['QLinearAdd (X, s, z, X, s, z, bad, z)', /QLinearAdd .* has 0 in its scale 'bad'/],
    ['QLinearAdd (X, two, zz, X, s, z, s, z)', /has 2 scales in 'two', where it takes one/],
    ['QLinearGlobalAveragePool (X, s, z, negative, z)', /has -1 in its scale 'negative'/],
    ['QGemm (X, s, z, X, s, z, , bad, z)', /QGemm .* has 0 in its scale 'bad'/],
  ])("of ONNX Runtime's operators follow the same rules: %s", (call, words) => {
    const text = `<ir_version: 9, opset_import: ["" : 21, "com.microsoft" : 1]> g (uint8[4, 4] X) => (uint8[4, 4] Y) <float s = {0.1}, uint8 z = {3}, float bad = {0},
      float negative = {-1}, float[2] two = {0.1, 0.2}, uint8[2] zz = {0, 0}> { Y = com.microsoft.${call} }`;
    expect(problem(text)).toMatch(words);
  });
  test('in blocks have as many axes as their data', () => {
    const blocks = `${OPSETS} g () => (float[4, 6] Y) <${integers('int8', 'W', [4, 6])}, float[2, 6] s, ${integers('int8', 'z', [2, 6])}> { Y = DequantizeLinear <axis = 0, block_size = 2> (W, s, z) }`;
    expect(problem(blocks)).toBe('');
    const axis = `${OPSETS} g () => (float[4, 6] Y) <${integers('int8', 'W', [4, 6])}, float[4] s, ${integers('int8', 'z', [4])}> { Y = DequantizeLinear (W, s, z) }`;
    expect(problem(axis)).toMatch(/4 scales in 's' for 6 places of 'W'/);
  });
});
