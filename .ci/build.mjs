/**
 * Builds dist/: the program in one file (start-up time is mostly the loading of modules), the library as CommonJS, a thin ES module over it
 * (so that both kinds of importers share the same classes), and the types.
 *
 *   node .ci/build.mjs                 everything into dist/, as `npm run build`
 *   node .ci/build.mjs --program FILE  the program alone, for tests
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');

/** Packages that few commands use stay outside: to read past them costs every start. */
const SELDOM = ['yaml', 'fflate', '@dagrejs/*'];
/** Native code cannot be bundled. */
const external = ['onnxruntime-node', '@tensorflow/tfjs-node', 'sharp', ...SELDOM];

/** Packages that are in the bundles: their licences go with them. */
const bundled = new Set();

/** `long`, which protobufjs reads int64 with, compiles a WebAssembly module for products and quotients at every start: nobody takes any. */
const withoutWasm = {
  name: 'long-without-wasm',
  setup: ({ onLoad }) =>
    onLoad({ filter: /[\\/]node_modules[\\/]long[\\/].*\.js$/ }, ({ path }) => ({ contents: `var WebAssembly;\n${readFileSync(path, 'utf8')}` })),
};

const bundle = async (entry, outfile, options = {}) => {
  const { metafile } = await build({
    metafile: true,
    absWorkingDir: root,
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    external,
    // The ES module variant of yargs breaks lines within words.
    alias: { yargs: join(root, 'node_modules/yargs/index.cjs') },
    legalComments: 'eof',
    minifyWhitespace: true,
    logLevel: 'warning',
    plugins: [withoutWasm],
    ...options,
  });
  for (const path of Object.keys(metafile.inputs)) {
    const [, name] = /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path.slice(path.lastIndexOf('node_modules/'))) ?? [];
    const home = name && path.slice(0, path.lastIndexOf('node_modules/') + 'node_modules/'.length + name.length);
    if (home) bundled.add(home);
  }
};

function types() {
  const work = join(dist, 'types');
  mkdirSync(work, { recursive: true });
  const project = join(work, 'tsconfig.json');
  writeFileSync(
    project,
    JSON.stringify({
      extends: '../../tsconfig.json',
      compilerOptions: { noEmit: false, declaration: true, emitDeclarationOnly: true, rootDir: '../..', outDir: '.', types: ['node'] },
      include: [],
      files: ['../../src/index.ts'],
    }),
  );
  execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', project], { stdio: 'inherit' });
  rmSync(project);
  keepReachable(work, join(work, 'src/index.d.ts'));
  writeFileSync(join(dist, 'index.d.ts'), "export * from './types/src/index';\n");
  writeFileSync(join(dist, 'index.d.mts'), "export * from './types/src/index.js';\n");
}

/** The compiler declares every module it has read; importers need those that the public ones name. */
function keepReachable(directory, entry) {
  const reached = new Set();
  const visit = (file) => {
    if (reached.has(file)) return;
    reached.add(file);
    for (const [, path] of readFileSync(file, 'utf8').matchAll(/\b(?:from |import |import\()['"](\.[^'"]*)['"]/g)) {
      const target = join(dirname(file), path.replace(/\.js$/, ''));
      visit(existsSync(`${target}.d.ts`) ? `${target}.d.ts` : join(target, 'index.d.ts'));
    }
  };
  visit(entry);
  for (const name of readdirSync(directory, { recursive: true })) if (name.endsWith('.d.ts') && !reached.has(join(directory, name))) rmSync(join(directory, name));
}

const HASHBANG = { banner: { js: '#!/usr/bin/env node' } };

/** Stays outside, beside the program: see src/cli/launch.ts. */
const importOutside = {
  name: 'import-outside',
  setup: ({ onResolve }) => onResolve({ filter: /\/import-module$/ }, () => ({ path: './import-module.js', external: true })),
};

/** Loaded when JSON is read: few commands do. */
const validatorsOutside = {
  name: 'validators-outside',
  setup: ({ onResolve }) => onResolve({ filter: /\/validators\.generated$/ }, () => ({ path: './validators.js', external: true })),
};

/** TensorFlow.js is in a file of its own beside the program, which loads it when a model is run. */
const TFJS = ['@tensorflow/tfjs-core', '@tensorflow/tfjs-converter', '@tensorflow/tfjs-backend-wasm'];
const tfjsOutside = {
  name: 'tfjs-outside',
  setup: ({ onResolve }) => onResolve({ filter: /^@tensorflow\/tfjs-(core|converter|backend-wasm)$/ }, () => ({ path: './tfjs.js', external: true })),
};
/** geotiff reads TIFF files of many bands: few commands do. */
const geotiffOutside = {
  name: 'geotiff-outside',
  setup: ({ onResolve }) => onResolve({ filter: /^geotiff$/ }, () => ({ path: './geotiff.js', external: true })),
};
/** import() of what is outside becomes require(): the program may run from a script that cannot import (src/cli/launch.ts), and names are not lost. */
const main = { supported: { 'dynamic-import': false } };

/** What runs models, as WebAssembly: part of the package, so that a plain install needs no script, no download and no native code. */
async function runtimes() {
  const entry = join(dist, 'tfjs-entry.js');
  writeFileSync(entry, `module.exports = { ${TFJS.map((name) => `...require('${name}')`).join(', ')} };\n`);
  await bundle(entry, 'dist/tfjs.js', { minify: true, nodePaths: [join(root, 'node_modules')], plugins: [] });
  rmSync(entry);
  await bundle('node_modules/geotiff/dist-node/geotiff.js', 'dist/geotiff.js', { minify: true, plugins: [] });
  const modules = join(root, 'node_modules');
  const files = [
    ...['mjs', 'wasm'].map((extension) => `onnxruntime-web/dist/ort-wasm-simd-threaded.${extension}`),
    ...['', '-simd', '-threaded-simd'].map((kind) => `@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm${kind}.wasm`),
  ];
  for (const file of files) copyFileSync(join(modules, file), join(dist, file.slice(file.lastIndexOf('/') + 1)));
}

/** Who made what is inside, and on what terms. */
function licences() {
  const entries = [...bundled].sort().map((path) => {
    const { name, version, license } = JSON.parse(readFileSync(join(root, path, 'package.json'), 'utf8'));
    const file = readdirSync(join(root, path)).find((each) => /^licen[cs]e/i.test(each));
    return [`${name} ${version} (${license})`, ...(file ? ['', readFileSync(join(root, path, file), 'utf8').trim()] : [])].join('\n');
  });
  writeFileSync(join(dist, 'THIRD-PARTY.txt'), `The files beside this one contain these packages.\n\n${entries.join(`\n\n${'-'.repeat(80)}\n\n`)}\n`);
}

/** The program, and beside it what imports modules for it, what runs models, and what it puts into pages. */
async function program(outfile, { plugins = [], ...options } = HASHBANG) {
  await bundle('src/cli.ts', outfile, { ...options, ...main, plugins: [withoutWasm, importOutside, validatorsOutside, ...plugins] });
  await bundle('src/formats/schemas/validators.generated.js', join(dirname(outfile), 'validators.js'), { minify: true });
  await bundle('src/files/import-module.ts', join(dirname(outfile), 'import-module.js'));
  await bundle('src/verify/runtime/worker.js', join(dirname(outfile), 'worker.js'), { supported: { 'dynamic-import': true } });
  await bundle('src/graph-view/browser/viewer.ts', join(dirname(outfile), 'viewer.js'), {
    platform: 'browser',
    target: 'es2022',
    format: 'iife',
    minify: true,
    external: [],
    alias: {},
    legalComments: 'inline',
  });
}

const [, , flag, file] = process.argv;
if (flag === '--program') await program(file, { ...HASHBANG, external: [...external, ...TFJS] });
else {
  rmSync(dist, { recursive: true, force: true });
  await program('dist/program.js', { plugins: [tfjsOutside, geotiffOutside] });
  await runtimes();
  const hash = createHash('sha256').update(readFileSync(join(dist, 'program.js'))).digest('hex').slice(0, 16);
  await bundle('src/cli/launch.ts', 'dist/cli.js', { ...HASHBANG, define: { PROGRAM_HASH: JSON.stringify(hash) } });
  chmodSync(join(dist, 'cli.js'), 0o755);
  await bundle('src/index.ts', 'dist/index.js', { ...main, plugins: [withoutWasm, importOutside, validatorsOutside, tfjsOutside, geotiffOutside] });
  const names = Object.keys(createRequire(import.meta.url)(join(dist, 'index.js')));
  writeFileSync(join(dist, 'index.mjs'), `import library from './index.js';\nexport const { ${names.join(', ')} } = library;\n`);
  types();
  licences();
}
