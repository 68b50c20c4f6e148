/**
 * The picture at the top of README.md: a photograph, its heat map, and AlexNet's classifier before and after the conversion, as the program prints it.
 *
 *   npm run overview -- MODEL [--preset NAME]
 *
 * MODEL is any classifier trained on ImageNet; the picture in the repository was made with SqueezeNet 1.1 (`--preset caffe`). Photograph and AlexNet's graph are fixtures.
 * Chromium draws the page.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import sharp from 'sharp';
import { buildAlexNet } from '../../fixtures/builders/alexnet';
import { shapeText } from '../../src/analysis/layers';
import { compile } from '../../src/compile';
import { summarise } from '../../src/index';
import { browserPath, QUIET } from '../browser/browser';

const root = join(__dirname, '../..');
const PHOTO = join(root, 'fixtures/photos/coffee.jpg');
const WIDTH = 1440;

async function main(options: readonly string[]): Promise<void> {
  if (options.length === 0 || browserPath === undefined)
    throw new Error('usage: npm run overview -- MODEL [OPTIONS of heatmap]; Chromium must be installed');
  const directory = mkdtempSync(join(tmpdir(), 'convolutionize-overview-'));
  const [heat, screenshot] = [join(directory, 'heat.png'), join(directory, 'page.png')];
  const printed = execFileSync(process.execPath, [
    join(root, 'dist/cli.js'),
    ...['heatmap', options[0] ?? '', PHOTO, '--labels', 'imagenet', '--bare', '-o', heat, ...options.slice(1)],
  ]).toString();
  const [, name = '', score = ''] = /^ {2}shown: .*: (.*) ([\d.]+)$/m.exec(printed) ?? [];
  const html = page({ photo: dataUri(PHOTO, 'jpeg'), heat: dataUri(heat, 'png'), name: `${name} ${Number(score).toFixed(2)}` });
  const browser = await chromium.launch({ executablePath: browserPath, args: ['--no-sandbox', '--disable-gpu', ...QUIET] });
  const tab = await browser.newPage({ viewport: { width: WIDTH, height: 400 } });
  await tab.setContent(html);
  await tab.screenshot({ path: screenshot, fullPage: true });
  await browser.close();
  await sharp(screenshot).jpeg({ quality: 88, mozjpeg: true }).toFile(join(root, 'docs/images/overview.jpg'));
  rmSync(directory, { recursive: true });
}

const dataUri = (file: string, kind: string): string => `data:image/${kind};base64,${readFileSync(file).toString('base64')}`;

/** AlexNet's layers from the last pool on: notation, shape, parameters. */
function classifier(after: boolean): string {
  const original = buildAlexNet({ batch: 1 });
  const { layers } = summarise(after ? compile(original).model : original).list;
  const from = layers.findLastIndex(({ kind }) => kind === 'MaxPool2d');
  return layers
    .slice(from)
    .map(({ index, kind, notation, outputs, parameters }) => {
      const shape = shapeText(outputs[0]?.type).replace(/^[a-z]+/, '');
      const cells = [
        `(${index})`,
        notation.replace('size=(3, 3), stride=(2, 2), dilation=(1, 1)', '3, stride=2'),
        shape,
        parameters ? parameters.toLocaleString('en') : '',
      ];
      const isChanged = kind === 'Linear' || (kind === 'Conv2d' && after);
      return `<tr class="${isChanged ? 'changed' : ''}">${cells.map((cell) => `<td>${cell.replace('>', '&gt;')}</td>`).join('')}</tr>`;
    })
    .join('');
}

const page = ({ photo, heat, name }: { readonly photo: string; readonly heat: string; readonly name: string }): string => `<!doctype html>
<meta charset="utf-8">
<style>
*{box-sizing:border-box}
body{margin:0;padding:28px;width:${WIDTH}px;background:#fff;color:#1d2330;font:19px "DejaVu Sans",system-ui,sans-serif}
.row{display:grid;grid-template-columns:1fr 1fr;gap:28px}
.row+.row{margin-top:26px;grid-template-columns:565px 1fr;align-items:start}
img{width:100%;display:block;border-radius:8px}
h2{font-size:20px;margin:0 0 10px;font-weight:600}
h2 span{font-weight:400;color:#5b6475}
table{border-collapse:collapse;font:14px "DejaVu Sans Mono",monospace;width:100%;background:#f4f6f9;border-radius:8px}
td{padding:5px 7px;white-space:nowrap;color:#5b6475}
td:first-child{padding-left:14px}
td:last-child{text-align:right;padding-right:14px}
tr:first-child td{padding-top:12px}tr:last-child td{padding-bottom:12px}
.changed td{color:#1d2330}.before .changed td:nth-child(2){color:#b3261e}.after .changed td:nth-child(2){color:#166534}
</style>
<div class="row"><div><h2>A photograph, larger than the network's input</h2><img src="${photo}"></div><div><h2>Where the network sees <b>${name.replace(/ [\d.]+$/, '')}</b> <span>(${name.replace(/^.* /, '')} for the whole picture)</span></h2><img src="${heat}"></div></div>
<div class="row"><div><h2>AlexNet's classifier before <span>one image of 224 x 224</span></h2><table class="before">${classifier(false)}</table></div><div><h2>and after <span>any size, the same weights</span></h2><table class="after">${classifier(true)}</table></div></div>`;

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
