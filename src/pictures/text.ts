/** Text as outlines in SVG: the same on every machine, with or without fonts. */
import { GLYPHS } from './glyphs.generated';

export interface TextStyle {
  /** Pixels per em. */
  readonly size: number;
  readonly fill?: string | undefined;
  readonly align?: 'left' | 'right' | 'centre' | undefined;
  /** Letters get a thin outline of their own colour. */
  readonly bold?: boolean | undefined;
}

const UNKNOWN = 0xfffd;
const EM = 1000;

const glyph = (letter: string): readonly [advance: number, path: string] => {
  // Letters with marks that are not here come apart into letter and mark; the letter may be.
  const [base = letter] = letter.normalize('NFD');
  return GLYPHS.get(letter.codePointAt(0) ?? 0) ?? GLYPHS.get(base.codePointAt(0) ?? 0) ?? GLYPHS.get(UNKNOWN) ?? [EM, ''];
};

/** Pixels that a line of text takes. */
export const textWidth = (text: string, size: number): number => ([...text].reduce((sum, letter) => sum + glyph(letter)[0], 0) * size) / EM;

/** As much of the text as fits, with an ellipsis where it was cut. */
export function fitText(text: string, size: number, width: number): string {
  if (textWidth(text, size) <= width) return text;
  const letters = [...text];
  while (letters.length > 0 && textWidth(`${letters.join('').trimEnd()}…`, size) > width) letters.pop();
  return `${letters.join('').trimEnd()}…`;
}

/** The text in lines that fit, broken between words; a word that is too long is cut. */
export function wrapText(text: string, size: number, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/).filter((part) => part !== '')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && textWidth(longer, size) > width) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return [...lines, ...(line === '' ? [] : [line])].map((full) => fitText(full, size, width));
}

/** An SVG element; x, y: pixels, y of the baseline. */
export function svgText(text: string, x: number, y: number, { size, fill = '#222', align = 'left', bold = false }: TextStyle): string {
  const scale = size / EM;
  const start = align === 'left' ? x : x - (align === 'right' ? 1 : 0.5) * textWidth(text, size);
  let at = 0;
  const letters = [...text].map((letter) => {
    const [advance, path] = glyph(letter);
    const placed = path === '' ? '' : `<path transform="translate(${at} 0)" d="${path}"/>`;
    at += advance;
    return placed;
  });
  const stroke = bold ? ` stroke="${fill}" stroke-width="34"` : '';
  return `<g transform="translate(${start.toFixed(2)} ${y.toFixed(2)}) scale(${scale.toFixed(5)})" fill="${fill}"${stroke}>${letters.join('')}</g>`;
}
