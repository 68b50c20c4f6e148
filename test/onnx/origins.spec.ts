import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { onnx } from 'onnx-proto';
import { compile } from '../../src/compile';
import { bufferSource } from '../../src/ir/bytes';
import type { Model } from '../../src/ir/model';
import { readModel } from '../../src/onnx/read';
import { parseModel } from '../../src/onnx/text/parser';
import { modelToBytes } from '../../src/onnx/write';

const read = (bytes: Uint8Array): Model => readModel(bufferSource(bytes));
const origins = (model: Model): object => Object.fromEntries(model.graph.nodes.map(({ name, origin }) => [name, origin]));
const lenet = (file: string): Model => read(readFileSync(join(__dirname, '../../fixtures/models', file)));

describe('origins in files', () => {
  test.each([7, 8, 10, 13])('what a node stands for is written and read, IR version %i', (irVersion) => {
    const { model } = compile(lenet('lenet5.onnx'));
    model.irVersion = irVersion;
    const bytes = modelToBytes(model);
    const again = read(bytes);
    expect(origins(again)).toEqual(origins(model));
    const conv = again.graph.nodes.find((node) => node.origin.some((name) => name.endsWith('Gemm')));
    expect(conv?.op).toBe('Conv');
    expect([...again.metadata]).toEqual([...model.metadata]);
    // Where the schema has a place in the node, it is there that others find it.
    const proto = onnx.ModelProto.decode(bytes);
    expect(proto.metadataProps.some(({ key }) => key === 'convolutionize.origins')).toBe(irVersion < 10);
    expect(Buffer.from(modelToBytes(again)).equals(Buffer.from(bytes))).toBe(true);
  });

  test('a model that stands for nothing else says nothing', () => {
    for (const file of ['lenet5.onnx', 'lenet5.dynamo.onnx']) {
      const bytes = Buffer.from(modelToBytes(lenet(file))).toString('latin1');
      expect(bytes).not.toContain('convolutionize.origin');
    }
  });

  test('a second conversion hands on the names of the first model', () => {
    const first = read(modelToBytes(compile(lenet('lenet5.onnx'), { head: 'original', optimise: 2 }).model));
    const second = read(modelToBytes(compile(first).model));
    const known = new Set(lenet('lenet5.onnx').graph.nodes.map(({ name }) => name));
    expect(second.graph.nodes.flatMap(({ origin }) => origin).filter((name) => !known.has(name))).toEqual([]);
  });

  test('what is not a list of names is not an origin', () => {
    const model = parseModel('<ir_version: 10, opset_import: ["" : 21]> g (float[2] X) => (float[2] Y) { Y = Relu (X) }');
    const bytes = modelToBytes(model);
    for (const text of ['{', '[]', '[1]', '"Y"', 'null']) {
      model.metadata.set('convolutionize.origins', text);
      model.irVersion = 9;
      expect(origins(read(modelToBytes(model)))).toEqual({ Y: ['Y'] });
    }
    expect(origins(read(bytes))).toEqual({ Y: ['Y'] });
  });
});
