/** Outputs of several files, and what is left of runs that end early (src/output). */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { scratchDirectory, stage, stageDirectory, writeTextFile } from '../../src/output';
import { temporaryBeside } from '../../src/output/temporary';
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
const text = (name: string): string => readFileSync(at(name), 'utf8');
const forced = { inputs: [], force: true };

describe('files', () => {
  test.each([false, true])('keeps the old file until the commit (flat: %s)', (flat) => {
    const output = put('out.onnx', 'old');
    const staged = stage(output, flat, forced);
    writeFileSync(staged.path, 'new');
    expect(text('out.onnx')).toBe('old');
    staged.commit();
    staged.discard();
    expect(text('out.onnx')).toBe('new');
    expect(readdirSync(home)).toEqual(['out.onnx']);
  });

  test.each([false, true])('leaves nothing behind when discarded (flat: %s)', (flat) => {
    const staged = stage(at('out.onnx'), flat, forced);
    writeFileSync(staged.path, 'new');
    writeFileSync(join(staged.scratch, 'part'), 'part');
    staged.discard();
    expect(readdirSync(home)).toEqual([]);
  });

  test('moves the files that belong to the model as well', () => {
    put('out.onnx', 'old');
    put('out.onnx.data', 'old data');
    const staged = stage(at('out.onnx'), false, forced);
    writeFileSync(staged.path, 'new');
    writeFileSync(`${staged.path}.data`, 'new data');
    staged.commit();
    expect(text('out.onnx') + text('out.onnx.data')).toBe('newnew data');
    staged.discard();
    expect(readdirSync(home).sort()).toEqual(['out.onnx', 'out.onnx.data']);
  });

  test('brings back what was there when one of the files cannot be moved', () => {
    put('out.onnx', 'old');
    put('out.onnx.data', 'old data');
    const staged = stage(at('out.onnx'), false, forced);
    writeFileSync(staged.path, 'new');
    // A directory cannot take the place of a file; and one stands where the old file would be put aside.
    mkdirSync(`${staged.path}.data`);
    mkdirSync(join(staged.path, '..', '.old-out.onnx.data', 'full'), { recursive: true });
    expect(codeOf(() => staged.commit())).toBe('OUTPUT_NOT_WRITABLE');
    staged.discard();
    expect([text('out.onnx'), text('out.onnx.data')]).toEqual(['old', 'old data']);
  });

  test('refuses to put weights where something else stands than a file', () => {
    const staged = stage(at('out.onnx'), false, forced);
    writeFileSync(staged.path, 'new');
    writeFileSync(`${staged.path}.data`, 'new data');
    mkdirSync(at('out.onnx.data'));
    expect(codeOf(() => staged.commit())).toBe('OUTPUT_IS_DIRECTORY');
    staged.discard();
    expect(readdirSync(home)).toEqual(['out.onnx.data']);
  });

  test('says so when the directory cannot be written', () => {
    writeFileSync(at('file'), '');
    expect(codeOf(() => stage(at('file/out.onnx'), false, forced))).toMatch(/OUTPUT_NOT_WRITABLE|OUTPUT_DIRECTORY_MISSING/);
  });

  test('forgets about signals when done', () => {
    const before = process.listenerCount('SIGINT');
    const [first, second] = [stage(at('a.onnx'), true, forced), stage(at('b.onnx'), false, forced)];
    expect(process.listenerCount('SIGINT')).toBe(before + 1);
    first.discard();
    second.discard();
    expect(process.listenerCount('SIGINT')).toBe(before);
  });
});

describe('directories', () => {
  const made = (output: string, ...rest: readonly Parameters<typeof stageDirectory>[1][]): void => {
    const staged = stageDirectory(output, ...rest);
    writeFileSync(join(staged.path, '00-new'), 'new');
    staged.commit();
    staged.discard();
  };

  test('a new one, an empty one, and one whose content may go', () => {
    made(at('out'));
    expect(readdirSync(at('out'))).toEqual(['00-new']);
    mkdirSync(at('empty'));
    made(at('empty'));
    expect(readdirSync(at('empty'))).toEqual(['00-new']);
    put('out/old');
    expect(codeOf(() => made(at('out')))).toBe('DIRECTORY_NOT_EMPTY');
    made(at('out'), { replaces: { kind: 'all', check: () => undefined } });
    expect(readdirSync(at('out'))).toEqual(['00-new']);
    expect(readdirSync(home).sort()).toEqual(['empty', 'out']);
  });

  test("files of an earlier run go, others' stay", () => {
    mkdirSync(at('out'));
    for (const name of ['00-old', '01-old', 'notes.txt', '00-new']) put(`out/${name}`);
    made(at('out'), { replaces: { kind: 'some', isOld: (name) => name.startsWith('0') } });
    expect(readdirSync(at('out')).sort()).toEqual(['00-new', 'notes.txt']);
    expect(text('out/00-new') + text('out/notes.txt')).toBe('newout/notes.txt');
  });

  test('what is put into it meanwhile stays', () => {
    const staged = stageDirectory(at('out'));
    mkdirSync(at('out'));
    put('out/of somebody else');
    expect(codeOf(() => staged.commit())).toBe('DIRECTORY_NOT_EMPTY');
    staged.discard();
    expect(readdirSync(at('out'))).toEqual(['of somebody else']);
  });
});

describe('runs that were killed', () => {
  /** The name that a process has which is no more. */
  const abandoned = (name: string): string => name.replace(/-(\d+)-([0-9a-z]+)-/, '-$1-2-');
  /** What a killed run leaves: the directory of another process. */
  function left(fill: (directory: string) => void): string {
    const temporary = temporaryBeside(home);
    fill(temporary.path);
    const old = abandoned(temporary.path);
    renameSync(temporary.path, old);
    temporary.remove();
    return old;
  }

  test('the next run removes what they left, and nothing else', () => {
    left((directory) => writeFileSync(join(directory, 'out.onnx'), 'half'));
    const flat = temporaryBeside(home);
    flat.remove();
    writeFileSync(`${abandoned(flat.path)}.onnx`, 'half');
    for (const name of ['.convolutionize', '.convolutionize-notes', 'convolutionize-abc', '.other-123-1-1']) put(name);
    const running = temporaryBeside(home);
    writeTextFile(at('report.json'), '{}', [], false);
    expect(
      readdirSync(home)
        .filter((name) => name !== running.path.slice(home.length + 1))
        .sort(),
    ).toEqual(['.convolutionize', '.convolutionize-notes', '.other-123-1-1', 'convolutionize-abc', 'report.json'].sort());
    expect(existsSync(running.path)).toBe(true);
    running.remove();
  });

  test('a run that is refused removes what they left as well', () => {
    const old = left((directory) => mkdirSync(join(directory, 'inputs')));
    mkdirSync(at('inputs'));
    writeFileSync(join(at('inputs'), 'file'), '');
    expect(() => stageDirectory(at('inputs'))).toThrow(/not empty/);
    expect(existsSync(old)).toBe(false);
  });

  test('what another machine left goes after a week', () => {
    const name = at('.convolutionize-000000-1-1-abcdefgh');
    mkdirSync(name);
    writeTextFile(at('a'), '', [], false);
    expect(existsSync(name)).toBe(true);
    utimesSync(name, 1, 1);
    writeTextFile(at('b'), '', [], false);
    expect(existsSync(name)).toBe(false);
  });

  test.each([
    ['nothing was moved', [], []],
    ['the old model was put aside', ['out.onnx'], []],
    ['the weights were moved', ['out.onnx', 'out.onnx.data'], ['out.onnx.data']],
    ['all was moved', ['out.onnx', 'out.onnx.data'], ['out.onnx.data', 'out.onnx']],
  ])('one that had begun to move its files is finished: %s', (_, aside, moved) => {
    for (const name of ['out.onnx', 'out.onnx.data']) put(name, `old ${name}`);
    left((directory) => {
      for (const name of ['out.onnx', 'out.onnx.data']) writeFileSync(join(directory, name), `new ${name}`);
      writeFileSync(join(directory, 'moves.json'), JSON.stringify({ main: 'out.onnx', parts: ['out.onnx.data'] }));
      for (const name of aside) renameSync(at(name), join(directory, `.old-${name}`));
      for (const name of moved) renameSync(join(directory, name), at(name));
    });
    writeTextFile(at('report.json'), '{}', [], false);
    expect(text('out.onnx') + text('out.onnx.data')).toBe('new out.onnxnew out.onnx.data');
    expect(readdirSync(home).sort()).toEqual(['out.onnx', 'out.onnx.data', 'report.json']);
  });

  test.each([
    { main: '../evil', parts: [] },
    { main: 'out', parts: ['/etc/x'] },
    { main: 'out', parts: [], removed: ['..'] },
    { main: 3, parts: {} },
    null,
  ])('a journal that names anything else is not followed: %j', (moves) => {
    put('keep', 'keep');
    left((directory) => {
      writeFileSync(join(directory, 'out'), 'new');
      writeFileSync(join(directory, 'moves.json'), JSON.stringify(moves));
    });
    writeTextFile(at('report.json'), '{}', [], false);
    expect(readdirSync(home).sort()).toEqual(['keep', 'report.json']);
  });

  test('scratch directories are ours alone, and go', () => {
    const scratch = scratchDirectory();
    writeFileSync(join(scratch.path, 'part'), 'part');
    scratch.remove();
    expect(existsSync(scratch.path)).toBe(false);
  });
});

test('a place for temporary files that cannot be used is an error with its path', () => {
  expect(codeOf(() => scratchDirectory(join(put('no-directory'), 'scratch')))).toBe('CANNOT_WRITE');
});

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('%s leaves nothing behind, and ends the process as it would have', async (signal) => {
  const program = at('staging.cjs');
  const { buildSync } = await import('esbuild');
  const source = join(__dirname, '../../src/output');
  buildSync({
    stdin: {
      contents: `import { writeFileSync } from 'node:fs'; import { scratchDirectory, stage, stageDirectory } from ${JSON.stringify(source)};
        const rules = { inputs: [], force: false }; const home = process.argv[2];
        const staged = stage(home + '/out.onnx', false, rules); writeFileSync(staged.path, 'half');
        writeFileSync(stage(home + '/flat.onnx', true, rules).path, 'half'); stageDirectory(home + '/web'); scratchDirectory();
        console.log('staged'); setInterval(() => {}, 1000);`,
      resolveDir: __dirname,
    },
    bundle: true,
    platform: 'node',
    outfile: program,
    logLevel: 'error',
  });
  for (const name of ['place', 'tmp']) mkdirSync(at(name));
  const child = spawn(process.execPath, [program, at('place')], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, TMPDIR: at('tmp') },
  });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  expect(readdirSync(at('place'))).toHaveLength(4);
  child.kill(signal);
  const ended = await new Promise((resolve) => child.on('close', (_, by) => resolve(by)));
  expect(ended).toBe(signal);
  expect([...readdirSync(at('place')), ...readdirSync(at('tmp'))]).toEqual([]);
});
