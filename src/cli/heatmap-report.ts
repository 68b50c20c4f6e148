/** What `heatmap` says: on the terminal, below the picture, as JSON and as a table of peaks. */

import { basename } from 'node:path';
import { type Contract, describeContract } from '../analysis/contract';
import { printable } from '../diagnostics/format';
import type { FoundHeat } from '../pictures/files/heatmap-picture';
import type { OpenedMap } from '../pictures/files/map-network';
import type { Peak } from '../pictures/grid';
import type { Picture } from '../pictures/picture';
import { numberText } from '../pictures/poster';
import type { HeatmapArgs } from './commands';
import { table } from './table';
import { wrapped } from './wrap';

export interface HeatFacts extends FoundHeat {
  readonly args: HeatmapArgs;
  readonly output: string;
  readonly picture: Picture;
}

/** Why these classes are shown. */
function choiceText({ args, whole, shown }: HeatFacts): string {
  if (args.class) return 'classes of --class';
  if (whole) return `what predict says of the whole picture: ${whole.name} ${whole.score.toFixed(whole.kind === 'probability' ? 4 : 2)}`;
  const count = shown.length === 1 ? 'the class with the highest local peak' : `the ${shown.length} classes with the highest local peaks`;
  return `${count}: what is surest somewhere, not what the whole picture is`;
}

const plain = (value: number): string => String(Number(value.toFixed(2)));

function scalesText({ args, scales, window, picture }: HeatFacts): string {
  const list = scales.map(plain).join(', ');
  if (args.scales !== 'auto' || !window) return `scale${scales.length > 1 ? 's' : ''} ${list}`;
  const part = (scale: number): string => {
    const share = Math.min(1, Math.max(window.height / (picture.height * scale), window.width / (picture.width * scale)));
    return share > 0.97 ? 'the whole picture' : `${Math.round(share * 100)} % of it`;
  };
  const [first = 1, last = first] = [scales[0], scales.at(-1)];
  return `scale${scales.length > 1 ? 's' : ''} ${list}: a window sees ${part(first)}${scales.length > 1 ? ` to ${part(last)}` : ''}, along its shorter side`;
}

function headText({ network: { head, converted, reason }, args }: HeatFacts): string | undefined {
  if (!head) return undefined;
  const what = head === 'cell' ? 'head cell, a class activation map (CAM)' : 'head window, a prediction per window';
  const how = converted ? `${what}${args.slide === 'all' ? ', each from a run on its crop' : ''}` : what;
  return reason === undefined ? how : `${how}: ${reason}`;
}

/** What a cell has to do with the network itself; undefined: the file does not say. */
export function contractText({ network: { contract }, args }: HeatFacts): string | undefined {
  if (args.slide === 'all') return 'every cell is the network itself, run on its crop (--slide all)';
  if (!contract) return undefined;
  return describeContract(contract);
}

/** What stands below the picture, a paragraph each: for somebody who sees the picture alone. */
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
      ? ['Shown: the class of the whole picture.']
      : ['Shown: the highest local peaks, not the class of the whole picture.'];
  const { rows, columns } = heat.grid;
  const inside = (start: number, step: number, count: number, length: number): boolean =>
    start - step / 2 > 0.02 * length || start + step * (count - 0.5) < 0.98 * length;
  const hatched =
    inside(rows.start, rows.step, rows.count, facts.picture.height) ||
    inside(columns.start, columns.step, columns.count, facts.picture.width);
  return [
    `${made.join(', ')}. ${[...why, `Frame: what the network saw at the peak.`, ...(hatched ? ['Hatched: not measured.'] : [])].join(' ')}`,
    `${shortContract(network.contract, network.head, args.slide === 'all')}${centre ? ' Cells lie where they look, as measured.' : ''}`,
  ].filter((text) => text !== '');
}

function shortContract(contract: Contract | undefined, head: OpenedMap['head'], slid: boolean): string {
  if (slid) return 'Every cell is the network itself, run on its crop.';
  if (!contract) return '';
  const mean = head === 'cell' ? "The mean over one window is the network's own score; " : '';
  switch (contract.kind) {
    case 'everywhere':
    case 'original':
      return head === 'cell' ? `${mean}no cell looks beyond it.` : 'Every cell equals the network on its crop.';
    case 'border':
      return `${mean || 'Equal to the network at its own size; '}in larger pictures cells see real pixels where crops are padded (--slide runs crops).`;
    case 'whole-image':
      return `${mean || 'Equal to the network at its own size; '}in larger pictures predictions depend on the whole image.`;
  }
}

export function lines(facts: HeatFacts, columns?: number): string[] {
  const { args, output, picture, named, heat, shown, name, crops, network } = facts;
  const { rows, columns: across } = heat.grid;
  const most = Math.max(...shown.map(({ peak }) => Math.abs(peak.score)));
  const tiles = heat.views.reduce((sum, view) => sum + view.tiles, 0);
  const paragraphs = [
    `${picture.width}x${picture.height} pixels (${named}), ${heat.views.length} run${heat.views.length > 1 ? 's' : ''} in ${tiles} tile${tiles > 1 ? 's' : ''}, ${network.runtime() ?? 'nothing was run'}`,
    scalesText(facts),
    headText(facts),
    `${rows.count}x${across.count} cells: cell (i, j) is at row ${plain(rows.start)} + ${plain(rows.step)} i, column ${plain(across.start)} + ${plain(across.step)} j${facts.centre ? ', where it looks as measured' : ', the middle of its window'}`,
    contractText(facts),
    args.map === undefined ? undefined : `numbers: ${args.map}, float32 [${heat.classes.length}, ${rows.count}, ${across.count}]`,
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
          windowText(item.peak),
          `${plain(item.peak.scale)}${item.peak.flipped ? ' mirrored' : ''}`,
        ];
      }),
    ),
  ];
}

const asText = (score: number, most: number): string => numberText(score, most).replace('−', '-');

function windowText({ window: { top, left, height, width } }: Peak): string {
  const [y, x] = [Math.round(top), Math.round(left)];
  return `rows ${y} to ${Math.round(top + height) - 1}, columns ${x} to ${Math.round(left + width) - 1}`;
}

/** Every local maximum of the classes shown, the highest of each first. */
export function csv({ shown, name }: HeatFacts): string {
  const quoted = (text: string): string => (/[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  // What begins like a formula is one to a spreadsheet.
  const plainText = (text: string): string => quoted(printable(/^[=+@-]/.test(text) ? `'${text}` : text));
  const rows = shown.flatMap((item) =>
    item
      .peaks()
      .map(({ score, place, window, scale, flipped }) =>
        [
          item.index,
          plainText(name(item)),
          Math.fround(score),
          ...[place.y, place.x, window.top, window.left, window.height, window.width].map(plain),
          scale,
          flipped ? 1 : 0,
        ].join(','),
      ),
  );
  return ['class,name,score,row,column,top,left,height,width,scale,mirrored', ...rows, ''].join('\n');
}

export function json(facts: HeatFacts): object {
  const { args, output, picture, named, heat, shown, name, network, whole, crops, centre, scales, unit } = facts;
  return {
    model: args.model,
    picture: args.picture,
    size: { height: picture.height, width: picture.width },
    pixels: named,
    head: network.head ?? null,
    headReason: network.reason ?? null,
    converted: network.converted,
    runtime: network.runtime() ?? null,
    contract: network.contract?.kind ?? null,
    meaning: contractText(facts) ?? null,
    output,
    map:
      args.map === undefined
        ? null
        : {
            path: args.map,
            shape: [heat.classes.length, heat.grid.rows.count, heat.grid.columns.count],
            classes: heat.classes.map(({ index }) => index),
          },
    grid: heat.grid,
    centre: centre ?? null,
    scales,
    views: heat.views,
    chosenBy: args.class ? 'class' : whole ? 'whole picture' : 'local peaks',
    whole: whole ?? null,
    kind: unit,
    shown: shown.map((item, at) => ({ class: item.index, name: name(item), peak: item.peak, onCrop: crops?.[at] ?? null })),
  };
}
