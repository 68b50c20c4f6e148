import { spawn } from 'node:child_process';
import { linkSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkOutput, stage } from '../../src/cli/staging';
import { codeOf } from '../support/code-of';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'convolutionize-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));
const at = (name: string): string => join(home, name);
const put = (name: string, text = name): string => {
  writeFileSync(at(name), text);
  return at(name);
};

describe('checkOutput', () => {
  test('allows a new file, and an old one only with force', () => {
    const input = put('in.onnx');
    expect(codeOf(() => checkOutput(at('out.onnx'), [input], false))).toBe('none');
    put('out.onnx');
    expect(codeOf(() => checkOutput(at('out.onnx'), [input], false))).toBe('OUTPUT_EXISTS');
    expect(codeOf(() => checkOutput(at('out.onnx'), [input], true))).toBe('none');
  });

  test('never allows the input, under whatever name', () => {
    const input = put('in.onnx');
    symlinkSync('in.onnx', at('link.onnx'));
    linkSync(input, at('hard.onnx'));
    for (const name of ['in.onnx', './in.onnx', 'link.onnx', 'hard.onnx']) {
      expect(codeOf(() => checkOutput(at(name), [input], true))).toBe('OUTPUT_IS_INPUT');
    }
  });

  test('wants a file in a directory that exists', () => {
    mkdirSync(at('directory'));
    expect(codeOf(() => checkOutput(at('directory'), [], true))).toBe('OUTPUT_IS_DIRECTORY');
    expect(codeOf(() => checkOutput(at('nowhere/out.onnx'), [], true))).toBe('OUTPUT_DIRECTORY_MISSING');
  });
});

describe('stage', () => {
  test.each([false, true])('keeps the old file until the commit (flat: %s)', (flat) => {
    const output = put('out.onnx', 'old');
    const staged = stage(output, flat);
    writeFileSync(staged.path, 'new');
    expect(readFileSync(output, 'utf8')).toBe('old');
    staged.commit();
    staged.discard();
    expect(readFileSync(output, 'utf8')).toBe('new');
    expect(readdirSync(home)).toEqual(['out.onnx']);
  });

  test.each([false, true])('leaves nothing behind when discarded (flat: %s)', (flat) => {
    const staged = stage(at('out.onnx'), flat);
    writeFileSync(staged.path, 'new');
    staged.discard();
    expect(readdirSync(home)).toEqual([]);
  });

  test('moves the files that belong to the model as well', () => {
    put('out.onnx', 'old');
    put('out.onnx.data', 'old data');
    const staged = stage(at('out.onnx'), false);
    writeFileSync(staged.path, 'new');
    writeFileSync(`${staged.path}.data`, 'new data');
    staged.commit();
    expect(readFileSync(at('out.onnx'), 'utf8') + readFileSync(at('out.onnx.data'), 'utf8')).toBe('newnew data');
    staged.discard();
    expect(readdirSync(home).sort()).toEqual(['out.onnx', 'out.onnx.data']);
  });

  test('says so when the directory cannot be written', () => {
    writeFileSync(at('file'), '');
    expect(codeOf(() => stage(at('file/out.onnx'), false))).toBe('OUTPUT_NOT_WRITABLE');
  });

  test('forgets about signals when done', () => {
    const before = process.listenerCount('SIGINT');
    const staged = stage(at('out.onnx'), false);
    expect(process.listenerCount('SIGINT')).toBe(before + 1);
    staged.discard();
    expect(process.listenerCount('SIGINT')).toBe(before);
  });

  test.each(['SIGINT', 'SIGTERM'] as const)('leaves nothing behind when interrupted by %s', async (signal) => {
    const program = at('staging.cjs');
    const esbuild = join(__dirname, '../../node_modules/.bin/esbuild');
    const source = join(__dirname, '../../src/cli/staging.ts');
    const main = `import { writeFileSync } from 'node:fs'; import { stage } from ${JSON.stringify(source)};
      const staged = stage(process.argv[2], false); writeFileSync(staged.path, 'half'); console.log('staged'); setInterval(() => {}, 1000);`;
    const built = spawn(esbuild, ['--bundle', '--platform=node', `--outfile=${program}`, '--log-level=error'], {
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    built.stdin.end(main);
    await new Promise((resolve) => built.on('close', resolve));
    mkdirSync(at('place'));
    const child = spawn(process.execPath, [program, at('place/out.onnx')], { stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise((resolve) => child.stdout.once('data', resolve));
    expect(readdirSync(at('place'))).toHaveLength(1);
    child.kill(signal);
    const ended = await new Promise((resolve) => child.on('close', (_, by) => resolve(by)));
    expect(ended).toBe(signal);
    expect(readdirSync(at('place'))).toEqual([]);
  });
});
