/** Wraps text to the terminal's width. */
import { width } from '../reports/table';

/** Below this width nothing is wrapped: it would be unreadable either way. */
const LEAST = 40;

/** Wraps a text to at most `columns`. The first line starts with `indent`, later ones are indented by two more blanks. undefined columns: a single line. */
export const wrapped = (text: string, columns: number | undefined, indent = ''): string[] => broken(text, columns, indent, `${indent}  `);

/** Like `wrapped`, with the same indentation on all lines. */
export const filled = (text: string, columns: number | undefined, indent = ''): string[] =>
  broken(text, columns, indent, ' '.repeat(width(indent)));

/**
 * Wraps a line of a report. Continuation lines are aligned with the last column of the line (`label   text`), or indented by two more blanks.
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
  // A number stays with its percent sign.
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
