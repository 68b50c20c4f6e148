/**
 * The picture that `heatmap` draws: the photograph under a translucent colour map, one panel per class, with a legend below.
 * Pixels are blended here; text and lines are SVG. src/pictures/files composites the two.
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
  /** Opacity of the hottest colour over the photograph, 0 to 1. */
  readonly alpha: number;
  /** Approximate length of the whole picture's longer side in pixels. The text size grows with it. */
  readonly size: number;
  /** Quantity shown: score, probability. */
  readonly unit: string;
  /** Notes below the picture, one paragraph each. */
  readonly caption: readonly string[];
  readonly colours?: ColourMap | undefined;
  /** Number of panels per row; undefined: chosen so that the whole is close to 4:3. */
  readonly across?: number | undefined;
  /** Only the photograph and its colours, at the photograph's own size: no title, legend or frame. */
  readonly bare?: boolean | undefined;
}

export interface Poster {
  readonly canvas: Picture;
  /** Drawn over the canvas; has the same size. */
  readonly svg: string;
  /** True if the canvas is empty and everything is in the SVG. */
  readonly isVector?: boolean | undefined;
}

const PAPER: Colour = [255, 255, 255];
export const INK = '#1c1c1c';
export const FAINT = '#5f5f5f';

/** One photograph and its map. */
export interface Item extends Panel {
  readonly photo: Picture;
  readonly grid: Grid;
}

export function drawPoster(photo: Picture, grid: Grid, panels: readonly Panel[], options: PosterOptions): Poster {
  const items = panels.map((panel) => ({ ...panel, photo, grid }));
  return options.bare ? bareOverlay(photo, items, options) : drawItems(items, photo, options);
}

/** Draws pictures of any sizes into boxes of the size `box`. Equal colours mean equal values in all of them. */
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

/** Size of the photograph at the scale of the box: the same for all photographs of a drawing, so that equal lengths look equal. */
function fitted(photo: Size, box: Size, shown: Size): Size {
  const zoom = shown.width / box.width;
  const along = (length: number, own: number, most: number): number => (length === own ? most : Math.max(1, Math.round(length * zoom)));
  return { height: along(photo.height, box.height, shown.height), width: along(photo.width, box.width, shown.width) };
}

/** Text size of captions and numbers, rounded to whole pixels so that text is measured at the size it is drawn. */
export const smallLetter = (letter: number): number => Math.round(letter * 0.82);

/** Text size that is readable when the picture fills a page, and that leaves room for a title over each panel. */
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

/** Arranges panels in rows and columns so that the whole is close to 4:3 and no panel gets too small to read. */
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
 * Lowest and highest value of all panels, so that equal colours mean equal values. If any value is above zero, the range starts at 0 and everything below
 * stays uncoloured, since it is no evidence: this suits probabilities, which start at 0, and raw scores, whose minimum has no meaning.
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

/** The photograph with most of its colour removed, so that colour means heat. */
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
  /** Distance in pixels between the hatching lines over areas without a measurement. */
  readonly hatch: number;
}

/** Blends the colour map over the photograph; hotter means more opaque. Areas without a cell are hatched instead. */
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
/** The opacity reaches its maximum at 1/STEEP of the value range. */
const STEEP = 3;

/** Marks the pixels covered by the map: from half a cell before the first cell to half a cell after the last. */
function measured({ start, step, count }: GridAxis, length: number, zoom: number): readonly boolean[] {
  const [first, last] = [(start - step / 2) * zoom, (start + step * (count - 0.5)) * zoom];
  return Array.from({ length }, (_, at) => at + 0.5 >= first && at + 0.5 <= last);
}

function paste(canvas: Picture, { width, height, data }: Picture, left: number, top: number): void {
  for (let y = 0; y < height; y++)
    canvas.data.set(data.subarray(y * width * 3, (y + 1) * width * 3), ((top + y) * canvas.width + left) * 3);
}

/** Draws the peak and its window in white on black, which is visible on any background. */
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

/** Formats a value with enough digits to distinguish values that differ by a hundredth of the span. */
export function numberText(value: number, span: number): string {
  if (!Number.isFinite(value)) return String(value);
  const digits = Math.min(Math.max(Math.ceil(2 - Math.log10(span || 1)), 0), 6);
  return value.toFixed(digits).replace('-', '−');
}
