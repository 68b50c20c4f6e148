/** The rules for the place of an output (src/output/place.ts), each broken once. */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  checkOutput,
  checkPlace,
  placeOf,
  readInput,
  rememberInputs,
  stage,
  stageDirectory,
  writeOutput,
  writeTextFile,
} from '../../src/output';
import { codeOf } from '../support/code-of';

let home: string;
beforeEach(() => {
  home = realpathSync(mkdtempSync(join(tmpdir(), 'convolutionize-')));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));
const at = (name: string): string => join(home, name);
const put = (name: string, text = name): string => {
  writeFileSync(at(name), text);
  return at(name);
};
const text = (name: string): string => readFileSync(at(name), 'utf8');
const forced = { inputs: [], force: true };

test('a new file may be written, an old one only with force', () => {
  const input = put('in.onnx');
  expect(codeOf(() => checkOutput(at('out.onnx'), [input], false))).toBe('none');
  put('out.onnx');
  expect(codeOf(() => checkOutput(at('out.onnx'), [input], false))).toBe('OUTPUT_EXISTS');
  expect(codeOf(() => checkOutput(at('out.onnx'), [input], true))).toBe('none');
  expect(codeOf(() => checkPlace(at('out.onnx'), { inputs: [], force: false, isOurs: (path) => path === at('out.onnx') }))).toBe('none');
});

test('an input is never written, under whatever name', () => {
  const input = put('in.onnx');
  symlinkSync('in.onnx', at('link.onnx'));
  linkSync(input, at('hard.onnx'));
  for (const name of ['in.onnx', './in.onnx', 'link.onnx', 'hard.onnx']) {
    expect(codeOf(() => checkOutput(at(name), [input], true))).toBe('OUTPUT_IS_INPUT');
  }
  mkdirSync(at('web_model'));
  put('web_model/model.json');
  expect(codeOf(() => checkOutput(at('web_model/model.json'), [at('web_model')], true))).toBe('OUTPUT_IS_INPUT');
  expect(codeOf(() => checkOutput(at('web_model/report.json'), [at('web_model')], true))).toBe('none');
});

test('what was read in this run is an input, whoever named it', () => {
  rememberInputs();
  readInput(put('weights.data'));
  linkSync(at('weights.data'), at('hard.data'));
  for (const name of ['weights.data', 'hard.data']) expect(codeOf(() => checkOutput(at(name), [], true))).toBe('OUTPUT_IS_INPUT');
  rememberInputs();
  expect(codeOf(() => checkOutput(at('weights.data'), [], true))).toBe('none');
});

test('two outputs are two files', () => {
  symlinkSync('.', at('same'));
  expect(codeOf(() => checkOutput(at('a'), [], true, [at('b')]))).toBe('none');
  expect(codeOf(() => checkOutput(at('a'), [], true, [at('b'), at('same/a')]))).toBe('OUTPUT_TWICE');
  expect(codeOf(() => checkOutput('/dev/null', [], false, ['/dev/null']))).toBe('none');
});

test('the directory must be there, and the output be none', () => {
  mkdirSync(at('directory'));
  expect(codeOf(() => checkOutput(at('directory'), [], true))).toBe('OUTPUT_IS_DIRECTORY');
  expect(codeOf(() => checkOutput(at('nowhere/out.onnx'), [], true))).toBe('OUTPUT_DIRECTORY_MISSING');
  put('file');
  expect(codeOf(() => checkOutput(at('file/out.onnx'), [], true))).toMatch(/OUTPUT_DIRECTORY_MISSING|OUTPUT_NOT_WRITABLE/);
});

describe('devices and pipes are written to, never replaced', () => {
  const isDevice = (): boolean => statSync('/dev/null').isCharacterDevice();

  test('a device, with force and without', () => {
    for (const force of [false, true]) {
      writeOutput('/dev/null', 'nothing', { inputs: [], force });
      const staged = stage('/dev/null', false, { inputs: [], force });
      writeFileSync(staged.path, 'a model');
      staged.commit();
      staged.discard();
      expect(existsSync(staged.path)).toBe(false);
    }
    expect(isDevice()).toBe(true);
    symlinkSync('/dev/null', at('link'));
    writeTextFile(at('link'), 'nothing', [], false);
    expect(lstatSync(at('link')).isSymbolicLink() && isDevice()).toBe(true);
  });

  test('a named pipe, whose reader gets all of it', async () => {
    execFileSync('mkfifo', [at('pipe')]);
    const script = `process.stdin.resume().on('data', (b) => { n += b.length }).on('end', () => console.log(n)); let n = 0;`;
    const { spawn } = await import('node:child_process');
    const reader = spawn('sh', ['-c', `"$0" -e "$1" < "$2"`, process.execPath, script, at('pipe')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    writeOutput(at('pipe'), new Uint8Array(3_000_000), forced);
    expect(String(await new Promise((resolve) => reader.stdout.once('data', resolve)))).toBe('3000000\n');
    expect(statSync(at('pipe')).isFIFO()).toBe(true);
    expect(readdirSync(home)).toEqual(['pipe']);
  });

  test('a file that is open already, by its descriptor', () => {
    for (const name of ['/dev/stdout', '/dev/fd/1', '/proc/self/fd/1', '/dev/stderr'].filter((path) => existsSync(path)))
      expect([name, placeOf(name).kind]).toEqual([name, 'stream']);
  });

  test('a socket is neither written nor replaced', async () => {
    const server = createServer().listen(at('socket'));
    await new Promise((resolve) => server.once('listening', resolve));
    expect(codeOf(() => writeOutput(at('socket'), 'text', forced))).toBe('OUTPUT_NOT_WRITABLE');
    expect(statSync(at('socket')).isSocket()).toBe(true);
    server.close();
  });
});

describe('links are followed', () => {
  test('the file behind it is replaced, the link stays', () => {
    mkdirSync(at('real'));
    put('real/out.json', 'old');
    symlinkSync('real/out.json', at('link.json'));
    expect(codeOf(() => writeTextFile(at('link.json'), 'new', [], false))).toBe('OUTPUT_EXISTS');
    writeTextFile(at('link.json'), 'new', [], true);
    const staged = stage(at('link.json'), false, forced);
    writeFileSync(staged.path, `${text('real/out.json')}er`);
    staged.commit();
    staged.discard();
    expect(text('real/out.json')).toBe('newer');
    expect(lstatSync(at('link.json')).isSymbolicLink()).toBe(true);
    expect([...readdirSync(home), ...readdirSync(at('real'))].sort()).toEqual(['link.json', 'out.json', 'real']);
  });

  test('so is a link to a directory', () => {
    mkdirSync(at('real'));
    symlinkSync('real', at('link'));
    const staged = stageDirectory(at('link'));
    writeFileSync(join(staged.path, 'made'), '');
    staged.commit();
    staged.discard();
    expect(lstatSync(at('link')).isSymbolicLink()).toBe(true);
    expect(readdirSync(at('real'))).toEqual(['made']);
  });

  test('one that leads nowhere is refused', () => {
    symlinkSync('gone', at('link'));
    expect(codeOf(() => writeTextFile(at('link'), 'text', [], true))).toBe('OUTPUT_LINK_BROKEN');
    expect(codeOf(() => stageDirectory(at('link')))).toBe('OUTPUT_LINK_BROKEN');
    expect(readdirSync(home)).toEqual(['link']);
  });
});

test('what comes into being meanwhile is not replaced', () => {
  const staged = stage(at('out.onnx'), false, { inputs: [], force: false });
  writeFileSync(staged.path, 'new');
  put('out.onnx', 'of somebody else');
  expect(codeOf(() => staged.commit())).toBe('OUTPUT_EXISTS');
  staged.discard();
  expect(text('out.onnx')).toBe('of somebody else');
});

test('who may read a file stays as it was', () => {
  put('out.onnx', 'old');
  execFileSync('chmod', ['640', at('out.onnx')]);
  writeTextFile(at('out.onnx'), 'new', [], true);
  expect(statSync(at('out.onnx')).mode & 0o777).toBe(0o640);
});
