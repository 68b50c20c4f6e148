/** The commands of docs/ci.md do what the page says, and so does the action that is made of them. */
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { closeModel, readModelFile, writeModelFile } from '../../src/files';
import { fromNumbers, readNumbers } from '../../src/ir/tensor';
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

test('every command of the page ends well and writes what it says', async () => {
  const commands = blocks('sh').flatMap((text) => text.trim().split('\n'));
  expect(commands.length).toBe(5);
  for (const command of commands) {
    const [name, ...args] = command.split(' ');
    expect(name).toBe('convolutionize');
    const { code, stderr } = await program.run(args, { cwd: home, env: { GITHUB_ACTIONS: undefined } });
    expect([command, code, stderr]).toEqual([command, 0, '']);
    for (const file of args.flatMap((arg) => /^(?:junit|json|markdown)=(.+)$/.exec(arg)?.[1] ?? []))
      expect(existsSync(join(home, file))).toBe(true);
  }
  expect(readFileSync(join(home, 'verify.md'), 'utf8')).toContain('equal (2 of 2)');
}, 120_000);

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
  const action = parse(readFileSync(join(root, '.github/actions/verify/action.yml'), 'utf8'));
  const [step] = action.runs.steps;

  /** As GitHub runs it: inputs in the environment, `npx` with our program behind it. */
  const perform = (
    inputs: Readonly<Record<string, string>>,
  ): { readonly code: number | null; readonly stdout: string; readonly output: string; readonly summary: string } => {
    const bin = join(home, 'bin');
    mkdirSync(bin, { recursive: true });
    writeFileSync(
      join(bin, 'npx'),
      `#!/usr/bin/env bash\n[ "$1 $2" = "--yes convolutionize" ] || exit 99\nshift 2\nexec "${process.execPath}" "${program.file}" "$@"\n`,
    );
    chmodSync(join(bin, 'npx'), 0o755);
    const value = (name: string): string => inputs[name] ?? action.inputs[name].default;
    const env = Object.fromEntries(
      Object.entries<string>(step.env).map(([name, text]) => [
        name,
        text.replace(/\$\{\{ inputs\.(\w+) \}\}/, (_, key: string) => value(key)),
      ]),
    );
    const [output, summary] = ['output', 'summary'].map((name) => join(home, name));
    for (const file of [output, summary]) writeFileSync(file ?? '', '');
    const ran = spawnSync('bash', ['-e', '-o', 'pipefail', '-c', step.run], {
      cwd: home,
      encoding: 'utf8',
      env: {
        ...process.env,
        PATH: `${bin}:${process.env.PATH}`,
        GITHUB_ACTIONS: 'true',
        GITHUB_OUTPUT: output,
        GITHUB_STEP_SUMMARY: summary,
        ...env,
      },
    });
    return {
      code: ran.status,
      stdout: ran.stdout + ran.stderr,
      output: readFileSync(output ?? '', 'utf8'),
      summary: readFileSync(summary ?? '', 'utf8'),
    };
  };

  test('every input is used, and nothing else', () => {
    const used = Object.values<string>(step.env).map((text) => /inputs\.(\w+)/.exec(text)?.[1]);
    expect(used.sort()).toEqual(Object.keys(action.inputs).sort());
  });

  test('says yes', () => {
    const ran = perform({ original: 'lenet5.onnx', converted: 'lenet5-fcn.onnx', args: '--samples=7\n--seed=3' });
    expect([ran.code, ran.output]).toEqual([0, 'verdict=equal\n']);
    expect(ran.stdout).toContain('::notice title=convolutionize verify::1 of 1 pairs of models are equal');
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
    const ran = perform({ original: 'lenet5.onnx', converted: 'wrong.onnx', args: '--samples=7' });
    expect([ran.code, ran.output]).toEqual([1, 'verdict=different\n']);
    expect(ran.stdout).toMatch(/^::error title=lenet5\.onnx and wrong\.onnx%3A different::/m);
    expect(ran.summary).toContain('First departs at');
  }, 60_000);

  test('says what is wrong', () => {
    const ran = perform({ suite: 'nowhere.yaml' });
    expect([ran.code, ran.output]).toEqual([2, 'verdict=error\n']);
  }, 60_000);
});
