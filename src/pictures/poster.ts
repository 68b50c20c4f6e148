/**
 * The picture that `heatmap` makes: the photograph under a translucent colour map, once per class, with what the colours mean written below.
 * Pixels are blended here, letters and lines are SVG; src/node puts one over the other.
 */
import { type Colour, type ColourMap, heatColour, hex } from './colours';
import { between, type Grid, type GridAxis, type Peak, sampleBetween } from './grid';
import { type Picture, type Size, withChannels } from './picture';
import { resample } from './resample';
import { fitText, svgText, textWidth, wrapText } from './text';

export interface Panel {
  readonly title: string;
  /** [rows, columns] of the grid. */
  readonly map: Float32Array;
  readonly peak: Pick<Peak, 'score' | 'place' | 'window'>;
}

export interface PosterOptions {
  /** How much of the photograph the hottest colour hides, 0 to 1. */
  readonly alpha: number;
  /** Pixels of the whole picture's longer side, about. Letters grow with it. */
  readonly size: number;
  /** What the numbers are: score, probability. */
  readonly unit: string;
  /** What is to be known about it: a paragraph each. */
  readonly caption: readonly string[];
  readonly colours?: ColourMap | undefined;
  /** Panels side by side; undefined: so that the whole is about 4:3. */
  readonly across?: number | undefined;
  /** The photograph and its colours alone, in the photograph's own size: no title, legend, frame. */
  readonly bare?: boolean | undefined;
}

export interface Poster {
  readonly canvas: Picture;
  /** To be laid over the canvas, of the same size. */
  readonly svg: string;
  /** The canvas is empty: everything is in the SVG. */
  readonly isVector?: boolean | undefined;
}

const PAPER: Colour = [255, 255, 255];
export const INK = '#1c1c1c';
export const FAINT = '#5f5f5f';

/** One picture under one map. */
export interface Item extends Panel {
  readonly photo: Picture;
  readonly grid: Grid;
}

export function drawPoster(photo: Picture, grid: Grid, panels: readonly Panel[], options: PosterOptions): Poster {
  const items = panels.map((panel) => ({ ...panel, photo, grid }));
  return options.bare ? bareOverlay(photo, items, options) : drawItems(items, photo, options);
}

/** Pictures of any sizes in boxes of one size, which is that of the largest where it is not said. Equal colours mean equal numbers in all of them. */
export function drawItems(items: readonly Item[], box: Size, options: PosterOptions): Poster {
  const { alpha, size, unit, caption, colours = 'turbo' } = options;
  const [low, high] = range(items);
  const { across, shown } = arrange(box, items.length, size, options.across);
  const down = Math.ceil(items.length / across);
  const letter = letterSize(across * shown.width, shown.width);
  const [gap, title] = [Math.round(letter * 0.9), Math.round(letter * 1.75)];
  const small = smallLetter(letter);
  const width = gap + across * (shown.width + gap);
  const lines = caption.flatMap((paragraph) => wrapText(paragraph, small, width - 2 * gap));
  const legend = Math.round(letter * 2.6 + lines.length * small * 1.35 + letter * 0.6);
  const height = gap + down * (title + shown.height + gap) + legend;
  const canvas = { width, height, channels: 3 as const, data: new Uint8Array(width * height * 3).fill(255) };
  const grounds = new Map<Picture, Picture>();
  const parts: string[] = [];
  items.forEach(({ title: text, map, peak, photo, grid }, at) => {
    const ground = grounds.get(photo) ?? faded(withChannels(resample(photo, fitted(photo, box, shown)), 3));
    grounds.set(photo, ground);
    const zoom = ground.width / photo.width;
    const left = gap + (at % across) * (shown.width + gap) + Math.floor((shown.width - ground.width) / 2);
    const top = gap + Math.floor(at / across) * (title + shown.height + gap);
    paste(canvas, heated(ground, map, grid, { zoom, low, high, alpha, colours, hatch: letter }), left, top + title);
    const score = numberText(peak.score, high - low);
    const room = shown.width - textWidth(score, letter) - letter;
    const edge = gap + (at % across) * (shown.width + gap);
    parts.push(
      svgText(fitText(text, letter, room), edge, top + title - letter * 0.55, { size: letter, fill: INK, bold: true }),
      svgText(score, edge + shown.width, top + title - letter * 0.55, { size: letter, fill: INK, align: 'right' }),
      frame(peak, { left, top: top + title, zoom, stroke: letter / 12, width: ground.width, height: ground.height }),
    );
  });
  parts.push(legendOf({ left: gap, top: height - legend, width: width - 2 * gap, letter, low, high, unit, lines, colours }));
  return { canvas, svg: svgOf(width, height, parts) };
}

export const svgOf = (width: number, height: number, parts: readonly string[]): string =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">${parts.join('')}</svg>`;

/** As large as it can be within what is shown of the box. */
function fitted(photo: Size, box: Size, shown: Size): Size {
  if (photo.width === box.width && photo.height === box.height) return shown;
  const zoom = Math.min(shown.width / photo.width, shown.height / photo.height);
  return { height: Math.max(1, Math.round(photo.height * zoom)), width: Math.max(1, Math.round(photo.width * zoom)) };
}

/** Of captions and numbers, in whole pixels: what is measured is what is drawn. */
export const smallLetter = (letter: number): number => Math.round(letter * 0.82);

/** Letters that can be read where the picture is shown as large as a page, and that leave room for a name over each panel. */
export const letterSize = (whole: number, panel: number): number => Math.round(Math.max(Math.min(whole / 48, panel / 16), 13));

function bareOverlay(photo: Picture, items: readonly Item[], { alpha, colours = 'turbo' }: PosterOptions): Poster {
  const ground = faded(withChannels(photo, 3));
  const [low, high] = range(items);
  const colouring = { low, high, alpha, colours };
  const [panel] = items;
  const hatch = Math.max(13, Math.min(photo.width, photo.height) / 40);
  const canvas = panel ? heated(ground, panel.map, panel.grid, { ...colouring, zoom: 1, hatch }) : ground;
  const { width, height } = canvas;
  return { canvas, svg: `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"/>` };
}

/** Panels in rows and columns so that the whole comes near to 4:3, none so small that nothing is seen. */
function arrange(photo: Size, panels: number, size: number, wanted: number | undefined): { readonly across: number; readonly shown: Size } {
  const shape = (across: number): number => (across * photo.width) / (Math.ceil(panels / across) * photo.height);
  const choices = Array.from({ length: panels }, (_, at) => at + 1);
  const unused = (across: number): number => Math.ceil(panels / across) * across - panels;
  const cost = (across: number): number => Math.abs(Math.log(shape(across) / (4 / 3))) + 0.25 * unused(across);
  const across = wanted ?? choices.reduce((best, other) => (cost(other) < cost(best) ? other : best), 1);
  const down = Math.ceil(panels / across);
  const zoom = Math.max(Math.min(size / (across * photo.width), size / (down * photo.height)), 200 / Math.max(photo.width, photo.height));
  const along = (length: number): number => Math.max(1, Math.round(length * zoom));
  return { across, shown: { height: along(photo.height), width: along(photo.width) } };
}

/**
 * Lowest and highest of all panels, so that equal colours mean equal numbers. Where any number is above zero, what is below is no evidence, and stays uncoloured: shares
 * begin at 0, and raw scores, whose lowest means nothing, do too.
 */
function range(panels: readonly Pick<Panel, 'map'>[]): readonly [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const { map } of panels)
    for (const value of map) {
      if (!Number.isFinite(value)) continue;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  if (!(low <= high)) return [0, 1];
  if (high > 0) low = 0;
  return low === high ? [low, low + Math.max(Math.abs(low), 1e-6)] : [low, high];
}

/** The photograph with most of its colour gone, so that colours mean heat. */
function faded(picture: Picture): Picture {
  const data = picture.data.slice();
  for (let at = 0; at < data.length; at += 3) {
    const grey = 0.299 * (data[at] ?? 0) + 0.587 * (data[at + 1] ?? 0) + 0.114 * (data[at + 2] ?? 0);
    for (let c = at; c < at + 3; c++) data[c] = Math.round(0.7 * grey + 0.3 * (data[c] ?? 0));
  }
  return { ...picture, data };
}

interface Heating {
  readonly zoom: number;
  readonly low: number;
  readonly high: number;
  readonly alpha: number;
  readonly colours: ColourMap;
  /** Pixels between the lines where nothing was measured. */
  readonly hatch: number;
}

/** The colour map over the photograph: the hotter, the more of it. Where no cell is, nothing is coloured: it is hatched. */
function heated(ground: Picture, map: Float32Array, grid: Grid, { zoom, low, high, alpha, colours: name, hatch }: Heating): Picture {
  const data = ground.data.slice();
  const colours = Array.from({ length: 256 }, (_, at) => heatColour(at / 255, name));
  const sides = [ground.height, ground.width];
  const [rows = [], columns = []] = grid.map((axis, at) => measured(axis, sides[at] ?? 0, zoom));
  const along = grid.map((axis, at) =>
    between(
      axis,
      Float64Array.from({ length: sides[at] ?? 0 }, (_, place) => (place + 0.5) / zoom),
    ),
  );
  for (let y = 0; y < ground.height; y++)
    for (let x = 0; x < ground.width; x++) {
      if (!rows[y] || !columns[x]) {
        const isLine = (x + y) % Math.round(hatch) < hatch / 9;
        for (let c = 0; c < 3; c++) {
          const at = (y * ground.width + x) * 3 + c;
          data[at] = Math.round((data[at] ?? 0) * (isLine ? 0.45 : 0.75) + 255 * (isLine ? 0.1 : 0.25));
        }
        continue;
      }
      const share = Math.min(Math.max((sampleBetween(map, grid, along, [y, x]) - low) / (high - low), 0), 1) || 0;
      const cover = alpha * Math.min(1, share * STEEP);
      const colour = colours[Math.round(share * 255)] ?? PAPER;
      for (let c = 0; c < 3; c++) {
        const at = (y * ground.width + x) * 3 + c;
        data[at] = Math.round((data[at] ?? 0) * (1 - cover) + (colour[c] ?? 0) * cover);
      }
    }
  return { ...ground, data };
}
/** From a third of the span on, a colour hides as much as it ever does. */
const STEEP = 3;

/** Which pixels lie within the outermost cells, half a cell more on either side. */
function measured({ start, step, count }: GridAxis, length: number, zoom: number): readonly boolean[] {
  const [first, last] = [(start - step / 2) * zoom, (start + step * (count - 0.5)) * zoom];
  return Array.from({ length }, (_, at) => at + 0.5 >= first && at + 0.5 <= last);
}

function paste(canvas: Picture, { width, height, data }: Picture, left: number, top: number): void {
  for (let y = 0; y < height; y++)
    canvas.data.set(data.subarray(y * width * 3, (y + 1) * width * 3), ((top + y) * canvas.width + left) * 3);
}

/** The window of the peak, and the peak: white on black, to be seen on everything. */
function frame(
  { window, place }: Pick<Peak, 'window' | 'place'>,
  {
    left,
    top,
    zoom,
    width,
    height,
    stroke,
  }: {
    readonly left: number;
    readonly top: number;
    readonly zoom: number;
    readonly width: number;
    readonly height: number;
    readonly stroke: number;
  },
): string {
  const clamp = (value: number, most: number): number => Math.min(Math.max(value, 2), most - 2);
  const [fromTop = 0, fromLeft = 0] = window.starts;
  const [high = 0, wide = 0] = window.lengths;
  const [x0, x1] = [clamp(fromLeft * zoom, width), clamp((fromLeft + wide) * zoom, width)];
  const [y0, y1] = [clamp(fromTop * zoom, height), clamp((fromTop + high) * zoom, height)];
  const [y = 0, x = 0] = place.map((pixel) => pixel * zoom);
  const arm = 6 * stroke;
  const shape = `<rect x="${(left + x0).toFixed(1)}" y="${(top + y0).toFixed(1)}" width="${(x1 - x0).toFixed(1)}" height="${(y1 - y0).toFixed(1)}" rx="2"/><path d="M${(left + x - arm).toFixed(1)} ${(top + y).toFixed(1)}h${(2 * arm).toFixed(1)}m${(-arm).toFixed(1)} ${(-arm).toFixed(1)}v${(2 * arm).toFixed(1)}"/>`;
  return `<g fill="none" stroke="#000" stroke-width="${(stroke * 2.4).toFixed(1)}" stroke-opacity="0.65">${shape}</g><g fill="none" stroke="#fff" stroke-width="${stroke.toFixed(1)}">${shape}</g>`;
}

interface Legend {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly letter: number;
  readonly low: number;
  readonly high: number;
  readonly unit: string;
  readonly lines: readonly string[];
  readonly colours: ColourMap;
}

function legendOf({ left, top, width, letter, low, high, unit, lines, colours }: Legend): string {
  const small = smallLetter(letter);
  const [barTop, barHeight] = [top + small * 0.2, Math.round(small * 0.9)];
  const label = textWidth(unit, small) + small;
  const [barLeft, barWidth] = [left + label, width - label];
  const stops = Array.from({ length: 33 }, (_, at) => `<stop offset="${at / 32}" stop-color="${hex(heatColour(at / 32, colours))}"/>`).join(
    '',
  );
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const x = barLeft + share * barWidth;
    const align = share === 0 ? 'left' : share === 1 ? 'right' : 'centre';
    return (
      `<path d="M${x.toFixed(1)} ${(barTop + barHeight).toFixed(1)}v4" stroke="${FAINT}"/>` +
      svgText(numberText(low + share * (high - low), high - low), x, barTop + barHeight + small * 1.25, { size: small, fill: INK, align })
    );
  });
  return [
    `<defs><linearGradient id="heat">${stops}</linearGradient></defs>`,
    svgText(unit, left, barTop + barHeight * 0.85, { size: small, fill: INK }),
    `<rect x="${barLeft.toFixed(1)}" y="${barTop.toFixed(1)}" width="${barWidth.toFixed(1)}" height="${barHeight}" fill="url(#heat)"/>`,
    ...ticks,
    ...lines.map((line, at) => svgText(line, left, barTop + barHeight + small * (2.75 + 1.35 * at), { size: small, fill: FAINT })),
  ].join('');
}

/** As many digits as tell numbers apart that differ by a hundredth of the span. */
export function numberText(value: number, span: number): string {
  if (!Number.isFinite(value)) return String(value);
  const digits = Math.min(Math.max(Math.ceil(2 - Math.log10(span || 1)), 0), 6);
  return value.toFixed(digits).replace('-', '−');
}
