/** The page, in a browser: every button, against the command line; on hosts of any kind; offline; with a hostile model; on small screens. */
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { unzipSync } from 'fflate';
import { type Browser, type BrowserContext, chromium, type Download, type Page } from 'playwright-core';
import { serving } from '../../src/cli/playground';
import { parseModel } from '../../src/onnx/text/parser';
import { modelToBytes } from '../../src/onnx/write';
import { commandOf, DEFAULTS, fromHash, toHash } from '../../src/playground/state';
import { useProgram } from '../support/cli';
import { browserPath, QUIET } from './browser';
import { buildForBrowsers } from './built';

const describeInBrowser =
  browserPath === undefined
    ? (title: string, tests: () => void) => describe.skip(`${title} (skipped: no Chromium; set CHROMIUM)`, tests)
    : describe;

test('the address holds the choices, and nothing else', () => {
  for (const choice of [
    DEFAULTS,
    { ...DEFAULTS, model: 'lenet5', stride: 2, head: 'cell', optimise: 0, side: 64, target: 'tfjs' } as const,
  ])
    expect(fromHash(toHash(choice))).toEqual(choice);
  expect(toHash(DEFAULTS)).toBe('');
  expect(fromHash('#head=<b>&stride=-1&O=7&size=1e9&to=rm&model=../secret')).toEqual(DEFAULTS);
});

test('the command line is quoted for a shell', () => {
  expect(commandOf('lenet5.onnx', { ...DEFAULTS, stride: 2, target: 'tfjs' })).toBe(
    'npx convolutionize convert lenet5.onnx --stride 2 --to tfjs -o web_model',
  );
  expect(commandOf("a'; rm -rf .onnx", DEFAULTS)).toBe(`npx convolutionize convert './a'\\''; rm -rf .onnx'`);
  expect(commandOf('-f.onnx', DEFAULTS)).toBe(`npx convolutionize convert './-f.onnx'`);
});

describeInBrowser('the playground', () => {
  const program = useProgram();
  let built: ReturnType<typeof buildForBrowsers>;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let server: Server;
  let origin: string;
  const errors: string[] = [];
  const foreign: string[] = [];

  beforeAll(async () => {
    built = buildForBrowsers();
    server = serving(join(built.folder, 'playground'));
    origin = await listening(server);
    browser = await chromium.launch({ executablePath: browserPath ?? '', args: ['--no-sandbox', '--disable-gpu', ...QUIET] });
    context = await browser.newContext({ viewport: { width: 1600, height: 1400 }, acceptDownloads: true });
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    page = await context.newPage();
    page.on('pageerror', (error) => errors.push(String(error)));
    page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
    context.on('request', (request) => {
      if (!request.url().startsWith(origin) && !/^(blob|data):/.test(request.url())) foreign.push(request.url());
    });
  }, 180_000);
  afterAll(async () => {
    await browser?.close();
    await new Promise((resolve) => server.close(resolve));
    built.remove();
  });

  const bytesOf = async (download: Download): Promise<Buffer> => readFileSync(await download.path());
  const saved = async (button: string): Promise<Buffer> => {
    const [download] = await Promise.all([page.waitForEvent('download'), page.click(button)]);
    return bytesOf(download);
  };

  test('a link opens the example converted; downloads and report are those of the command line', async () => {
    await page.goto(`${origin}/#model=lenet5&stride=2`);
    await page.waitForSelector('#report', { state: 'attached' });
    expect(await page.evaluate('crossOriginIsolated')).toBe(true);
    const cwd = program.directory();
    const run = async (text: string): Promise<string> => {
      const ran = await program.run(text.split(' '), { cwd });
      expect([ran.code, ran.stderr]).toEqual([0, '']);
      return ran.stdout;
    };
    const from = join(__dirname, '../../fixtures/models/lenet5.onnx');
    const report = await run(`convert ${from} -o fcn.onnx --stride 2 --no-verify`);
    expect(report).toContain((await page.locator('#report').textContent())?.trim() ?? 'no report');
    expect((await saved('#save-onnx')).equals(readFileSync(join(cwd, 'fcn.onnx')))).toBe(true);
    await run(`convert ${from} -o web --stride 2 --to tfjs --no-verify`);
    const zip = unzipSync(await saved('#save-tfjs'));
    expect(Object.keys(zip).sort()).toEqual(['group1-shard1of1.bin', 'model.json']);
    expect(Buffer.from(zip['group1-shard1of1.bin'] ?? []).equals(readFileSync(join(cwd, 'web/group1-shard1of1.bin')))).toBe(true);
    expect((await saved('#save-report')).toString()).toContain('linear-to-conv');
    expect((await saved('#save-graph')).toString()).toContain('<title>lenet5.onnx</title>');
    await page.click('#copy');
    expect(await page.evaluate('navigator.clipboard.readText()')).toBe('npx convolutionize convert lenet5.onnx --stride 2');
    expect(await page.locator('#after tr.changed td:first-child').allTextContents()).toEqual([
      expect.stringContaining('Conv2d(16, 120, kernel_size=(4, 4)'),
      expect.stringContaining('Conv2d(120, 84, kernel_size=(1, 1)'),
      expect.stringContaining('Conv2d(84, 10, kernel_size=(1, 1)'),
    ]);
  }, 120_000);

  test('steps through the passes, each with its graph', async () => {
    await page.click('#steps summary');
    const drawn = page.locator('#step-picture');
    await drawn.waitFor();
    const count = Number(await page.locator('#step').getAttribute('max')) + 1;
    expect(count).toBeGreaterThan(2);
    const seen: string[] = [];
    for (let at = 0; at < count; at++) {
      await page.locator(`#step-picture[alt^="The graph after "]`).waitFor();
      seen.push((await page.locator('#step-name b').textContent()) ?? '');
      await page.locator('#step').press('ArrowRight');
    }
    expect(seen).toContain('linear-to-conv');
    expect(seen).toContain('free-spatial-dims');
    expect(seen.at(-1)).toBe('dense-stride');
    // It is a picture that can be shown, and the policy lets it.
    expect(await drawn.evaluate((picture: { naturalWidth: number }) => picture.naturalWidth)).toBeGreaterThan(50);
  }, 60_000);

  test('verifies in the tab, and can be cancelled and started again', async () => {
    await page.fill('#stride', '');
    await page.click('#convert');
    await page.waitForSelector('#report', { state: 'attached' });
    expect(page.url()).toBe(`${origin}/#model=lenet5`);
    await page.click('#verify');
    await page.click('#cancel');
    expect(await page.locator('#note').textContent()).toBe('Cancelled.');
    await page.click('#verify');
    await page.waitForSelector('#verdict', { timeout: 120_000 });
    expect(await page.locator('#verdict').textContent()).toBe('equal');
    const text = (await page.locator('#verification').textContent()) ?? '';
    expect(text).toMatch(
      /windows of the map +equal[\s\S]*crops of the image +equal[\s\S]*verdict +equal \(.*ONNX Runtime \S+ \(WebAssembly\)/,
    );
  }, 180_000);

  test('maps what is drawn; the original slid over it has the same scores; the pointer and the arrow keys outline a window', async () => {
    await page.locator('#over').scrollIntoViewIfNeeded();
    const box = await page.locator('#over').boundingBox();
    if (!box) throw new Error('no canvas');
    // A one, in the left half.
    await page.mouse.move(box.x + box.width * 0.25, box.y + box.height * 0.42);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.25, box.y + box.height * 0.58, { steps: 8 });
    await page.mouse.up();
    await page.click('#map');
    await page.waitForSelector('#times');
    await page.click('#slide');
    await page.locator('#times', { hasText: 'difference' }).waitFor({ timeout: 60_000 });
    const times = (await page.locator('#times').textContent()) ?? '';
    const [, rows, columns] = /^(\d+) x (\d+) cells/.exec(times) ?? [];
    expect([Number(rows), Number(columns)]).toEqual([22, 36]);
    expect(times).toContain(`${22 * 36} runs`);
    expect(Number(/difference of any score: (\S+)\.$/.exec(times)?.[1])).toBeLessThan(1e-5);
    const black = (): Promise<boolean> =>
      page.evaluate(
        `[...document.getElementById('base').getContext('2d').getImageData(0, 0, 168, 112).data].every((byte, at) => at % 4 === 3 || byte === 0)`,
      );
    expect(await black()).toBe(false);
    await page.mouse.move(box.x + box.width * 0.25, box.y + box.height * 0.5);
    const heading = page.locator('.classes h3');
    await page.locator('.classes h3', { hasText: 'Cell' }).waitFor();
    const pointed = await heading.textContent();
    expect(await page.locator('#classes li').first().textContent()).toContain('class 1');
    await page.locator('.stack').focus();
    await page.keyboard.press('ArrowRight');
    expect(await heading.textContent()).not.toBe(pointed);
    expect((await saved('#save-png')).toString('latin1', 1, 4)).toBe('PNG');
    expect((await saved('#save-npy')).toString('latin1')).toContain("'shape': (10, 22, 36)");
    await page.click('#clear');
    expect(await black()).toBe(true);
  }, 120_000);

  test('a refusal is told as on the command line', async () => {
    await page.setInputFiles('#file', { name: 'notes.onnx', mimeType: '', buffer: Buffer.from('not a model') });
    await page.waitForSelector('#failure');
    expect(await page.locator('#failure').textContent()).toMatch(/error.*NOT_ONNX/s);
    expect(await page.locator('#failure').textContent()).not.toContain('bug');
    await page.click('#example');
    await page.waitForSelector('#about');
    await page.fill('#stride', '3');
    await page.click('#convert');
    await page.waitForSelector('#failure');
    expect(await page.locator('#failure').textContent()).toContain('STRIDE_NOT_DIVISOR');
  }, 60_000);

  test('names that look like markup are text', async () => {
    const evil = '<img src=x onerror="window.evil=1">';
    const model =
      parseModel(`<ir_version: 8, opset_import: ["" : 17]> g (float[1, 1, 8, 8] X) => (float[1, 3] Y) <float[3, 64] W = {${Array(192).fill('0.5').join(', ')}}> {
      [${JSON.stringify(evil)}] F = Flatten (X)
      Y = Gemm <transB = 1> (F, W) }`);
    model.producer = { name: evil, version: evil };
    await page.setInputFiles('#file', { name: `${evil}.onnx`, mimeType: '', buffer: Buffer.from(modelToBytes(model)) });
    await page.waitForSelector('#about');
    expect(await page.locator('#about').textContent()).toContain(evil);
    await page.fill('#stride', '');
    await page.click('#convert');
    await page.waitForSelector('#report', { state: 'attached' });
    expect(await page.evaluate('window.evil')).toBeUndefined();
    expect(await page.locator('img').count()).toBe(0);
  }, 60_000);

  test.each([360, 800, 1600])('fits a width of %d', async (width) => {
    await page.setViewportSize({ width, height: 800 });
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
    // What a finger can hit.
    const small = await page.evaluate(
      `[...document.querySelectorAll('button, select')].filter((each) => each.getBoundingClientRect().height < 31.5).length`,
    );
    expect(small).toBe(0);
  });

  test('has asked for nothing elsewhere, and no rule of its policy was broken', () => {
    expect(foreign).toEqual([]);
    expect(errors).toEqual([]);
  });

  test('any host will do, below any path and without its headers; after the first load none is needed', async () => {
    const folder = join(built.folder, 'playground');
    const plain = createServer(({ url = '/' }, response) => {
      const path = (url.split(/[?#]/)[0] ?? '').replace(/\/$/, '/index.html');
      if (!path.startsWith('/some/path/')) {
        response.writeHead(404).end();
        return;
      }
      const type = Object.entries({
        html: 'text/html',
        js: 'text/javascript',
        mjs: 'text/javascript',
        css: 'text/css',
        wasm: 'application/wasm',
      }).find(([extension]) => path.endsWith(`.${extension}`))?.[1];
      response.writeHead(200, { 'content-type': type ?? 'application/octet-stream' });
      response.end(readFileSync(join(folder, path.slice('/some/path/'.length))));
    });
    const home = `${await listening(plain)}/some/path/`;
    const visitor = await browser.newContext();
    const tab = await visitor.newPage();
    const problems: string[] = [];
    tab.on('pageerror', (error) => problems.push(String(error)));
    await tab.goto(`${home}#model=lenet5`);
    await tab.waitForSelector('#report', { state: 'attached' });
    await tab.evaluate('navigator.serviceWorker.ready.then(() => undefined)');
    await new Promise((resolve) => {
      plain.close(resolve);
      plain.closeAllConnections();
    });
    await tab.reload();
    await tab.waitForSelector('#report', { state: 'attached' });
    // The kept page has the headers that its host did not send.
    expect(await tab.evaluate('crossOriginIsolated')).toBe(true);
    await tab.click('#map');
    await tab.waitForSelector('#times', { timeout: 60_000 });
    expect(problems).toEqual([]);
    await visitor.close();
  }, 120_000);
});

test('its server answers this machine alone, and has nothing else', async () => {
  const own = serving(join(__dirname, '../../src/playground'));
  const origin = await listening(own);
  const { port } = new URL(origin);
  const ask = async (path: string, init: { readonly method?: string; readonly host?: string } = {}): Promise<number> => {
    const { request } = await import('node:http');
    return new Promise((resolve) => {
      const asked = request(
        { host: '127.0.0.1', port, path, method: init.method ?? 'GET', headers: { host: init.host ?? `127.0.0.1:${port}` } },
        (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        },
      );
      asked.end();
    });
  };
  expect(await ask('/')).toBe(200);
  expect(await ask('/style.css?x')).toBe(200);
  for (const path of ['/../index.ts', '/..%2findex.ts', '/%2e%2e/index.ts', '//etc/passwd', '/nothing'])
    expect([path, await ask(path)]).toEqual([path, 404]);
  expect(await ask('/', { method: 'POST' })).toBe(405);
  expect(await ask('/', { host: 'example.com' })).toBe(403);
  const { headers } = await fetch(origin);
  expect(headers.get('content-security-policy')).toContain("default-src 'none'");
  expect(headers.get('cross-origin-embedder-policy')).toBe('require-corp');
  await new Promise((resolve) => {
    own.close(resolve);
    own.closeAllConnections();
  });
});

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return `http://127.0.0.1:${address.port}`;
}
