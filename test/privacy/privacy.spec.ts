/**
 * Nothing leaves the machine, and nothing is written but what was asked for: every command, and the library by both ways of importing it, with a home and a
 * TMPDIR that are new and empty, or that cannot be written; functions that speak to a network are watched (hook.js), and system calls where strace is installed.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { buildSync } from 'esbuild';
import { useProgram } from '../support/cli';

jest.setTimeout(300_000);

const root = join(__dirname, '../..');
const program = useProgram();
const HOOK = join(__dirname, 'hook.js');

interface Place {
  readonly work: string;
  readonly home: string;
  readonly tmp: string;
  readonly log: string;
}

function place(): Place {
  const top = program.directory();
  const at = { work: join(top, 'work'), home: join(top, 'home'), tmp: join(top, 'tmp'), log: join(top, 'log') };
  for (const folder of [at.work, at.home, at.tmp]) mkdirSync(folder);
  copyFileSync(join(root, 'fixtures/models/lenet5.onnx'), join(at.work, 'm.onnx'));
  copyFileSync(join(root, 'fixtures/digits/canvas.png'), join(at.work, 'p.png'));
  return at;
}

/** With nothing in the environment that would switch anything off. */
const environment = ({ home, tmp, log }: Place): NodeJS.ProcessEnv => {
  const { ORT_DISABLE_TELEMETRY: _, XDG_CACHE_HOME: __, XDG_DATA_HOME: ___, ...rest } = process.env;
  return {
    ...rest,
    HOME: home,
    USERPROFILE: home,
    LOCALAPPDATA: home,
    APPDATA: home,
    TMPDIR: tmp,
    TEMP: tmp,
    TMP: tmp,
    PRIVACY_LOG: log,
    NODE_OPTIONS: `--require ${HOOK}`,
  };
};

function node(at: Place, args: readonly string[]): { readonly status: number | null; readonly stderr: string } {
  return spawnSync(process.execPath, args, { cwd: at.work, env: environment(at), encoding: 'utf8' });
}

function expectSilence(at: Place, { runtime }: { readonly runtime: boolean }): void {
  const notes = readFileSync(at.log, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
  expect(notes.filter((line) => line.startsWith('network'))).toEqual([]);
  // The hook was there, in the process that runs models too.
  expect(notes.filter((line) => line === 'loaded').length).toBeGreaterThanOrEqual(runtime ? 2 : 1);
  const loads = notes.filter((line) => line.startsWith('runtime'));
  expect(loads.filter((line) => line !== 'runtime: ORT_DISABLE_TELEMETRY=1')).toEqual([]);
  if (runtime) expect(loads.length).toBeGreaterThan(0);
  expect([readdirSync(at.home), readdirSync(at.tmp)]).toEqual([[], []]);
}

const COMMANDS: readonly (readonly [string, readonly string[], readonly string[], boolean])[] = [
  ['convert', ['convert', 'm.onnx', 'out.onnx', '--certificate', 'c.json', '--verify-budget', '1s'], ['c.json', 'out.onnx'], true],
  ['convert --to tfjs', ['convert', 'm.onnx', 'web', '--to', 'tfjs', '--verify-budget', '1s'], ['web'], true],
  ['verify', ['verify', 'm.onnx', 'm.onnx', '-n', '2', '--verify-budget', '1s'], [], true],
  ['verify --exact', ['verify', 'm.onnx', 'm.onnx', '--exact', '-n', '1'], [], true],
  ['predict', ['predict', 'm.onnx', 'p.png'], [], true],
  ['heatmap', ['heatmap', 'm.onnx', 'p.png', '-o', 'h.png', '--class', '3'], ['h.png'], true],
  ['inspect', ['inspect', 'm.onnx', '-o', 'g.html'], ['g.html'], false],
  ['debug bisect', ['debug', 'bisect', 'm.onnx'], [], true],
];

test.each(COMMANDS)('%s speaks to nobody, and writes what it is asked for', (_, args, outputs, runtime) => {
  const at = place();
  const { status, stderr } = node(at, [program.file, ...args]);
  expect([status, stderr]).toEqual([0, '']);
  expect(readdirSync(at.work).sort()).toEqual(['m.onnx', 'p.png', ...outputs].sort());
  expectSilence(at, { runtime });
});

test.each(['cjs', 'mjs'])('so does the library (%s)', (kind) => {
  const library = join(dirname(program.file), 'library.cjs');
  if (!existsSync(library))
    buildSync({
      entryPoints: [join(root, 'src/index.ts')],
      outfile: library,
      bundle: true,
      platform: 'node',
      format: 'cjs',
      packages: 'external',
      logLevel: 'error',
    });
  const at = place();
  const from = JSON.stringify(library);
  const load =
    kind === 'cjs'
      ? `const { readModel, compile, writeModel, verify } = require(${from});`
      : `import library from ${from}; const { readModel, compile, writeModel, verify } = library;`;
  const script = join(at.work, `use.${kind}`);
  writeFileSync(
    script,
    `${load}
    (async () => {
      const original = readModel('m.onnx');
      writeModel(compile(original).model, 'out.onnx');
      const { verdict } = await verify('m.onnx', 'out.onnx', { budget: 1 });
      if (!/equal/.test(verdict)) throw new Error(verdict);
    })();`,
  );
  const { status, stderr } = node(at, [script]);
  expect([status, stderr]).toEqual([0, '']);
  expectSilence(at, { runtime: true });
});

test('a home and a TMPDIR that cannot be written are no trouble where nothing has to be written there', () => {
  const at = place();
  for (const folder of [at.home, at.tmp]) chmodSync(folder, 0o555);
  for (const args of [
    ['inspect', 'm.onnx'],
    ['convert', 'm.onnx', 'out.onnx', '--verify-budget', '1s'],
    ['predict', 'm.onnx', 'p.png'],
  ]) {
    const { status, stderr } = node(at, [program.file, ...args]);
    expect([status, stderr]).toEqual([0, '']);
  }
  for (const folder of [at.home, at.tmp]) chmodSync(folder, 0o755);
  expectSilence(at, { runtime: true });
});

test('tests and scripts of this repository switch telemetry off as well', () => {
  expect(process.env.ORT_DISABLE_TELEMETRY).toBe('1');
  const script = join(program.directory(), 'environment.ts');
  writeFileSync(script, 'console.log(process.env.ORT_DISABLE_TELEMETRY);');
  const { ORT_DISABLE_TELEMETRY: _, ...env } = process.env;
  expect(execFileSync(process.execPath, [join(root, '.ci/ts.mjs'), script], { encoding: 'utf8', env }).trim()).toBe('1');
});

const hasStrace = spawnSync('strace', ['-f', '-e', 'trace=network', '-o', '/dev/null', process.execPath, '-e', '0']).status === 0;
(hasStrace ? test : test.skip)('the native runtime as well, by its system calls (needs strace)', () => {
  const at = place();
  const trace = join(at.work, '..', 'trace');
  const calls = [
    '-f',
    '-e',
    'trace=socket,connect,sendto,sendmsg,bind,openat,open,creat,mkdir,mkdirat,rename,renameat,renameat2',
    '-o',
    trace,
  ];
  const run = spawnSync('strace', [...calls, process.execPath, program.file, 'convert', 'm.onnx', 'out.onnx', '--verify-budget', '1s'], {
    cwd: at.work,
    env: environment(at),
    encoding: 'utf8',
  });
  expect([run.status, run.stderr]).toEqual([0, '']);
  const lines = readFileSync(trace, 'utf8').split('\n');
  expect(lines.filter((line) => /AF_INET|AF_INET6|AF_NETLINK|\bconnect\(|\bsendto\(/.test(line))).toEqual([]);
  const writes = lines.filter((line) => /O_WRONLY|O_RDWR|O_CREAT|\bmkdir|\brename|\bcreat\(/.test(line) && !/= -1 E/.test(line));
  // The trace has seen something, and all of it is in the folder of the output, in TMPDIR, the hook's, or a device.
  expect(writes.length).toBeGreaterThan(2);
  const allowed = [at.work, at.tmp, at.log, '/dev/', '/proc/self/'];
  expect(
    writes.filter(
      (line) =>
        ![...line.matchAll(/"([^"]*)"/g)].every(
          ([, path = '']) => !path.startsWith('/') || allowed.some((start) => path.startsWith(start)),
        ),
    ),
  ).toEqual([]);
  expectSilence(at, { runtime: true });
});
