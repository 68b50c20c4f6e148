import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv2020 from 'ajv/dist/2020';
import { diffGraphs, type GraphDiff } from '../../src/analysis/diff';
import { compile } from '../../src/compile';
import { declaredSize } from '../../src/compile/metadata';
import { bufferSource } from '../../src/ir/bytes';
import type { Model } from '../../src/ir/model';
import { samePayload } from '../../src/ir/payload';
import { computedTensor, fromNumbers } from '../../src/ir/tensor';
import type { Tensor } from '../../src/ir/types';
import { readModel } from '../../src/onnx/read';
import { parseModel } from '../../src/onnx/text/parser';
import { modelToBytes } from '../../src/onnx/write';
import { diffJson, diffText } from '../../src/reports/diff';
import { typed } from '../../src/reports/typed';

const parse = (body: string): Model => typed(parseModel(`<ir_version: 10, opset_import: ["" : 21]> g ${body}`), undefined);
const diff = (before: string, after: string): GraphDiff => diffGraphs(parse(before).graph, parse(after).graph);
const told = ({ nodes }: GraphDiff): string[] =>
  nodes.map(({ status, before, after }) => `${status} ${before?.name ?? '-'} ${after?.name ?? '-'}`);

const HEAD = '(float[1, 2, 3, 4] X) => (float[1, 2, 3, 4] Y)';
const W = (numbers: string, name = 'W'): string => `<float[2, 2, 1, 1] ${name} = {${numbers}}>`;

describe('what became of a node', () => {
  test('nothing, when the models are equal, spelled-out defaults aside', () => {
    const before = `${HEAD} ${W('1, 2, 3, 4')} { A = Conv (X, W) Y = Relu (A) }`;
    const after = `${HEAD} ${W('1, 2, 3, 4', 'V')} { A = Conv <strides = [1, 1], group = 1, auto_pad = "NOTSET"> (X, V) Y = Relu (A) }`;
    const result = diff(before, after);
    expect(result.counts).toEqual({ unchanged: 1, moved: 0, rewritten: 1, added: 0, removed: 0 });
    // Strides have no default that is independent of the rank: said out they are a change that is told.
    expect(result.nodes[0]?.attributes.map(({ name }) => name)).toEqual(['strides']);
    expect(result.weights).toEqual({ same: 1, changed: 0, added: 0, removed: 0 });
  });

  test.each<[string, string, string[]]>([
    [
      'another attribute',
      `${HEAD} ${W('1, 2, 3, 4')} { A = Conv <dilations = [2, 2]> (X, W) Y = Relu (A) }`,
      ['rewritten A A', 'unchanged Y Y'],
    ],
    ['other numbers', `${HEAD} ${W('1, 2, 3, 5')} { A = Conv (X, W) Y = Relu (A) }`, ['rewritten A A', 'unchanged Y Y']],
    ['another operator', `${HEAD} ${W('1, 2, 3, 4')} { A = Conv (X, W) Y = Sigmoid (A) }`, ['unchanged A A', 'rewritten Y Y']],
    ['one more', `${HEAD} ${W('1, 2, 3, 4')} { A = Conv (X, W) N = Abs (A) Y = Relu (N) }`, ['unchanged A A', 'added - N', 'moved Y Y']],
    ['one less', `${HEAD} { Y = Relu (X) }`, ['removed A -', 'moved Y Y']],
  ])('%s', (_, after, expected) => {
    expect(told(diff(`${HEAD} ${W('1, 2, 3, 4')} { A = Conv (X, W) Y = Relu (A) }`, after))).toEqual(expected);
  });

  test('byte for byte: a weight whose numbers changed is not the same', () => {
    const [one, other] = [W('1, 2, 3, 4'), W('1, 2, 3, 5')].map((w) => `${HEAD} ${w} { Y = Conv (X, W) }`);
    expect(diff(one ?? '', other ?? '').weights).toEqual({ same: 0, changed: 1, added: 0, removed: 0 });
  });
});

describe('a conversion', () => {
  const original = readModel(bufferSource(readFileSync(join(__dirname, '../../fixtures/models/lenet5.onnx'))));
  // As it is found in a file: origins have to come back.
  const converted = readModel(bufferSource(modelToBytes(compile(original).model)));
  const result = diffGraphs(typed(original, undefined).graph, typed(converted, declaredSize(converted)).graph);

  test('is told node by node', () => {
    expect(result.counts).toEqual({ unchanged: 6, moved: 2, rewritten: 3, added: 0, removed: 1 });
    expect(result.weights).toEqual({ same: 10, changed: 0, added: 0, removed: 0 });
    const text = diffText('a.onnx', 'b.onnx', result);
    expect(text).toEqual(
      expect.arrayContaining([
        '= 6 nodes, Conv /features/features.0/Conv to MaxPool /features/features.5/MaxPool',
        '- Flatten /Flatten',
        '    went into Conv /classifier/classifier.0/Gemm_Conv',
        '~ Gemm /classifier/classifier.0/Gemm -> Conv /classifier/classifier.0/Gemm_Conv',
        '    weight classifier.0.weight -> classifier.0.weight_kernel float[120, 256] -> float[120, 16, 4, 4]: the same bytes',
        '    shape [N, 120] -> [N, 120, 1, 1]',
      ]),
    );
    for (const line of diffText('a.onnx', 'b.onnx', result, 80)) expect(line.length).toBeLessThanOrEqual(80);
  });

  test('and as JSON by its schema', () => {
    const validate = new Ajv2020({ allowUnionTypes: true }).compile(
      JSON.parse(readFileSync(join(__dirname, '../../docs/schemas/diff.schema.json'), 'utf8')),
    );
    const json = JSON.parse(JSON.stringify(diffJson('a.onnx', 'b.onnx', result)));
    validate(json);
    expect(validate.errors ?? []).toEqual([]);
    expect(validate({ ...json, changes: [{ ...json.changes[0], status: 'lost' }] })).toBe(false);
  });

  test('a folded norm is removed, into the convolution whose weights it changed', () => {
    const before = parse(`(float[1, 2, 3, 4] X) => (float[1, 2, 3, 4] Y)
      <float[2, 2, 1, 1] W = {1, 2, 3, 4}, float[2] s = {2, 3}, float[2] b = {1, 1}, float[2] m = {0, 0}, float[2] v = {1, 4}> {
        C = Conv (X, W) N = BatchNormalization (C, s, b, m, v) Y = Relu (N) }`);
    const { model } = compile(before, { head: 'original' });
    const folded = diffGraphs(before.graph, typed(readModel(bufferSource(modelToBytes(model))), undefined).graph);
    expect(folded.nodes.map(({ status, before: node, merged }) => [status, node?.op, merged.map(({ op }) => op)])).toEqual([
      ['rewritten', 'Conv', ['BatchNormalization']],
      ['removed', 'BatchNormalization', []],
      ['moved', 'Relu', []],
    ]);
    expect(folded.nodes[0]?.weights[0]).toMatchObject({ before: 'W', bytes: 'changed' });
    expect(folded.nodes[1]?.into).toBe(folded.nodes[0]?.after);
  });
});

describe('payloads', () => {
  const ranged = (bytes: Uint8Array, ...cuts: readonly number[]): Tensor => {
    const source = bufferSource(bytes);
    const ends = [...cuts, bytes.length];
    return {
      dtype: 'uint8',
      shape: [bytes.length],
      data: {
        kind: 'ranges',
        encoding: 'raw',
        ranges: ends.map((end, at) => ({ source, offset: cuts[at - 1] ?? 0, length: end - (cuts[at - 1] ?? 0) })),
      },
    };
  };
  const bytes = Uint8Array.from({ length: (1 << 20) + 77 }, (_, at) => (at * 31) % 251);
  const other = Uint8Array.from(bytes);
  other[bytes.length - 1] = 255;

  test('are compared wherever they lie and however they are cut', () => {
    expect(samePayload(ranged(bytes), ranged(Uint8Array.from(bytes), 5, 700_000))).toBe(true);
    expect(samePayload(ranged(bytes, 9), { dtype: 'uint8', shape: [bytes.length], data: { kind: 'bytes', bytes } })).toBe(true);
    expect(samePayload(ranged(bytes), ranged(other, 5))).toBe(false);
    expect(samePayload(ranged(bytes), ranged(bytes.subarray(1)))).toBe(false);
    expect(
      samePayload(
        fromNumbers('float', [2], [1, 2]),
        computedTensor('float', [1, 2], () => [1, 2]),
      ),
    ).toBe(true);
    expect(samePayload(fromNumbers('int32', [2], [1, 2]), fromNumbers('float', [2], [1, 2]))).toBe(false);
  });

  test('a place of a file that both refer to is not read', () => {
    const source = {
      name: 'x',
      size: 10,
      read: (): never => {
        throw new Error('was read');
      },
    };
    const tensor = (): Tensor => ({
      dtype: 'uint8',
      shape: [10],
      data: { kind: 'ranges', encoding: 'raw', ranges: [{ source, offset: 0, length: 10 }] },
    });
    expect(samePayload(tensor(), tensor())).toBe(true);
  });
});
