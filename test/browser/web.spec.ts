/** `convolutionize/web` in a browser, in a worker and on the page itself: its results are those of the command line. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { extname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type Browser, chromium, type Page } from 'playwright-core';
import { useProgram } from '../support/cli';
import { browserPath, QUIET } from './browser';
import { buildForBrowsers } from './built';

const describeInBrowser =
  browserPath === undefined
    ? (title: string, tests: () => void) => describe.skip(`${title} (skipped: no Chromium; set CHROMIUM)`, tests)
    : describe;

const lenet = join(__dirname, '../../fixtures/models/lenet5.onnx');

let built: ReturnType<typeof buildForBrowsers>;
beforeAll(() => {
  built = buildForBrowsers();
}, 120_000);
afterAll(() => built.remove());

test('the part that every page loads keeps to its budget', () => {
  const folder = join(built.folder, 'web');
  // What an import statement names, not what import() loads when it is called.
  const reached = new Set<string>();
  const visit = (name: string): void => {
    if (reached.has(name)) return;
    reached.add(name);
    for (const [, found = ''] of readFileSync(join(folder, name), 'utf8').matchAll(/(?:from|import)"\.\/([^"]+)"/g)) visit(found);
  };
  visit('index.mjs');
  const size = [...reached].reduce((sum, name) => sum + gzipSync(readFileSync(join(folder, name))).byteLength, 0);
  expect(reached.size).toBeGreaterThan(1);
  expect(reached.size).toBeLessThan(readdirSync(folder).length - 3);
  expect(size).toBeLessThan(240_000);
});

test('nothing in it knows Node', () => {
  const folder = join(built.folder, 'web');
  const text = readdirSync(folder)
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .join('\n');
  expect(text.length).toBeGreaterThan(500_000);
  expect(
    [...text.matchAll(/(?:from|import|require\()\s*["'](node:[^"']*|fs|path|module|url|worker_threads)["']/g)].map(([found]) => found),
  ).toEqual([]);
});

describeInBrowser('in a browser', () => {
  const program = useProgram();
  let server: Server;
  let browser: Browser;
  let page: Page;
  const errors: string[] = [];
  let cwd: string;
  let told: { readonly verification: { readonly runtime: string; readonly checks: readonly Figures[] } };
  let inspected: { readonly layers: readonly { readonly notation: string }[] };

  beforeAll(async () => {
    writeFileSync(join(built.folder, 'worker.mjs'), WORKER);
    writeFileSync(join(built.folder, 'index.html'), '<!doctype html><link rel="icon" href="data:,"><title>web</title>');
    writeFileSync(join(built.folder, 'lenet5.onnx'), readFileSync(lenet));
    server = createServer(({ url = '/' }, response) => {
      const path = join(built.folder, new URL(url, 'http://localhost').pathname.replace(/\/$/, '/index.html'));
      response.writeHead(200, {
        'content-type': TYPES[extname(path)] ?? 'application/octet-stream',
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-embedder-policy': 'require-corp',
      });
      response.end(readFileSync(path));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    browser = await chromium.launch({ executablePath: browserPath ?? '', args: ['--no-sandbox', '--disable-gpu', ...QUIET] });
    page = await browser.newPage();
    page.on('pageerror', (error) => errors.push(String(error)));
    page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
    await page.goto(`http://127.0.0.1:${address.port}/`);
    cwd = program.directory();
    writeFileSync(join(cwd, 'lenet5.onnx'), readFileSync(lenet));
    const run = async (args: readonly string[]): Promise<string> => {
      const ran = await program.run(args, { cwd });
      expect([ran.code, ran.stderr]).toEqual([0, '']);
      return ran.stdout;
    };
    told = JSON.parse(await run(['convert', 'lenet5.onnx', '--runtime', 'wasm', '--json']));
    inspected = JSON.parse(await run(['inspect', 'lenet5.onnx', '--json']));
    await run(['convert', 'lenet5.onnx', '-o', 'tfjs', '--to', 'tfjs', '--no-verify']);
    await run(['inspect', 'lenet5.onnx', '-o', 'graph.html']);
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await new Promise((resolve) => server.close(resolve));
  });

  /** Runs the function of the worker below, in a worker or on the page. */
  const seen = (where: 'worker' | 'page'): Promise<Seen> =>
    page.evaluate<Seen>(
      where === 'page'
        ? `import('/worker.mjs').then(({ use }) => use())`
        : `new Promise((done, failed) => {
             const worker = new Worker('/worker.mjs', { type: 'module' });
             worker.onmessage = ({ data }) => done(data);
             worker.onerror = (event) => failed(new Error(event.message));
             worker.postMessage('use');
           })`,
    );

  test.each(['worker', 'page'] as const)(
    'on a %s, reads, compiles, verifies and writes as the command line does',
    async (where) => {
      const found = await seen(where);
      const bytes = readFileSync(join(cwd, 'lenet5-fcn.onnx'));
      expect(Buffer.from(found.streamed, 'base64').equals(bytes)).toBe(true);
      expect(Buffer.from(found.blob, 'base64').equals(bytes)).toBe(true);
      expect(found.verdict).toBe('equal');
      expect(found.runtime).toBe(told.verification.runtime);
      expect(found.isLazy).toBe(where === 'worker');
      // The same checks on the same numbers of cells, with the same largest difference.
      const figures = (checks: readonly Figures[]) => checks.map(({ name, status, cells, outputs }) => ({ name, status, cells, outputs }));
      expect(figures(found.checks)).toEqual(figures(told.verification.checks));
      expect(Object.keys(found.tfjs).sort()).toEqual(['group1-shard1of1.bin', 'model.json']);
      expect(
        Buffer.from(found.tfjs['group1-shard1of1.bin'] ?? '', 'base64').equals(readFileSync(join(cwd, 'tfjs/group1-shard1of1.bin'))),
      ).toBe(true);
      const json = (text: string) => {
        const { userDefinedMetadata, ...rest } = JSON.parse(text);
        const { source: _, ...about } = userDefinedMetadata.convolutionize;
        return { ...rest, about };
      };
      expect(json(Buffer.from(found.tfjs['model.json'] ?? '', 'base64').toString())).toEqual(
        json(readFileSync(join(cwd, 'tfjs/model.json'), 'utf8')),
      );
      expect(found.layers).toEqual(inspected.layers.map(({ notation }) => notation));
      expect(found.counts.rewritten).toBeGreaterThan(0);
      expect(found.svg).toContain('<svg');
      expect(found.html).toBe(readFileSync(join(cwd, 'graph.html'), 'utf8'));
      expect(found.refusal).toMatchObject({ isCompileError: true, code: 'NOT_ONNX' });
      expect(found.missing).toMatchObject({ isCompileError: true, code: 'BAD_EXTERNAL_DATA' });
      expect(errors).toEqual([]);
    },
    120_000,
  );
});

interface Figures {
  readonly name: string;
  readonly status: string;
  readonly cells: number;
  readonly outputs: object;
}
interface Seen {
  readonly streamed: string;
  readonly blob: string;
  readonly verdict: string;
  readonly runtime: string;
  readonly isLazy: boolean;
  readonly checks: readonly Figures[];
  readonly tfjs: Readonly<Record<string, string>>;
  readonly layers: readonly string[];
  readonly counts: Readonly<Record<string, number>>;
  readonly svg: string;
  readonly html: string;
  readonly refusal: object;
  readonly missing: object;
}

const TYPES: Readonly<Record<string, string>> = { '.html': 'text/html', '.mjs': 'text/javascript', '.wasm': 'application/wasm' };

const WORKER = `
import * as library from './web/index.mjs';
const { readModel, compile, writeModel, modelBlob, verify, toTfjs, summarise, diff, graphPicture, diffPicture, CompileError } = library;
const base64 = async (blob) => {
  let text = '';
  for (const byte of new Uint8Array(await blob.arrayBuffer())) text += String.fromCharCode(byte);
  return btoa(text);
};
const attempt = async (action) => {
  try { await action(); return {}; } catch (error) { return { isCompileError: error instanceof CompileError, code: error.code }; }
};
export async function use() {
  const file = new File([await (await fetch('/lenet5.onnx')).blob()], 'lenet5.onnx');
  let whole = 0;
  const arrayBuffer = Blob.prototype.arrayBuffer;
  Blob.prototype.arrayBuffer = function () { if (this.size === file.size) whole++; return arrayBuffer.call(this); };
  const original = await readModel(file);
  const { model } = compile(original);
  const blob = modelBlob(model);
  const streamed = await new Response(writeModel(model)).blob();
  const isLazy = whole === 0;
  const report = await verify(file, model);
  const { files } = await toTfjs(model);
  const tfjs = {};
  for (const [name, content] of files) tfjs[name] = await base64(content);
  return {
    streamed: await base64(streamed), blob: await base64(blob), isLazy,
    verdict: report.verdict, runtime: report.runtime, checks: JSON.parse(JSON.stringify(report.checks)), tfjs,
    layers: summarise(original).list.layers.map(({ notation }) => notation),
    counts: diff(original, model).counts,
    svg: await diffPicture(original, model, 'svg'),
    html: await graphPicture(await readModel(file), 'html', { title: 'lenet5.onnx' }),
    refusal: await attempt(() => readModel(new Blob(['not a model']))),
    missing: await attempt(() => readModel(new Blob([externalModel()]))),
  };
}
/** ir_version 8, opset 17, and a graph whose weight w [1] is in a file that nobody gave. */
function externalModel() {
  const text = (value) => [...new TextEncoder().encode(value)];
  const field = (number, bytes) => [number * 8 + 2, bytes.length, ...bytes];
  const entry = (key, value) => field(13, [...field(1, text(key)), ...field(2, text(value))]);
  const tensor = [0x08, 1, 0x10, 1, ...field(8, text('w')), ...entry('location', 'w.data'), 0x70, 1];
  const type = field(1, [0x08, 1, ...field(2, field(1, [0x08, 1]))]);
  const value = (name) => [...field(1, text(name)), ...field(2, type)];
  const node = [...field(1, text('x')), ...field(1, text('w')), ...field(2, text('y')), ...field(3, text('n')), ...field(4, text('Add'))];
  const graph = [...field(1, node), ...field(2, text('g')), ...field(5, tensor), ...field(11, value('x')), ...field(12, value('y'))];
  return new Uint8Array([0x08, 8, ...field(7, graph), ...field(8, [0x10, 17])]);
}
if (typeof WorkerGlobalScope !== 'undefined') onmessage = async () => postMessage(await use());
`;
