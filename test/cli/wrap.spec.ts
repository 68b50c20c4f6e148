/** Lines of reports in a terminal's width. */
import { Terminal } from '../../src/cli/terminal';
import { hung } from '../../src/cli/wrap';

test('what is too long goes on below the last column of its line', () => {
  expect(hung('  linear-to-conv     3  turn a fully connected layer over a map into a convolution', 60)).toEqual([
    '  linear-to-conv     3  turn a fully connected layer over a',
    '                        map into a convolution',
  ]);
});

test('or two blanks deeper, where the line has one column', () => {
  expect(hung('  cell (i, j) looks at rows 4 i to 4 i + 27 and columns 4 j to 4 j + 27', 60)).toEqual([
    '  cell (i, j) looks at rows 4 i to 4 i + 27 and columns 4 j',
    '    to 4 j + 27',
  ]);
});

test('a short line, and one of unknown width, stay as they are', () => {
  const line = `  ${'word '.repeat(40)}`;
  expect(hung(line, undefined)).toEqual([line]);
  expect(hung('a   b', 60)).toEqual(['a   b']);
  expect(hung(line, 20)).toEqual([line]);
});

test.each([
  [{ COLUMNS: '60' }, undefined, 60],
  [{ COLUMNS: '60' }, 100, 60],
  [{ COLUMNS: 'wide' }, 100, 100],
  [{ COLUMNS: '0' }, 100, 100],
  [{}, undefined, undefined],
])('the variables %j and a terminal of %s columns: %s', (env, columns, expected) => {
  const stream = { write: () => true, isTTY: columns !== undefined, columns };
  expect(new Terminal(stream, stream, env).columns).toBe(expected);
});
