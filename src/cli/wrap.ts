/** Text in lines of a terminal's width. */
import { width } from './table';

/** Narrower than this nothing is broken: it would be unreadable either way. */
const LEAST = 40;

/** The words of a text in lines of at most `columns`, each behind `indent`, later ones two blanks deeper; one line where the width is not known. */
export const wrapped = (text: string, columns: number | undefined, indent = ''): string[] => broken(text, columns, indent, `${indent}  `);

/** The same without deeper lines. */
export const filled = (text: string, columns: number | undefined, indent = ''): string[] =>
  broken(text, columns, indent, ' '.repeat(width(indent)));

/**
 * A line of a report, broken where it is too long: what follows stands below the last column of the line (`label   text`), or two blanks deeper than it.
 */
export function hung(line: string, columns: number | undefined): string[] {
  if (columns === undefined || columns < LEAST || line.length <= columns || width(line) <= columns) return [line];
  const [indent = ''] = /^ */.exec(line) ?? [];
  const [label = ''] = /^.*\S {2,}(?=\S)/.exec(line.slice(0, Math.floor(columns / 2))) ?? [];
  const start = label === '' ? indent : label;
  const deeper = label === '' ? `${indent}  ` : ' '.repeat(width(label));
  return broken(line.slice(start.length), columns, start, deeper);
}

function broken(text: string, columns: number | undefined, first: string, later: string): string[] {
  if (columns === undefined || columns < LEAST) return [first + text];
  const lines: string[] = [];
  let line = first;
  let isEmpty = true;
  // Numbers keep their percent sign.
  for (const word of text.split(/ (?!%)/)) {
    if (!isEmpty && width(line) + 1 + width(word) > columns) {
      lines.push(line);
      line = `${later}${word}`;
    } else {
      line = isEmpty ? `${line}${word}` : `${line} ${word}`;
    }
    isEmpty = false;
  }
  return [...lines, line];
}
