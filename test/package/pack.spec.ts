/**
 * The package as its users get it: packed, installed into an empty folder, used from the command line, from ES modules, from CommonJS and from TypeScript.
 *
 * Its dependencies are linked from here, which takes no network and no time; with CONVOLUTIONIZE_TEST_INSTALL=1, as .ci/run has it, npm installs them, with
 * nothing in the environment that would help it.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import Module from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { perform } from '../support/action';

const root = join(__dirname, '../..');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const windows = process.platform === 'win32';

let app: string;
let packed: { readonly filename: string; readonly size: number; readonly files: readonly { readonly path: string }[] };

beforeAll(() => {
  app = mkdtempSync(join(tmpdir(), 'convolutionize-app-'));
  // Packing builds: what is tested are the sources of now.
  const output = npm(['pack', '--json', '--pack-destination', app], root);
  packed = JSON.parse(output.slice(output.indexOf('[')))[0];
  writeFileSync(join(app, 'package.json'), JSON.stringify({ name: 'app', version: '1.0.0', private: true }));
  if (process.env.CONVOLUTIONIZE_TEST_INSTALL) npm(['install', '--prefer-offline', '--no-audit', '--no-fund', `./${packed.filename}`], app);
  else link();
  // As on a platform that it does not support; a folder above this one may have another, which is not found then.
  const native = join(app, 'node_modules/onnxruntime-node');
  mkdirSync(native);
  writeFileSync(join(native, 'package.json'), JSON.stringify({ name: 'onnxruntime-node', version: '1.30.0', main: 'index.js' }));
  writeFileSync(join(native, 'index.js'), `throw new Error('no binary for this platform');`);
  copyFileSync(join(root, 'fixtures/models/lenet5.onnx'), join(app, 'lenet5.onnx'));
}, 600_000);

afterAll(() => rmSync(app, { recursive: true, force: true }));

function npm(args: readonly string[], cwd: string): string {
  // What npm needs to find itself, and the registry that this machine uses.
  const kept =
    /^(PATH|HOME|USERPROFILE|APPDATA|LOCALAPPDATA|SystemRoot|ComSpec|TEMP|TMP|TMPDIR|(https?|no)_proxy|npm_config_(registry|cache|userconfig)|NODE_EXTRA_CA_CERTS)$/i;
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => kept.test(name)));
  return execFileSync(windows ? 'npm.cmd' : 'npm', args, { cwd, env, encoding: 'utf8', shell: windows, stdio: ['ignore', 'pipe', 'pipe'] });
}

function link(): void {
  const modules = join(app, 'node_modules');
  mkdirSync(modules);
  execFileSync('tar', ['-xzf', packed.filename, '-C', modules], { cwd: app });
  execFileSync(process.execPath, ['-e', `require('node:fs').renameSync('package', 'convolutionize')`], { cwd: modules });
  for (const name of Object.keys(manifest.dependencies)) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(root, 'node_modules', name), join(modules, name), 'junction');
  }
}

const node = (args: readonly string[]): { status: number | null; stdout: string; stderr: string } =>
  spawnSync(process.execPath, args, { cwd: app, encoding: 'utf8' });

test('is small and holds what is built, not the sources', () => {
  const paths = packed.files.map((file) => file.path);
  expect(paths).toEqual(
    expect.arrayContaining([
      'package.json',
      'README.md',
      'LICENSE',
      'CHANGELOG.md',
      'dist/cli.js',
      'dist/index.js',
      'dist/index.mjs',
      'dist/viewer.js',
      'dist/worker.js',
      'dist/playground/ort-wasm-simd-threaded.wasm',
      'dist/web/index.mjs',
      'dist/playground/index.html',
      'dist/playground/sw.js',
      'dist/web/index.d.mts',
      'dist/tfjs-backend-wasm-simd.wasm',
      'dist/THIRD-PARTY.txt',
      'docs/schemas/inspect.schema.json',
    ]),
  );
  // The largest file is there once, for Node and for browsers.
  expect(paths.filter((path) => path.endsWith('ort-wasm-simd-threaded.wasm'))).toHaveLength(1);
  for (const path of paths) expect(path).toMatch(/^(dist\/|docs\/|(package\.json|README\.md|LICENSE|CHANGELOG\.md)$)/);
  // Something is in it by mistake, or the program has grown by a quarter.
  // Of 6.9 million bytes the runtime's WebAssembly is 3.7, the library for browsers 0.4 and the playground 0.6.
  expect(packed.size).toBeLessThan(7_500_000);
  const sizeOf = (file: string): number => statSync(join(app, 'node_modules/convolutionize/dist', file)).size;
  expect(sizeOf('program.js')).toBeLessThan(3_000_000);
  expect(sizeOf('index.js')).toBeLessThan(2_200_000);
  expect(sizeOf('tfjs.js')).toBeLessThan(1_300_000);
  const wasm = sizeOf('playground/ort-wasm-simd-threaded.wasm');
  expect(wasm).toBeLessThan(16_000_000);
  // The builds for browsers hold the compiler once each.
  const below = (folder: string): number => bytesBelow(join(app, 'node_modules/convolutionize/dist', folder));
  expect(below('web')).toBeLessThan(1_600_000);
  expect(below('playground') - wasm).toBeLessThan(1_900_000);
});

test('needs no script to be installed, no native runtime, and little room', () => {
  const { dependencies, scripts } = JSON.parse(readFileSync(join(app, 'node_modules/convolutionize/package.json'), 'utf8'));
  expect(Object.keys(dependencies).filter((name) => /onnxruntime|tensorflow/.test(name))).toEqual([]);
  expect(Object.keys(scripts).filter((name) => /^(pre|post)?install$/.test(name))).toEqual([]);
  if (!process.env.CONVOLUTIONIZE_TEST_INSTALL) return;
  const { packages } = JSON.parse(readFileSync(join(app, 'node_modules/.package-lock.json'), 'utf8'));
  expect(Object.entries(packages).flatMap(([path, entry]) => (Object(entry).hasInstallScript ? [path] : []))).toEqual([]);
  expect(Object.keys(packages).filter((path) => /onnxruntime|tensorflow/.test(path))).toEqual([]);
  expect(bytesBelow(join(app, 'node_modules'))).toBeLessThan(120e6);
});

function bytesBelow(directory: string): number {
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' }).map((path) => statSync(join(directory, path)));
  return files.reduce((sum, stat) => sum + (stat.isFile() ? stat.size : 0), 0);
}

test('converts from the command line', () => {
  const { bin } = JSON.parse(readFileSync(join(app, 'node_modules/convolutionize/package.json'), 'utf8'));
  const program = join('node_modules/convolutionize', bin.convolutionize);
  const run = node([program, 'convert', 'lenet5.onnx', '-o', 'from-cli.onnx']);
  expect([run.status, run.stderr]).toEqual([0, '']);
  expect(run.stdout).toContain('Conv2d(16, 120, kernel_size=(4, 4), stride=(1, 1))');
  // Where there is no native runtime, the one that comes with the package judges.
  expect(run.stdout).toMatch(/verdict +equal \(.*ONNX Runtime \S+ \(WebAssembly\)/);
  expect(readFileSync(join(root, 'dist/cli.js'), 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
}, 60_000);

test('keeps what it compiled of itself, and trusts nothing that others can write', () => {
  const temporary = join(app, 'temporary');
  mkdirSync(temporary);
  writeFileSync(join(app, 'nothing.mjs'), `export default { name: 'nothing', summary: 'nothing', numbers: 'identical', run() {} };`);
  const convert = (): { status: number | null; stderr: string; kept: readonly string[] } => {
    // With a pass from outside, an ES module: import() has to work in a program that was compiled beforehand.
    const args = ['convert', 'lenet5.onnx', '-o', 'kept.onnx', '--force', '--no-verify', '--quiet', '--plugin', './nothing.mjs'];
    const { status, stderr } = spawnSync(process.execPath, ['node_modules/convolutionize/dist/cli.js', ...args], {
      cwd: app,
      encoding: 'utf8',
      env: { ...process.env, TMPDIR: temporary, TEMP: temporary, TMP: temporary, NODE_DISABLE_COMPILE_CACHE: undefined },
    });
    const kept = readdirSync(temporary, { recursive: true, encoding: 'utf8' }).filter((path) => statSync(join(temporary, path)).isFile());
    return { status, stderr, kept: kept.map((path) => join(temporary, path)) };
  };
  const good = { status: 0, stderr: '' };
  const first = convert();
  expect(first).toMatchObject(good);
  expect(first.kept.length).toBeGreaterThan(0);
  expect(convert()).toEqual(first);
  // One bit of what V8 would run, and all of it.
  for (const path of first.kept) {
    const bytes = readFileSync(path);
    bytes.writeUInt8(bytes.readUInt8(bytes.length >> 1) ^ 1, bytes.length >> 1);
    writeFileSync(path, bytes);
  }
  expect(convert()).toEqual(first);
  for (const path of first.kept) writeFileSync(path, 'damaged');
  expect(convert()).toEqual(first);
  expect(convert()).toEqual(first);
  if (typeof Reflect.get(Module, 'enableCompileCache') === 'function' || windows) return;
  for (const path of first.kept) expect(statSync(path).size).toBeGreaterThan(100_000);
  rmSync(temporary, { recursive: true });
  mkdirSync(join(temporary, `convolutionize-${process.getuid?.()}`), { recursive: true });
  chmodSync(join(temporary, `convolutionize-${process.getuid?.()}`), 0o777);
  expect(convert()).toEqual({ ...good, kept: [] });
}, 120_000);

test('emits TensorFlow.js models, and runs them', () => {
  const program = 'node_modules/convolutionize/dist/cli.js';
  const run = node([program, 'convert', 'lenet5.onnx', '-o', 'web_model', '--to', 'tfjs']);
  expect([run.status, run.stderr]).toEqual([0, '']);
  expect(run.stdout).toContain('TensorFlow.js on WebAssembly');
  copyFileSync(join(root, 'fixtures/digits/canvas.png'), join(app, 'canvas.png'));
  for (const model of ['lenet5.onnx', 'web_model']) {
    const seen = node([program, 'predict', model, 'canvas.png', '--resize', '28x28', '--json']);
    expect([model, seen.status, seen.stderr]).toEqual([model, 0, '']);
  }
}, 120_000);

test('says how to get the native runtime where it is asked for', () => {
  const run = node(['node_modules/convolutionize/dist/cli.js', 'verify', 'lenet5.onnx', 'lenet5.onnx', '--runtime', 'native']);
  expect(run.status).toBe(2);
  expect(run.stderr).toContain('no binary for this platform');
  expect(run.stderr).toContain('npm install --ignore-scripts onnxruntime-node');
}, 60_000);

describe('the GitHub action, with npm itself', () => {
  const inputs = { original: 'lenet5.onnx', converted: 'lenet5.onnx', args: '--samples=1' };

  test('runs what it installs from a tarball', () => {
    const ran = perform(app, { ...inputs, package: packed.filename });
    expect([ran.log, ran.code, ran.verdict]).toEqual([expect.stringContaining('pairs of models are equal'), 0, 'equal']);
  }, 300_000);

  test('runs what it installs from a folder', () => {
    const ran = perform(app, { ...inputs, package: './node_modules/convolutionize' });
    expect([ran.log, ran.code, ran.verdict]).toEqual([expect.stringContaining('pairs of models are equal'), 0, 'equal']);
  }, 300_000);

  test('has no verdict where nothing can be installed', () => {
    const ran = perform(app, { ...inputs, package: './nowhere.tgz' });
    expect([ran.failed, ran.verdict]).toEqual(['install', '']);
    expect(ran.code).not.toBe(0);
  }, 300_000);
});

test('draws a model as a page, with the program for it', () => {
  const run = node(['node_modules/convolutionize/dist/cli.js', 'inspect', 'lenet5.onnx', '-o', 'lenet5.html']);
  expect([run.status, run.stderr]).toEqual([0, '']);
  expect(readFileSync(join(app, 'lenet5.html'), 'utf8').length).toBeGreaterThan(50_000);
}, 60_000);

const USE = `
  const original = readModel('lenet5.onnx');
  const { model, report } = compile(original);
  writeModel(model, OUTPUT);
  verify('lenet5.onnx', OUTPUT).then(({ verdict }) => {
    console.log(JSON.stringify({ verdict, window: report.windows[0].height, layers: summarise(readModel(OUTPUT)).list.layers.length }));
  });`;
const RESULT = { verdict: 'equal', window: 28, layers: 11 };

test('is used from an ES module', () => {
  writeFileSync(
    join(app, 'use.mjs'),
    `import { readModel, compile, writeModel, verify, summarise } from 'convolutionize';${USE.replaceAll('OUTPUT', "'esm.onnx'")}`,
  );
  const run = node(['use.mjs']);
  expect(run.stderr).toBe('');
  expect(JSON.parse(run.stdout)).toEqual(RESULT);
}, 60_000);

test('predict and heatmap are used from both', () => {
  copyFileSync(join(root, 'fixtures/digits/canvas.png'), join(app, 'digits.png'));
  const body = `predict('lenet5.onnx', 'digits.png', { resize: 28, crop: 28, top: 2 }).then(async ({ best, kind }) => {
    const { classes, whole, head, draw } = await heatmap('lenet5.onnx', 'digits.png', { scales: [1] });
    const bytes = await draw({ bare: true });
    console.log(JSON.stringify([best.length, kind, classes[0].index === whole.index, head, Buffer.from(bytes).toString('latin1', 1, 4)]));
  });`;
  writeFileSync(join(app, 'see.mjs'), `import { heatmap, predict } from 'convolutionize';\n${body}`);
  writeFileSync(join(app, 'see.cjs'), `const { heatmap, predict } = require('convolutionize');\n${body}`);
  for (const file of ['see.mjs', 'see.cjs']) {
    const run = node([file]);
    expect([file, run.stderr]).toEqual([file, '']);
    expect(JSON.parse(run.stdout)).toEqual([2, 'score', true, 'window', 'PNG']);
  }
}, 120_000);

test('is used from CommonJS', () => {
  writeFileSync(
    join(app, 'use.cjs'),
    `const { readModel, compile, writeModel, verify, summarise } = require('convolutionize');${USE.replaceAll('OUTPUT', "'cjs.onnx'")}`,
  );
  const run = node(['use.cjs']);
  expect(run.stderr).toBe('');
  expect(JSON.parse(run.stdout)).toEqual(RESULT);
}, 60_000);

test('has the same classes for both, so that instanceof works across', () => {
  writeFileSync(
    join(app, 'same.mjs'),
    `import * as esm from 'convolutionize'; import { createRequire } from 'node:module';
     const cjs = createRequire(import.meta.url)('convolutionize');
     console.log(JSON.stringify([Object.keys(esm).sort().join() === Object.keys(cjs).sort().join(), esm.CompileError === cjs.CompileError]));`,
  );
  const run = node(['same.mjs']);
  expect([run.stdout.trim(), run.stderr]).toEqual(['[true,true]', '']);
});

test('has types for both', () => {
  const source = `import { compile, CompileError, heatmap, type Model, predict, readModel, type TfjsMetadata, verify, writeModel } from 'convolutionize';
    const model: Model = readModel('x.onnx', { allowSymlinks: true });
    const { report } = compile(model, { inputSize: { lengths: [224, 224] } });
    const height: number | undefined = report.windows[0]?.height;
    writeModel(model, 'y.onnx', { weights: 'copy', force: true });
    export const equal: Promise<boolean> = verify('x.onnx', model).then(({ verdict }) => verdict === 'equal');
    try { readModel(new Uint8Array()); } catch (error) { if (error instanceof CompileError) console.log(error.diagnostic.hint, height); }
    export const one: Promise<string | undefined> = predict('x.onnx', 'dog.jpg', { labels: 'imagenet' }).then(({ best }) => best[0]?.name);
    export const many: Promise<number> = predict('x.onnx', ['a.jpg', { width: 1, height: 1, channels: 3, data: new Uint8Array(3) }]).then((all) => all.length);
    export const map: Promise<Float32Array | undefined> = heatmap('x.onnx', 'dog.jpg', { stride: 8 }).then(({ classes }) => classes[0]?.map);
    export const mean = (metadata: TfjsMetadata): readonly number[] | 'picture' | 'image' | 'band' | undefined => metadata.convolutionize.preprocessing?.mean;
    // @ts-expect-error
    predict('x.onnx', 'dog.jpg', { range: 'two' });
    // @ts-expect-error
    writeModel(model, 'y.onnx', { weights: 'elsewhere' });`;
  writeFileSync(join(app, 'types.mts'), source);
  writeFileSync(join(app, 'types.cts'), source);
  writeFileSync(
    join(app, 'tsconfig.json'),
    JSON.stringify({
      compilerOptions: {
        strict: true,
        module: 'node16',
        target: 'es2022',
        noEmit: true,
        skipLibCheck: false,
        types: ['node'],
        typeRoots: [join(root, 'node_modules/@types')],
      },
      files: ['types.mts', 'types.cts'],
    }),
  );
  const run = node([join(root, 'node_modules/typescript/bin/tsc'), '-p', '.']);
  expect([run.stdout, run.status]).toEqual(['', 0]);
}, 60_000);

test('serves the playground', async () => {
  const served = spawn(process.execPath, ['node_modules/convolutionize/dist/cli.js', 'playground', '--port', '0', '--json'], { cwd: app });
  try {
    const [line] = await once(served.stdout, 'data');
    const { url } = JSON.parse(String(line));
    const page = await (await fetch(url)).text();
    expect(page).toContain('<script type="module" src="app.js">');
    const wasm = await fetch(new URL('ort-wasm-simd-threaded.wasm', url));
    expect([wasm.status, wasm.headers.get('content-type')]).toEqual([200, 'application/wasm']);
    const { port } = new URL(url);
    const second = node(['node_modules/convolutionize/dist/cli.js', 'playground', '--port', port]);
    expect([second.status, second.stderr]).toEqual([2, expect.stringContaining('CANNOT_SERVE')]);
  } finally {
    served.kill();
  }
}, 60_000);

test('has types for browsers', () => {
  const source = `import { compile, CompileError, type Model, readModel, toTfjs, verify, writeModel } from 'convolutionize/web';
    export async function use(file: File, data: Blob): Promise<boolean> {
      const model: Model = await readModel(file, { externalData: { 'weights.data': data } });
      const compiled = compile(model, { inputSize: { lengths: [224, 224] }, stride: 8 });
      const stream: ReadableStream<Uint8Array> = writeModel(compiled.model);
      const blob: Blob | undefined = (await toTfjs(compiled.model)).files.get('model.json');
      // @ts-expect-error
      readModel('model.onnx');
      try { return (await verify(file, new Blob(), { onnxRuntime: { threads: 2 } })).verdict === 'equal'; }
      catch (error) { return error instanceof CompileError && stream.locked && blob === undefined; }
    }`;
  writeFileSync(join(app, 'browser.ts'), source);
  writeFileSync(
    join(app, 'tsconfig.browser.json'),
    JSON.stringify({
      compilerOptions: {
        strict: true,
        module: 'esnext',
        moduleResolution: 'bundler',
        target: 'es2022',
        lib: ['ES2023', 'DOM'],
        noEmit: true,
        skipLibCheck: false,
        types: [],
      },
      files: ['browser.ts'],
    }),
  );
  const run = node([join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.browser.json']);
  expect([run.stdout, run.status]).toEqual(['', 0]);
}, 60_000);
