/** Text output of `heatmap`: the terminal report and the caption of the picture. heatmap-json.ts writes the data for other programs. */

import { basename } from 'node:path';
import { type Contract, describeContract } from '../analysis/contract';
import { type Letter, placesName, sizeText, unitOf } from '../ir/spatial';
import type { FoundHeat } from '../pictures/files/heatmap-picture';
import type { Image } from '../pictures/files/image';
import type { OpenedMap } from '../pictures/files/map-network';
import { countsOf, type Peak } from '../pictures/grid';
import { numberText } from '../pictures/poster';
import { MOST_LANES } from '../pictures/signal-poster';
import { table } from '../reports/table';
import type { HeatmapArgs } from './commands';
import { wrapped } from './wrap';

export interface HeatFacts extends FoundHeat {
  readonly args: HeatmapArgs;
  readonly output: string;
  readonly image: Image;
  /** Spatial axes of the image. */
  readonly letters: readonly Letter[];
}

/** Explains why these classes are shown. */
function choiceText(facts: HeatFacts): string {
  const { args, whole, shown } = facts;
  if (args.class) return 'classes of --class';
  if (whole)
    return `what predict says of the whole ${thing(facts)}: ${whole.name} ${whole.score.toFixed(whole.kind === 'probability' ? 4 : 2)} (--class and --top show others)`;
  const count = shown.length === 1 ? 'the class with the highest local peak' : `the ${shown.length} classes with the highest local peaks`;
  return `${count}: what is surest somewhere, not what the whole ${thing(facts)} is`;
}

const plain = (value: number): string => String(Number(value.toFixed(2)));

function scalesText({ args, scales, window, image }: HeatFacts): string | undefined {
  const list = scales.map(plain).join(', ');
  if (!image.isPicture && list === '1') return undefined;
  if (args.scales !== 'auto' || !window || !image.isPicture) return `scale${scales.length > 1 ? 's' : ''} ${list}`;
  const part = (scale: number): string => {
    const share = Math.min(1, Math.max(...window.map((length, axis) => length / ((image.lengths[axis] ?? 1) * scale))));
    return share > 0.97 ? 'the whole picture' : `${Math.round(share * 100)} % of it`;
  };
  const [first = 1, last = first] = [scales[0], scales.at(-1)];
  return `scale${scales.length > 1 ? 's' : ''} ${list}: a window sees ${part(first)}${scales.length > 1 ? ` to ${part(last)}` : ''}, along its shorter side${scales.includes(1) ? '' : ' (--scales 1: at its own size)'}`;
}

function headText({ network: { head, converted, reason }, args }: HeatFacts): string | undefined {
  if (!head) return undefined;
  const what = head === 'cell' ? 'head cell, a class activation map (CAM)' : 'head window, a prediction per window';
  const how = converted ? `${what}${args.slide === 'all' ? ', each from a run on its crop' : ''}` : what;
  return reason === undefined ? how : `${how}: ${reason}`;
}

/** Describes how a cell relates to the network itself; undefined if the file does not say. */
export function contractText({ network: { contract }, args }: HeatFacts): string | undefined {
  if (args.slide === 'all') return 'every cell is the network itself, run on its crop (--slide all)';
  if (!contract) return undefined;
  return describeContract(contract);
}

/** Caption below the picture, one paragraph per entry, for a reader who sees only the picture. */
export function caption(facts: HeatFacts): string[] {
  const { args, heat, network, whole, scales, centre } = facts;
  const made = [
    basename(args.model),
    network.head === 'cell' ? 'class activation map (CAM)' : undefined,
    scales.length > 1 ? `${args.combine} of scales ${scales.map(plain).join(', ')}` : `scale ${plain(scales[0] ?? 1)}`,
    args.flip ? 'mirrored too' : undefined,
  ].filter((part) => part !== undefined);
  const why = args.class
    ? []
    : whole
      ? [`Shown: the class of the whole ${thing(facts)}.`]
      : [`Shown: the highest local peaks, not the class of the whole ${thing(facts)}.`];
  const inside = (start: number, step: number, count: number, length: number): boolean =>
    start - step / 2 > 0.02 * length || start + step * (count - 0.5) < 0.98 * length;
  const hatched = heat.grid.some(({ start, step, count }, axis) => inside(start, step, count, facts.image.lengths[axis] ?? 1));
  return [
    `${made.join(', ')}. ${[...why, `${facts.letters.length === 3 ? 'Box' : 'Frame'}: what the network saw at the peak.`, ...(hatched ? [`${facts.letters.length === 1 ? 'Grey' : 'Hatched'}: not measured.`] : [])].join(' ')}`,
    drawnText(facts),
    `${shortContract(network.contract, network.head, args.slide === 'all', facts)}${centre ? ' Cells lie where they look, as measured.' : ''}`,
  ].filter((text) => text !== '');
}

/** What the drawing shows of the data: the axes of the planes, and the bands if it leaves some out. */
function drawnText({ image: { bands, picture }, letters }: HeatFacts): string {
  if (letters.length === 1) return bands > MOST_LANES ? `Waveforms: the first ${MOST_LANES} of ${bands} bands.` : '';
  const shown = picture || bands === 1 || bands === 3 ? '' : `Grey: the first of ${bands} bands.`;
  if (letters.length === 2) return shown;
  return `Planes (down, across): of a frame (rows, columns), of a row (frames, columns), of a column (frames, rows). ${shown}`.trim();
}

function shortContract(contract: Contract | undefined, head: OpenedMap['head'], slid: boolean, facts: HeatFacts): string {
  if (slid) return 'Every cell is the network itself, run on its crop.';
  if (!contract) return '';
  const [one, unit] = [thing(facts), unitOf(facts.letters.length)];
  const mean = head === 'cell' ? "The mean over one window is the network's own score; " : '';
  switch (contract.kind) {
    case 'everywhere':
    case 'original':
      return head === 'cell' ? `${mean}no cell looks beyond it.` : 'Every cell equals the network on its crop.';
    case 'border':
      return `${mean || 'Equal to the network at its own size; '}in larger ${one}s cells see real ${unit} where crops are padded (--slide runs crops).`;
    case 'whole-image':
      return `${mean || 'Equal to the network at its own size; '}in larger ${one}s predictions depend on the whole ${one === 'picture' ? 'image' : one}.`;
  }
}

export function lines(facts: HeatFacts, columns?: number): string[] {
  const { args, output, image, letters, named, assumed, heat, shown, name, crops, network } = facts;
  const counts = countsOf(heat.grid);
  const most = Math.max(...shown.map(({ peak }) => Math.abs(peak.score)));
  const tiles = heat.views.reduce((sum, view) => sum + view.tiles, 0);
  const paragraphs = [
    `${extentText(image)} (${[...(image.reading ?? []), named].join(', ')}), ${heat.views.length} run${heat.views.length > 1 ? 's' : ''} in ${tiles} tile${tiles > 1 ? 's' : ''}, ${network.runtime() ?? 'nothing was run'}`,
    assumed,
    scalesText(facts),
    headText(facts),
    `${sizeText(counts)} cells: ${cellsText(facts)}`,
    contractText(facts),
    args.map === undefined ? undefined : `numbers: ${args.map}, float32 [${[heat.classes.length, ...counts].join(', ')}]`,
    args.allPeaks === undefined ? undefined : `every local maximum: ${args.allPeaks}`,
    `shown: ${choiceText(facts)}`,
  ].filter((text) => text !== undefined);
  return [
    `${args.picture} -> ${output}`,
    ...paragraphs.flatMap((text) => wrapped(text, columns, '  ')),
    '',
    ...table(
      [
        { title: '', align: 'right' },
        { title: 'peak', align: 'right' },
        ...(crops ? [{ title: 'on its crop', align: 'right' as const }, { title: 'best there' }] : []),
        { title: 'class' },
        { title: 'window' },
        { title: 'scale', align: 'right' },
      ],
      shown.map((item, at) => {
        const crop = crops?.[at];
        return [
          `#${at + 1}`,
          asText(item.peak.score, most),
          ...(crop ? [asText(crop.score, most), crop.best === item.index ? 'the same' : crop.name] : []),
          name(item),
          windowText(item.peak, letters, image.units),
          `${plain(item.peak.scale)}${item.peak.flipped ? ' mirrored' : ''}`,
        ];
      }),
    ),
  ];
}

const asText = (score: number, most: number): string => numberText(score, most).replace('−', '-');

/** `rows 12 to 40, columns 3 to 31`; for a recording also in seconds. */
function windowText({ window: { starts, lengths } }: Peak, letters: readonly Letter[], units: Image['units']): string {
  const parts = letters.map((letter, axis) => {
    const [start, length, unit] = [starts[axis] ?? 0, lengths[axis] ?? 0, units?.[axis]];
    const measured = unit ? ` (${plain(start * unit.size)} to ${plain((start + length) * unit.size)} ${unit.name})` : '';
    return `${placesName(letter)} ${Math.round(start)} to ${Math.round(start + length) - 1}${measured}`;
  });
  return parts.join(', ');
}

/** Kind of image, in one word. */
export const thing = ({ letters }: Pick<HeatFacts, 'letters'>): string =>
  letters.length === 1 ? 'signal' : letters.length === 2 ? 'picture' : 'volume';

/** `640x480 pixels`; for a picture the width comes first, as is usual. */
function extentText({ lengths, units }: Image): string {
  const [first = 0, ...others] = lengths;
  const [unit] = units ?? [];
  const time = others.length === 0 && unit ? `, ${plain(first * unit.size)} ${unit.name}` : '';
  return `${sizeText(lengths.length === 2 ? [...lengths].reverse() : lengths)} ${unitOf(lengths.length)}${time}`;
}

/** `cell (i, j) is at row 14 + 4 i, column 14 + 4 j, the middle of its window` */
function cellsText({ heat, letters, centre }: HeatFacts): string {
  const index = letters.length === 1 ? ['i'] : ['i', 'j', 'k'].slice(0, letters.length);
  const places = letters.map((letter, axis) => {
    const { start, step } = heat.grid[axis] ?? { start: 0, step: 1 };
    return `${placesName(letter).slice(0, -1)} ${plain(start)} + ${plain(step)} ${index[axis]}`;
  });
  const cell = letters.length === 1 ? 'cell i' : `cell (${index.join(', ')})`;
  return `${cell} is at ${places.join(', ')}${centre ? ', where it looks as measured' : ', the middle of its window'}`;
}
