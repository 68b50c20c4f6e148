/** ONNX's own parser and printer against ours. */

import { bufferSource } from '../../../src/ir/bytes';
import { readModel } from '../../../src/onnx/read';
import { parseModel } from '../../../src/onnx/text/parser';
import { printModel } from '../../../src/onnx/text/printer';
import { modelToBytes } from '../../../src/onnx/write';
import { describeWithOnnx, python } from '../../support/python';

const KITCHEN_SINK = `<ir_version: 9, opset_import: ["" : 20, "my.d" : 1], producer_name: "p \\"q\\"", producer_version: "1", domain: "dom", model_version: 3,
  doc_string: "doc", metadata_props: ["k" : "v
w", "üñ" : "ß"]> # a comment
net (float[N, 3, "H + 1", ?] x, float s, float[] u, int64[2] "a/b:c\\\\d") => (float[N, 1000] y, float out, bool c2)
<float[2] w = {1.0, -2}, float[2, 3] "a.w" = {1e-7, 2E10, nan, -inf, inf, -5}, double[2] dd = {0.1, 1e300}, float16[2] h = {15360, 0},
  int8[2] i8 = {-1, 127}, uint64[1] u64 = {18446744073709551615}, int64[2] i64 = {-9223372036854775808, 9223372036854775807},
  string[2] st = {"a\\"b", "c"}, bool[2] bb = {1, 0}, bfloat16[1] bf = {16256}, float empty0 = {3.5}, float[0] none = {}, complex64[1] cc = {1, 2},
  float8e4m3fn[2] f8 = {56, 200}, uint32[1] u32 = {4294967295}, float[N, 4] vi>
{
  [node_name] o1, "", o2 = my.d.Op <a: int = 1, b: floats = [1.5, 2, -0.0], v: ints = [], t = float[2] {1, 2}, i = -7, f = 1e-3, s = "he\\"l\\\\lo",
    ss = ["a", "b"], big = 9223372036854775807, none: strings = []> (x, "", "a/b:c\\\\d")
  vi = my.d.Op2 (o1, , w)
  c = Greater (s, empty0)
  out = If (c) <then_branch: graph = g1 () => (float z1) { z1 = Add (s, s) }, else_branch = g2 () => (float z2) <float zero = {0}> { z2 = Sub (s, zero) }>
  y, c2 = my.d.Foo ()
  = my.d.Sink (y)
}`;

/** Prints what differs between two texts once onnx.parser has read them, leaving out what has no meaning: names of nodes, and declared inner types. */
const COMPARE = `
import sys, difflib
from onnx import parser
def clean(g):
    del g.value_info[:]
    for n in g.node:
        n.name = ''
        for a in n.attribute:
            if a.HasField('g'): clean(a.g)
a, b = [parser.parse_model(text) for text in sys.stdin.read().split('\\x00')]
clean(a.graph); clean(b.graph)
print('\\n'.join(difflib.unified_diff(str(a).split('\\n'), str(b).split('\\n'), lineterm='')))
`;

describeWithOnnx('onnx.parser and onnx.printer', () => {
  test.each([['inline'], ['reference']] as const)('read our text as they read the original (weights: %s)', (weights) => {
    const ours = printModel(parseModel(KITCHEN_SINK, { asWritten: true }), { weights, types: 'declare' });
    expect(python(COMPARE, `${KITCHEN_SINK}\0${ours}`).trim()).toBe('');
  });

  test('print what we read', () => {
    // Their printer has no form for complex numbers, and a faulty one for empty lists of strings.
    const plain = KITCHEN_SINK.replace('complex64[1] cc = {1, 2},', '').replace(', none: strings = []', '');
    const theirs = python(
      'import sys; from onnx import parser, printer; print(printer.to_text(parser.parse_model(sys.stdin.read())))',
      plain,
    );
    const [a, b] = [plain, theirs].map((text) => printModel(parseModel(text, { asWritten: true }), { weights: 'inline' }));
    expect(b).toBe(a);
  });

  test('make of a text the model that our parser and writer make of it', () => {
    const text = `<ir_version: 10, opset_import: ["" : 21]> g (float[N, 2, 3] X) => (float[N, 6] Y) <int64[2] s = {0, -1}, float[3] w = {1, 2, 3}> {
      [mul] M = Mul (X, w) Y = Reshape <allowzero = 0> (M, s)
    }`;
    const hex = python(
      'import sys; from onnx import parser; print(parser.parse_model(sys.stdin.read()).SerializeToString().hex())',
      text,
    ).trim();
    const theirs = readModel(bufferSource(Buffer.from(hex, 'hex')));
    const ours = readModel(bufferSource(modelToBytes(parseModel(text))));
    expect(printModel(ours, { weights: 'inline' })).toBe(printModel(theirs, { weights: 'inline' }));
  });
});
