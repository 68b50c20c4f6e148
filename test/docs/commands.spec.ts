/**
 * Every command that README.md and docs/ show is run, page by page, in an empty folder with what a reader has: the fixtures of the clone, and the network and photograph
 * of the README. What a page says that a command prints is compared. Commands that cannot be run here are named below, with the reason.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeZooModel, zooModel } from '../../fixtures/zoo-weights';
import { COMMANDS } from '../../src/cli/options';
import { useProgram } from '../support/cli';
import { type Block, blocksOf, type Command, commandsIn, wordsOf } from './blocks';

const root = join(__dirname, '../..');
const PAGES = ['README.md', ...readdirSync(join(root, 'docs')).flatMap((name) => (name.endsWith('.md') ? [`docs/${name}`] : []))];

/** By page and command: why it is not run. */
const NOT_RUN: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'README.md': {
    'npm ci': 'has been run: these are the packages of this checkout',
    'npm test': 'is what runs this',
    'npm install convolutionize': 'needs the registry of npm; test/package/pack.spec.ts installs the packed package',
  },
  'docs/inspect.md': {
    "echo '*.onnx diff=onnx' >> .gitattributes": 'test/docs/git-textconv.spec.ts follows the recipe in a repository',
    "git config diff.onnx.textconv 'convolutionize inspect --format text --weights none'": 'likewise',
    'git config diff.onnx.cachetextconv true': 'likewise',
  },
  'docs/web.md': { 'convolutionize playground': 'serves until it is interrupted; test/browser/playground.spec.ts asks its server' },
  'docs/CONTRIBUTING.md': {
    'npm ci': 'has been run: these are the packages of this checkout',
    'npm test': 'is what runs this',
    'npx jest test/passes/linear-to-conv.spec.ts': 'is part of what runs this',
    'npm run typecheck': 'a step of .ci/run of its own',
    'npm run lint': 'a step of .ci/run of its own',
    '.ci/run': 'runs this',
  },
};
/** Blocks in other languages that are programs: who runs them. */
const PROGRAMS: Readonly<Record<string, string>> = {
  'README.md python': 'needs PyTorch and a download of weights; the graph of its exporter, with seeded weights, stands in (fixtures/zoo)',
  'README.md ts': 'is run below',
  'docs/inspect.md python': "needs Python's onnx; test/onnx/text/oracle.spec.ts reads such texts with it",
  'docs/pictures.md python': 'one call of NumPy',
  'docs/ci.md yaml': 'written to a file if it names one; else a workflow of GitHub, which test/docs/ci.spec.ts takes apart',
  'docs/config.md yaml': 'written to the file that it names',
  'docs/debugging.md js': 'written to the file that it names',
  'docs/writing-a-pass.md js': 'run by test/docs/plugin.spec.ts',
  'docs/writing-a-pass.md ts': 'run by test/docs/writing-a-pass.spec.ts',
  'docs/pictures.md ts': 'is run below',
  'docs/pictures.md json': 'read by test/pictures/recipe.spec.ts',
  'docs/web.md js': 'test/browser/web.spec.ts calls all of it',
  'docs/tfjs.md html': 'opened in a browser by test/browser/tfjs-page.spec.ts',
};
/** Exit codes other than 0 that a page speaks of. */
const EXITS: Readonly<Record<string, number>> = {
  'convolutionize debug bisect fixtures/models/lenet5.onnx --plugin ./my-pass.cjs': 1,
  'convolutionize debug reduce fixtures/models/lenet5.onnx --plugin ./my-pass.cjs -o case/': 1,
};

const program = useProgram();
const pages = new Map(PAGES.map((page) => [page, blocksOf(page, readFileSync(join(root, page), 'utf8'))]));

/** A folder with what a reader of any page has. */
function readersFolder(): string {
  const cwd = program.directory();
  for (const folder of ['models', 'digits', 'photos', 'quantised', 'arrays', 'notes'])
    cpSync(join(root, 'fixtures', folder), join(cwd, 'fixtures', folder), { recursive: true });
  copyFileSync(join(root, 'fixtures/photos/coffee.jpg'), join(cwd, 'photo.jpg'));
  const network = zooModel('tv-squeezenet1_1.dynamo');
  copyFileSync(network, join(cwd, 'squeezenet.onnx'));
  copyFileSync(network.replace(/onnx$/, 'weights'), join(cwd, 'tv-squeezenet1_1.dynamo.weights'));
  mkdirSync(join(cwd, 'node_modules'));
  symlinkSync(root, join(cwd, 'node_modules/convolutionize'), 'junction');
  return cwd;
}

afterAll(() => removeZooModel('tv-squeezenet1_1.dynamo'));

describe.each(PAGES)('%s', (page) => {
  const blocks = pages.get(page) ?? [];

  test('says of every block what language it is in', () => {
    const unknown = blocks.filter(({ language, text }) => {
      // The catalogue of errors is generated: what is not one of its messages is not there.
      if (page === 'docs/diagnostics.md') return !/^(error|warning)\[/.test(text);
      return !['sh', 'console', 'text'].includes(language) && !(`${page} ${language}` in PROGRAMS);
    });
    expect(unknown.map(({ line }) => `${page}:${line}`)).toEqual([]);
  });

  if (blocks.some(({ language }) => language === 'sh' || language === 'console'))
    test('its commands run and print what it says', async () => {
      const cwd = readersFolder();
      for (const block of blocks) {
        const [, file] = /^(?:\/\/|#) ([\w-]+\.\w+)\n/.exec(block.text) ?? [];
        if (file !== undefined && !['sh', 'console', 'text'].includes(block.language)) writeFileSync(join(cwd, file), block.text);
        for (const command of commandsIn(block)) await perform(block, command, cwd);
        if (block.language === 'ts' && page === 'README.md') runModule(`${block.text}\nconsole.log(verdict);`, cwd, 'equal\n');
        if (block.language === 'ts' && page === 'docs/pictures.md') runModule(block.text, cwd, '');
      }
    }, 600_000);
});

test('no exception is listed that no page needs', () => {
  const shown = new Map(
    PAGES.map((page) => [page, (pages.get(page) ?? []).flatMap((block) => commandsIn(block).flatMap(({ text }) => text.split(' && ')))]),
  );
  for (const [page, commands] of Object.entries(NOT_RUN))
    for (const command of Object.keys(commands)) expect([page, shown.get(page)]).toEqual([page, expect.arrayContaining([command])]);
  for (const key of Object.keys(PROGRAMS))
    expect([...pages].some(([page, blocks]) => blocks.some(({ language }) => `${page} ${language}` === key)) || key).toBe(true);
  const all = [...shown.values()].flat();
  expect(all).toEqual(expect.arrayContaining(Object.keys(EXITS)));
});

test('every option that a page names exists', async () => {
  const known = new Set<string>();
  for (const { name: command } of COMMANDS)
    for (const [, option = ''] of (await program.run([command.split(' ')[0] ?? '', '--help'])).stdout.matchAll(
      /(?<![\w-])--([a-z][\w-]*(?:\.\w+)?)/g,
    ))
      known.add(option);
  const wrong = PAGES.flatMap((page) => {
    const text = readFileSync(join(root, page), 'utf8').replace(/^```[\s\S]*?^```$/gm, '');
    const spans = [...text.matchAll(/`([^`\n]*)`/g)].map(([, span]) => span ?? '');
    const ours = spans.filter((span) => !/^(?:npm|npx jest|node|git|docker|pip|python)\b|\bnpm (?:run|install)\b|\bPYTHON=/.test(span));
    return ours.flatMap((span) =>
      [...span.matchAll(/(?<![\w-])--([a-z][\w-]*(?:\.\w+)?)/g)].flatMap(([, option = '']) =>
        known.has(option) || known.has(option.replace(/^no-/, '')) ? [] : [`${page}: --${option} in \`${span}\``],
      ),
    );
  });
  expect(wrong).toEqual([]);
}, 60_000);

/** Runs one line of a page: commands joined by `&&`. */
async function perform({ page, line }: Block, { text, output }: Command, cwd: string): Promise<void> {
  for (const command of text.split(' && ')) {
    if (NOT_RUN[page]?.[command] !== undefined) continue;
    const [name, ...args] = wordsOf(command.replace(/^npx convolutionize /, 'convolutionize '));
    if (name === 'cp') {
      const target = args[1] === '.' ? (args[0]?.split('/').at(-1) ?? '') : (args[1] ?? '');
      copyFileSync(join(cwd, args[0] ?? ''), join(cwd, target));
      continue;
    }
    expect([page, line, command, name]).toEqual([page, line, command, 'convolutionize']);
    const { code, stdout, stderr } = await program.run(args, { cwd, env: { GITHUB_ACTIONS: undefined } });
    expect({ page, line, command, code, stderr: code === (EXITS[command] ?? 0) ? '' : stderr + stdout }).toEqual({
      page,
      line,
      command,
      code: EXITS[command] ?? 0,
      stderr: '',
    });
    if (output !== undefined) expect(printed(stdout, output)).toBe(shownOutput(output));
  }
}

/** ` ...` at the end of what a page shows: the rest is left out. */
const shownOutput = (output: string): string => comparable(output.replace(/\n ?\.\.\.\n*$/, '').trimEnd());
const printed = (stdout: string, output: string): string => {
  const isCut = /\n ?\.\.\.\n*$/.test(output);
  const lines = shownOutput(output).split('\n').length;
  return comparable(isCut ? stdout.split('\n').slice(0, lines).join('\n') : stdout.trimEnd());
};
/** Differences of rounding are other ones on another machine. */
const comparable = (text: string): string =>
  text
    .replace(/\d+(?:\.\d+)?e[+-]?\d+/g, '1e-0')
    .replace(/\b\d+\.\d+ s\b/g, '1.0 s')
    .replace(/(?<=largest difference )[\d.]+/g, '1');

function runModule(text: string, cwd: string, expected: string): void {
  writeFileSync(join(cwd, 'example.mjs'), `${text}\n`);
  const { status, stdout, stderr } = spawnSync(process.execPath, ['example.mjs'], { cwd, encoding: 'utf8' });
  expect([status, stdout, status === 0 ? '' : stderr]).toEqual([0, expected, '']);
}
