/** Broken texts: whatever they are, the answer is a model or a CompileError with a place, and it comes at once. */
import { CompileError } from '../../../src/diagnostics/compile-error';
import { parseModel } from '../../../src/onnx/text/parser';
import { printModel } from '../../../src/onnx/text/printer';
import { random } from '../../support/seeded';

const SEEDS = [
  `<ir_version: 9, opset_import: ["" : 20], metadata_props: ["k" : "v"]> g (float[N, 3] X, bool B) => (float[N, 3] Y) <float[2, 2] w = {1, -2.5e3, inf, 4}, int4[3] q = {18, 3}> {
    [n] A, "" = my.d.Op <i = -3, fs: floats = [1, 2], s = "a\\"b", t = float[2] {1, 2}, e: ints = []> (X, , w) # comment
    Y = If (B) <then_branch = a () => (float z) { z = Relu (A) }, else_branch = b () => (float z) <float c = {1}> { z = Add (A, c) }>
  }`,
  'g (float[2] X) => (float[] Y) <seq(map(int64, optional(float[2]))) S, opaque(a.b, c) O, float[1] w = {0.5}, string s = {"x"}> { c = Constant <value_ints = [1, 2]> () Y = "q-d".Op (X, c, w, s) }',
];
const PIECES = [
  '<',
  '>',
  '(',
  ')',
  '{',
  '}',
  '[',
  ']',
  ',',
  '=',
  '=>',
  ':',
  '.',
  '@',
  '?',
  '"',
  '\\',
  '#',
  '\n',
  'float',
  'seq(',
  'inf',
  '-',
  '1e',
  '99999999999999999999',
  'é',
  '\u0000',
  'w',
  'X',
  '',
];

function mutate(text: string, next: () => number): string {
  const at = () => Math.floor(next() * (text.length + 1));
  let mutated = text;
  for (let edits = 1 + Math.floor(next() * 2); edits > 0; edits--) {
    const [from, to] = [at(), at()].sort((a, b) => a - b) as [number, number];
    const piece = PIECES[Math.floor(next() * PIECES.length)] ?? '';
    switch (Math.floor(next() * 4)) {
      case 0:
        mutated = mutated.slice(0, from) + piece + mutated.slice(from);
        break;
      case 1:
        mutated = mutated.slice(0, from) + mutated.slice(Math.min(to, from + 20));
        break;
      case 2:
        mutated = mutated.slice(0, from) + text.slice(from, Math.min(to, from + 60)) + mutated.slice(from);
        break;
      default:
        mutated = mutated.slice(0, from);
    }
  }
  return mutated;
}

test('mutated texts are read or refused', () => {
  const next = random(7);
  let read = 0;
  let refused = 0;
  for (let round = 0; round < 4000; round++) {
    const text = mutate(SEEDS[round % SEEDS.length] ?? '', next);
    try {
      const model = parseModel(text, { asWritten: true });
      read++;
      // What was read can be printed, and that is read again.
      const printed = printModel(model, { weights: 'inline' });
      expect(printModel(parseModel(printed, { asWritten: true }), { weights: 'inline' })).toBe(printed);
    } catch (error) {
      if (!(error instanceof CompileError)) throw new Error(`${String(error)} on ${JSON.stringify(text)}`, { cause: error });
      expect(error.code).toMatch(/^TEXT_/);
      expect(error.diagnostic.at).toMatchObject({ line: expect.any(Number), column: expect.any(Number) });
      refused++;
    }
  }
  // The mutations are neither all harmless nor all deadly.
  expect(read).toBeGreaterThan(50);
  expect(refused).toBeGreaterThan(2000);
});

test.each([
  ['a long string', `g () => () { = A <s = "${'x'.repeat(2_000_000)}"> () }`],
  ['many escapes', `g () => () { = A <s = "${'\\"'.repeat(1_000_000)}"> () }`],
  ['many comments', `${'# c\n'.repeat(300_000)}g () => () { }`],
  ['many elements', `g () => () <float[500000] w = {${'1,'.repeat(499_999)}1}> { }`],
  ['many nodes', `g (float X) => () { ${'= A (X)\n'.repeat(50_000)} }`],
  ['a list without an end', `g (${'float x, '.repeat(1)}`],
])('%s takes no more than a moment', (_, text) => {
  const start = performance.now();
  try {
    parseModel(text, { asWritten: true });
  } catch (error) {
    expect(error).toBeInstanceOf(CompileError);
  }
  expect(performance.now() - start).toBeLessThan(3000);
});
