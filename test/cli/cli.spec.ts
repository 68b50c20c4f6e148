/** The program from outside: exit codes, what goes to which stream, what is on the disk afterwards. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeModelFile } from '../../src/files';
import { useProgram } from '../support/cli';
import { parseGraph } from '../support/expect-pass';

jest.setTimeout(60_000);
const program = useProgram();
const LENET = join(__dirname, '../../fixtures/models/lenet5.onnx');

/** A directory with a model in it. */
function home(): string {
  const directory = program.directory();
  copyFileSync(LENET, join(directory, 'lenet5.onnx'));
  return directory;
}

describe('help', () => {
  test('without a command, shows what there is and fails', async () => {
    const { code, stdout, stderr } = await program.run([]);
    expect([code, stdout]).toEqual([2, '']);
    for (const command of ['convert', 'inspect', 'verify', 'passes']) expect(stderr).toMatch(new RegExp(`^  ${command} +[A-Z]`, 'm'));
  });

  test.each([
    ['convert', 'convolutionize convert alexnet.onnx -o'],
    ['inspect', 'convolutionize inspect alexnet.onnx'],
    ['verify', 'convolutionize verify alexnet.onnx'],
    ['passes', 'convolutionize passes linear-to-conv'],
  ])('%s --help shows an example', async (command, example) => {
    const { code, stdout, stderr } = await program.run([command, '--help']);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('Examples:');
    expect(stdout).toContain(example);
  });

  test('--version is that of the package', async () => {
    const { version } = JSON.parse(readFileSync(join(__dirname, '../../package.json'), 'utf8'));
    expect(await program.run(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });
});

describe('a wrong command line', () => {
  test.each([
    [['frobnicate'], 'USAGE', "there is no command 'frobnicate'"],
    [['convert'], 'USAGE', 'INPUT is missing'],
    [['convert', 'a.onnx', '--frobnicate'], 'USAGE', 'frobnicate'],
    [['convert', 'a.onnx', '-o'], 'USAGE', '-o needs a value'],
    [['convert', 'a.onnx', '-o', 'b', '-o', 'c'], 'USAGE', '--output is given twice'],
    [['convert', 'a.onnx', 'b.onnx', '-o', 'c.onnx'], 'USAGE', 'given twice'],
    [['convert', 'a.onnx', '--weights', 'elsewhere'], 'BAD_OPTION', "--weights cannot be 'elsewhere'"],
    [['convert', 'a.onnx', '-O3'], 'BAD_OPTION', "--optimise cannot be '3'"],
    [['convert', 'a.onnx', '--head', 'tail'], 'BAD_OPTION', 'window or cell or image'],
    [['convert', 'a.onnx', '--weights', 'reference', '--external-data'], 'USAGE', 'choose one'],
    [['convert', 'a.onnx', '--dense', 'shift'], 'USAGE', 'give a stride'],
    [['convert', LENET, '--stride', '3', '--dry-run'], 'STRIDE_NOT_DIVISOR', '1, 2, 4'],
    [['convert', 'a.onnx', '--input-size', 'big'], 'BAD_OPTION', '224x224'],
    [['convert', 'a.onnx', '--rtol', 'x'], 'BAD_OPTION', '--rtol'],
    [['convert', 'a.onnx', '--seed', '-1'], 'BAD_OPTION', '--seed'],
    [['inspect'], 'USAGE', 'an argument is missing'],
    [['inspect', 'a.onnx', 'b.onnx'], 'USAGE', 'inspect --diff a.onnx b.onnx'],
    [['inspect', '--diff', 'a.onnx'], 'USAGE', 'the second is missing'],
    [['inspect', '--diff', 'a.onnx', 'b.onnx', '--format', 'text'], 'BAD_OPTION', 'with --diff'],
    [['inspect', 'a.onnx', '--format', 'poem'], 'BAD_OPTION', "--format cannot be 'poem'"],
    [['verify', 'a.onnx'], 'USAGE', 'an argument is missing'],
    [['verify', LENET, LENET, '--map', 'scores=nothing'], 'UNKNOWN_MAPPING', 'nothing'],
    [['heatmap', LENET, 'a.png', '--map', 'a.npy', '--map', 'b.npy'], 'USAGE', '--map is given twice'],
    [['passes', 'no-such-pass'], 'UNKNOWN_PASS', 'linear-to-conv'],
    [['inspect', '/nowhere/a.onnx'], 'CANNOT_READ', '/nowhere/a.onnx'],
    [['convert', LENET, '--skip', 'no-such-pass', '--dry-run'], 'UNKNOWN_PASS', 'no-such-pass'],
    [['convert', LENET, '--print-ir-after', 'no-such-pass', '--dry-run'], 'UNKNOWN_PASS', 'no-such-pass'],
    [['convert', LENET, '-o', '/nowhere/a.onnx'], 'OUTPUT_DIRECTORY_MISSING', '/nowhere'],
  ])('%j: exit code 2, %s', async (args, errorCode, text) => {
    const { code, stdout, stderr } = await program.run(args);
    expect(stderr).toContain(`error[${errorCode}]: `);
    expect(stderr).toContain(text);
    expect(stderr).toContain('hint: ');
    expect(stderr).not.toMatch(/^ +at .*\.js:/m);
    expect([code, stdout]).toEqual([2, '']);
  });

  test('is JSON with --json, and has a stack trace with --debug', async () => {
    const { code, stdout, stderr } = await program.run(['inspect', '/nowhere/a.onnx', '--json', '--debug']);
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toEqual({
      exitCode: 2,
      error: { code: 'CANNOT_READ', message: expect.any(String), hint: expect.any(String), at: { file: '/nowhere/a.onnx' } },
    });
    expect(stderr).toMatch(/^ +at .*cli\.js:\d+/m);
  });
});

describe('inspect', () => {
  test('lists layers with shapes, parameters and multiply-adds', async () => {
    const { code, stdout, stderr } = await program.run(['inspect', LENET]);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^ \(0\) {2}Conv2d\(1, 6, kernel_size=\(5, 5\), stride=\(1, 1\)\) +\[N, 6, 24, 24\] +5 +1 +0 +156 +86,400$/m);
    expect(stdout).toMatch(/^ \(6\) {2}Linear\(256 -> 120\) +\[N, 120\] +all +30,840 +30,720$/m);
    expect(stdout).toMatch(/^ +total +44,426 +281,640$/m);
    expect(stdout).toMatch(/^Linear +3 +41,854 +41,640$/m);
  });

  test.each([[['--json']], [['--format', 'json']]])('%j gives the same as JSON', async (flags) => {
    const { code, stdout } = await program.run(['inspect', LENET, ...flags]);
    const result = JSON.parse(stdout);
    expect(code).toBe(0);
    expect(result.total).toEqual({ layers: 11, parameters: 44426, multiplyAdds: 281640, complete: true });
    expect(result.inputs).toEqual([{ name: 'image', dtype: 'float', shape: ['N', 1, 28, 28] }]);
    expect(result.layers[6]).toMatchObject({
      kind: 'Linear',
      notation: 'Linear(256 -> 120)',
      outputs: [{ dtype: 'float', shape: ['N', 120] }],
    });
  });
});

describe('passes', () => {
  test('lists them in order', async () => {
    const { code, stdout } = await program.run(['passes']);
    expect(code).toBe(0);
    expect(stdout.indexOf('linear-to-conv')).toBeGreaterThan(stdout.indexOf('fold-constants'));
    expect(JSON.parse((await program.run(['passes', 'linear-to-conv', '--json'])).stdout)).toEqual([
      { name: 'linear-to-conv', summary: expect.any(String), numbers: 'reordered' },
    ]);
  });

  test('convert --list-passes gives the same', async () => {
    expect((await program.run(['convert', '-l'])).stdout).toBe((await program.run(['passes'])).stdout);
  });
});

describe('convert --plugin', () => {
  const PASS = `{ name: 'rename-it', summary: 'call the graph something else', numbers: 'identical', run(graph, { remark }) {
    remark({ kind: 'applied', at: { node: 'mine' }, origin: [] });
  } }`;
  test.each([
    ['CommonJS', 'plugin.cjs', `module.exports = ${PASS};`],
    ['an ES module', 'plugin.mjs', `export default ${PASS};`],
    ['a list of passes', 'plugin.mjs', `export const passes = [${PASS}];`],
  ])('runs the passes of %s', async (_, name, code) => {
    const cwd = home();
    writeFileSync(join(cwd, name), code);
    const { code: exit, stdout } = await program.run(['convert', 'lenet5.onnx', '--dry-run', '--plugin', name, '--json'], { cwd });
    expect(exit).toBe(0);
    expect(JSON.parse(stdout).remarks).toContainEqual(expect.objectContaining({ kind: 'applied', pass: 'rename-it' }));
  });

  test.each([
    ['nowhere.cjs', undefined, /there is no such file/],
    ['broken.cjs', 'module.exports = {', /cannot be loaded/],
    ['empty.cjs', 'module.exports = { name: 1 };', /exports no pass/],
  ])('%s is an error that says why', async (name, code, says) => {
    const cwd = home();
    if (code !== undefined) writeFileSync(join(cwd, name), code);
    const { code: exit, stderr } = await program.run(['convert', 'lenet5.onnx', '--dry-run', '--plugin', name], { cwd });
    expect([exit, stderr]).toEqual([2, expect.stringMatching(says)]);
  });
});

describe('convert', () => {
  test('writes INPUT-fcn beside the input and reports', async () => {
    const cwd = home();
    const { code, stdout, stderr } = await program.run(['convert', 'lenet5.onnx', '--no-verify'], { cwd });
    expect([code, stderr]).toEqual([0, '']);
    expect(readdirSync(cwd).sort()).toEqual(['lenet5-fcn.onnx', 'lenet5.onnx']);
    expect(stdout).toContain('lenet5.onnx -> lenet5-fcn.onnx');
    expect(stdout).toContain('Linear(256 -> 120)  ->  Conv2d(16, 120, kernel_size=(4, 4), stride=(1, 1))');
    expect(stdout).toContain('cell (i, j) looks at rows 4 i to 4 i + 27 and columns 4 j to 4 j + 27');
    const listed = await program.run(['inspect', 'lenet5-fcn.onnx', '--input-size', '36x44'], { cwd });
    expect(listed.stdout).toContain('[N, 10, 3, 5]');
  });

  test('takes the output from -o or as a second file', async () => {
    const cwd = home();
    expect((await program.run(['convert', 'lenet5.onnx', '-o', 'a.onnx', '--no-verify'], { cwd })).code).toBe(0);
    expect((await program.run(['convert', 'lenet5.onnx', 'b.onnx', '--no-verify'], { cwd })).code).toBe(0);
    expect(readFileSync(join(cwd, 'a.onnx')).equals(readFileSync(join(cwd, 'b.onnx')))).toBe(true);
  });

  test('is silent with --quiet', async () => {
    const cwd = home();
    expect(await program.run(['convert', 'lenet5.onnx', '--no-verify', '-q'], { cwd })).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(existsSync(join(cwd, 'lenet5-fcn.onnx'))).toBe(true);
  });

  test('says the same to machines with --json', async () => {
    const cwd = home();
    const { stdout, stderr } = await program.run(['convert', 'lenet5.onnx', '--no-verify', '--json'], { cwd });
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toMatchObject({
      input: 'lenet5.onnx',
      output: { path: 'lenet5-fcn.onnx', bytes: readFileSync(join(cwd, 'lenet5-fcn.onnx')).length },
      windows: [{ input: 'image', height: 28, width: 28 }],
      maps: [{ output: 'scores', stride: [4, 4] }],
      before: { parameters: 44426 },
      after: { parameters: 44426 },
      verification: null,
    });
  });

  test('writes nothing with --dry-run, and tells what it would do', async () => {
    const cwd = home();
    const { code, stdout } = await program.run(['convert', 'lenet5.onnx', '--dry-run'], { cwd });
    expect(code).toBe(0);
    expect(stdout).toContain('linear-to-conv');
    expect(readdirSync(cwd)).toEqual(['lenet5.onnx']);
  });

  test('replaces a file only with --force, and keeps it when something fails', async () => {
    const cwd = home();
    writeFileSync(join(cwd, 'out.onnx'), 'precious');
    const refused = await program.run(['convert', 'lenet5.onnx', '-o', 'out.onnx', '--no-verify'], { cwd });
    expect([refused.code, readFileSync(join(cwd, 'out.onnx'), 'utf8')]).toEqual([2, 'precious']);
    expect(refused.stderr).toContain('error[OUTPUT_EXISTS]');
    writeFileSync(join(cwd, 'broken.onnx'), readFileSync(LENET).subarray(0, 100_000));
    expect((await program.run(['convert', 'broken.onnx', '-o', 'out.onnx', '--force'], { cwd })).code).toBe(2);
    expect(readFileSync(join(cwd, 'out.onnx'), 'utf8')).toBe('precious');
    expect((await program.run(['convert', 'lenet5.onnx', '-o', 'out.onnx', '--no-verify', '--force'], { cwd })).code).toBe(0);
    expect(readFileSync(join(cwd, 'out.onnx')).length).toBeGreaterThan(100_000);
    expect(readdirSync(cwd).sort()).toEqual(['broken.onnx', 'lenet5.onnx', 'out.onnx']);
  });

  test('never changes the input', async () => {
    const cwd = home();
    const { code, stderr } = await program.run(['convert', 'lenet5.onnx', '-o', './lenet5.onnx', '--force', '--no-verify'], { cwd });
    expect(code).toBe(2);
    expect(stderr).toContain('error[OUTPUT_IS_INPUT]');
    expect(readFileSync(join(cwd, 'lenet5.onnx')).equals(readFileSync(LENET))).toBe(true);
  });

  test('writes weights to a file of their own with --external-data', async () => {
    const cwd = home();
    const { code, stdout } = await program.run(['convert', 'lenet5.onnx', '-o', 'out.onnx', '--external-data', '--no-verify'], { cwd });
    expect(code).toBe(0);
    expect(stdout).toContain('out.onnx.data');
    expect(readdirSync(cwd).sort()).toEqual(['lenet5.onnx', 'out.onnx', 'out.onnx.data']);
    expect((await program.run(['inspect', 'out.onnx', '--json'], { cwd })).code).toBe(0);
    // The data file is an output as well.
    const again = await program.run(['convert', 'lenet5.onnx', '-o', 'other.onnx', '--external-data', '--no-verify'], { cwd });
    expect(again.code).toBe(0);
    writeFileSync(join(cwd, 'third.onnx.data'), 'precious');
    const refused = await program.run(['convert', 'lenet5.onnx', '-o', 'third.onnx', '--external-data', '--no-verify'], { cwd });
    expect([refused.code, readFileSync(join(cwd, 'third.onnx.data'), 'utf8'), existsSync(join(cwd, 'third.onnx'))]).toEqual([
      2,
      'precious',
      false,
    ]);
  });

  (process.platform === 'win32' ? test.skip : test)('a file that cannot be written to its end is not there at all', () => {
    const cwd = home();
    // Blocks of 1 KB: a quarter of what is to be written.
    const args = [
      '-c',
      'ulimit -f 50; exec "$0" "$@"',
      process.execPath,
      program.file,
      'convert',
      'lenet5.onnx',
      '-o',
      'out.onnx',
      '--no-verify',
    ];
    const { status, stderr } = spawnSync('bash', args, { cwd, encoding: 'utf8' });
    expect([status, stderr]).toEqual([
      2,
      expect.stringMatching(/error\[CANNOT_WRITE\].*too large.*\n {2}at out\.onnx\n {2}hint: nothing was written/),
    ]);
    expect(readdirSync(cwd)).toEqual(['lenet5.onnx']);
  });

  test('nor a file that holds its weights', async () => {
    const cwd = home();
    expect((await program.run(['convert', 'lenet5.onnx', '-o', 'in.onnx', '--external-data', '--no-verify'], { cwd })).code).toBe(0);
    const weights = readFileSync(join(cwd, 'in.onnx.data'));
    for (const args of [
      ['convert', 'in.onnx', '-o', 'in.onnx.data', '--head', 'original', '--no-verify', '--force'],
      ['inspect', 'in.onnx', '-o', 'in.onnx.data', '--format', 'json', '--force'],
    ]) {
      const { code, stderr } = await program.run(args, { cwd });
      expect([code, stderr]).toEqual([2, expect.stringContaining('error[OUTPUT_IS_INPUT]')]);
      expect(readFileSync(join(cwd, 'in.onnx.data')).equals(weights)).toBe(true);
    }
  });

  test('refers to the weights of the input with --weights reference, from its directory or above', async () => {
    const cwd = home();
    expect((await program.run(['convert', 'lenet5.onnx', '-o', 'out.onnx', '--weights', 'reference', '--no-verify'], { cwd })).code).toBe(
      0,
    );
    expect(readFileSync(join(cwd, 'out.onnx')).length).toBeLessThan(20_000);
    mkdirSync(join(cwd, 'below'));
    const refused = await program.run(['convert', 'lenet5.onnx', '-o', 'below/out.onnx', '--weights', 'reference', '--no-verify'], { cwd });
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('error[REFERENCE_OUTSIDE]');
    expect(readdirSync(join(cwd, 'below'))).toEqual([]);
  });

  test('prints the model after a pass, beside the result', async () => {
    const { stdout, stderr } = await program.run(['convert', LENET, '--dry-run', '--json', '--print-ir-after', 'linear-to-conv']);
    expect(stderr).toContain('# after linear-to-conv');
    expect(stderr).toContain('Conv <');
    expect(stderr).not.toContain('# after fold-constants');
    expect(JSON.parse(stdout).dryRun).toBe(true);
    expect((await program.run(['convert', LENET, '--dry-run', '-q', '--print-ir-after', 'all'])).stderr).toContain(
      '# after fold-constants',
    );
  });

  test.each([['-O1'], ['-O2'], ['--optimise=2']])('%s is understood', async (flag) => {
    const { code, stdout } = await program.run(['convert', LENET, flag, '--dry-run', '--json']);
    expect([code, JSON.parse(stdout).head]).toEqual([0, 'window']);
  });

  test('runs the passes that are asked for', async () => {
    const { code, stderr } = await program.run(['convert', LENET, '--dry-run', '--skip', 'linear-to-conv,head-per-window']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/error\[(NOT_CONVERTIBLE|CANNOT_SLIDE)\]/);
    expect(stderr).toContain('some passes were left out');
  });

  test.each([
    [['--passes', 'linear-to-conv', 'sink-flatten', 'output-map', LENET]],
    [[LENET, '-p', 'linear-to-conv,sink-flatten', 'output-map']],
    [['--passes', 'linear-to-conv', '--passes', 'sink-flatten,output-map', LENET]],
  ])('a list of passes ends where the file begins: %j', async (args) => {
    const { code, stdout } = await program.run(['convert', '--dry-run', '--json', ...args]);
    const ran = JSON.parse(stdout).passes.map(({ pass }: { pass: string }) => pass);
    expect([code, ran]).toEqual([0, ['linear-to-conv', 'sink-flatten', 'output-map', 'free-spatial-dims']]);
  });
});

describe('a model with a list of indices and several outputs', () => {
  /** as_strided behind a channels-last pool, as one exporter writes it; scores, labels and a second head. */
  const text = `<ir_version: 9, opset_import: ["" : 17, "ai.onnx.ml" : 3]> g (float[1, 3, 8, 8] X) => (float[1, 5] Y, int64[1] L, float[1, 2] Z, string[1] S)
    <float[256, 3, 3, 3] K, float[5, 256] W, float[2, 256] V, int64[1] flat = {-1}, int64[2] row = {1, 256}, int64[256] index = {${Array.from({ length: 256 }, (_, at) => at)}}> {
      C = Conv (X, K) P = GlobalAveragePool (C) A = Reshape (P, flat) G = Gather (A, index) F = Reshape (G, row)
      I = Gemm <transB = 1> (F, W) Y = Softmax (I) L = ArgMax <axis = 1, keepdims = 0> (Y) Z = Gemm <transB = 1> (F, V)
      S = ai.onnx.ml.LabelEncoder <keys_int64s: ints = [0, 1], values_strings: strings = ["a", "b"]> (L) }`;
  const written = (): string => {
    const directory = program.directory();
    writeModelFile(parseGraph(text), join(directory, 'net.onnx'));
    return directory;
  };
  test('is told from, after the file is closed', async () => {
    const { code, stdout, stderr } = await program.run(['convert', 'net.onnx', '--outputs', 'Y,L', '--no-verify'], { cwd: written() });
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('Linear(256 -> 5, bias=False)');
  });
  test('keeps the outputs that are named, and they are verified, by verify as well', async () => {
    const cwd = written();
    expect((await program.run(['convert', 'net.onnx', 'out.onnx', '--outputs', 'Z,L', '--quiet'], { cwd })).code).toBe(0);
    const { code, stdout } = await program.run(['verify', 'net.onnx', 'out.onnx'], { cwd });
    expect(code).toBe(0);
    expect(stdout).toMatch(/windows of the map equal[\s\S]*L: [\s\S]*Z: [\s\S]*verdict +equal/);
  });
  test('names the scores that labels are made of, which may be asked for', async () => {
    const cwd = written();
    const { code, stderr } = await program.run(['convert', 'net.onnx'], { cwd });
    expect([code, stderr]).toEqual([2, expect.stringContaining("LabelEncoder 'S': it makes labels")]);
    expect(stderr).toContain('--outputs Y gives the scores');
    expect((await program.run(['convert', 'net.onnx', 'inner.onnx', '--outputs', 'I', '--quiet'], { cwd })).code).toBe(0);
    expect((await program.run(['verify', 'net.onnx', 'inner.onnx', '--quiet'], { cwd })).code).toBe(0);
  });
});

test('--remarks says why a model could not be converted', async () => {
  const { code, stdout, stderr } = await program.run([
    'convert',
    LENET,
    '--dry-run',
    '--remarks',
    '--skip',
    'linear-to-conv,head-per-window',
  ]);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(/^(left alone|no rule came near)/);
  expect(stderr).toContain('error[');
});

describe('verification', () => {
  test('convert runs both models and says what it found', async () => {
    const cwd = home();
    const { code, stdout, stderr } = await program.run(['convert', 'lenet5.onnx'], { cwd });
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^ {2}verdict +equal /m);
    expect(stdout).toContain('every cell equals the original on its crop, at every size');
    expect(readdirSync(cwd).sort()).toEqual(['lenet5-fcn.onnx', 'lenet5.onnx']);
  });

  test.each([[[]], [['--external-data']], [['--weights', 'reference']]])('works on what is written with %j', async (flags) => {
    const cwd = home();
    const { code, stdout } = await program.run(['convert', 'lenet5.onnx', '-o', 'out.onnx', '--json', ...flags], { cwd });
    expect([code, JSON.parse(stdout).verification.verdict]).toEqual([0, 'equal']);
    const again = await program.run(['verify', 'lenet5.onnx', 'out.onnx', '--json'], { cwd });
    expect([again.code, JSON.parse(again.stdout).verdict]).toEqual([0, 'equal']);
    expect(readdirSync(cwd).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  // No float sum is equal to another order of the same terms to the last bit: with a tolerance of zero the conversion cannot pass.
  const IMPOSSIBLE = ['--rtol', '0', '--atol', '0'];

  test('a result that is not equivalent is not kept: exit code 1', async () => {
    const cwd = home();
    const { code, stdout } = await program.run(['convert', 'lenet5.onnx', ...IMPOSSIBLE], { cwd });
    expect(code).toBe(1);
    expect(stdout).toContain('nothing is written');
    expect(stdout).toContain('NOT EQUIVALENT');
    expect(readdirSync(cwd)).toEqual(['lenet5.onnx']);
  });

  test('it does not replace an old file either', async () => {
    const cwd = home();
    writeFileSync(join(cwd, 'out.onnx'), 'precious');
    const { code } = await program.run(['convert', 'lenet5.onnx', '-o', 'out.onnx', '--force', '-q', ...IMPOSSIBLE], { cwd });
    expect([code, readFileSync(join(cwd, 'out.onnx'), 'utf8')]).toEqual([1, 'precious']);
  });

  test('--keep-failed keeps it, and the exit code stays 1', async () => {
    const cwd = home();
    const { code, stdout } = await program.run(['convert', 'lenet5.onnx', '--keep-failed', ...IMPOSSIBLE], { cwd });
    expect(code).toBe(1);
    expect(stdout).toContain('NOT EQUIVALENT');
    expect(readdirSync(cwd).sort()).toEqual(['lenet5-fcn.onnx', 'lenet5.onnx']);
  });

  test('verify finds a changed weight: exit code 1', async () => {
    const cwd = home();
    await program.run(['convert', 'lenet5.onnx', '-o', 'out.onnx', '--no-verify', '-q'], { cwd });
    const bytes = readFileSync(join(cwd, 'out.onnx'));
    // The last kilobytes hold weights: some become 0.747.
    bytes.fill(0x3f, bytes.length - 20_000, bytes.length - 19_984);
    writeFileSync(join(cwd, 'out.onnx'), bytes);
    const { code, stdout } = await program.run(['verify', 'lenet5.onnx', 'out.onnx'], { cwd });
    expect([code, stdout]).toEqual([1, expect.stringContaining('NOT EQUIVALENT')]);
    expect(await program.run(['verify', 'lenet5.onnx', 'out.onnx', '-q'], { cwd })).toEqual({ code: 1, stdout: '', stderr: '' });
  });

  test('verify says so when two files cannot be compared: exit code 2', async () => {
    const cwd = home();
    const { code, stdout, stderr } = await program.run(['verify', 'lenet5.onnx', 'nowhere.onnx'], { cwd });
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain('error[CANNOT_READ]');
  });
});
