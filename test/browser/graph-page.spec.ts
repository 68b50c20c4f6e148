/** The page of `inspect --format html`, in a browser, from the disk: it draws, opens groups, searches, and fetches nothing. */
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { ViewIndex } from '../../src/graph-view/fold';
import { layoutView } from '../../src/graph-view/layout';
import { pageOf } from '../../src/graph-view/page';
import { svgOf } from '../../src/graph-view/svg';
import { useProgram } from '../support/cli';
import { browserPath, QUIET } from './browser';

const describeInBrowser =
  browserPath === undefined
    ? (title: string, tests: () => void) => describe.skip(`${title} (skipped: no Chromium; set CHROMIUM)`, tests)
    : describe;

describeInBrowser('the page of a graph', () => {
  const program = useProgram();
  let browser: Browser;
  let page: Page;
  let file: string;
  const errors: string[] = [];
  const requests: string[] = [];
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: browserPath ?? '', args: ['--no-sandbox', '--disable-gpu', ...QUIET] });
    page = await browser.newPage({ viewport: { width: 1200, height: 800 } });
    page.on('pageerror', (error) => errors.push(String(error)));
    page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
    page.on('request', (request) => requests.push(request.url()));
    const cwd = program.directory();
    copyFileSync(join(__dirname, '../../fixtures/models/lenet5.onnx'), join(cwd, 'lenet5.onnx'));
    const ran = await program.run(['inspect', 'lenet5.onnx', '-o', 'lenet5.html', '--depth', '0'], { cwd });
    expect(ran).toEqual({ code: 0, stdout: '', stderr: '' });
    file = pathToFileURL(join(cwd, 'lenet5.html')).href;
    await page.goto(file);
  }, 120_000);
  afterAll(() => browser?.close());

  const ids = (): Promise<string[]> =>
    page.locator('#view [data-id]').evaluateAll((parts) => parts.map((part) => part.getAttribute('data-id') ?? ''));
  const panel = (): Promise<string | null> => page.locator('#panel').textContent();

  test('opens with its groups as they were asked for', async () => {
    expect(await ids()).toEqual(['input:image', 'g:features', 'n:/Flatten', 'g:classifier', 'output:scores']);
    expect(await panel()).toContain('44,426');
  });

  test('a click opens a group, another closes it, one on a node tells its attributes', async () => {
    await page.locator('[data-id="g:features"]').click();
    expect(await ids()).toContain('n:/features/features.0/Conv');
    await page.locator('[data-id="n:/features/features.0/Conv"]').click();
    expect(await panel()).toMatch(/kernel_shape\s*\[5, 5\]/);
    await page.locator('[data-id="g:features"] > .label').click();
    expect(await ids()).not.toContain('n:/features/features.0/Conv');
  });

  test('a search finds nodes in closed groups and shows them', async () => {
    await page.keyboard.press('/');
    await page.keyboard.type('gemm classifier');
    expect(await page.locator('#count').textContent()).toBe('3 found');
    await page.keyboard.press('Enter');
    expect(await page.locator('#count').textContent()).toBe('1 of 3');
    const box = await page.locator('#view .on').boundingBox();
    expect(box && box.x > 0 && box.y > 0 && box.x + box.width < 1200 && box.y + box.height < 800).toBe(true);
    expect(await page.locator('#view .on').getAttribute('data-id')).toMatch(/^n:\/classifier\/.*Gemm$/);
    expect(await panel()).toContain('name');
    await page.keyboard.press('Escape');
    expect(await page.locator('#count').textContent()).toBe('');
  });

  test('drags, zooms and changes its theme', async () => {
    const where = (): Promise<string | null> => page.locator('#view').getAttribute('transform');
    const before = await where();
    await page.mouse.move(60, 600);
    await page.mouse.down();
    await page.mouse.move(160, 650, { steps: 4 });
    await page.mouse.up();
    const dragged = await where();
    expect(dragged).not.toBe(before);
    await page.mouse.wheel(0, -300);
    await page.waitForFunction(`document.getElementById('view').getAttribute('transform') !== ${JSON.stringify(dragged)}`);
    const paper = (): Promise<string> => page.evaluate('getComputedStyle(document.body).backgroundColor');
    const light = await paper();
    await page.click('#theme');
    expect(await paper()).not.toBe(light);
    await page.click('#expand');
    expect((await ids()).length).toBe(16);
    await page.click('#collapse');
    expect((await ids()).length).toBe(5);
  });

  test('asks for nothing but itself, and has no errors', () => {
    expect(requests).toEqual([file]);
    expect(errors).toEqual([]);
  });

  test('a comparison opens at its first change, goes from one to the next, and has a legend', async () => {
    const cwd = program.directory();
    copyFileSync(join(__dirname, '../../fixtures/models/lenet5.onnx'), join(cwd, 'lenet5.onnx'));
    expect((await program.run(['convert', 'lenet5.onnx', '--no-verify'], { cwd })).code).toBe(0);
    for (const options of [[], ['--side-by-side'], ['--side-by-side', '--landscape']]) {
      const ran = await program.run(['inspect', '--diff', 'lenet5.onnx', 'lenet5-fcn.onnx', ...options, '-o', 'diff.html', '--force'], {
        cwd,
      });
      expect(ran).toEqual({ code: 0, stdout: '', stderr: '' });
      await page.goto(pathToFileURL(join(cwd, 'diff.html')).href);
      expect(await page.locator('#legend').textContent()).toBe('rewrittenremovedmoved: other shapes or sources');
      const selected = (): Promise<string | null> => page.locator('#view .on .label').textContent();
      expect([await selected(), await page.locator('#change').textContent()]).toEqual(['Flatten', '1 of 6']);
      await page.click('#next');
      expect([await selected(), await page.locator('#change').textContent()]).toEqual(['Conv', '2 of 6']);
      expect(await panel()).toContain('the same bytes');
      expect(await page.locator('#view .twin .label').allTextContents()).toEqual(options.length > 0 ? ['Gemm'] : []);
      await page.keyboard.press('p');
      await page.keyboard.press('p');
      expect(await page.locator('#change').textContent()).toBe('6 of 6');
      const [box, stage] = [await page.locator('#view .on').boundingBox(), await page.locator('#stage').boundingBox()];
      expect(box && stage && box.x >= stage.x && box.y >= stage.y && box.x + box.width <= stage.x + stage.width).toBe(true);
    }
  });

  test.each([360, 800, 1600])('"Fit" fits at a width of %d', async (width) => {
    await page.setViewportSize({ width, height: 700 });
    await page.goto(file);
    await page.click('#expand');
    await page.click('#fit');
    const [drawn, stage] = [await page.locator('#view').boundingBox(), await page.locator('#stage').boundingBox()];
    if (!drawn || !stage) throw new Error('nothing is drawn');
    expect(drawn.x).toBeGreaterThanOrEqual(stage.x - 1);
    expect(drawn.y).toBeGreaterThanOrEqual(stage.y - 1);
    expect(drawn.x + drawn.width).toBeLessThanOrEqual(stage.x + stage.width + 1);
    expect(drawn.y + drawn.height).toBeLessThanOrEqual(stage.y + stage.height + 1);
    await page.setViewportSize({ width: 1200, height: 800 });
  });

  test('an SVG is XML to a browser, names of any characters included', async () => {
    const names = ['<script>window.evil=1</script>', ']]>&amp;"\'', 'a\u0001\u001b[31m\ud800', '汉字 🙂'];
    const boxes = names.map((name) => ({
      id: name,
      parent: undefined,
      label: name,
      kind: 'node' as const,
      family: 'other',
      lines: [name],
      details: [['name', name]] as const,
      words: '',
      parameters: 0,
    }));
    const index = new ViewIndex({
      title: names.join(' '),
      facts: [],
      boxes,
      groups: [],
      edges: [{ from: names[0] ?? '', to: names[1] ?? '', label: names[2] ?? '' }],
    });
    const path = join(program.directory(), 'evil.svg');
    writeFileSync(path, svgOf(index, layoutView(index, new Set())));
    await page.goto(pathToFileURL(path).href);
    expect(await page.evaluate('document.documentElement.nodeName + document.querySelectorAll("parsererror").length')).toBe('svg0');
    expect(await page.evaluate('[...document.querySelectorAll(".label")].map((label) => label.textContent)')).toEqual([
      names[0],
      names[1],
      'a\ufffd\ufffd[31m\ufffd',
      names[3],
    ]);
    expect(await page.evaluate('window.evil')).toBeUndefined();
  });

  test('names that look like markup are text', async () => {
    const evil = '<img src=x onerror="window.evil=1">';
    const script = join(program.directory(), 'page.html');
    await page.goto(file);
    const viewer = await page.evaluate<string>('document.scripts[1].textContent');
    const box = {
      id: `n:${evil}`,
      parent: undefined,
      label: evil,
      kind: 'node',
      family: 'other',
      lines: [evil],
      details: [['name', evil]],
      words: evil,
      parameters: 0,
    } as const;
    writeFileSync(script, pageOf({ title: evil, facts: [], boxes: [box], groups: [], edges: [] }, new Set(), viewer));
    await page.goto(pathToFileURL(script).href);
    await page.locator('#view [data-id]').click();
    expect(await panel()).toContain(evil);
    expect(await page.evaluate('window.evil')).toBeUndefined();
    expect(await page.title()).toBe(evil);
  });
});
