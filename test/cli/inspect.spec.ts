/** `inspect` beyond the list of layers: widths, the JSON schema, files. */
import { copyFileSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv2020 from 'ajv/dist/2020';
import { zooDirectory, zooNames } from '../../fixtures/zoo-weights';
import { type ModelSummary, summarise } from '../../src/analysis/summary';
import { settle } from '../../src/compile';
import { bufferSource } from '../../src/ir/bytes';
import { readModel } from '../../src/onnx/read';
import { summaryJson } from '../../src/reports/summary-json';
import { shortNotation, summaryText } from '../../src/reports/summary-table';
import { useProgram } from '../support/cli';

const fixtures = join(__dirname, '../../fixtures');
const program = useProgram();

/** Every graph there is, by name; weights outside of the file are taken to be zeros. */
const graphs: readonly (readonly [string, () => ModelSummary])[] = [
  ...['models', 'opsets'].flatMap((folder) =>
    readdirSync(join(fixtures, folder))
      .filter((name) => name.endsWith('.onnx'))
      .map((name): [string, string] => [name, join(fixtures, folder, name)]),
  ),
  // Each exporter and each family once; all of them with ZOO=all.
  ...zooNames()
    .filter((_, at) => process.env.ZOO === 'all' || at % 9 === 4)
    .map((name): [string, string] => [name, join(zooDirectory, `${name}.onnx`)]),
].map(([name, path]) => [
  name,
  () =>
    summarise(
      readModel(bufferSource(readFileSync(path), path), {
        openExternal: (location) => ({ name: location, size: 2 ** 40, read: (_: number, length: number) => new Uint8Array(length) }),
      }),
      undefined,
      settle,
    ),
]);

describe('every fixture', () => {
  const validate = new Ajv2020({ allErrors: true, allowUnionTypes: true }).compile(
    JSON.parse(readFileSync(join(__dirname, '../../docs/schemas/inspect.schema.json'), 'utf8')),
  );

  test.each(graphs)('%s: fits the terminal, and its JSON the schema', (name, summarised) => {
    const summary = summarised();
    const full = summaryText(name, summary);
    for (const columns of [60, 80, 100, 120]) {
      const lines = summaryText(name, summary, columns);
      expect(lines.filter((line) => [...line].length > columns)).toEqual([]);
      expect(lines.filter((line) => /^ *\(\d+\)/.test(line))).toHaveLength(summary.list.layers.length);
    }
    expect(full.filter((line) => /^ *\(\d+\)/.test(line))).toHaveLength(summary.list.layers.length);
    const json = JSON.parse(JSON.stringify(summaryJson(name, summary)));
    validate(json);
    expect(validate.errors ?? []).toEqual([]);
    // The schema can fail.
    expect(validate({ ...json, layers: [{ ...json.layers[0], parameters: -1 }] })).toBe(false);
  });
});

describe('the table', () => {
  const summary = (): ModelSummary => graphs.find(([name]) => name === 'lenet5.onnx')?.[1]() ?? fail();
  const fail = (): never => {
    throw new Error('no such fixture');
  };

  test('tells what a cell looks at', () => {
    const lines = summaryText('lenet5.onnx', summary());
    expect(lines.find((line) => line.startsWith(' (3)'))).toMatch(/Conv2d\(6, 16, .*\[N, 16, 8, 8\] +14 +2 +0 +2,416 +153,600$/);
    expect(lines).toContain('Cell i of an output looks at the pixels from offset + i * stride on,');
    const signal = graphs.find(([name]) => name === 'notes.onnx')?.[1]() ?? fail();
    expect(summaryText('notes.onnx', signal)).toContain('Cell i of an output looks at the samples from offset + i * stride on,');
  });

  test('gives up what can be done without, bit by bit', () => {
    const head = (columns: number): string => summaryText('lenet5.onnx', summary(), columns).find((line) => line.includes('layer ')) ?? '';
    expect(head(120)).toMatch(/field +stride +offset +parameters +multiply-adds/);
    expect(head(100)).toMatch(/field +stride +offset/);
    expect(head(60)).not.toMatch(/offset/);
    expect(head(60)).toMatch(/params +madds/);
  });

  test('short notation loses nothing but what is usual', () => {
    expect(shortNotation('Conv2d(3, 64, kernel_size=(11, 11), stride=(4, 4), padding=(2, 2))')).toBe(
      'Conv2d(3, 64, 11x11, stride=4, padding=2)',
    );
    expect(shortNotation('Conv2d(3, 64, kernel_size=(7, 1), stride=(1, 1), padding=(3, 0), groups=3, bias=False)')).toBe(
      'Conv2d(3, 64, 7x1, padding=3x0, groups=3)',
    );
    expect(shortNotation('MaxPool2d(size=(2, 2), stride=(1, 1), dilation=(1, 1))')).toBe('MaxPool2d(2x2)');
    expect(shortNotation('Linear(256 -> 120)')).toBe('Linear(256 -> 120)');
  });
});

describe('inspect -o', () => {
  test('writes what the name of the file says, and every command reads the text', async () => {
    const cwd = program.directory();
    copyFileSync(join(fixtures, 'models/lenet5.onnx'), join(cwd, 'lenet5.onnx'));
    expect(await program.run(['inspect', 'lenet5.onnx', '-o', 'dump.onnxtxt'], { cwd })).toEqual({ code: 0, stdout: '', stderr: '' });
    expect((await program.run(['inspect', 'lenet5.onnx', '-o', 'facts.json'], { cwd })).code).toBe(0);
    expect(JSON.parse(readFileSync(join(cwd, 'facts.json'), 'utf8')).total.layers).toBe(11);
    const again = await program.run(['inspect', 'dump.onnxtxt', '--format', 'json'], { cwd });
    expect(JSON.parse(again.stdout).layers).toEqual(JSON.parse(readFileSync(join(cwd, 'facts.json'), 'utf8')).layers);
    const converted = await program.run(['convert', 'dump.onnxtxt', '-o', 'fcn.onnx'], { cwd });
    expect([converted.code, converted.stderr]).toEqual([0, '']);
    expect(converted.stdout).toMatch(/verdict +equal/);
  }, 60_000);

  test('keeps what is there, unless told otherwise, and the input always', async () => {
    const cwd = program.directory();
    copyFileSync(join(fixtures, 'models/lenet5.onnx'), join(cwd, 'lenet5.onnx'));
    writeFileSync(join(cwd, 'out.txt'), 'mine');
    expect((await program.run(['inspect', 'lenet5.onnx', '-o', 'out.txt'], { cwd })).stderr).toContain('error[OUTPUT_EXISTS]');
    expect(readFileSync(join(cwd, 'out.txt'), 'utf8')).toBe('mine');
    expect((await program.run(['inspect', 'lenet5.onnx', '-o', 'out.txt', '--force'], { cwd })).code).toBe(0);
    expect(readFileSync(join(cwd, 'out.txt'), 'utf8')).toContain('Conv2d(1, 6');
    const size = statSync(join(cwd, 'lenet5.onnx')).size;
    expect((await program.run(['inspect', 'lenet5.onnx', '-o', './lenet5.onnx', '-f'], { cwd })).stderr).toContain(
      'error[OUTPUT_IS_INPUT]',
    );
    expect(statSync(join(cwd, 'lenet5.onnx')).size).toBe(size);
    const outside = await program.run(['inspect', 'lenet5.onnx', '-o', join(program.directory(), 'x.onnxtxt')], { cwd });
    expect([outside.code, outside.stderr]).toEqual([2, expect.stringContaining('error[REFERENCE_OUTSIDE]')]);
    const inline = join(program.directory(), 'x.onnxtxt');
    expect((await program.run(['inspect', 'lenet5.onnx', '-o', inline, '--weights', 'inline'], { cwd })).code).toBe(0);
    expect(existsSync(inline)).toBe(true);
    expect(readdirSync(cwd).sort()).toEqual(['lenet5.onnx', 'out.txt']);
  }, 60_000);
});

test('inspect --diff compares files, in every format', async () => {
  const cwd = program.directory();
  copyFileSync(join(fixtures, 'models/lenet5.onnx'), join(cwd, 'a.onnx'));
  expect((await program.run(['convert', 'a.onnx', '-o', 'b.onnx', '--no-verify', '-q'], { cwd })).code).toBe(0);
  const text = await program.run(['inspect', '--diff', 'a.onnx', 'b.onnx'], { cwd });
  expect([text.code, text.stderr, text.stdout]).toEqual([
    0,
    '',
    expect.stringContaining('6 unchanged, 2 moved, 3 rewritten, 0 added, 1 removed'),
  ]);
  expect(JSON.parse((await program.run(['inspect', '--diff', 'a.onnx', 'b.onnx', '--json'], { cwd })).stdout).nodes.rewritten).toBe(3);
  expect((await program.run(['inspect', '--diff', 'a.onnx', 'b.onnx', '-o', 'diff.svg'], { cwd })).code).toBe(0);
  // A converted model is drawn at the size that it was made for, unless another is asked for.
  expect((await program.run(['inspect', 'b.onnx', '--format', 'svg'], { cwd })).stdout).toContain('→ [N, 10, 1, 1]');
  expect((await program.run(['inspect', 'b.onnx', '--format', 'svg', '--input-size', '32x36'], { cwd })).stdout).toContain(
    '→ [N, 10, 2, 3]',
  );
  const svg = readFileSync(join(cwd, 'diff.svg'), 'utf8');
  expect(svg).toMatch(/class="box view removed" data-id="was:\/Flatten"/);
  expect(svg.match(/class="box conv rewritten"/g)).toHaveLength(3);
}, 60_000);
