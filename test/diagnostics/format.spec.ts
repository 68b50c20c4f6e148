import { formatDiagnostic, formatLocation, printable } from '../../src/diagnostics/format';

test('says what, where and what to do', () => {
  expect(
    formatDiagnostic({
      code: 'UNSUPPORTED_OPERATORS',
      message: "there is no counterpart for 'GridSample'",
      at: { file: 'model.onnx', graph: ['main', 'body'], node: 'warp', op: 'GridSample', origin: ['head/warp'], value: 'grid' },
      notes: ['first', 'second'],
      hint: 'do without',
    }),
  ).toBe(
    [
      "error[UNSUPPORTED_OPERATORS]: there is no counterpart for 'GridSample'",
      "  at model.onnx, graph 'main' / 'body', node 'warp' (GridSample, from 'head/warp'), value 'grid'",
      '  note: first',
      '  note: second',
      '  hint: do without',
    ].join('\n'),
  );
});

test('leaves out what is not known', () => {
  expect(formatDiagnostic({ code: 'USAGE', message: 'b' })).toBe('error[USAGE]: b');
  expect(formatDiagnostic({ code: 'USAGE', message: 'b', at: {} }, undefined, 'warning')).toBe('warning[USAGE]: b');
});

test.each([
  [{ file: 'a.txt', line: 3, column: 14 }, 'a.txt:3:14'],
  [{ line: 3, column: 14 }, 'line 3, column 14'],
  [{ file: 'a.onnx', offset: 77 }, 'a.onnx, byte 77'],
  [{ op: 'Conv' }, 'a node of operator Conv'],
  [{ node: 'n', origin: ['n'] }, "node 'n'"],
  [{ node: 'n', origin: ['a', 'b', 'c', 'd', 'e'] }, "node 'n' (from 'a', 'b', 'c' and 2 more)"],
])('prints the place %j', (at, text) => {
  expect(formatLocation(at)).toBe(text);
});

test('lets no control character of a name reach the terminal', () => {
  expect(printable('a\u001b[31mb\nc\u202ed\u009b')).toBe('a\\u001b[31mb\\nc\\u202ed\\u009b');
  const text = formatDiagnostic({ code: 'USAGE', message: 'x\u001b]0;y', at: { node: '\u0007' }, hint: '\r' });
  for (const control of ['\u001b', '\u0007', '\r']) expect(text).not.toContain(control);
});
