import { CompileError } from '../../../src/diagnostics/compile-error';
import { Lexer } from '../../../src/onnx/text/lexer';

function tokens(text: string): [kind: string, text: string][] {
  const lexer = new Lexer(text, undefined);
  const found: [string, string][] = [];
  for (let token = lexer.next(); token.kind !== 'end'; token = lexer.next()) found.push([token.kind, token.text]);
  return found;
}
function errorOf(text: string): CompileError {
  try {
    tokens(text);
  } catch (error) {
    if (error instanceof CompileError) return error;
    throw error;
  }
  throw new Error('no error');
}

test.each([
  ['0', 'int'],
  ['-17', 'int'],
  ['9223372036854775807', 'int'],
  ['1.5', 'float'],
  ['-1.', 'float'],
  ['1e-7', 'float'],
  ['2E+10', 'float'],
  ['-3.25e2', 'float'],
  ['-inf', 'float'],
  ['-NaN', 'float'],
  ['Conv', 'identifier'],
  ['_x1', 'identifier'],
  ['inf', 'identifier'],
])('%s is one %s', (text, kind) => expect(tokens(text)).toEqual([[kind, text]]));

test('strings keep line breaks and any character; a backslash makes the next one literal', () => {
  expect(tokens('"a\nb" "ü\\"\\\\\\n💡" ""')).toEqual([
    ['string', 'a\nb'],
    ['string', 'ü"\\n💡'],
    ['string', ''],
  ]);
});

test('comments end with their line', () => {
  expect(tokens('# one "\n a # two\n# three')).toEqual([['identifier', 'a']]);
});

test('=> is one token, = > are two', () => {
  expect(tokens('=>= >')).toEqual([
    ['punctuation', '=>'],
    ['punctuation', '='],
    ['punctuation', '>'],
  ]);
});

test.each([
  ['a string without an end', 'x\n  "abc', 'the string has no end', 2, 3],
  ['a backslash at the end', '"abc\\', 'the string has no end', 1, 1],
  ['a character of no token', 'a\n ;', 'unexpected character ";"', 2, 2],
  ['a character beyond the first plane', '💡', 'unexpected character "💡"', 1, 1],
  ['an exponent without digits', '1e+', 'the exponent has no digits', 1, 1],
  ['a lone sign', '- 1', 'unexpected character "-"', 1, 1],
  ['a number without an end', '1'.repeat(2000), 'a number of 2000 digits', 1, 1],
])('%s is an error with its place', (_, text, message, line, column) => {
  const error = errorOf(text);
  expect(error.code).toBe('TEXT_SYNTAX');
  expect(error.message).toBe(message);
  expect(error.diagnostic.at).toMatchObject({ line, column });
});
