/**
 * The pictures of a signal and of a volume in docs/pictures.md, by the commands that stand there.
 *
 *   npm run --silent build && node .ci/ts.mjs test/docs/array-pictures.ts
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';

const root = join(__dirname, '../..');
const arrays = 'fixtures/arrays';
const PICTURES = [
  ['signal', ['tones.onnx', 'tones.wav'], ['--rate', '8000', '--top', '4', '--labels', `${arrays}/tones.txt`]],
  [
    'volume',
    ['balls.onnx', 'balls.npy'],
    ['--range', '1', '--head', 'cell', '--class', 'bright ball', '--class', 'dark ball', '--labels', `${arrays}/balls.txt`],
  ],
] as const;

async function draw(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'convolutionize-pictures-'));
  for (const [name, files, options] of PICTURES) {
    const drawn = join(directory, `${name}.png`);
    execFileSync(
      process.execPath,
      [join(root, 'dist/cli.js'), ...['heatmap', ...files.map((file) => `${arrays}/${file}`), ...options, '-o', drawn]],
      { cwd: root },
    );
    await sharp(drawn)
      .jpeg({ quality: 88, mozjpeg: true })
      .toFile(join(root, `docs/images/${name}.jpg`));
  }
  rmSync(directory, { recursive: true });
}

void draw();
