/** `inspect` on TensorFlow.js graph models: what was converted here, and what others made. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv2020 from 'ajv/dist/2020';
import { readTfjsView } from '../../src/files/tfjs-view';
import { useProgram } from '../support/cli';

const program = useProgram();

test('lists nodes and weights of a converted model, as text, by its schema as JSON, and as a picture', async () => {
  const cwd = program.directory();
  copyFileSync(join(__dirname, '../../fixtures/models/lenet5.onnx'), join(cwd, 'lenet5.onnx'));
  expect((await program.run(['convert', 'lenet5.onnx', '--to', 'tfjs', '-o', 'web_model', '--no-verify', '-q'], { cwd })).code).toBe(0);
  const text = await program.run(['inspect', 'web_model'], { cwd });
  expect([text.code, text.stderr]).toEqual([0, '']);
  expect(text.stdout).toMatch(/^web_model: TensorFlow\.js graph model, made by convolutionize .*, from lenet5\.onnx$/m);
  expect(text.stdout).toMatch(/^\(0\) {2}_FusedConv2D +image +5x5x1x6, 6 +fused_ops BiasAdd, Relu$/m);
  expect(text.stdout).toMatch(/^10 weights of 44,426 numbers \(float32\): 178 kB in 1 file$/m);
  const json = JSON.parse((await program.run(['inspect', 'web_model/model.json', '--json'], { cwd })).stdout);
  const validate = new Ajv2020({ allowUnionTypes: true }).compile(
    JSON.parse(readFileSync(join(__dirname, '../../docs/schemas/inspect-tfjs.schema.json'), 'utf8')),
  );
  validate(json);
  expect(validate.errors ?? []).toEqual([]);
  expect(json.nodes).toHaveLength(7);
  const svg = (await program.run(['inspect', 'web_model', '--format', 'svg'], { cwd })).stdout;
  expect(svg.match(/class="box conv"/g)).toHaveLength(5);
  const refused = await program.run(['inspect', 'web_model', '--format', 'text'], { cwd });
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('error[BAD_OPTION]')]);
}, 60_000);

describe('models of others', () => {
  function model(node: readonly object[], weights: readonly object[] = [], signature?: object): string {
    const directory = program.directory();
    mkdirSync(directory, { recursive: true });
    const json = { format: 'graph-model', modelTopology: { node }, weightsManifest: [{ paths: ['a.bin'], weights }], signature };
    writeFileSync(join(directory, 'model.json'), JSON.stringify(json));
    return directory;
  }

  test('nodes in any order, several outputs, control inputs, quantized weights, no signature', () => {
    const view = readTfjsView(
      model(
        [
          { name: 'sum', op: 'AddV2', input: ['split:1', 'split', '^split'] },
          { name: 'split', op: 'Split', input: ['axis', 'x'], attr: { num_split: { i: '2' } } },
          { name: 'axis', op: 'Const' },
          {
            name: 'x',
            op: 'Placeholder',
            attr: { dtype: { type: 'DT_FLOAT' }, shape: { shape: { dim: [{ size: '-1' }, { size: '4' }] } } },
          },
        ],
        [{ name: 'axis', dtype: 'float32', shape: [3], quantization: { dtype: 'uint8', min: 0, scale: 1 } }],
      ),
    );
    const { graph } = view.model;
    expect(
      graph.nodes.map(({ opType, inputs, outputs }) => [opType, inputs.map((input) => input?.name), outputs.map(({ name }) => name)]),
    ).toEqual([
      ['Split', ['axis', 'x'], ['split', 'split:1']],
      ['AddV2', ['split:1', 'split'], ['sum']],
    ]);
    expect(graph.inputs.map(({ type }) => type?.shape)).toEqual([[undefined, 4]]);
    expect(graph.outputs.map(({ name }) => name)).toEqual(['sum']);
    expect(view.bytes).toBe(3);
  });

  test('a cycle is an error of the file, a chain of 10,000 none', () => {
    expect(() =>
      readTfjsView(
        model([
          { name: 'a', op: 'Relu', input: ['b'] },
          { name: 'b', op: 'Relu', input: ['a'] },
        ]),
      ),
    ).toThrow(/cycle/);
    const chain = Array.from({ length: 10_000 }, (_, at) => ({ name: `n${at}`, op: 'Relu', input: [at === 9999 ? 'x' : `n${at + 1}`] }));
    expect(readTfjsView(model([...chain, { name: 'x', op: 'Placeholder' }])).model.graph.nodeCount).toBe(10_000);
  });
});
