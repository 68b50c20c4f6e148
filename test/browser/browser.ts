/** Headless Chromium, where there is one, and a server for it: the bundled page, the .wasm files of TensorFlow.js, directories of models. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join, normalize } from 'node:path';
import { build } from 'esbuild';
import { type BrowserContext, chromium, type Page } from 'playwright-core';

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** The browser to drive; CHROMIUM names one that lies elsewhere. */
export const browserPath = [process.env.CHROMIUM, ...PLACES].find((path) => path !== undefined && path !== '' && existsSync(path));

/** Not to talk to anybody: without these it looks for its makers' servers, which a closed network refuses one after the other. */
export const QUIET = [
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-quic',
  '--disable-extensions',
];
/** WebGL in software, where there is no graphics card. */
const SOFTWARE_GL = ['--use-gl=angle', '--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--ignore-gpu-blocklist'];

const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html',
  js: 'text/javascript',
  json: 'application/json',
  wasm: 'application/wasm',
};

export interface Browser {
  readonly page: Page;
  readonly origin: string;
  /** What the page wrote to its console as an error. */
  readonly errors: readonly string[];
  close(): Promise<void>;
}

/** `folders`: path of the URL to directory. The page has `run` of page.ts. */
export async function openBrowser(folders: Readonly<Record<string, string>>): Promise<Browser> {
  const root = join(__dirname, '../..');
  const script = await build({
    absWorkingDir: root,
    entryPoints: [join(__dirname, 'page.ts')],
    bundle: true,
    format: 'iife',
    platform: 'browser',
    write: false,
    logLevel: 'error',
  });
  const files = new Map<string, Uint8Array | string>([
    ['/', '<!doctype html><meta charset="utf-8"><title>test</title><link rel="icon" href="data:,"><script src="/page.js"></script>'],
    ['/page.js', script.outputFiles[0]?.contents ?? ''],
  ]);
  const roots = { wasm: join(root, 'node_modules/@tensorflow/tfjs-backend-wasm/dist'), ...folders };
  const server = createServer(({ url = '/' }, response) => {
    const path = normalize(decodeURIComponent(new URL(url, 'http://localhost').pathname));
    const [, folder = '', ...rest] = path.split('/');
    const base = new Map(Object.entries(roots)).get(folder);
    const content =
      files.get(path) ?? (base !== undefined && existsSync(join(base, ...rest)) ? readFileSync(join(base, ...rest)) : undefined);
    const type = TYPES[path === '/' ? 'html' : (path.split('.').at(-1) ?? '')] ?? 'application/octet-stream';
    response.writeHead(content === undefined ? 404 : 200, { 'content-type': type }).end(content ?? 'not found');
  });
  const origin = await listening(server);
  const profile = mkdtempSync(join(tmpdir(), 'convolutionize-browser-'));
  const context: BrowserContext = await chromium.launchPersistentContext(profile, {
    ...(browserPath !== undefined && { executablePath: browserPath }),
    headless: true,
    args: ['--no-sandbox', ...QUIET, ...SOFTWARE_GL],
  });
  const page = await context.newPage();
  const errors: string[] = [];
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  page.on('pageerror', (error) => errors.push(error.message));
  await page.goto(origin);
  return {
    page,
    origin,
    errors,
    close: async () => {
      await context.close();
      await new Promise((resolve) => server.close(resolve));
      rmSync(profile, { recursive: true, force: true });
    },
  };
}

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return `http://127.0.0.1:${address.port}`;
}
