/** Integers of 2^53 and more, which a JavaScript number would round: each is in the converted file as it was, or refused. */
import { compile } from '../../src/compile';
import { CompileError } from '../../src/diagnostics/compile-error';
import { bufferSource } from '../../src/ir/bytes';
import { onnx } from '../../src/onnx/generated/onnx';
import { readModel } from '../../src/onnx/read';
import { parseModel } from '../../src/onnx/text/parser';
import { printModel } from '../../src/onnx/text/printer';
import { modelToBytes } from '../../src/onnx/write';
import { codeOf } from '../support/code-of';

const LARGE = '9007199254740993';
const HEADER = '<ir_version: 10, opset_import: ["" : 20]>';
const network = (body: string, constants = ''): string =>
  `${HEADER} g (float[1, 3, 8, 8] x) => (float[1, K] y) ${constants && `<${constants}>`} { ${body} r = GlobalAveragePool (p) y = Flatten (r) }`;
/** Of numbers with integers added: large ones in constants. */
const added = (body: string, constants = ''): string =>
  network(`i = Cast <to = 7> (x) ${body} s = Add (i, m) p = Cast <to = 1> (s)`, constants);

/** All integers of more than ten digits in the file that comes out. */
function integersOf(text: string, head: 'original' | 'window'): string[] {
  const { model } = compile(parseModel(text), { head });
  const written = printModel(readModel(bufferSource(modelToBytes(model))), { weights: 'inline', types: 'both', beyond: true });
  return [...new Set([...written.matchAll(/\d{10,}/g)].map(([digits]) => digits))].sort();
}

test.each<[string, string, readonly string[]]>([
  ['an attribute', network(`p = LpPool <kernel_shape = [2, 2], p = ${LARGE}> (x)`), [LARGE]],
  ['the end of a Slice', network('p = Slice (x, b, e, a)', `int64[1] b = {1}, int64[1] e = {${LARGE}}, int64[1] a = {2}`), [LARGE]],
  ['a constant', added('', `int64[1] m = {${LARGE}}`), [LARGE]],
  ['a constant that is an attribute', added(`m = Constant <value_int = ${LARGE}> ()`), [LARGE]],
  [
    'a constant that is moved',
    added('c = Concat <axis = 0> (e, e) m = Slice (c, z, o)', `int64[1] e = {${LARGE}}, int64[1] z = {0}, int64[1] o = {1}`),
    [LARGE],
  ],
])('%s stays as it is', (_, text, expected) => {
  for (const head of ['original', 'window'] as const) expect([head, integersOf(text, head)]).toEqual([head, expected]);
});

test.each<[string, string, string, string]>([
  ['a sum', 'Add', '9007199254740992', '1'],
  ['a product', 'Mul', '3000000001', '3000000001'],
])('%s that would be rounded is left to the runtime', (_, op, a, b) => {
  const text = added(`m = ${op} (e, d)`, `int64[1] e = {${a}}, int64[1] d = {${b}}`);
  for (const head of ['original', 'window'] as const)
    expect(integersOf(text, head)).toEqual([...new Set([a, b])].filter((digits) => digits.length >= 10));
});

test.each([
  ['padding', network(`p = MaxPool <kernel_shape = [2, 2], pads = [0, 0, ${LARGE}, 0]> (x)`)],
  ['Pad', network('p = Pad (x, e)', `int64[8] e = {0, 0, 0, 0, 0, 0, 0, ${LARGE}}`)],
  ['Reshape', network('p = Reshape (x, e)', `int64[4] e = {1, 3, 8, ${LARGE}}`)],
])('a length by %s is refused', (_, text) => {
  expect(codeOf(() => compile(parseModel(text)))).toBe('SHAPE_MISMATCH');
});

test.each([
  ['text', () => parseModel(network('p = Relu (x)').replace('8, 8', `${LARGE}, 8`))],
  ['a file', () => readModel(bufferSource(fileWith(2 ** 53 + 2)))],
])('an axis of the input in %s is refused', (_, read) => {
  const error = ((): unknown => {
    try {
      return read();
    } catch (caught) {
      return caught;
    }
  })();
  expect(error).toBeInstanceOf(CompileError);
});

/** A network whose input has so many rows. */
function fileWith(rows: number): Uint8Array {
  const dim = [{ dim_value: 1 }, { dim_value: 3 }, { dim_value: rows }, { dim_value: 8 }];
  return onnx.ModelProto.encode({
    ir_version: 10,
    opset_import: [{ version: 20 }],
    graph: {
      name: 'g',
      node: [{ op_type: 'GlobalAveragePool', input: ['x'], output: ['y'] }],
      input: [{ name: 'x', type: { tensor_type: { elem_type: 1, shape: { dim } } } }],
      output: [{ name: 'y' }],
    },
  }).finish();
}
