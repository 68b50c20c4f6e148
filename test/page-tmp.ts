import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { openBrowser } from './browser/browser';
const root='/work/wt/pages'; const directory='/tmp/pg/web';
const [, shown = ''] = /^```html\n([\s\S]*?)^```$/m.exec(readFileSync(join(root, 'docs/tfjs.md'), 'utf8')) ?? [];
const LIBRARY = `
  export * from '@tensorflow/tfjs-core';
  export { loadGraphModel } from '@tensorflow/tfjs-converter';
  import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
  setWasmPaths('/wasm/');`;
async function main() {
  await build({ stdin: { contents: LIBRARY, resolveDir: root }, bundle: true, format: 'iife', globalName: 'tf', platform: 'browser', outfile: join(directory, 'tf.js'), logLevel: 'error' });
  writeFileSync(join(directory, 'index.html'), shown.replace(/<script src=.*<\/script>/, '<script src="tf.js"></script>'));
  const browser = await openBrowser({ page: directory });
  await browser.page.goto(`${browser.origin}/page/index.html`);
  for (let i=0;i<10;i++) { await browser.page.waitForTimeout(2000); const t=await browser.page.locator('#result').textContent(); console.log(t, browser.errors); if (t) break; }
  await browser.close();
}
main();
