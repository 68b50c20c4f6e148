/** Bisecting and reducing conversions that are sabotaged: one wrong rewrite among many right ones. */
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CompileOptions, PluginPass } from '../../src/compile';
import { bisect, stepsOf } from '../../src/debug/bisect';
import { withFewerChannels } from '../../src/debug/channels';
import { partOf } from '../../src/debug/part';
import { reduce } from '../../src/debug/reduce';
import type { TrialOptions } from '../../src/debug/trial';
import { closeModel, readModelFile, writeModelFile } from '../../src/files';
import { float } from '../../src/ir/attrs';
import type { Model } from '../../src/ir/model';
import { inferShapes } from '../../src/ir/shape-inference';
import { readTensorFile } from '../../src/onnx/tensor-file';
import { parseModel } from '../../src/onnx/text/parser';
import { defineRulePass } from '../../src/rewrite/pass';
import { node, value } from '../../src/rewrite/pattern';
import { defineRule } from '../../src/rewrite/rule';
import { openSession } from '../../src/verify/runtime/node';
import { useProgram } from '../support/cli';
import { runModel } from '../support/run';

const LENET = join(__dirname, '../../fixtures/models/lenet5.onnx');
const scratch = mkdtempSync(join(tmpdir(), 'convolutionize-debug-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const settings: TrialOptions = {
  open: openSession,
  place(model, name) {
    const path = join(scratch, `${name.replace(/\W/g, '_')}.onnx`);
    writeModelFile(model, path, { force: true });
    return path;
  },
};

/** Relu as LeakyRelu of slope 0, which is the same, but for the one node that `isWrong` names. */
function leaky(isWrong: (name: string) => boolean): PluginPass {
  const rule = defineRule({
    name: 'relu-to-leaky',
    match: node('Relu', [value('x')], { as: 'relu' }),
    build: ({ x, relu }, make) => make.op('LeakyRelu', [x], { alpha: float(isWrong(relu.name) ? 0.25 : 0) }),
  });
  return {
    ...defineRulePass({ name: 'leaky', summary: 'write Relu in other words', numbers: 'identical', rules: [rule] }),
    after: 'remove-identities',
  };
}
/** Breaks the types at one node. */
const breaking: PluginPass = {
  ...defineRulePass({
    name: 'breaking',
    summary: 'forget an axis',
    numbers: 'identical',
    rules: [
      defineRule({
        name: 'forget',
        match: node('MaxPool', [value('x')], { as: 'pool' }),
        when: ({ pool }) => (pool.name.includes('features.5') ? {} : undefined),
        build: ({ x }, make) => make.op('Flatten', [x], { axis: 1 }),
      }),
    ],
  }),
  after: 'remove-identities',
};

function withLenet<T>(use: (model: Model) => Promise<T>): Promise<T> {
  const model = readModelFile(LENET);
  return use(model).finally(() => closeModel(model));
}

describe('bisect', () => {
  test(
    'names the pass, the rule and the node of the one wrong rewrite',
    () =>
      withLenet(async (model) => {
        const options: CompileOptions = { plugins: [leaky((name) => name === '/classifier/classifier.1/Relu')] };
        const { steps, runs, culprit } = await bisect(model, options, settings);
        expect(steps.filter(({ pass }) => pass === 'leaky')).toHaveLength(4);
        expect(culprit?.step).toEqual({ pass: 'leaky', rule: 'relu-to-leaky', node: '/classifier/classifier.1/Relu' });
        expect(culprit?.verdict).toMatchObject({ kind: 'different', output: 'scores' });
        expect(runs).toBeLessThanOrEqual(Math.ceil(Math.log2(steps.length)) + 1);
        // Before it three are still in the old words, after it two.
        const relus = (of: Model | undefined): number | undefined => of?.graph.nodes.filter(({ op }) => op === 'Relu').length;
        expect([relus(culprit?.before), relus(culprit?.after)]).toEqual([2, 1]);
      }),
    60_000,
  );

  test.each(['window', 'cell', 'image', 'original'] as const)(
    'finds nothing where nothing is wrong (head %s)',
    (head) =>
      withLenet(async (model) => {
        const { steps, runs, culprit } = await bisect(model, { head, plugins: head === 'original' ? [leaky(() => false)] : [] }, settings);
        expect(culprit).toBeUndefined();
        expect(runs).toBe(1);
        expect(steps.length).toBeGreaterThan(3);
      }),
    60_000,
  );

  test(
    'a pass that fails is found as well',
    () =>
      withLenet(async (model) => {
        const { culprit } = await bisect(model, { plugins: [breaking] }, settings);
        expect(culprit?.step).toMatchObject({ pass: 'breaking' });
        expect(culprit?.verdict).toMatchObject({ kind: 'broken', reason: expect.stringContaining("rule 'forget'") });
        expect(culprit?.after).toBeUndefined();
      }),
    60_000,
  );

  test('the same steps every time', () =>
    withLenet(async (model) => {
      expect(stepsOf(model, {}).steps).toEqual(stepsOf(model, {}).steps);
    }));
});

describe('parts of graphs', () => {
  const model = parseModel(`<ir_version: 10, opset_import: ["" : 21]> g (float[2, 3] X) => (float[2, 3] Y)
    <float[3] c = {1, 2, 3}> { A = Relu (X) B = Add (A, c) C = Neg (B) Y = Mul (C, A) }`);
  inferShapes(model);

  test('take what they read from outside as inputs, give what is read outside', () => {
    const part = partOf(model, new Set(['B', 'C']));
    expect(part?.graph.nodes.map(({ name }) => name)).toEqual(['B', 'C']);
    expect(part?.graph.inputs.map(({ name, type }) => [name, type?.shape])).toEqual([['A_given', [2, 3]]]);
    expect(part?.graph.outputs.map(({ name }) => name)).toEqual(['C']);
    expect(
      partOf(model, new Set(['A', 'Y']))
        ?.graph.outputs.map(({ name }) => name)
        .sort(),
    ).toEqual(['A', 'Y']);
    expect(partOf(model, new Set())).toBeUndefined();
    expect(model.graph.nodeCount).toBe(4);
  });
});

describe('fewer channels', () => {
  const body = `g (float[1, 4, 3, 3] X) => (float[1, 2] Y) <float[6, 4, 1, 1] w = {${new Array(24).fill(1).join(', ')}}, float[6] b = {1, 2, 3, 4, 5, 6},
    float[6] s = {1, 2, 3, 4, 5, 6}, float[6, 1, 1] k = {1, 2, 3, 4, 5, 6}, float[2, 54] v = {${new Array(108).fill(1).join(', ')}}> {
    C = Conv <kernel_shape = [1, 1]> (X, w, b) N = BatchNormalization (C, s, s, s, s) M = Mul (N, k) R = Relu (M) F = Flatten (R) Y = Gemm <transB = 1> (F, v) }`;
  const model = parseModel(`<ir_version: 10, opset_import: ["" : 21]> ${body}`);
  inferShapes(model);
  const shapes = (of: Model | undefined): unknown => of?.graph.constants.map(({ constant }) => constant.shape);

  test('of a layer: its weights, and all that reads it', () => {
    const cut = withFewerChannels(model, 'C', () => 2);
    expect(shapes(cut)).toEqual(expect.arrayContaining([[2, 4, 1, 1], [2], [2, 1, 1], [2, 18]]));
    if (cut) inferShapes(cut);
    expect(cut?.graph.outputs[0]?.type?.shape).toEqual([1, 2]);
  });
  test('of an input, and not where it cannot be done', () => {
    const cut = withFewerChannels(model, 'X', () => 1);
    expect(cut?.graph.inputs[0]?.type?.shape).toEqual([1, 1, 3, 3]);
    expect(shapes(cut)).toEqual(expect.arrayContaining([[6, 1, 1, 1]]));
    expect(withFewerChannels(model, 'R', () => 2)).toBeUndefined();
    expect(withFewerChannels(model, 'X', () => 4)).toBeUndefined();
  });
});

describe('reduce', () => {
  test(
    'leaves the node that the wrong rewrite is about',
    () =>
      withLenet(async (model) => {
        const options: CompileOptions = { plugins: [leaky((name) => name.includes('features.4'))] };
        const { culprit } = await bisect(model, options, settings);
        const reduced = await reduce(model, options, culprit?.step, settings);
        expect(reduced?.model.graph.nodes.map(({ name }) => name)).toEqual(['/features/features.4/Relu']);
        expect(reduced?.model.graph.inputs[0]?.type?.shape?.slice(2)).toEqual([1, 1]);
        expect(reduced?.verdict.kind).toBe('different');
      }),
    120_000,
  );

  test(
    'keeps the two nodes that it takes to fail',
    () =>
      withLenet(async (model) => {
        const rule = defineRule({
          name: 'drop-relu-before-pool',
          match: node('MaxPool', [node('Relu', [value('x')], { as: 'relu' })], { as: 'pool' }),
          build: ({ x, pool }, make) => make.op('MaxPool', [x], pool.attrs),
        });
        const options: CompileOptions = {
          plugins: [defineRulePass({ name: 'drop', summary: 'forget a Relu', numbers: 'identical', rules: [rule] })],
        };
        const { culprit } = await bisect(model, options, settings);
        expect(culprit?.step?.rule).toBe('drop-relu-before-pool');
        const reduced = await reduce(model, options, culprit?.step, settings);
        expect(reduced?.model.graph.nodes.map(({ op }) => op)).toEqual(['Relu', 'MaxPool']);
      }),
    120_000,
  );

  test(
    'of a conversion that is right there is nothing to reduce',
    () =>
      withLenet(async (model) => {
        expect(await reduce(model, {}, undefined, settings)).toBeUndefined();
      }),
    60_000,
  );
});

describe('convolutionize debug', () => {
  const program = useProgram();
  /** A pass of the user's own that can be stopped after each of its rewrites. */
  const PLUGIN = `module.exports = { name: 'leaky', summary: 'x', numbers: 'identical', after: 'remove-identities',
    run(graph, { remark, mayRewrite, afterRule }) {
      for (const node of graph.nodes) {
        if (node.op !== 'Relu' || (mayRewrite && !mayRewrite())) continue;
        const attrs = new Map([['alpha', { kind: 'float', value: node.name.includes('classifier.1/') ? 0.25 : 0 }]]);
        const made = graph.addNode({ op: 'LeakyRelu', inputs: node.inputs, attrs, name: node.name + '_leaky', origin: node.origin, before: node, outputTypes: [node.outputs[0].type] });
        graph.replaceAllUses(node.outputs[0], made.outputs[0]);
        const { name, origin } = node;
        graph.removeNode(node);
        remark({ kind: 'applied', rule: 'leaky', at: { node: name }, origin });
        afterRule?.({ name: 'leaky' }, name);
      }
    } };`;
  function workFolder(): string {
    const cwd = program.directory();
    copyFileSync(LENET, join(cwd, 'model.onnx'));
    writeFileSync(join(cwd, 'bad.cjs'), PLUGIN);
    return cwd;
  }

  test('bisect: exit code 0 and no culprit, or 1 and what it did, before and after on the disk', async () => {
    const cwd = workFolder();
    const fine = await program.run(['debug', 'bisect', 'model.onnx'], { cwd });
    expect([fine.code, fine.stderr, fine.stdout]).toEqual([0, '', expect.stringContaining('stay within the tolerance')]);
    const bad = await program.run(['debug', 'bisect', 'model.onnx', '--plugin', './bad.cjs', '-o', 'steps'], { cwd });
    expect([bad.code, bad.stderr]).toEqual([1, '']);
    expect(bad.stdout).toContain("step 3 goes wrong: pass 'leaky', rule 'leaky', at node '/classifier/classifier.1/Relu'");
    expect(bad.stdout).toContain('~ Relu /classifier/classifier.1/Relu -> LeakyRelu /classifier/classifier.1/Relu_leaky\n      alpha 0.25');
    expect(readdirSync(join(cwd, 'steps')).sort()).toEqual(['00-before.onnxtxt', '01-after.onnxtxt', 'weights.data']);
    const json = await program.run(['debug', 'bisect', 'model.onnx', '--plugin', './bad.cjs', '--json'], { cwd });
    expect(JSON.parse(json.stdout).culprit).toMatchObject({ number: 3, pass: 'leaky', failure: { kind: 'different', output: 'scores' } });
  }, 120_000);

  test('reduce writes a case that fails again, with inputs and what the network gives for them', async () => {
    const cwd = workFolder();
    const { code, stdout, stderr } = await program.run(['debug', 'reduce', 'model.onnx', '--plugin', './bad.cjs', '-o', 'case'], { cwd });
    expect([code, stderr]).toEqual([1, '']);
    expect(stdout).toMatch(/reduced from 12 to 1 node \(\d+ candidates tried\)\n {2}Relu \/classifier\/classifier\.1\/Relu\n/);
    const home = join(cwd, 'case');
    expect(readdirSync(home).sort()).toEqual(['README.md', 'model.onnx', 'model.onnxtxt', 'test_data_set_0']);
    expect(readFileSync(join(home, 'README.md'), 'utf8')).toContain('convolutionize debug bisect model.onnx --plugin ./bad.cjs');
    const [input, output] = ['input_0.pb', 'output_0.pb'].map((name) =>
      readTensorFile(readFileSync(join(home, 'test_data_set_0', name)), name),
    );
    const model = readModelFile(join(home, 'model.onnx'));
    const results = await runModel(model, new Map(input ? [[input.name, input.tensor]] : []));
    expect(results.get(output?.name ?? '')?.shape).toEqual(output?.tensor.shape);
    closeModel(model);
    const again = await program.run(['debug', 'bisect', 'case/model.onnxtxt', '--plugin', './bad.cjs'], { cwd });
    expect([again.code, again.stdout]).toEqual([1, expect.stringContaining("step 1 goes wrong: pass 'leaky'")]);
    const refused = await program.run(['debug', 'reduce', 'model.onnx', '--plugin', './bad.cjs', '-o', 'case'], { cwd });
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('error[DIRECTORY_NOT_EMPTY]')]);
  }, 120_000);

  test.each([
    [['debug', 'guess', 'model.onnx'], 'USAGE'],
    [['debug', 'bisect'], 'USAGE'],
    [['debug', 'bisect', '/nowhere/a.onnx'], 'CANNOT_READ'],
  ])('%j is told what is wrong', async (args, errorCode) => {
    const { code, stderr } = await program.run(args);
    expect([code, stderr]).toEqual([2, expect.stringContaining(`error[${errorCode}]`)]);
  });
});
