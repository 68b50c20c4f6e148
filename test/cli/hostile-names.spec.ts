/**
 * Names are data. One model in which every name and string is as hostile as can be goes through every command and format: nothing steers the terminal, no line
 * is a command of GitHub Actions, no markup is any but ours.
 */
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { main } from '../../src/cli/main';
import { writeModelFile } from '../../src/files';
import { Graph } from '../../src/ir/graph';
import { Model } from '../../src/ir/model';
import { fromNumbers } from '../../src/ir/tensor';
import { seededTensor } from '../support/seeded';

jest.setTimeout(600_000);

const EVIL =
  '\u001b[31m\u001b]0;t\u0007\n::error title=x::y\r\n::stop-commands::z\r##[error]w\u2028::warning::v |`code`*b*_i_[a](http://evil)<script>alert(1)</script>"\'\\\t\u202e\u009b31m\ufeff&lt;]]>-->$' +
  '{{a}}%0A::debug::\u{e0041}';
/** Pictures, JSON, and files that hold names as they are: other programs read them back. */
const RAW = /\.(onnx|onnxtxt|data|bin|npz|npy|pb|json|png)$/;

const home = mkdtempSync(join(tmpdir(), 'convolutionize-test-'));
const at = (name: string): string => join(home, name);
const cwd = process.cwd();
beforeAll(() => {
  process.chdir(home);
});
afterAll(() => {
  process.chdir(cwd);
  rmSync(home, { recursive: true, force: true });
});

/** A name of its own, for each thing. */
const named = (what: string): string => `${what}${EVIL}${what}`;
const evil = named;

function network(op = 'Relu', domain = '', evil = named): Model {
  const graph = new Graph(evil('graph'));
  const image = graph.addInput(evil('image'), { dtype: 'float', shape: [evil('N'), 1, 12, 12] });
  const weight = (name: string, shape: readonly number[]) => graph.addConstant(evil(name), seededTensor('float', shape, shape.length));
  const conv = graph.addNode({
    op: 'Conv',
    name: evil('conv'),
    inputs: [image, weight('w', [2, 1, 3, 3]), graph.addConstant(evil('b'), fromNumbers('float', [2], [0, 1]))],
    outputs: [evil('c')],
  });
  const act = graph.addNode({ op, domain, name: evil('act'), inputs: conv.outputs, outputs: [evil('r')] });
  const flat = graph.addNode({ op: 'Flatten', name: evil('flat'), inputs: act.outputs, outputs: [evil('f')] });
  const fc = graph.addNode({ op: 'MatMul', name: evil('fc'), inputs: [...flat.outputs, weight('g', [200, 3])], outputs: [evil('scores')] });
  graph.setOutputs(fc.outputs);
  const metadata = new Map([
    [evil('key'), evil('value')],
    ['names', JSON.stringify([evil('a'), `=${evil('b')}`, evil('c')])],
  ]);
  const opsets = new Map([['', 17], ...(domain ? [[domain, 1] as const] : [])]);
  return new Model({ graph, metadata, opsets, producer: { name: evil('producer'), version: evil('version') } });
}

interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}
async function run(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Said> {
  const said = { out: '', err: '' };
  const stream = (to: 'out' | 'err') => ({
    write: (text: string) => {
      said[to] += text;
    },
  });
  const code = await main(args, { stdout: stream('out'), stderr: stream('err'), env });
  return { code, ...said };
}

const STEERING =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what this is about
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|\p{Cs}|[\u{e0000}-\u{e007f}]/u;

/** `isLog`: a CI reads commands out of it, `##[...]` in the middle of a line too. */
function expectHarmless(text: string, { isLog = true } = {}): void {
  expect(escaped(STEERING.exec(text)?.[0])).toBe('');
  for (const line of text.split('\n')) {
    expect(line).not.toMatch(/^\s*::/);
    if (isLog) expect(line).not.toContain('##[');
  }
}

/** What cannot be seen, in a message that can be read: as code points. */
const escaped = (text = ''): string => [...text].map((char) => `U+${char.codePointAt(0)?.toString(16)}`).join(' ');

function expectHarmlessFiles(folder: string, given: ReadonlySet<string> = new Set()): void {
  for (const name of readdirSync(folder)) {
    if (given.has(name)) continue;
    const path = join(folder, name);
    if (statSync(path).isDirectory()) {
      expectHarmlessFiles(path);
      continue;
    }
    if (RAW.test(name)) continue;
    const text = readFileSync(path, 'utf8');
    // Markdown: outside of code.
    if (/\.md$/.test(name))
      expect(text.replace(/^(`{3,})\n[\s\S]*?\n\1$/gm, '').replace(/(`+)[^`][\s\S]*?\1/g, '')).not.toContain('<script>alert');
    if (/\.(svg|html|xml)$/.test(name)) {
      expect([name, text.includes('<script>alert')]).toEqual([name, false]);
      expect([
        name,
        STEERING.exec(
          text.replace(/<script>[\s\S]*?<\/script>/g, '').replace(/<script type="application\/json"[\s\S]*?<\/script>/g, ''),
        )?.[0],
      ]).toEqual([name, undefined]);
    } else if (/\.github$/.test(name)) {
      for (const line of text.trimEnd().split('\n')) expect(line).toMatch(/^::(error|notice) title=[^:,]+::/);
    } else {
      const first = STEERING.exec(text);
      expect([name, escaped(first?.[0]), first ? text.slice(Math.max(first.index - 60, 0), first.index) : '']).toEqual([name, '', '']);
      // A report in the words of a terminal, one of whose lines may be a command of ours.
      expect([name, text.split('\n').filter((line) => /^\s*::/.test(line))]).toEqual([name, []]);
      expectHarmless(text, { isLog: false });
    }
  }
}

const MODEL = 'm.onnx';
beforeAll(() => {
  writeModelFile(network(), at(MODEL));
  writeModelFile(network('Foo', evil('domain')), at('unknown.onnx'));
  // The runtime reads names up to it.
  writeModelFile(
    network('Relu', '', (what) => `${named(what)}\0${what}`),
    at('nul.onnx'),
  );
  const other = network();
  const weight = other.graph.constants.find(({ constant }) => constant.shape[0] === 200);
  if (weight)
    other.graph.replaceAllUses(weight, other.graph.addConstant(evil('zero'), fromNumbers('float', [200, 3], new Array(600).fill(0))));
  writeModelFile(other, at('other.onnx'));
  writeFileSync(at('labels.txt'), '=HYPERLINK("x")\nb\u001b[31m\nc');
  writeFileSync(
    at('suite.yaml'),
    stringify({
      pairs: [
        { name: evil('pair'), original: MODEL, converted: MODEL },
        { name: `::error::${evil('pair')}`, original: MODEL, converted: 'other.onnx' },
        { name: 'gone', original: evil('gone'), converted: MODEL },
      ],
    }),
  );
  copyFileSync(join(__dirname, '../../fixtures/digits/canvas.png'), at('p.png'));
});

const COMMANDS: readonly (readonly [string, ...string[]])[] = [
  ['inspect', MODEL],
  ['inspect', MODEL, '--json'],
  ['inspect', MODEL, '--format', 'text'],
  ['inspect', MODEL, '--format', 'dot'],
  ['inspect', MODEL, '--format', 'svg'],
  ['inspect', MODEL, '-o', 'g.svg'],
  ['inspect', MODEL, '-o', 'g.dot'],
  ['inspect', MODEL, '-o', 'g.txt'],
  ['inspect', 'nul.onnx'],
  ['inspect', 'nul.onnx', '--json'],
  ['inspect', 'nul.onnx', '--format', 'dot'],
  ['inspect', 'nul.onnx', '-o', 'nul.svg'],
  ['convert', 'nul.onnx', '-o', 'd.onnx', '--no-verify', '--remarks'],
  ['verify', 'nul.onnx', 'nul.onnx'],
  ['inspect', 'unknown.onnx'],
  ['inspect', 'unknown.onnx', '--json'],
  ['convert', MODEL, '-o', 'fcn.onnx', '--certificate', 'cert.json', '--dump-dir', 'dump', '--remarks'],
  ['convert', MODEL, '-o', 'a.onnx', '--json', '--no-verify'],
  ['convert', MODEL, '-o', 'b.onnx', '--head', 'cell', '--print-ir-after', 'all', '--no-verify'],
  ['convert', MODEL, '--dry-run', '--remarks'],
  ['convert', MODEL, '--explain', evil('fc')],
  ['convert', MODEL, '--explain', 'gone'],
  ['convert', MODEL, '-o', 'web', '--to', 'tfjs', '--no-verify'],
  ['convert', 'unknown.onnx', '-o', 'c.onnx', '--debug', '--remarks'],
  ['convert', 'unknown.onnx', '-o', 'c.onnx', '--json'],
  ['inspect', 'web'],
  ['inspect', 'web', '--json'],
  ['inspect', 'web', '--format', 'dot'],
  ['inspect', '--diff', MODEL, 'fcn.onnx'],
  ['inspect', '--diff', MODEL, 'fcn.onnx', '--json'],
  ['inspect', '--diff', MODEL, 'fcn.onnx', '-o', 'diff.svg'],
  ['verify', MODEL, 'fcn.onnx'],
  ['verify', MODEL, 'fcn.onnx', '--exact'],
  ['verify', MODEL, 'other.onnx'],
  ['verify', MODEL, 'other.onnx', '--json'],
  ['verify', MODEL, 'other.onnx', '--map', `${evil('x')}=${evil('y')}`],
  ['verify', '--suite', 'suite.yaml', '-n', '1'],
  [
    'verify',
    '--suite',
    'suite.yaml',
    '-n',
    '1',
    ...['text=r.txt', 'json=r.json', 'junit=r.xml', 'markdown=r.md', 'github=r.github'].flatMap((each) => ['--reporter', each]),
  ],
  ['verify', '--merge', 'r.json', '--reporter', 'markdown'],
  ['verify', '--certificate', 'cert.json'],
  ['predict', MODEL, 'p.png'],
  ['predict', MODEL, 'p.png', '--json'],
  ['predict', MODEL, 'p.png', '--labels', 'labels.txt'],
  ['predict', 'web', 'p.png'],
  ['heatmap', 'fcn.onnx', 'p.png', '-o', 'h.png', '--all-peaks', 'h.csv'],
  ['heatmap', 'fcn.onnx', 'p.png', '-o', 'h2.png', '--class', evil('a')],
  ['debug', 'bisect', MODEL],
  ['passes', evil('x')],
  [evil('command')],
  ['inspect', evil('file')],
  ['inspect', MODEL, `--${evil('option')}`],
];

test('every command', async () => {
  const given = new Set(readdirSync(home));
  for (const command of COMMANDS) {
    const { code, out, err } = await run(command);
    expect([command, code === 70 ? err : '']).toEqual([command, '']);
    expectHarmless(out);
    expectHarmless(err);
  }
  const wanted = ['g.svg', 'g.dot', 'fcn.onnx', 'dump', 'web', 'r.xml', 'r.md', 'r.github', 'h.csv'];
  expect(wanted.filter((name) => !readdirSync(home).includes(name))).toEqual([]);
  expectHarmlessFiles(home, given);
});

test('JSON says the names as they are', async () => {
  const { out } = await run(['inspect', MODEL, '--json']);
  expect(JSON.stringify(JSON.parse(out))).toContain(JSON.stringify(evil('image')).slice(1, -1));
});

test('in GitHub Actions the only commands are ours', async () => {
  const summary = at('summary.md');
  const { out } = await run(['verify', '--suite', 'suite.yaml', '-n', '1'], { GITHUB_ACTIONS: 'true', GITHUB_STEP_SUMMARY: summary });
  expect(out).toContain('different');
  const commands = out.split('\n').filter((line) => /^\s*::/.test(line));
  expect(commands).toHaveLength(3);
  for (const command of commands) expect(command).toMatch(/^::(error|notice) title=[^:,]+::/);
  expect(STEERING.exec(out)).toBeNull();
  expectHarmless(readFileSync(summary, 'utf8'));
});
