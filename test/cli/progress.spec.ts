import { terminalProgress } from '../../src/cli/progress';
import { Terminal } from '../../src/cli/terminal';

function recorder(isTTY: boolean) {
  const written: string[] = [];
  return { written, isTTY, columns: 40, write: (text: string) => written.push(text) };
}

test('says nothing in the first second, then one line that is removed at the end', () => {
  const stream = recorder(true);
  let time = 0;
  const progress = terminalProgress(stream, () => time);
  progress.step('reading');
  time = 900;
  progress.update(0.5);
  expect(stream.written).toEqual([]);
  time = 1500;
  progress.step('writing a file with a long name that does not fit');
  time = 2600;
  progress.update(0.257);
  progress.end();
  expect(stream.written).toHaveLength(3);
  for (const line of stream.written.slice(0, 2)) {
    expect(line.startsWith('\r\u001b[K')).toBe(true);
    expect(line.length).toBeLessThan(4 + 40);
    expect(line).not.toContain('\n');
  }
  expect(stream.written[2]).toBe('\r\u001b[K');
});

test('what was never shown is not removed', () => {
  const stream = recorder(true);
  const progress = terminalProgress(stream, () => 0);
  progress.step('reading');
  progress.end();
  expect(stream.written).toEqual([]);
});

test.each([
  ['piped', false, false, {}],
  ['quiet', true, true, {}],
  ['in CI', true, false, { CI: 'true' }],
])('there is no progress when %s', (_, isTTY, quiet, env) => {
  const stream = recorder(isTTY);
  const terminal = new Terminal(stream, stream, env);
  terminal.configure({ quiet, color: true });
  const start = performance.now();
  const clock = jest.spyOn(performance, 'now').mockReturnValue(start + 5000);
  const progress = terminal.progress();
  progress.step('reading');
  progress.end();
  clock.mockRestore();
  expect(stream.written).toEqual([]);
});

describe('color', () => {
  const error = { code: 'USAGE', message: 'b' } as const;
  const shown = (isTTY: boolean, color: boolean, env: Record<string, string>): string => {
    const stream = recorder(isTTY);
    const terminal = new Terminal(stream, stream, env);
    terminal.configure({ quiet: false, color });
    terminal.error(error);
    return stream.written.join('');
  };
  test('is for terminals', () => expect(shown(true, true, {})).toContain('\u001b['));
  test.each([
    ['a pipe', false, true, {}],
    ['--no-color', true, false, {}],
    ['NO_COLOR', true, true, { NO_COLOR: '1' }],
    ['a dumb terminal', true, true, { TERM: 'dumb' }],
  ])('is not for %s', (_, isTTY, color, env) => expect(shown(isTTY, color, env)).toBe('error[USAGE]: b\n'));
});
