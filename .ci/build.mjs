/**
 * Builds dist/: the program in one file (start-up time is mostly the loading of modules), the library as CommonJS, a thin ES module over it
 * (so that both kinds of importers share the same classes), and the types.
 *
 *   node .ci/build.mjs                 everything into dist/, as `npm run build`
 *   node .ci/build.mjs --program FILE  the program alone, for tests
 *   node .ci/build.mjs --browser DIR   what runs in browsers, for tests
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

/** yargs only asks whether two values are the same: Node's module would load a dozen others for that at every start. */
const withoutAssert = {
  name: 'yargs-without-assert',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /^assert$/ }, ({ importer }) => (/[\\/]yargs[\\/]/.test(importer) ? { path: 'assert', namespace: 'yargs-assert' } : undefined));
    onLoad({ filter: /.*/, namespace: 'yargs-assert' }, () => ({
      contents: `const require = (holds, message) => { if (!holds) throw new Error(message); };
        exports.strictEqual = (a, b, message = 'values differ') => require(Object.is(a, b), message);
        exports.notStrictEqual = (a, b, message = 'values are the same') => require(!Object.is(a, b), message);`,
    }));
  },
};

const bundle = async (entry, outfile, options = {}) => {
  const { metafile, outputFiles } = await build({
    metafile: true,
    absWorkingDir: root,
    entryPoints: [entry],
    ...(outfile !== undefined && { outfile }),
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
  return outputFiles;
};

/** For browsers: no Node, and names as short as they get. */
const IN_BROWSER = { platform: 'browser', target: 'es2022', minify: true, external: [], alias: {}, legalComments: 'inline', plugins: [withoutWasm] };

const viewer = (outfile, options) => bundle('src/graph-view/browser/viewer.ts', outfile, { ...IN_BROWSER, format: 'iife', ...options });

/** What a page of a graph runs, as text inside of what makes such pages in a browser. */
const viewerInside = {
  name: 'viewer-inside',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /^\.\/viewer$/ }, () => ({ path: 'viewer', namespace: 'viewer-inside' }));
    onLoad({ filter: /.*/, namespace: 'viewer-inside' }, async () => ({ contents: (await viewer(undefined, { write: false }))[0].text, loader: 'text' }));
  },
};

/** ONNX Runtime Web without its WebAssembly, which is in the package once, for Node and for browsers. */
const RUNTIME_OUTSIDE = ['onnxruntime-web-use-extern-wasm'];

/** The library for browsers: its core, and what is loaded on demand beside it. */
const web = (directory) =>
  bundle('src/web/index.ts', undefined, {
    ...IN_BROWSER,
    entryPoints: { index: 'src/web/index.ts' },
    outdir: directory,
    format: 'esm',
    splitting: true,
    outExtension: { '.js': '.mjs' },
    chunkNames: '[name]-[hash]',
    conditions: RUNTIME_OUTSIDE,
    plugins: [withoutWasm, viewerInside],
  });

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
      files: ['../../src/index.ts', '../../src/web/index.ts'],
    }),
  );
  execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', project], { stdio: 'inherit' });
  rmSync(project);
  keepReachable(work, [join(work, 'src/index.d.ts'), join(work, 'src/web/index.d.ts')]);
  writeFileSync(join(dist, 'index.d.ts'), "export * from './types/src/index';\n");
  writeFileSync(join(dist, 'index.d.mts'), "export * from './types/src/index.js';\n");
  writeFileSync(join(dist, 'web/index.d.mts'), "export * from '../types/src/web/index.js';\n");
}

/** The compiler declares every module it has read; importers need those that the public ones name. */
function keepReachable(directory, entries) {
  const reached = new Set();
  const visit = (file) => {
    if (reached.has(file)) return;
    reached.add(file);
    for (const [, path] of readFileSync(file, 'utf8').matchAll(/\b(?:from |import |import\()['"](\.[^'"]*)['"]/g)) {
      const target = join(dirname(file), path.replace(/\.js$/, ''));
      visit(existsSync(`${target}.d.ts`) ? `${target}.d.ts` : join(target, 'index.d.ts'));
    }
  };
  for (const entry of entries) visit(entry);
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

const copyModule = (file, directory) => copyFileSync(join(root, 'node_modules', file), join(directory, file.slice(file.lastIndexOf('/') + 1)));

/** The library for browsers and the page that uses it, with ONNX Runtime beside the page, so that it can be put on any server as it is. */
async function inBrowsers(directory) {
  const page = join(directory, 'playground');
  mkdirSync(page, { recursive: true });
  await web(join(directory, 'web'));
  for (const extension of ['mjs', 'wasm']) copyModule(`onnxruntime-web/dist/ort-wasm-simd-threaded.${extension}`, page);
  const common = { ...IN_BROWSER, outdir: page, format: 'esm', conditions: RUNTIME_OUTSIDE, jsx: 'automatic', jsxImportSource: 'preact' };
  await bundle('src/playground/app.tsx', undefined, {
    ...common,
    entryPoints: { app: 'src/playground/app.tsx', worker: 'src/playground/worker.ts' },
    splitting: true,
    chunkNames: '[name]-[hash]',
    plugins: [withoutWasm, viewerInside],
  });
  for (const name of ['index.html', 'style.css']) copyFileSync(join(root, 'src/playground', name), join(page, name));
  copyFileSync(join(root, 'fixtures/models/lenet5.onnx'), join(page, 'lenet5.onnx'));
  // The name of this version follows from the content of its files.
  const files = readdirSync(page).sort();
  const hash = createHash('sha256');
  for (const name of files) hash.update(name).update(readFileSync(join(page, name)));
  const define = { VERSION: JSON.stringify(`convolutionize-${hash.digest('hex').slice(0, 16)}`), FILES: JSON.stringify(['./', ...files]) };
  await bundle('src/playground/service-worker.ts', join(page, 'sw.js'), { ...IN_BROWSER, format: 'iife', define });
}

/** What runs models, as WebAssembly: part of the package, so that a plain install needs no script, no download and no native code. */
async function runtimes() {
  const entry = join(dist, 'tfjs-entry.js');
  writeFileSync(entry, `module.exports = { ${TFJS.map((name) => `...require('${name}')`).join(', ')} };\n`);
  await bundle(entry, 'dist/tfjs.js', { minify: true, nodePaths: [join(root, 'node_modules')], plugins: [] });
  rmSync(entry);
  await bundle('node_modules/geotiff/dist-node/geotiff.js', 'dist/geotiff.js', { minify: true, plugins: [] });
  for (const kind of ['', '-simd', '-threaded-simd']) copyModule(`@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm${kind}.wasm`, dist);
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
  await bundle('src/cli.ts', outfile, { ...options, ...main, plugins: [withoutWasm, withoutAssert, importOutside, validatorsOutside, ...plugins] });
  await bundle('src/formats/schemas/validators.generated.js', join(dirname(outfile), 'validators.js'), { minify: true });
  await bundle('src/files/import-module.ts', join(dirname(outfile), 'import-module.js'));
  await bundle('src/verify/runtime/worker.js', join(dirname(outfile), 'worker.js'), { supported: { 'dynamic-import': true } });
  await viewer(join(dirname(outfile), 'viewer.js'));
}

const [, , flag, file] = process.argv;
if (flag === '--program') await program(file, { ...HASHBANG, external: [...external, ...TFJS] });
else if (flag === '--browser') await inBrowsers(file);
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
  await inBrowsers(dist);
  types();
  licences();
}
