/** `convert --dump-dir`, `--print-ir-after` and `--explain`: every step of a conversion can be read, run, and asked about. */
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nearest } from '../../src/cli/explain';
import { closeModel, readModelFile } from '../../src/files';
import { tensorBytes } from '../../src/ir/tensor';
import type { Tensor } from '../../src/ir/types';
import { parseModel } from '../../src/onnx/text/parser';
import { useProgram } from '../support/cli';
import { describeWithOnnx, python } from '../support/python';
import { runModel } from '../support/run';
import { seededTensor } from '../support/seeded';

const program = useProgram();
const LENET = join(__dirname, '../../fixtures/models/lenet5.onnx');
const OPSET9 = join(__dirname, '../../fixtures/opsets/opset-9.onnx');

function workFolder(file: string): string {
  const cwd = program.directory();
  copyFileSync(file, join(cwd, 'model.onnx'));
  return cwd;
}
const numbers = (tensor: Tensor | undefined): number[] => {
  const { buffer, byteOffset, byteLength } = tensor ? tensorBytes(tensor) : new Uint8Array();
  return [...new Float32Array(buffer, byteOffset, byteLength / 4)];
};

describe('convert --dump-dir', () => {
  test('writes a text per pass that changed something; each runs to the same numbers', async () => {
    const cwd = workFolder(LENET);
    const { code, stderr } = await program.run(['convert', 'model.onnx', '--dump-dir', 'steps', '--dry-run'], { cwd });
    expect([code, stderr]).toEqual([0, '']);
    const files = readdirSync(join(cwd, 'steps')).sort();
    expect(files).toEqual([
      '00-original.onnxtxt',
      '01-linear-to-conv.onnxtxt',
      '02-sink-flatten.onnxtxt',
      '03-linear-to-conv.onnxtxt',
      '04-sink-flatten.onnxtxt',
      '05-linear-to-conv.onnxtxt',
      '06-output-map.onnxtxt',
      '07-remove-dead-nodes.onnxtxt',
      '08-free-spatial-dims.onnxtxt',
      'weights.data',
    ]);
    expect(readFileSync(join(cwd, 'steps', files[1] ?? ''), 'utf8')).toMatch(/^# after linear-to-conv \(nodes: 12 -> 12\)\n</);
    const feeds = new Map([['image', seededTensor('float', [2, 1, 28, 28], 7, 1)]]);
    const results: number[][] = [];
    for (const name of files.slice(0, -1)) {
      const model = readModelFile(join(cwd, 'steps', name));
      results.push(numbers((await runModel(model, feeds)).get('scores')));
      closeModel(model);
    }
    for (const result of results) {
      expect(result).toHaveLength(20);
      for (const [at, number] of result.entries()) expect(number).toBeCloseTo(results[0]?.[at] ?? Number.NaN, 3);
    }
  }, 60_000);

  test('weights that passes computed are there as well', async () => {
    const cwd = workFolder(OPSET9);
    const args = ['convert', 'model.onnx', '--dump-dir', 'steps', '--dry-run', '--head', 'original'];
    expect((await program.run(args, { cwd })).code).toBe(0);
    const files = readdirSync(join(cwd, 'steps')).filter((name) => name.endsWith('.onnxtxt'));
    expect(files.length).toBeGreaterThan(1);
    for (const name of files) closeModel(readModelFile(join(cwd, 'steps', name)));
  }, 60_000);

  test('leaves a directory alone in which something lies, and with --force all that is not its own', async () => {
    const cwd = workFolder(LENET);
    const args = ['convert', 'model.onnx', '--dump-dir', '.', '--dry-run', '-q'];
    const refused = await program.run(args, { cwd });
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('error[DIRECTORY_NOT_EMPTY]')]);
    expect(readdirSync(cwd)).toEqual(['model.onnx']);
    expect((await program.run(['convert', 'missing.onnx', '--dump-dir', 'steps', '--dry-run'], { cwd })).code).toBe(2);
    expect(readdirSync(cwd)).toEqual(['model.onnx']);
    writeFileSync(join(cwd, '12-old.onnxtxt'), 'old');
    writeFileSync(join(cwd, 'mine.onnxtxt'), 'mine');
    expect((await program.run([...args, '--force'], { cwd })).code).toBe(0);
    const files = readdirSync(cwd);
    expect(files).toEqual(expect.arrayContaining(['00-original.onnxtxt', 'mine.onnxtxt', 'model.onnx']));
    expect(files).not.toContain('12-old.onnxtxt');
  }, 60_000);

  describeWithOnnx('onnx.parser', () => {
    test('reads every step', async () => {
      const cwd = workFolder(LENET);
      await program.run(['convert', 'model.onnx', '--dump-dir', 'steps', '--dry-run', '-q'], { cwd });
      const script =
        'import sys, glob, onnx.parser\nfor f in sorted(glob.glob(sys.stdin.read() + "/*.onnxtxt")): print(len(onnx.parser.parse_model(open(f).read()).graph.node))';
      expect(python(script, join(cwd, 'steps')).trim().split('\n').map(Number)).toEqual([12, 12, 12, 12, 12, 12, 12, 11, 11]);
    }, 60_000);
  });
});

test('convert --print-ir-after prints text that is read back', async () => {
  const { code, stderr } = await program.run(['convert', LENET, '--dry-run', '--print-ir-after', 'linear-to-conv', '-q']);
  expect(code).toBe(0);
  const dumps = stderr.split(/^(?=# after )/m);
  expect(dumps.length).toBeGreaterThan(1);
  for (const dump of dumps) {
    expect(dump).toMatch(/^# after linear-to-conv \((nodes: \d+ -> \d+|no change)\)\n/);
    const model = parseModel(dump, {
      missing: (name, type) => type && seededTensor(type.dtype, (type.shape ?? []) as number[], name.length, 1),
    });
    expect(model.graph.nodeCount).toBeGreaterThan(10);
  }
}, 60_000);

describe('convert --explain', () => {
  const explain = async (node: string, ...args: string[]) => program.run(['convert', LENET, '--explain', node, ...args]);

  test('tells which rules looked at a node, what failed, and what became of it', async () => {
    const cwd = program.directory();
    const { code, stdout, stderr } = await program.run(['convert', LENET, '--explain', '/classifier/classifier.2/Gemm'], { cwd });
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('Gemm /classifier/classifier.2/Gemm\n  became Conv /classifier/classifier.2/Gemm_Conv\n');
    expect(stdout).toMatch(
      /^linear-to-conv +flatten-gemm +does not match: input 0 of Gemm '\/classifier\/classifier\.2\/Gemm' is not the result of Flatten$/m,
    );
    expect(stdout).toMatch(/^linear-to-conv +flatten-gemm +applied$/m);
    expect(stdout).toMatch(/^Passes that had nothing to say about it: .*\bglobal-pool-to-window\b/m);
    expect(readdirSync(cwd)).toEqual([]);
  }, 60_000);

  test('a value stands for the node that makes it; JSON for programs', async () => {
    const { stdout } = await explain('scores', '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      node: '/classifier/classifier.4/Gemm',
      op: 'Gemm',
      attempts: expect.arrayContaining([expect.objectContaining({ outcome: 'applied' })]),
    });
  }, 60_000);

  test('a refused model is explained all the same', async () => {
    const cwd = program.directory();
    // A number of its own for each place of the image.
    const text = `<ir_version: 8, opset_import: ["" : 17]> g (float[1, 3, 2, 2] X) => (float[1, 5] Y) <int64[2] s = {1, 12}, float[2, 2] E = {1, 2, 3, 4}, float[12, 5] W = {${new Array(60).fill(1).join(', ')}}> {
      A = Add (X, E) P = GlobalAveragePool (A) M = Mul (P, A) F = Reshape (M, s) Y = MatMul (F, W) }`;
    writeFileSync(join(cwd, 'model.onnxtxt'), text);
    const { code, stdout, stderr } = await program.run(['convert', 'model.onnxtxt', '--explain', 'Y'], { cwd });
    expect([code, stderr]).toEqual([2, expect.stringMatching(/^error\[/)]);
    expect(stdout).toContain('MatMul Y');
    expect(stdout).toContain('does not match');
  }, 60_000);

  test('a node that is not there is an error that names the nearest', async () => {
    const { code, stdout, stderr } = await explain('/classifier/classifier.2/Gem');
    expect([code, stdout, stderr]).toEqual([
      2,
      '',
      expect.stringContaining("error[UNKNOWN_NODE]: the model has no node '/classifier/classifier.2/Gem'"),
    ]);
    expect(stderr).toContain("did you mean '/classifier/classifier.2/Gemm'");
    expect(nearest('Gemmm', ['/features/Conv', '/fc/Gemm', '/Flatten'])).toEqual(['/fc/Gemm']);
    expect(nearest('conv1', ['node_conv2d', 'conv11', 'relu'])[0]).toBe('conv11');
  }, 60_000);
});
