/**
 * docs/diagnostics.md says what the catalogue says.
 * `npm run docs` writes it anew.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Entry, readCatalogue } from './catalogue';

const root = join(__dirname, '../..');
const page = join(root, 'docs/diagnostics.md');
const entries = readCatalogue(join(root, 'src/diagnostics/catalogue.ts'));

test('docs/diagnostics.md is up to date (npm run docs)', () => {
  const text = render(entries);
  if (process.env.UPDATE_DOCS) writeFileSync(page, text);
  expect(existsSync(page) ? readFileSync(page, 'utf8') : '').toBe(text);
});

test('the reader of the catalogue misses nothing', () => {
  const source = readFileSync(join(root, 'src/diagnostics/catalogue.ts'), 'utf8');
  expect(entries).toHaveLength(source.match(/new CompileError\(|^ {2}warning\(/gm)?.length ?? 0);
});

test('every error has a code in upper case, a sentence, and says what to do', () => {
  for (const { code, message, hint, name } of entries) {
    expect([name, code]).toEqual([name, expect.stringMatching(/^([A-Z][A-Z0-9_]*|<code>)$/)]);
    expect([name, message.length > 3]).toEqual([name, true]);
    expect([name, hint !== undefined]).toEqual([name, true]);
  }
});

test('no code has two meanings', () => {
  const makers = new Map<string, Set<string>>();
  for (const { code, name } of entries) makers.set(code, (makers.get(code) ?? new Set()).add(name));
  expect([...makers].filter(([, names]) => names.size > 1)).toEqual([]);
});

function render(all: readonly Entry[]): string {
  const lines = [
    '# Diagnostics',
    '',
    '<!-- Generated from src/diagnostics/catalogue.ts by `npm run docs`. -->',
    '',
    'Every error that is about a model, a file or the command line has a code. The program then ends with exit code 2 and writes no output;',
    'the library throws a `CompileError` whose `diagnostic` has the fields `code`, `message`, `at`, `hint` and `notes`.',
    'Warnings go to stderr and change nothing else.',
    'Words in `<angle brackets>` stand for what is put in. `INTERNAL` (exit code 70) is a bug of ours.',
  ];
  let section: string | undefined;
  for (const entry of all) {
    if (entry.section !== section) lines.push('', `## ${entry.section}`);
    section = entry.section;
    lines.push(
      '',
      `### ${entry.code.replace(/[<>]/g, '')}`,
      '',
      ...(entry.comment ? [entry.comment, ''] : []),
      '```',
      `${entry.severity}[${entry.code}]: ${entry.message}`,
    );
    if (entry.hint !== undefined) lines.push(`  hint: ${entry.hint}`);
    lines.push('```');
  }
  return `${lines.join('\n')}\n`;
}

test('every code that there is has an entry', () => {
  const codes = readFileSync(join(root, 'src/diagnostics/codes.ts'), 'utf8').match(/'[A-Z0-9_]+'/g) ?? [];
  const told = new Set(entries.map(({ code }) => `'${code}'`));
  expect(codes.filter((code) => !told.has(code))).toEqual(["'INTERNAL'"]);
});
