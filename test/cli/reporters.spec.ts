/** Which reporters speak, and where. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { reportersOf, tellSuite } from '../../src/cli/reporters';
import { Terminal } from '../../src/cli/terminal';
import type { SuiteReport } from '../../src/verify/suite/suite-report';
import { codeOf } from '../support/code-of';

const home = mkdtempSync(join(tmpdir(), 'convolutionize-reporters-'));
afterAll(() => rmSync(home, { recursive: true }));
const at = (name: string): string => join(home, name);
const outside = { inActions: false, json: false };

const suite: SuiteReport = {
  format: 'convolutionize verify',
  version: 1,
  program: '0.1.0',
  started: 0,
  pairs: [{ name: 'x', original: 'a', converted: 'b', error: { code: 'CANNOT_READ', message: 'gone' } }],
};
function told(reporters: Parameters<typeof tellSuite>[1], env: Readonly<Record<string, string>> = {}): { stdout: string; stderr: string } {
  const streams = { stdout: '', stderr: '' };
  const write = (name: 'stdout' | 'stderr') => ({
    write: (text: string) => {
      streams[name] += text;
    },
  });
  tellSuite(suite, reporters, new Terminal(write('stdout'), write('stderr'), env), { isAlone: true, inputs: [], force: false });
  return streams;
}

test('text by default; beside files as well, so that who looks on sees something', () => {
  expect(reportersOf(undefined, {}, outside)).toEqual([{ name: 'text', file: undefined }]);
  expect(reportersOf([`junit=${at('r.xml')}`], {}, outside).map(({ name }) => name)).toEqual(['text', 'junit']);
  expect(reportersOf(['markdown'], {}, outside).map(({ name }) => name)).toEqual(['markdown']);
});

test('files: after the name, by an option of their own, or the only one', () => {
  const [expected] = [{ name: 'junit', file: at('r.xml') }];
  expect(reportersOf([`junit=${at('r.xml')}`], {}, outside)).toContainEqual(expected);
  expect(reportersOf(['junit'], { junit: at('r.xml') }, outside)).toContainEqual(expected);
  expect(reportersOf(undefined, { junit: at('r.xml') }, outside)).toContainEqual(expected);
  expect(reportersOf(['junit'], { '': at('r.xml') }, outside)).toContainEqual(expected);
});

test('github by itself in GitHub Actions, once', () => {
  const actions = { inActions: true, json: false };
  expect(reportersOf(undefined, {}, actions).map(({ name }) => name)).toEqual(['text', 'github']);
  expect(reportersOf(['github'], {}, actions).filter(({ name }) => name === 'github')).toHaveLength(1);
});

test('what cannot be meant is an error, before anything is run', () => {
  expect(codeOf(() => reportersOf(['xml'], {}, outside))).toBe('BAD_OPTION');
  expect(codeOf(() => reportersOf(['json', 'junit'], {}, outside))).toBe('USAGE');
  expect(codeOf(() => reportersOf(['json', 'junit'], { '': at('r') }, outside))).toBe('USAGE');
  expect(codeOf(() => reportersOf([`junit=${at('nowhere/r.xml')}`], {}, outside))).toBe('OUTPUT_DIRECTORY_MISSING');
  expect(codeOf(() => reportersOf([`junit=${home}`], {}, outside))).toBe('OUTPUT_IS_DIRECTORY');
});

test('annotations do not get into what a machine reads; the summary is appended', () => {
  const page = at('summary.md');
  const env = { GITHUB_STEP_SUMMARY: page };
  const github = { name: 'github', file: undefined } as const;
  const both = told([{ name: 'json', file: undefined }, github], env);
  expect(JSON.parse(both.stdout).pairs).toHaveLength(1);
  expect(both.stderr).toContain('::error title=x%3A cannot be verified::');
  expect(told([{ name: 'text', file: undefined }, github], env).stdout).toContain('::error title=');
  expect(readFileSync(page, 'utf8').match(/^## convolutionize verify/gm)).toHaveLength(2);
});

test('a report in a file is replaced', () => {
  const file = at('report.md');
  for (let time = 0; time < 2; time++) told([{ name: 'markdown', file }]);
  expect(readFileSync(file, 'utf8').match(/^## /gm)).toHaveLength(1);
});
