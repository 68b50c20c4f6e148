/**
 * The picture of a signal: its waveform with a lane per band, and below it the score of each class over time as a coloured curve, with the window of its peak.
 * Everything is drawn as lines, so it stays sharp as SVG.
 */
import type { Unit } from '../sources/source';
import type { GridAxis } from './grid';
import { FAINT, INK, numberText, type Panel, type Poster, type PosterOptions, smallLetter, svgOf } from './poster';
import type { Envelope } from './preview';
import { fitText, svgText, textWidth, wrapText } from './text';

export interface Signal {
  readonly envelope: Envelope;
  readonly length: number;
  readonly unit: Unit | undefined;
}

/** Okabe and Ito's colour-blind-safe palette, ordered from the highest contrast on white. */
const CURVES = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#5f5f5f', '#8c6d1f', '#7b3294', '#b2182b'] as const;
/** Maximum number of bands that get a lane of their own. */
export const MOST_LANES = 12;

interface Frame {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export function drawSignal(signal: Signal, axis: GridAxis, panels: readonly Panel[], options: PosterOptions): Poster {
  const { size, unit, caption } = options;
  const letter = Math.max(13, Math.round(size / 62));
  const small = smallLetter(letter);
  const [low, high] = spanOf(panels);
  const span = high - low;
  const ticks = roundTicks(low, high);
  const gap = Math.round(letter * 0.9);
  const left = gap + Math.ceil(Math.max(...ticks.map(({ text }) => textWidth(text, small)))) + Math.round(small * 0.6);
  const width = size;
  const plot = width - left - gap;
  const x = (place: number): number => left + (place / signal.length) * plot;

  const lanes = Math.min(MOST_LANES, signal.envelope.low.length);
  const wave: Frame = {
    left,
    top: gap + Math.round(letter * 1.5),
    width: plot,
    height: Math.round(size * (lanes === 1 ? 0.14 : Math.min(0.06 * lanes, 0.4))),
  };
  const names = legendOf(panels, { left, top: wave.top + wave.height + Math.round(letter * 1.2), width: plot, letter, span });
  const curves: Frame = { left, top: names.bottom + Math.round(letter * 0.9), width: plot, height: Math.round(size * 0.24) };
  const lines = caption.flatMap((paragraph) => wrapText(paragraph, small, width - 2 * gap));
  const axisTop = curves.top + curves.height;
  const textTop = axisTop + Math.round(small * 3.4);
  const height = textTop + Math.round(lines.length * small * 1.35 + letter * 0.4);
  const y = (score: number): number => curves.top + curves.height * (1 - Math.min(Math.max((score - low) / span, 0), 1));

  const parts = [
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    svgText('signal', left, wave.top - letter * 0.5, { size: letter, fill: INK, bold: true }),
    ...panels.flatMap(({ peak }, at) => windowOf(peak, signal.length, x, colourOf(at), [wave, curves])),
    ...Array.from({ length: lanes }, (_, band) => waveform(signal.envelope, band, laneOf(wave, band, lanes))),
    ...ticks.map(({ score, text }) => {
      const level = y(score);
      return (
        `<path d="M${left} ${level.toFixed(1)}h${plot}" stroke="#e3e3e3"/>` +
        svgText(text, left - small * 0.4, level + small * 0.35, { size: small, fill: FAINT, align: 'right' })
      );
    }),
    ...unmeasured(axis, signal.length, x, curves),
    ...panels.map(({ map, peak }, at) => curveOf(map, axis, { x, y, at, stroke: letter / 8, peak })),
    ...names.parts,
    ...timeAxis(signal, { ...curves, top: axisTop }, x, small),
    svgText(unit, left, curves.top - letter * 0.12, { size: small, fill: FAINT }),
    ...lines.map((line, at) => svgText(line, gap, textTop + small * (0.8 + 1.35 * at), { size: small, fill: FAINT })),
  ];
  const canvas = { width, height, channels: 3 as const, data: new Uint8Array(width * height * 3).fill(255) };
  return { canvas, svg: svgOf(width, height, parts), isVector: true };
}

/** Value range over all curves, including negative values. Probabilities start at 0. */
function spanOf(panels: readonly Panel[]): readonly [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const { map } of panels)
    for (const value of map) {
      if (!Number.isFinite(value)) continue;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  if (!(low <= high)) return [0, 1];
  if (low >= 0 && high <= 1) low = 0;
  return low === high ? [low, low + Math.max(Math.abs(low), 1e-6)] : [low, high];
}

const colourOf = (at: number): string => CURVES[at % CURVES.length] ?? INK;

/** Curves beyond the palette repeat its colours in dashes. */
const dashesOf = (at: number, stroke: number): string =>
  at < CURVES.length ? '' : ` stroke-dasharray="${(stroke * 3).toFixed(1)} ${(stroke * (at < 2 * CURVES.length ? 1.5 : 4)).toFixed(1)}"`;

const laneOf = ({ left, top, width, height }: Frame, band: number, lanes: number): Frame => ({
  left,
  top: top + (band * height) / lanes,
  width,
  height: height / lanes,
});

/** Draws the minimum and maximum of each stretch: a line if there are few values, a filled shape if there are many. */
function waveform({ low, high }: Envelope, band: number, { left, top, width, height }: Frame): string {
  const [lows, highs] = [low[band] ?? new Float64Array(), high[band] ?? new Float64Array()];
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of lows) least = Math.min(least, value);
  for (const value of highs) most = Math.max(most, value);
  const share = (value: number): number => (most > least ? (value - least) / (most - least) : 0.5);
  const y = (value: number): string => (top + height * (0.95 - 0.9 * share(value))).toFixed(1);
  const x = (at: number): string => (left + ((at + 0.5) * width) / lows.length).toFixed(1);
  const upper = Array.from(highs, (value, at) => `${x(at)} ${y(value)}`);
  const lower = Array.from(lows, (value, at) => `${x(at)} ${y(value)}`).reverse();
  return `<path d="M${[...upper, ...lower].join('L')}Z" fill="#4a4a4a" stroke="#4a4a4a" stroke-width="0.8" stroke-linejoin="round"/>`;
}

interface Curve {
  readonly x: (place: number) => number;
  readonly y: (score: number) => number;
  /** Position of the class among those shown. */
  readonly at: number;
  readonly stroke: number;
  readonly peak: Panel['peak'];
}

/** If several cells fall on the same half pixel, plots the highest, so that no peak is lost. */
function curveOf(map: Float32Array, { start, step, count }: GridAxis, { x, y, at: index, stroke, peak }: Curve): string {
  const colour = colourOf(index);
  const points = new Map<number, number>();
  for (let cell = 0; cell < count; cell++) {
    const value = map[cell] ?? Number.NaN;
    const at = Math.round(x(start + cell * step) * 2) / 2;
    if (Number.isFinite(value)) points.set(at, Math.max(points.get(at) ?? Number.NEGATIVE_INFINITY, value));
  }
  const path = [...points].map(([at, value]) => `${at} ${y(value).toFixed(1)}`).join('L');
  const [place = 0] = peak.place;
  const dot = `<circle cx="${x(place).toFixed(1)}" cy="${y(peak.score).toFixed(1)}" r="${(stroke * 2).toFixed(1)}" fill="${colour}" stroke="#fff" stroke-width="${(stroke / 2).toFixed(1)}"/>`;
  return `<path d="M${path}" fill="none" stroke="${colour}" stroke-width="${stroke.toFixed(1)}" stroke-linejoin="round"${dashesOf(index, stroke)}/>${dot}`;
}

/** Marks the window at the peak of a class: a band in the class's colour, across the waveform and the curves. */
function windowOf(
  { window }: Panel['peak'],
  length: number,
  x: (place: number) => number,
  colour: string,
  frames: readonly Frame[],
): string[] {
  const [start = 0] = window.starts;
  const [wide = 0] = window.lengths;
  const [from, to] = [x(Math.max(0, start)), x(Math.min(length, start + wide))];
  return frames.map(
    ({ top, height }) =>
      `<rect x="${from.toFixed(1)}" y="${top}" width="${Math.max(1, to - from).toFixed(1)}" height="${height}" fill="${colour}" fill-opacity="0.13" stroke="${colour}" stroke-opacity="0.7"/>`,
  );
}

/** Marks the stretches that no cell covers. */
function unmeasured({ start, step, count }: GridAxis, length: number, x: (place: number) => number, { top, height }: Frame): string[] {
  const [first, last] = [start - step / 2, start + step * (count - 0.5)];
  const parts = [
    [0, first],
    [last, length],
  ] as const;
  return parts.flatMap(([from, to]) =>
    to - from > length / 500
      ? [
          `<rect x="${x(from).toFixed(1)}" y="${top}" width="${(x(to) - x(from)).toFixed(1)}" height="${height}" fill="#000" fill-opacity="0.06"/>`,
        ]
      : [],
  );
}

interface Names {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly letter: number;
  readonly span: number;
}

/** Legend of the classes in their colours with their peak scores, in as many rows as needed. */
function legendOf(
  panels: readonly Panel[],
  { left, top, width, letter, span }: Names,
): { readonly parts: string[]; readonly bottom: number } {
  const parts: string[] = [];
  let [at, line] = [0, 0];
  panels.forEach(({ title, peak }, index) => {
    const text = fitText(`${title}  ${numberText(peak.score, span)}`, letter, width - 3 * letter);
    const wide = textWidth(text, letter) + 3.4 * letter;
    if (at > 0 && at + wide > width + letter) [at, line] = [0, line + 1];
    const [from, base] = [left + at, top + line * letter * 1.5];
    parts.push(
      `<path d="M${from.toFixed(1)} ${(base - letter * 0.35).toFixed(1)}h${(letter * 1.4).toFixed(1)}" stroke="${colourOf(index)}" stroke-width="${(letter / 4).toFixed(1)}"${dashesOf(index, letter / 8)}/>`,
      svgText(text, from + letter * 1.8, base, { size: letter, fill: INK }),
    );
    at += wide;
  });
  return { parts, bottom: top + Math.round(line * letter * 1.5 + letter * 0.6) };
}

/** Time axis with ticks at round numbers of seconds or samples. */
function timeAxis({ length, unit }: Signal, { left, top, width }: Frame, x: (place: number) => number, small: number): string[] {
  const size = unit?.size ?? 1;
  const whole = length * size;
  const step = roundStep(whole / Math.max(2, Math.floor(width / (small * 7))));
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const parts = [`<path d="M${left} ${top}h${width}" stroke="${FAINT}"/>`];
  for (let at = 0; at * step <= whole * (1 + 1e-9); at++) {
    const place = x((at * step) / size);
    const text = (at * step).toFixed(digits);
    // The first and last labels must stay within the picture.
    const align = at === 0 ? 'left' : place > left + width - textWidth(text, small) / 2 ? 'right' : 'centre';
    parts.push(
      `<path d="M${place.toFixed(1)} ${top}v5" stroke="${FAINT}"/>`,
      svgText(text, place, top + small * 1.45, { size: small, fill: INK, align }),
    );
  }
  parts.push(svgText(unit?.name ?? 'samples', left + width, top + small * 2.7, { size: small, fill: FAINT, align: 'right' }));
  return parts;
}

/** Multiples of a round number between the two, at most six. */
function roundTicks(low: number, high: number): readonly { readonly score: number; readonly text: string }[] {
  const step = roundStep((high - low) / 5);
  const [first, last] = [Math.ceil(low / step - 1e-9), Math.floor(high / step + 1e-9)];
  const digits = Math.min(Math.max(0, -Math.floor(Math.log10(step) + 1e-9)), 20);
  return Array.from({ length: last - first + 1 }, (_, at) => {
    const score = (first + at) * step;
    return { score, text: score.toFixed(digits).replace('-', '−') };
  });
}

/** Rounds up to 1, 2 or 5 times a power of ten. */
function roundStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return power * ([1, 2, 5, 10].find((factor) => factor * power >= least * (1 - 1e-9)) ?? 10);
}
