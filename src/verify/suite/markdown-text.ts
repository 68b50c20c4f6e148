/** Names in Markdown: whatever they are, they are text, and never markup, a link or a cell of a table. */
import { harmless, printable } from '../../diagnostics/format';

/** Within a line, also of a table. */
export const inline = (text: string): string =>
  harmless(printable(text.replace(/\s+/g, ' ').trim()))
    .replace(/[&<>]/g, (char) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[char] ?? char)
    .replace(/[\\`*_[\]()#!|~@$]|:(?=\/\/)/g, '\\$&')
    // Addresses become links by themselves.
    .replace(/\b(www)\./gi, '$1\\.');

/** As code within a line: behind as many backticks as it takes. */
export function code(text: string): string {
  const plain = harmless(printable(text.replace(/\s+/g, ' ')));
  const fence = '`'.repeat(longestRun(plain) + 1);
  return plain.includes('`') || plain === '' ? `${fence} ${plain} ${fence}` : `${fence}${plain}${fence}`;
}

/** Lines of code by themselves. */
export function block(text: string): string[] {
  const plain = harmless(text);
  const fence = '`'.repeat(Math.max(3, longestRun(plain) + 1));
  return [fence, plain, fence];
}

const longestRun = (text: string): number => Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
