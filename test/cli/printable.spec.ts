/** Names of files and of nodes are any bytes: what a terminal would obey does not get through. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { main } from '../../src/cli/main';

const directory = mkdtempSync(join(tmpdir(), 'convolutionize-printable-'));
afterAll(() => rmSync(directory, { recursive: true }));

const onWindows = process.platform === 'win32';
(onWindows ? test.skip : test)(
  'a name with a new line and an escape sequence',
  async () => {
    const model = join(directory, 'a\nb\u001b[31m.onnx');
    cpSync(join(__dirname, '../../fixtures/models/lenet5.onnx'), model);
    for (const args of [
      ['inspect', model],
      ['inspect', '--diff', model, model],
      ['verify', model, model, '-n', '1'],
      ['convert', model, '--dry-run'],
      ['convert', model, '-o', join(directory, 'c\nd.onnx'), '-n', '1', '--certificate', join(directory, 'e\nf.json')],
      ['verify', '--certificate', join(directory, 'e\nf.json')],
      ['verify', model, join(directory, 'no\nwhere.onnx')],
      ['debug', 'bisect', model],
    ]) {
      const said: string[] = [];
      const stream = { write: (text: string) => said.push(text) };
      await main(args, { stdout: stream, stderr: stream, env: {} });
      const text = said.join('');
      expect(text).not.toBe('');
      expect([args[0], text.includes('\u001b')]).toEqual([args[0], false]);
      expect([args.join(' '), /a\nb|c\nd|e\nf|no\nwhere/.test(text)]).toEqual([args.join(' '), false]);
    }
  },
  60_000,
);
