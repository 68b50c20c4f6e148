/** Text as SVG outlines: identical on every machine, with or without fonts. */
import { GLYPHS } from './glyphs.generated';

export interface TextStyle {
  /** Pixels per em. */
  readonly size: number;
  readonly fill?: string | undefined;
  readonly align?: 'left' | 'right' | 'centre' | undefined;
  /** Draw a thin outline in the text's own colour. */
  readonly bold?: boolean | undefined;
}

const UNKNOWN = 0xfffd;
const EM = 1000;

const glyph = (letter: string): readonly [advance: number, path: string] => {
  // Accented letters without a glyph are decomposed into letter and mark; the bare letter may have a glyph.
  const [base = letter] = letter.normalize('NFD');
  return GLYPHS.get(letter.codePointAt(0) ?? 0) ?? GLYPHS.get(base.codePointAt(0) ?? 0) ?? GLYPHS.get(UNKNOWN) ?? [EM, ''];
};

/** Width of a line of text in pixels. */
export const textWidth = (text: string, size: number): number => ([...text].reduce((sum, letter) => sum + glyph(letter)[0], 0) * size) / EM;

/** The longest prefix of the text that fits, with an ellipsis if it was cut. */
export function fitText(text: string, size: number, width: number): string {
  if (textWidth(text, size) <= width) return text;
  const letters = [...text];
  while (letters.length > 0 && textWidth(`${letters.join('').trimEnd()}…`, size) > width) letters.pop();
  return `${letters.join('').trimEnd()}…`;
}

/** Wraps the text into lines that fit, at word boundaries; a word that is too long is cut. */
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

/** An SVG element for the text; x, y in pixels, where y is the baseline. */
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
