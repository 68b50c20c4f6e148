/** Escapes names for Markdown: any name is shown as text, never as markup, a link or a table cell. */
import { harmless, printable } from '../../diagnostics/format';

/** For use within a line, including table rows. */
export const inline = (text: string): string =>
  harmless(printable(text.replace(/\s+/g, ' ').trim()))
    .replace(/[&<>]/g, (char) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[char] ?? char)
    .replace(/[\\`*_[\]()#!|~@$]|:(?=\/\/)/g, '\\$&')
    // Addresses without a scheme would become links.
    .replace(/\b(www)\./gi, '$1\\.');

/** Inline code, with as many backticks as needed. */
export function code(text: string): string {
  const plain = harmless(printable(text.replace(/\s+/g, ' ')));
  const fence = '`'.repeat(longestRun(plain) + 1);
  return plain.includes('`') || plain === '' ? `${fence} ${plain} ${fence}` : `${fence}${plain}${fence}`;
}

/** A separate code block. */
export function block(text: string): string[] {
  const plain = harmless(text);
  const fence = '`'.repeat(Math.max(3, longestRun(plain) + 1));
  return [fence, plain, fence];
}

const longestRun = (text: string): number => Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
