/** Runs a TypeScript file of this repository: node .ci/ts.mjs FILE [ARGUMENTS]. Bundled by esbuild, packages left outside. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [file, ...rest] = process.argv.slice(2);
if (!file) throw new Error('which file?');
const cache = join(root, 'node_modules', '.cache', 'convolutionize');
mkdirSync(cache, { recursive: true });
// By its whole path: two files are called run.ts, and may run at the same time.
const outfile = join(cache, `${relative(root, resolve(file)).replace(/\.ts$/, '').replace(/[^\w-]+/g, '-')}.cjs`);
// A bundle has one directory; each source keeps its own.
const ownDirectory = {
  name: 'own-directory',
  setup: ({ onLoad }) =>
    onLoad({ filter: /\.ts$/ }, ({ path }) => ({ contents: readFileSync(path, 'utf8').replaceAll('__dirname', JSON.stringify(dirname(path))), loader: 'ts' })),
};
await build({ entryPoints: [file], outfile, bundle: true, platform: 'node', format: 'cjs', target: 'node20', packages: 'external', sourcemap: true, logLevel: 'error', plugins: [ownDirectory] });
// Benchmarks load ONNX Runtime themselves.
const env = { ...process.env, ORT_DISABLE_TELEMETRY: '1' };
process.exitCode = spawnSync(process.execPath, ['--enable-source-maps', outfile, ...rest], { stdio: 'inherit', env }).status ?? 1;
