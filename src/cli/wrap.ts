/** Text in lines of a terminal's width. */
import { width } from './table';

/** Narrower than this nothing is broken: it would be unreadable either way. */
const LEAST = 40;

/** The words of a text in lines of at most `columns`, each behind `indent`, later ones two blanks deeper; one line where the width is not known. */
export function wrapped(text: string, columns: number | undefined, indent = ''): string[] {
  if (columns === undefined || columns < LEAST) return [indent + text];
  const lines: string[] = [];
  let line = indent;
  let isEmpty = true;
  for (const word of text.split(' ')) {
    if (!isEmpty && width(line) + 1 + width(word) > columns) {
      lines.push(line);
      line = `${indent}  ${word}`;
    } else {
      line = isEmpty ? `${line}${word}` : `${line} ${word}`;
    }
    isEmpty = false;
  }
  return [...lines, line];
}
