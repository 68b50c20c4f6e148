/** The page of docs/tfjs.md, as it is there, in a browser: it prepares pictures as the model wants them, and names what `predict` names. */
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import sharp from 'sharp';
import { zooModel } from '../../fixtures/zoo-weights';
import { useProgram } from '../support/cli';
import { type Browser, browserPath, openBrowser } from './browser';

const root = join(__dirname, '../..');
const CDN = '<script src="https://cdn.jsdelivr.net/npm/@tensorflow/tfjs@4.22.0"></script>';
const [, shown = ''] = /^```html\n([\s\S]*?)^```$/m.exec(readFileSync(join(root, 'docs/tfjs.md'), 'utf8')) ?? [];

/** What the CDN gives, from the packages here: `tf` with a backend that runs everywhere. */
const LIBRARY = `
  export * from '@tensorflow/tfjs-core';
  import '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops';
  export { loadGraphModel } from '@tensorflow/tfjs-converter';
  import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
  setWasmPaths('/wasm/');`;

const withBrowser = browserPath === undefined ? describe.skip : describe;
if (browserPath === undefined) test.skip('no Chromium was found: install it (Debian: chromium) or name it in CHROMIUM', () => {});

withBrowser('the page of docs/tfjs.md', () => {
  const program = useProgram();
  const directory = mkdtempSync(join(tmpdir(), 'convolutionize-page-'));
  let browser: Browser;
  beforeAll(async () => {
    // As large as the window, so that the page and `predict` see the same pixels, whatever scales them.
    await sharp(join(root, 'fixtures/photos/coffee.jpg')).resize(224, 224, { fit: 'cover' }).png().toFile(join(directory, 'photo.png'));
    copyFileSync(join(directory, 'photo.png'), join(directory, 'photo.jpg'));
    const bundled = await build({
      stdin: { contents: LIBRARY, resolveDir: root },
      bundle: true,
      format: 'iife',
      globalName: 'tf',
      platform: 'browser',
      outfile: join(directory, 'tf.js'),
      logLevel: 'error',
    });
    expect(bundled.errors).toEqual([]);
    browser = await openBrowser({ page: directory });
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    rmSync(directory, { recursive: true });
  });

  const said = async (): Promise<string> => {
    await browser.page.goto(`${browser.origin}/page/index.html`);
    await browser.page.waitForFunction('document.getElementById("result").textContent !== ""', undefined, { timeout: 30_000 });
    return (await browser.page.locator('#result').textContent()) ?? '';
  };

  test.each(['torchvision', 'caffe', 'tensorflow'])(
    'names what predict names, with pixels as %s wants them',
    async (preset) => {
      const model = zooModel('tv-squeezenet1_1.script');
      const target = join(directory, 'web_model');
      const args = ['convert', model, '-o', target, '--force', '--to', 'tfjs', '--preset', preset, '--labels', 'imagenet', '--no-verify'];
      expect((await program.run(args)).code).toBe(0);
      expect(shown).toContain(CDN);
      writeFileSync(join(directory, 'index.html'), shown.replace(CDN, '<script src="tf.js"></script>'));
      const predicted = await program.run(['predict', target, join(directory, 'photo.png'), '--json', '--top', '1']);
      expect(predicted.code).toBe(0);
      const label = /"name": "([^"]*)"/.exec(predicted.stdout)?.[1] ?? 'none';
      expect(await said()).toBe(`${label} (1 x 1 cells of 1000 classes)`);
    },
    180_000,
  );

  test('says what is missing where the model does not say how it wants its pictures', async () => {
    const path = join(directory, 'web_model/model.json');
    const json = JSON.parse(readFileSync(path, 'utf8'));
    delete json.userDefinedMetadata?.convolutionize?.preprocessing;
    writeFileSync(path, JSON.stringify(json));
    const before = browser.errors.length;
    await browser.page.goto(`${browser.origin}/page/index.html`);
    await browser.page.waitForTimeout(2000);
    expect(browser.errors.slice(before).join('\n')).toContain('convert it with --preset');
  }, 60_000);
});
