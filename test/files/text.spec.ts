/** Models as text: what is printed is read back as the same graph over the same bytes, runs, and is understood by Python's onnx. */
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { zooDirectory, zooModel, zooNames } from '../../fixtures/zoo-weights';
import { closeModel, readModelFile } from '../../src/files';
import { modelText } from '../../src/files/text';
import type { ByteSource } from '../../src/ir/bytes';
import { bufferSource } from '../../src/ir/bytes';
import type { Model } from '../../src/ir/model';
import { tensorBytes } from '../../src/ir/tensor';
import type { ConstValue } from '../../src/ir/types';
import { readModel } from '../../src/onnx/read';
import { parseModel } from '../../src/onnx/text/parser';
import { printModel } from '../../src/onnx/text/printer';
import { verifyFiles } from '../../src/verify/files/verify';
import { describeWithOnnx, python } from '../support/python';
import { feedsFor, runModel } from '../support/run';
import { difference } from '../support/same-graph';

const fixtures = join(__dirname, '../../fixtures');
const files = ['models', 'opsets'].flatMap((folder) =>
  readdirSync(join(fixtures, folder))
    .filter((name) => name.endsWith('.onnx'))
    .map((name) => join(folder, name)),
);
const directories: string[] = [];
afterAll(() => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

/** The fixture and its text in a directory of their own; paths of both. */
function dumped(file: string, path = join(fixtures, file)): { original: string; text: string } {
  const directory = mkdtempSync(join(tmpdir(), 'convolutionize-text-'));
  directories.push(directory);
  const original = join(directory, basename(file));
  copyFileSync(path, original);
  const model = readModelFile(original);
  const text = join(directory, 'dump.onnxtxt');
  writeFileSync(text, modelText(model, { path: original }));
  closeModel(model);
  return { original, text };
}

/** Constants of more than the inline limit keep their place in the file, those below their bytes. */
function expectSameConstants(actual: readonly ConstValue[], expected: readonly ConstValue[]): void {
  expect(actual.map(({ name }) => name)).toEqual(expected.map(({ name }) => name));
  for (const [at, { name, constant }] of actual.entries()) {
    const { dtype, shape, data } = expected[at]?.constant ?? constant;
    expect([name, constant.dtype, constant.shape]).toEqual([name, dtype, shape]);
    if (data.kind === 'strings' || constant.data.kind === 'strings') expect(constant.data).toEqual(data);
    else if (constant.data.kind === 'ranges' && data.kind === 'ranges')
      expect(constant.data.ranges.map(({ offset, length }) => [offset, length])).toEqual(
        data.ranges.map(({ offset, length }) => [offset, length]),
      );
    else expect(Buffer.compare(tensorBytes(constant), tensorBytes(expected[at]?.constant ?? constant))).toBe(0);
  }
}

function expectSame(actual: Model, expected: Model): void {
  expect(difference(actual.graph, expected.graph, new Set())).toBeUndefined();
  expect(actual.graph.nodes.map(({ name }) => name)).toEqual(expected.graph.nodes.map(({ name }) => name));
  expectSameConstants(actual.graph.constants, expected.graph.constants);
  expect([...actual.metadata]).toEqual([...expected.metadata]);
}

test.each(files)('%s: the text is the same graph and gives the same numbers', async (file) => {
  const { original, text } = dumped(file);
  const [a, b] = [readModelFile(original), readModelFile(text)];
  try {
    expectSame(b, a);
    const feeds = feedsFor(a.graph.inputs);
    const [before, after] = [await runModel(a, feeds), await runModel(b, feeds)];
    for (const [name, tensor] of before) expect(after.get(name)).toEqual(tensor);
  } finally {
    closeModel(a);
    closeModel(b);
  }
});

test('graphs of real exporters come back, each with its references', () => {
  // Their weights are somewhere else: what matters is that the text points to where the graph did.
  const outside = new Map<string, ByteSource>();
  const open = (location: string): ByteSource => {
    const source = outside.get(location) ?? { name: location, size: 2 ** 40, read: (_: number, length: number) => new Uint8Array(length) };
    outside.set(location, source);
    return source;
  };
  const names = process.env.ZOO_TEXT === 'all' ? zooNames() : zooNames().filter((_, at) => at % 7 === 0);
  for (const name of names) {
    const file = readFileSync(join(zooDirectory, `${name}.onnx`));
    const model = readModel(bufferSource(file, `${name}.onnx`), { openExternal: open });
    const options = { weights: 'reference', types: 'both', origins: true, beyond: true } as const;
    const text = printModel(model, options);
    const back = parseModel(text, { source: (location) => (location === `${name}.onnx` ? bufferSource(file, location) : open(location)) });
    expectSame(back, model);
    expect(printModel(back, { weights: 'reference' })).toBe(printModel(model, { weights: 'reference' }));
  }
});

test('the text of a model is a model for verification', async () => {
  const { original, text } = dumped('models/lenet5.onnx');
  expect((await verifyFiles(original, text)).verdict).toBe('equal');
});

test('documentation and metadata stand in comments', () => {
  const { text } = dumped('models/lenet5.dynamo.onnx');
  const content = readFileSync(text, 'utf8');
  expect(content).toMatch(/^ +# pkg\.torch\.onnx\.name_scopes = \['', /m);
  expect(content).toMatch(/^# .*lenet5\.dynamo\.onnx in ONNX's textual syntax: keep it beside/);
});

test('a text that cannot refer to its source is an error', () => {
  const { original } = dumped('models/lenet5.onnx');
  const model = readModelFile(original);
  expect(() => modelText(model, { path: original, home: tmpdir().concat('/elsewhere') })).toThrow(/cannot refer to weights outside/);
  expect(modelText(model, { path: original, home: '/', weights: 'none' })).toContain('bytes not shown');
  closeModel(model);
});

/** Loads the text as Python does, saves it beside the weights, runs both and tells the largest difference. */
const RUN = `
import sys, os, numpy, onnx, onnx.parser, onnxruntime
original, text = sys.stdin.read().split('\\n')
model = onnx.parser.parse_model(open(text, encoding='utf-8').read())
path = os.path.join(os.path.dirname(text), 'parsed.onnx')
onnx.save(model, path)
onnx.checker.check_model(path)
options = onnxruntime.SessionOptions()
options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
a, b = [onnxruntime.InferenceSession(p, options, providers=['CPUExecutionProvider']) for p in (original, path)]
random = numpy.random.default_rng(1)
feeds = {i.name: random.standard_normal([d if isinstance(d, int) else 2 for d in i.shape]).astype(numpy.float32) for i in a.get_inputs()}
print(all(numpy.array_equal(x, y) for x, y in zip(a.run(None, feeds), b.run(None, feeds))))
`;
describeWithOnnx('onnx.parser', () => {
  test.each([...files, 'zoo/tv-squeezenet1_1.dynamo', 'zoo/tv-shufflenet_v2_x0_5.script'])(
    '%s: reads the text; what it saves beside the source runs to the same numbers',
    (file) => {
      const isZoo = file.startsWith('zoo/');
      const directory = mkdtempSync(join(tmpdir(), 'convolutionize-text-'));
      directories.push(directory);
      const original = isZoo ? zooModel(basename(file), { directory }) : dumped(file).original;
      const text = join(original, '..', 'dump.onnxtxt');
      const model = readModelFile(original);
      writeFileSync(text, modelText(model, { path: original }));
      closeModel(model);
      expect(python(RUN, `${original}\n${text}`).trim()).toBe('True');
    },
    60_000,
  );
});
