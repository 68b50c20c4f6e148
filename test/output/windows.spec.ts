/** What Windows does with files, on any system. */
import { noFileOnWindows, rename } from '../../src/output/windows';

const failing = (code: string, times: number): { readonly attempt: () => void; readonly count: () => number } => {
  let count = 0;
  return {
    attempt() {
      if (count++ < times) throw Object.assign(new Error(code), { code });
    },
    count: () => count,
  };
};

test.each(['EPERM', 'EACCES', 'EBUSY'])('a file that another program holds (%s) is renamed when it lets go', (code) => {
  const pauses: number[] = [];
  const { attempt, count } = failing(code, 3);
  rename('a', 'b', { platform: 'win32', attempt, pause: (milliseconds) => void pauses.push(milliseconds) });
  expect([count(), pauses]).toEqual([4, [10, 20, 40]]);
});

test('it is not waited for without end, not on other systems, and not for other errors', () => {
  const attempts = (platform: NodeJS.Platform, code: string): number => {
    const { attempt, count } = failing(code, 100);
    expect(() => rename('a', 'b', { platform, attempt, pause: () => {} })).toThrow(code);
    return count();
  };
  expect([attempts('win32', 'EPERM'), attempts('linux', 'EPERM'), attempts('win32', 'ENOENT')]).toEqual([9, 1, 1]);
});

test.each(['NUL', 'con.onnx', 'C:\\models\\aux.onnx.data', 'models/COM1', 'LPT3 .txt', 'x\\nul:stream', 'model.onnx:hidden'])(
  '%s is not a file on Windows, and one elsewhere',
  (path) => {
    expect(noFileOnWindows(path, 'win32')).toMatch(/Windows/);
    expect(noFileOnWindows(path, 'linux')).toBeUndefined();
  },
);

test.each([
  'model.onnx',
  'C:\\models\\net.onnx',
  '\\\\server\\share\\net.onnx',
  'console.onnx',
  'null.onnx',
  'com10',
  'folder/auxiliary.data',
])('%s is a file', (path) => {
  expect(noFileOnWindows(path, 'win32')).toBeUndefined();
});
