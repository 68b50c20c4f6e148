/**
 * Every file and directory that any command writes, against everything that can be at its place. The table has all options that take a file: a new one fails
 * this test until it is in it, as an output or as an input.
 *
 * Refused means: exit code 2, and all files, links, devices and directories as they were.
 */
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  constants,
  copyFileSync,
  cpSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { main } from '../../src/cli/main';
import { COMMANDS } from '../../src/cli/options';
import { optionsOf } from '../../src/cli/options/option';
import { REPORTERS } from '../../src/cli/reporters';
import { leaky } from '../kills/leaky';

jest.setTimeout(120_000);
const SOUND = join(__dirname, '../../fixtures/fuzz/sound');

interface Output {
  /** As in the table of options. */
  readonly option: `${string} ${string}`;
  readonly what: 'file' | 'folder';
  /** A name of the right kind. */
  readonly name: string;
  readonly args: (place: string) => readonly string[];
  /** Options under which what is there may be replaced; undefined: nothing replaces it. */
  readonly force?: readonly string[] | undefined;
  /** The exit code of a run that writes. */
  readonly code?: number;
  /** A file that belongs to another one, and is named after it: the name of that one comes from its own. */
  readonly beside?: boolean;
}

const CONVERT = ['convert', 'm.onnx', '--no-verify'];
/** Two small networks without pictures: verified in no time. */
const VERIFY = ['verify', 'a.onnxtxt', 'b.onnxtxt', '-n', '1'];
const SMALL = '<ir_version: 9, opset_import: ["" : 17]> g (float[1, 4] x) => (float[1, 4] y) { y = Relu (x) }';
/** A small picture without words: drawing takes longest. */
const HEAT = ['heatmap', 'fcn.onnx', 'picture.png', '--labels', 'labels.txt', '--bare', '--size', '16'];
const DEBUG = ['m.onnx', '--plugin', './leaky.cjs', '-n', '1'];
const F = ['--force'];

const OUTPUTS: readonly Output[] = [
  { option: 'convert output', what: 'file', name: 'out.onnx', args: (place) => [...CONVERT, '-o', place], force: F },
  { option: 'convert output', what: 'file', name: 'out.onnx', args: (place) => [...CONVERT, place, '--weights', 'reference'], force: F },
  {
    option: 'convert output',
    what: 'file',
    name: 'out.onnx.data',
    args: (place) => [...CONVERT, '-o', place.replace(/\.data$/, ''), '--external-data'],
    force: F,
    beside: true,
  },
  { option: 'convert output', what: 'folder', name: 'web', args: (place) => [...CONVERT, '--to', 'tfjs', '-o', place] },
  {
    option: 'convert certificate',
    what: 'file',
    name: 'record.json',
    args: (place) => [...CONVERT, '-o', 'other.onnx', '--certificate', place],
    force: F,
  },
  { option: 'convert dump-dir', what: 'folder', name: 'dump', args: (place) => [...CONVERT, '-o', 'other.onnx', '--dump-dir', place] },
  ...['svg', 'dot', 'png', 'onnxtxt', 'txt'].map(
    (kind): Output => ({
      option: 'inspect output',
      what: 'file',
      name: `graph.${kind}`,
      args: (place) => ['inspect', 'm.onnx', '-o', place],
      force: F,
    }),
  ),
  {
    option: 'inspect output',
    what: 'file',
    name: 'diff.svg',
    args: (place) => ['inspect', '--diff', 'm.onnx', 'fcn.onnx', '-o', place],
    force: F,
  },
  { option: 'inspect output', what: 'file', name: 'tfjs.dot', args: (place) => ['inspect', 'model', '-o', place], force: F },
  ...['png', 'jpg', 'webp'].map(
    (kind): Output => ({ option: 'heatmap output', what: 'file', name: `heat.${kind}`, args: (place) => [...HEAT, '-o', place], force: F }),
  ),
  { option: 'heatmap map', what: 'file', name: 'map.npy', args: (place) => [...HEAT, '-o', 'other.png', '--map', place], force: F },
  {
    option: 'heatmap all-peaks',
    what: 'file',
    name: 'peaks.csv',
    args: (place) => [...HEAT, '-o', 'other.png', '--all-peaks', place],
    force: F,
  },
  ...REPORTERS.map(
    (name): Output => ({
      option: 'verify reporter',
      what: 'file',
      name: `report.${name}`,
      args: (place) => [...VERIFY, '--reporter', `${name}=${place}`],
      force: F,
    }),
  ),
  {
    option: 'verify output-file',
    what: 'file',
    name: 'report.xml',
    args: (place) => [...VERIFY, '--reporter', 'junit', '--output-file', place],
    force: F,
  },
  { option: 'verify save-inputs', what: 'folder', name: 'inputs', args: (place) => [...VERIFY, '--save-inputs', place] },
  { option: 'debug output', what: 'folder', name: 'steps', args: (place) => ['debug', 'bisect', ...DEBUG, '-o', place], code: 1 },
  { option: 'debug output', what: 'folder', name: 'case', args: (place) => ['debug', 'reduce', ...DEBUG, '-o', place], code: 1 },
];

/** Options that name what is read. */
const INPUTS = [
  'convert inputs',
  'convert plugin',
  'convert labels',
  'verify inputs',
  'verify suite',
  'verify merge',
  'verify certificate',
  'predict labels',
  'heatmap labels',
  'debug plugin',
];

const title = ({ option, args, name }: Output): string => `${option}: ${args(name).slice(0, 2).join(' ')} ${name}`;

test('every option that takes a file or folder is in the table', () => {
  const known = new Set([...OUTPUTS.map(({ option }) => option), ...INPUTS]);
  const options = COMMANDS.flatMap((command) =>
    Object.entries(optionsOf(command))
      .filter(([, { completes }]) => completes !== undefined)
      .map(([name]) => `${command.name} ${name}`),
  );
  expect(options.filter((option) => !known.has(option))).toEqual([]);
  // Help takes no file by these names, which are outputs all the same.
  const hidden = COMMANDS.flatMap((command) => Object.keys(optionsOf(command)).map((name) => `${command.name} ${name}`));
  expect(hidden.filter((name) => /output-file\./.test(name)).sort()).toEqual(REPORTERS.map((name) => `verify output-file.${name}`).sort());
});

let home: string;
const cwd = process.cwd();
const root = mkdtempSync(join(realpathSync(tmpdir()), 'convolutionize-outputs-'));
const seeds = join(root, 'seeds');
afterAll(() => {
  process.chdir(cwd);
  rmSync(root, { recursive: true, force: true });
});

/** What stands beside the output in question: each run makes it anew. */
const OTHERS = ['other.onnx', 'other.png'];
const removeOthers = (): void => {
  for (const other of OTHERS) rmSync(other, { force: true });
};

async function run(args: readonly string[]): Promise<{ readonly code: number; readonly said: string }> {
  let said = '';
  const stream = {
    write: (text: string) => {
      said += text;
    },
  };
  const code = await main(args, { stdout: stream, stderr: stream, env: {} });
  return { code, said };
}

beforeAll(async () => {
  mkdirSync(seeds);
  for (const [from, to] of [
    ['pair.onnx', 'm.onnx'],
    ['pair-fcn.onnx', 'fcn.onnx'],
    ['small.png', 'picture.png'],
    ['labels/names.txt', 'labels.txt'],
  ] as const)
    copyFileSync(join(SOUND, from), join(seeds, to));
  writeFileSync(join(seeds, 'leaky.cjs'), leaky('true'));
  for (const name of ['a', 'b']) writeFileSync(join(seeds, `${name}.onnxtxt`), SMALL);
  process.chdir(seeds);
  expect((await run([...CONVERT, '-o', 'ext.onnx', '--external-data', '--head', 'original'])).code).toBe(0);
  expect((await run([...CONVERT, '--to', 'tfjs', '-o', 'model'])).code).toBe(0);
});

beforeEach(() => {
  home = mkdtempSync(join(root, 'home-'));
  cpSync(seeds, home, { recursive: true });
  process.chdir(home);
});
afterEach(() => {
  process.chdir(cwd);
  rmSync(home, { recursive: true, force: true });
});

/** All that there is: what it is, and what is in it. */
function snapshot(folder = home): Record<string, string> {
  const found: Record<string, string> = {};
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const stat = lstatSync(path);
    found[relative(folder, path)] = stat.isSymbolicLink()
      ? `link to ${readlinkSync(path)}`
      : stat.isFile()
        ? `file ${readFileSync(path, 'latin1')}`
        : stat.isDirectory()
          ? 'directory'
          : stat.isFIFO()
            ? 'pipe'
            : stat.isSocket()
              ? 'socket'
              : 'device';
  }
  return found;
}

async function refused(args: readonly string[], reason: RegExp): Promise<void> {
  removeOthers();
  const before = snapshot();
  const { code, said } = await run(args);
  expect([args, code, reason.exec(said)?.[0] ?? said]).toEqual([args, 2, expect.stringMatching(reason)]);
  const after = snapshot();
  // Of two outputs the first is whole before the second is found to be impossible.
  for (const first of OTHERS) {
    delete after[first];
    delete before[first];
  }
  expect(Object.keys(after).sort()).toEqual(Object.keys(before).sort());
  for (const [name, was] of Object.entries(before)) expect([name, after[name] === was]).toEqual([name, true]);
}

/** Runs, and answers with what has changed. */
async function written(output: Output, args: readonly string[]): Promise<Record<string, string>> {
  removeOthers();
  const before = snapshot();
  const { code, said } = await run(args);
  expect([args, code, code === (output.code ?? 0) ? '' : said]).toEqual([args, output.code ?? 0, '']);
  return Object.fromEntries(Object.entries(snapshot()).filter(([name, now]) => before[name] !== now));
}

const isDevice = (path: string): boolean => lstatSync(path).isCharacterDevice();
const PRECIOUS = 'of somebody else';

describe.each(OUTPUTS.filter(({ what }) => what === 'file').map((output) => [title(output), output] as const))('%s', (_, output) => {
  const { name, args, beside = false } = output;
  const forced = (place: string): readonly string[] => [...args(place), ...(output.force ?? [])];

  test('what somebody else has there stays', async () => {
    writeFileSync(name, PRECIOUS);
    await refused(args(name), /OUTPUT_EXISTS/);
    rmSync(name);
    mkdirSync('real');
    writeFileSync(join('real', name), PRECIOUS);
    symlinkSync(join('real', name), name);
    await refused(args(name), /OUTPUT_EXISTS|OUTPUT_NOT_WRITABLE/);
    rmSync(name);
    mkdirSync(name);
    writeFileSync(join(name, 'file'), PRECIOUS);
    await refused(forced(name), /OUTPUT_IS_DIRECTORY/);
  });

  test('no input is written, under whatever name', async () => {
    const inputs = args(name)
      .flatMap((arg) => arg.split('='))
      .filter((arg) => existsSync(arg) && lstatSync(arg).isFile());
    expect(inputs.length + (args(name).includes('model') ? 1 : 0)).toBeGreaterThan(0);
    mkdirSync('sub');
    for (const input of inputs) {
      // By the name of the output: a link and a hard link.
      symlinkSync(input, name);
      await refused(forced(name), /OUTPUT_IS_INPUT|OUTPUT_NOT_WRITABLE/);
      rmSync(name);
      linkSync(input, name);
      await refused(forced(name), /OUTPUT_IS_INPUT/);
      rmSync(name);
      // By other ways to the input, where the output may have its ending.
      if (!beside && input.endsWith(name.slice(name.lastIndexOf('.'))))
        for (const path of [input, `./sub/../${input}`, join(home, input)]) await refused(forced(path), /OUTPUT_IS_INPUT/);
    }
  });

  test('nor is the external data of an input', async () => {
    const [swapped] = args(name).filter((arg) => arg === 'm.onnx' || arg === 'fcn.onnx');
    if (swapped === undefined || args(name).includes('debug')) return;
    // A second hard link would make the data itself be refused.
    symlinkSync('ext.onnx.data', name);
    const instead = forced(name).map((arg) => (arg === swapped ? 'ext.onnx' : arg));
    await refused(instead, beside ? /OUTPUT_NOT_WRITABLE/ : /OUTPUT_IS_INPUT/);
  });

  test('a link that leads nowhere, a missing folder, one in which nothing can be made', async () => {
    symlinkSync('gone', name);
    await refused(forced(name), /OUTPUT_LINK_BROKEN|OUTPUT_NOT_WRITABLE/);
    rmSync(name);
    await refused(forced(join('nowhere', name)), /OUTPUT_DIRECTORY_MISSING/);
    if (existsSync('/proc/self')) await refused(forced(join('/proc/self', name)), /OUTPUT_NOT_WRITABLE|CANNOT_WRITE|REFERENCE_OUTSIDE/);
    if (process.getuid?.() !== 0) {
      mkdirSync('locked', { mode: 0o500 });
      await refused(forced(join('locked', name)), /OUTPUT_NOT_WRITABLE|CANNOT_WRITE|REFERENCE_OUTSIDE/);
    }
  });

  test('a socket is refused', async () => {
    const server = createServer().listen(name);
    await new Promise((resolve) => server.once('listening', resolve));
    try {
      await refused(forced(name), /OUTPUT_NOT_WRITABLE/);
    } finally {
      server.close();
    }
  });

  test('a file comes to be, and with force takes the place of another behind a link', async () => {
    expect(Object.keys(await written(output, args(name)))).toContain(name);
    const whole = readFileSync(name);
    expect(whole.length).toBeGreaterThan(0);
    if (beside) return;
    rmSync(name);
    mkdirSync('real');
    writeFileSync(join('real', name), PRECIOUS);
    symlinkSync(join('real', name), name);
    await written(output, [...forced(name), ...(args(name).includes('--force') ? [] : F)]);
    expect(lstatSync(name).isSymbolicLink()).toBe(true);
    expect(readFileSync(name, 'latin1')).not.toBe(PRECIOUS);
    expect(readFileSync(name).length).toBeGreaterThan(whole.length / 2);
  });

  test('devices and pipes', async () => {
    if (beside) {
      symlinkSync('/dev/null', name);
      await refused(forced(name), /OUTPUT_NOT_WRITABLE/);
      rmSync(name);
      execFileSync('mkfifo', [name]);
      await refused(forced(name), /OUTPUT_NOT_WRITABLE/);
      return;
    }
    // A picture's format is known by the name of its file.
    const device = (path: string): string => {
      rmSync(name, { force: true });
      symlinkSync(path, name);
      return name;
    };
    await written(output, args(device('/dev/null')));
    expect([isDevice('/dev/null'), lstatSync(name).isSymbolicLink()]).toEqual([true, true]);
    if (existsSync('/dev/full')) {
      await refused(args(device('/dev/full')), /OUTPUT_NOT_WRITABLE|CANNOT_WRITE|REFERENCE_OUTSIDE/);
      expect(isDevice('/dev/full')).toBe(true);
    }
    rmSync(name);
    await written(output, args(name));
    const size = readFileSync(name).length;
    rmSync(name);
    // More does not fit into a pipe that nobody empties meanwhile.
    if (size > 60_000) return;
    execFileSync('mkfifo', [name]);
    const reader = openSync(name, constants.O_RDWR | constants.O_NONBLOCK);
    await written(output, args(name));
    expect([lstatSync(name).isFIFO(), readSync(reader, Buffer.alloc(1 << 16)) > 0]).toEqual([true, true]);
    closeSync(reader);
  });
});

describe.each(OUTPUTS.filter(({ what }) => what === 'folder').map((output) => [title(output), output] as const))('%s', (_, output) => {
  const { name, args } = output;
  const takesForce = !args(name).includes('--save-inputs');
  const forced = (place: string): readonly string[] => [...args(place), ...(takesForce ? F : [])];

  test('what somebody else has there stays', async () => {
    mkdirSync(name);
    writeFileSync(join(name, 'file'), PRECIOUS);
    await refused(args(name), /DIRECTORY_NOT_EMPTY|OUTPUT_EXISTS/);
    rmSync(name, { recursive: true });
    writeFileSync(name, PRECIOUS);
    await refused(forced(name), /OUTPUT_NOT_MODEL|DIRECTORY/);
    rmSync(name);
    symlinkSync('/dev/null', name);
    await refused(forced(name), /OUTPUT_NOT_MODEL|DIRECTORY/);
    expect(isDevice('/dev/null')).toBe(true);
    rmSync(name);
    symlinkSync('gone', name);
    await refused(forced(name), /OUTPUT_LINK_BROKEN/);
    rmSync(name);
    await refused(forced(join('nowhere', name)), /OUTPUT_DIRECTORY_MISSING/);
    if (existsSync('/proc/self')) await refused(forced(join('/proc/self', name)), /OUTPUT_NOT_WRITABLE|CANNOT_WRITE|REFERENCE_OUTSIDE/);
  });

  test('no input goes, whatever its name', async () => {
    for (const own of ['model.onnx', '00-original.onnxtxt']) {
      mkdirSync(name);
      const input = join(name, own);
      if (own.endsWith('txt')) await run(['inspect', 'm.onnx', '--format', 'text', '--weights', 'inline', '-o', input]);
      else copyFileSync('m.onnx', input);
      const bytes = readFileSync(input);
      await run(forced(name).map((arg) => (arg === 'm.onnx' ? input : arg)));
      expect(readFileSync(input).equals(bytes)).toBe(true);
      rmSync(name, { recursive: true });
    }
  });

  test('a folder comes to be, behind a link as well', async () => {
    expect(Object.keys(await written(output, args(name)))).toContain(name);
    const names = readdirSync(name);
    expect(names.length).toBeGreaterThan(0);
    rmSync(name, { recursive: true });
    mkdirSync('real');
    symlinkSync('real', name);
    await written(output, args(name));
    expect([lstatSync(name).isSymbolicLink(), readdirSync('real')]).toEqual([true, names]);
  });
});

/** Two outputs of a run that are one file. */
const TWICE: readonly (readonly string[])[] = [
  [...CONVERT, '-o', 'out.onnx', '--certificate', 'out.onnx'],
  [...CONVERT, '-o', 'out.onnx', '--certificate', './out.onnx'],
  [...CONVERT, '-o', 'out.onnx', '--external-data', '--certificate', 'out.onnx.data'],
  [...CONVERT, '-o', 'web', '--to', 'tfjs', '--dump-dir', 'web'],
  [...CONVERT, '-o', 'web', '--to', 'tfjs', '--certificate', 'web/model.json'],
  [...CONVERT, '-o', 'folder/weights.data', '--dump-dir', 'folder'],
  [...HEAT, '-o', 'a.png', '--map', 'a.png'],
  [...HEAT, '-o', 'a.png', '--map', 'a.npy', '--all-peaks', 'a.npy'],
  [...VERIFY, '--reporter', 'json=a', '--reporter', 'junit=./a'],
  [...VERIFY, '--reporter', 'json', '--reporter', 'junit=a', '--output-file.json', 'a'],
];
test.each(TWICE)('%s', async (...args) => {
  mkdirSync('folder');
  await refused([...args, '--force'], /OUTPUT_TWICE|BAD_OPTION|OUTPUT_EXISTS|OUTPUT_DIRECTORY_MISSING/);
});

test('the weights of an output behind a link are beside the file, not beside the link', async () => {
  mkdirSync('real');
  writeFileSync('real/out.onnx', PRECIOUS);
  symlinkSync('real/out.onnx', 'link.onnx');
  writeFileSync('real/out.onnx.data', PRECIOUS);
  expect((await run([...CONVERT, '-o', 'link.onnx', '--external-data'])).code).toBe(2);
  expect(readFileSync('real/out.onnx.data', 'utf8')).toBe(PRECIOUS);
  rmSync('real/out.onnx.data');
  expect((await run([...CONVERT, '-o', 'link.onnx', '--external-data', '--force'])).code).toBe(0);
  expect(readdirSync('real').sort()).toEqual(['out.onnx', 'out.onnx.data']);
  expect((await run(['inspect', 'link.onnx'])).code).toBe(0);
});
