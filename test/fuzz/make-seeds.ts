/** Writes fixtures/fuzz/sound: one small pair of models, and what this program writes about it and reads back. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { zipSync } from 'fflate';
import sharp from 'sharp';
import { main } from '../../src/cli/main';
import { onnx } from '../../src/onnx/generated/onnx';
import { modelToBytes } from '../../src/onnx/write';
import { npyBytes } from '../../src/pictures/npy';
import { NETWORKS } from '../verify/oracle/networks';
import { SOUND } from './seeds';
import { Sink } from './sink';

const RECIPES: Readonly<Record<string, object>> = {
  'own.json': { resize: 12, crop: [12, 10], filter: 'bicubic', range: 1, mean: [0.5, 0.4, 0.3], std: [0.2, 0.2, 0.2], order: 'bgr' },
  'preprocessor_config.json': {
    do_resize: true,
    size: { shortest_edge: 12 },
    resample: 3,
    do_center_crop: true,
    crop_size: { height: 12, width: 10 },
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    image_mean: [0.5, 0.5, 0.5],
    image_std: [0.5, 0.5, 0.5],
    image_processor_type: 'ViTImageProcessor',
  },
  'config.json': {
    pretrained_cfg: {
      input_size: [3, 12, 10],
      mean: [0.5, 0.5, 0.5],
      std: [0.2, 0.2, 0.2],
      interpolation: 'bicubic',
      crop_pct: 0.9,
      crop_mode: 'center',
    },
  },
};
const NAMES = ['tench, Tinca tinca', 'goldfish', 'great white shark', 'tiger "shark"'];
const LABELS: Readonly<Record<string, string>> = {
  'names.txt': NAMES.join('\n'),
  'list.json': JSON.stringify(NAMES),
  'index.json': JSON.stringify(Object.fromEntries(NAMES.map((name, at) => [at, [`n${at}`, name]]))),
  'names.py': `{${NAMES.map((name, at) => `${at}: ${JSON.stringify(name)}`).join(', ')}}`,
};
const SUITE = `# Two pairs.
defaults:
  samples: 1
  rtol: 1e-3
pairs:
  - name: the conversion
    original: pair.onnx
    converted: pair-fcn.onnx
    seed: 2
  - original: pair.onnx
    converted: pair.onnx
    input-size: 12x10
    map: { X: X }
    atol: { Y: 1e-3 }
`;

export async function makeSeeds(): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'convolutionize-seeds-'));
  process.chdir(work);
  const network = NETWORKS.get('padding');
  if (!network) throw new Error('there is no such network');
  writeFileSync('pair.onnx', modelToBytes(network()));
  const run = async (...args: string[]): Promise<string> => {
    const stdout = new Sink();
    const code = await main(args, { stdout, stderr: process.stderr, env: {} });
    if (code !== 0) throw new Error(`${args.join(' ')}: exit code ${code}`);
    return stdout.text;
  };
  await run('convert', 'pair.onnx', 'pair-fcn.onnx', '--certificate', 'certificate.json');
  await run('convert', 'pair.onnx', 'web', '--to', 'tfjs');
  writeFileSync('suite.yaml', SUITE);
  await run('verify', '--suite', 'suite.yaml', '--verify-budget', '1s', '--reporter', 'json=report.json');
  const put = (name: string, bytes: string | Uint8Array): void => {
    mkdirSync(dirname(name), { recursive: true });
    writeFileSync(name, bytes);
  };
  for (const [name, recipe] of Object.entries(RECIPES)) put(join('recipes', name), JSON.stringify(recipe));
  for (const [name, text] of Object.entries(LABELS)) put(join('labels', name), text);
  const pixels = Buffer.from(Uint8Array.from({ length: 3 * 14 * 16 }, (_, at) => (at * 37) % 256));
  const picture = sharp(pixels, { raw: { width: 14, height: 16, channels: 3 } });
  put('small.png', await picture.clone().png().toBuffer());
  put('pictures/rgb.png', await picture.clone().png().toBuffer());
  put('pictures/rgb.jpg', await picture.clone().jpeg().withMetadata({ orientation: 6 }).toBuffer());
  put('pictures/rgb.webp', await picture.clone().webp({ lossless: true }).toBuffer());
  put('pictures/rgb.gif', await picture.clone().gif().toBuffer());
  put('pictures/rgb.tif', await picture.clone().tiff().toBuffer());
  put('pictures/deep.png', await picture.clone().toColourspace('rgb16').png().toBuffer());
  const numbers = Float32Array.from({ length: 360 }, (_, at) => ((at * 37) % 256) / 256);
  const npy = npyBytes([1, 3, 12, 10], numbers);
  put('arrays/x.npy', npy);
  put('arrays/x.npz', zipSync({ 'X.npy': npy }, { mtime: '2000-01-01' }));
  put(
    'arrays/x.pb',
    onnx.TensorProto.encode({ name: 'X', dims: [1, 3, 12, 10], data_type: 1, raw_data: new Uint8Array(numbers.buffer) }).finish(),
  );
  rmSync(SOUND, { recursive: true, force: true });
  for (const entry of readdirSync('.', { recursive: true, withFileTypes: true }).filter((each) => each.isFile())) {
    const path = join(entry.parentPath, entry.name);
    mkdirSync(dirname(join(SOUND, path)), { recursive: true });
    writeFileSync(join(SOUND, path), readFileSync(path));
  }
  process.chdir(tmpdir());
  rmSync(work, { recursive: true });
}
