/**
 * How far the map of a padded network is from the network on crops: for every window of a picture, the cell of the map beside the original run on the crop of the same place.
 * The original is run once per window (`heatmap --slide all`), so this takes minutes. docs/pictures.md has the results.
 *
 *   npm run --silent build && node .ci/ts.mjs test/bench/padded.ts MODEL SIDE PICTURE... [-- OPTIONS of heatmap]
 *
 * SIDE: pixels that the shorter side of each picture is scaled to.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';

const SURE = 0.5;

interface Tally {
  cells: number;
  same: number;
  among: number;
  sure: number;
  sureSame: number;
  moved: number;
}

async function main(model: string, side: number, pictures: readonly string[], options: readonly string[]): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'convolutionize-padded-'));
  const total: Tally = { cells: 0, same: 0, among: 0, sure: 0, sureSame: 0, moved: 0 };
  for (const [at, picture] of pictures.entries()) {
    const scaled = join(directory, `${at}.png`);
    const { width = 1, height = 1 } = await sharp(picture).metadata();
    const zoom = side / Math.min(width, height);
    await sharp(picture)
      .resize(Math.round(width * zoom), Math.round(height * zoom))
      .png()
      .toFile(scaled);
    const map = (name: string, ...more: string[]): Npy => {
      const [file, drawn] = [join(directory, `${at}-${name}.npy`), join(directory, `${at}-${name}.png`)];
      execFileSync(process.execPath, [
        join(__dirname, '../../dist/cli.js'),
        ...['heatmap', model, scaled, '--head', 'window', '--scales', '1', '--softmax', '--map', file, '-o', drawn, ...more, ...options],
      ]);
      return readNpy(file);
    };
    const tally = compared(map('map'), map('slide', '--slide', 'all'));
    console.log(picture.split('/').at(-1), text(tally));
    for (const key of Object.keys(total) as (keyof Tally)[]) total[key] += tally[key];
  }
  console.log('all', text(total));
  rmSync(directory, { recursive: true });
}

const percent = (part: number, whole: number): string => `${((100 * part) / Math.max(1, whole)).toFixed(0)} %`;
const text = ({ cells, same, among, sure, sureSame, moved }: Tally): string =>
  `${cells} windows: same best class in ${percent(same, cells)}, the crop's best among the map's five best in ${percent(among, cells)}; ` +
  `where the crop is sure (p >= ${SURE}: ${sure} windows) the same in ${percent(sureSame, sure)}; its probability moves by ${(moved / Math.max(1, cells)).toFixed(2)} on average`;

/** Probabilities of every class, cell by cell. */
function compared(map: Npy, crops: Npy): Tally {
  const [classes, ...size] = map.shape;
  if (classes === undefined || String(map.shape) !== String(crops.shape)) throw new Error(`maps of ${map.shape} and ${crops.shape}`);
  const cells = size.reduce((product, length) => product * length, 1);
  const tally: Tally = { cells, same: 0, among: 0, sure: 0, sureSame: 0, moved: 0 };
  const at = ({ data }: Npy, k: number, cell: number): number => data[k * cells + cell] ?? 0;
  for (let cell = 0; cell < cells; cell++) {
    const order = (npy: Npy): number[] => Array.from({ length: classes }, (_, k) => k).sort((a, b) => at(npy, b, cell) - at(npy, a, cell));
    const [ours, theirs] = [order(map).slice(0, 5), order(crops)[0] ?? 0];
    const [isSame, isSure] = [ours[0] === theirs, at(crops, theirs, cell) >= SURE];
    tally.same += Number(isSame);
    tally.among += Number(ours.includes(theirs));
    tally.sure += Number(isSure);
    tally.sureSame += Number(isSure && isSame);
    tally.moved += Math.abs(at(crops, theirs, cell) - at(map, theirs, cell));
  }
  return tally;
}

interface Npy {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

function readNpy(file: string): Npy {
  const bytes = readFileSync(file);
  const length = bytes.readUInt16LE(8);
  const shape = (/'shape': \(([^)]*)\)/.exec(bytes.toString('latin1', 10, 10 + length))?.[1] ?? '')
    .split(',')
    .flatMap((part) => (part.trim() ? [Number(part)] : []));
  return { shape, data: new Float32Array(new Uint8Array(bytes.subarray(10 + length)).buffer) };
}

const words = process.argv.slice(2);
const end = words.includes('--') ? words.indexOf('--') : words.length;
const [model = '', side = '', ...pictures] = words.slice(0, end);
main(model, Number(side), pictures, words.slice(end + 1)).catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
