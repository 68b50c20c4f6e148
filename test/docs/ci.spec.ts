/** The list of pairs and the action are as docs/ci.md says. Its commands: commands.spec.ts. */
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { closeModel, readModelFile, writeModelFile } from '../../src/files';
import { fromNumbers, readNumbers } from '../../src/ir/tensor';
import { action, perform } from '../support/action';
import { useProgram } from '../support/cli';

const root = join(__dirname, '../..');
const page = readFileSync(join(root, 'docs/ci.md'), 'utf8');
const blocks = (kind: string): string[] =>
  [...page.matchAll(new RegExp(`^\`\`\`${kind}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(([, text]) => text ?? '');
const program = useProgram();
let home = '';

beforeAll(async () => {
  home = program.directory();
  copyFileSync(join(root, 'fixtures/models/lenet5.onnx'), join(home, 'lenet5.onnx'));
  const convert = (...args: string[]) => program.run(['convert', 'lenet5.onnx', '--no-verify', ...args], { cwd: home });
  const made = [await convert('-o', 'lenet5-fcn.onnx'), await convert('-o', 'lenet5-folded.onnx', '--head', 'original')];
  expect(made.map(({ code }) => code)).toEqual([0, 0]);
  writeFileSync(join(home, 'pairs.yaml'), blocks('yaml')[0] ?? '');
}, 60_000);

test('the keys of the page are those that are read', async () => {
  const { code, stderr } = await program.run(['verify', '--suite', 'wrong.yaml'], { cwd: home });
  expect([code, stderr]).toEqual([2, expect.stringContaining('CANNOT_READ')]);
  writeFileSync(join(home, 'wrong.yaml'), 'pairs:\n  - orginal: a\n');
  const wrong = await program.run(['verify', '--suite', 'wrong.yaml'], { cwd: home });
  expect(wrong.stderr).toContain('wrong.yaml:2:');
  const known = /only (.*)/.exec(wrong.stderr)?.[1]?.split(', ') ?? [];
  expect(known.length).toBeGreaterThan(8);
  for (const key of known) expect(page).toContain(`\`${key}\``);
});

describe('the action', () => {
  /** Instead of what npm installs (test/package/pack.spec.ts has that): `script` for the program. */
  const installed = (script: string): Readonly<Record<string, Readonly<Record<string, string>>>> => {
    const place = program.directory();
    mkdirSync(join(place, 'node_modules/.bin'), { recursive: true });
    writeFileSync(join(place, 'node_modules/.bin/convolutionize'), `#!/usr/bin/env bash\n${script}\n`, { mode: 0o755 });
    return { install: { home: place } };
  };
  const ours = `exec "${process.execPath}" "${program.file}" "$@"`;

  test('versions on the page and in the action are that of the package', () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    const named = [...page.matchAll(/(?:convolutionize@|verify@v)([\w.-]*\w)/g)].map(([, each]) => each);
    expect(named).toEqual(named.map(() => version));
    expect(named).toHaveLength(3);
    expect(page).not.toMatch(/npx (?:--yes )?convolutionize /);
    expect(action.inputs.package?.default).toBe(`convolutionize@${version}`);
  });

  test('every input is used, and nothing else', () => {
    const used = action.runs.steps.flatMap(({ env }) => Object.values(env).flatMap((text) => /inputs\.(\w+)/.exec(text)?.[1] ?? []));
    expect(used.sort()).toEqual(Object.keys(action.inputs).sort());
  });

  test('says yes', () => {
    const ran = perform(home, { original: 'lenet5.onnx', converted: 'lenet5-fcn.onnx', args: '--samples=7\n--seed=3' }, installed(ours));
    expect([ran.code, ran.verdict]).toEqual([0, 'equal']);
    expect(ran.log).toContain('::notice title=convolutionize verify::1 of 1 pairs of models are equal');
    expect(ran.summary).toContain('| ✅ equal |');
    for (const file of ['verify.xml', 'verify.json']) expect(existsSync(join(home, file))).toBe(true);
  }, 60_000);

  test('says no, where', () => {
    const model = readModelFile(join(home, 'lenet5.onnx'));
    const weight = model.graph.nodes.find(({ op }) => op === 'Conv')?.inputs[1];
    if (!weight?.constant) throw new Error('no weight');
    const numbers = readNumbers(weight.constant).map((number) => number * 1.01);
    model.graph.replaceAllUses(weight, model.graph.addConstant('wrong', fromNumbers('float', weight.constant.shape, numbers)));
    writeModelFile(model, join(home, 'wrong.onnx'));
    closeModel(model);
    const ran = perform(home, { original: 'lenet5.onnx', converted: 'wrong.onnx', args: '--samples=7' }, installed(ours));
    expect([ran.code, ran.verdict]).toEqual([1, 'different']);
    expect(ran.log).toMatch(/^::error title=lenet5\.onnx and wrong\.onnx%3A different::/m);
    expect(ran.summary).toContain('First departs at');
  }, 60_000);

  test('says what is wrong', () => {
    expect(perform(home, { suite: 'nowhere.yaml' }, installed(ours))).toMatchObject({ code: 2, verdict: 'error' });
  }, 60_000);

  test.each([
    ['a program that ends with 1 and has reported nothing', 'exit 1'],
    ['one that ends well and has reported nothing', 'exit 0'],
    ['one that is not there', 'exec /nowhere/node'],
  ])('%s has no verdict', (_, script) => {
    const ran = perform(home, { original: 'lenet5.onnx', converted: 'lenet5-fcn.onnx' }, installed(script));
    expect(ran.verdict).toBe('error');
    expect(ran.code).toBeGreaterThan(1);
  });
});
