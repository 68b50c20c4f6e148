import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { onnx } from 'onnx-proto';
import { bytes, int, message, node, text, varint } from '../../fixtures/broken/make';
import { bufferSource } from '../../src/ir/bytes';
import type { Model } from '../../src/ir/model';
import { readNumbers, tensorBytes } from '../../src/ir/tensor';
import { readModel } from '../../src/onnx/read';
import { modelToBytes } from '../../src/onnx/write';
import { feedsFor, runModel } from '../support/run';

const fixtures = join(__dirname, '../../fixtures/models');
const read = (content: Uint8Array): Model => readModel(bufferSource(content, 'model.onnx'));
const join2 = (...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]));
const floats = (...numbers: number[]): Uint8Array => new Uint8Array(Float32Array.from(numbers).buffer);
const valueInfo = (field: number, name: string, dims: readonly number[]): Uint8Array =>
  message(field, text(1, name), message(2, message(1, int(1, 1), message(2, ...dims.map((dim) => message(1, int(1, dim)))))));
const file = (graph: readonly Uint8Array[], { ir = 8, opset = 17, rest = [] as readonly Uint8Array[] } = {}): Uint8Array =>
  join2(int(1, ir), message(7, ...graph), message(8, int(2, opset)), ...rest);
const weight = (name: string, dims: readonly number[], ...data: readonly Uint8Array[]): Uint8Array =>
  message(5, ...dims.map((dim) => int(1, dim)), int(2, 1), ...data, text(8, name));
const X = valueInfo(11, 'X', [1, 4]);
const Y = valueInfo(12, 'Y', [1, 4]);

describe('reading and writing', () => {
  test.each(readdirSync(fixtures).filter((name) => name.endsWith('.onnx')))('%s: onnx-proto finds the same in what we write', (name) => {
    const original = onnx.ModelProto.decode(readFileSync(join(fixtures, name)));
    const written = onnx.ModelProto.decode(modelToBytes(read(readFileSync(join(fixtures, name)))));
    // Inputs left out at the end of the list are not listed: that is the same node.
    expect(written.graph?.node?.map(({ opType, input, output }) => [opType, input, output])).toEqual(
      original.graph?.node
        ?.filter(({ opType }) => opType !== 'Constant')
        .map(({ opType, input, output }) => [opType, input?.slice(0, input.findLastIndex((name) => name !== '') + 1), output]),
    );
    for (const tensor of original.graph?.initializer ?? []) {
      const twin = written.graph?.initializer?.find((candidate) => candidate.name === tensor.name);
      expect([twin?.dims?.map(Number), twin?.dataType, Buffer.from(twin?.rawData ?? []).equals(Buffer.from(tensor.rawData ?? []))]).toEqual(
        [tensor.dims?.map(Number), tensor.dataType, true],
      );
    }
    expect(Number(written.opsetImport?.[0]?.version)).toBe(Number(original.opsetImport?.[0]?.version));
  });

  test('twice the same bytes', () => {
    const content = readFileSync(join(fixtures, 'lenet5.onnx'));
    const once = modelToBytes(read(content));
    expect(Buffer.from(modelToBytes(read(once))).equals(Buffer.from(once))).toBe(true);
  });

  test('unknown and newer fields survive, on the model, the graph, a node, a value and a tensor', () => {
    const unknown = (text_: string): Uint8Array => text(999, text_);
    const content = file(
      [
        node('Add', ['X', 'W'], ['Y'], message(9, text(1, 'pkg.torch.onnx.name'), text(2, 'layer')), unknown('node')),
        weight('W', [4], bytes(9, floats(1, 2, 3, 4)), unknown('tensor')),
        message(
          11,
          text(1, 'X'),
          message(2, message(1, int(1, 1), message(2, message(1, int(1, 1)), message(1, int(1, 4))))),
          unknown('value'),
        ),
        Y,
        unknown('graph'),
      ],
      { rest: [unknown('model')] },
    );
    const written = Buffer.from(modelToBytes(read(content))).toString('latin1');
    for (const kept of ['node', 'tensor', 'value', 'graph', 'model'])
      expect(written).toContain(Buffer.from(unknown(kept)).toString('latin1'));
    expect(written).toContain('pkg.torch.onnx.name');
  });

  test('explicit zeros stay', () => {
    const alpha = message(5, text(1, 'alpha'), join2(varint(2 * 8 + 5), floats(0)), int(20, 1));
    const [elu] = read(modelToBytes(read(file([node('Elu', ['X'], ['Y'], alpha), X, Y])))).graph.nodes;
    expect(elu?.attrs.get('alpha')).toMatchObject({ kind: 'float', value: 0 });
  });

  test('raw_data that looks like a placeholder is data', () => {
    const forged = new Uint8Array(20).fill(7);
    const model = read(file([node('Add', ['X', 'W'], ['Y']), message(5, int(1, 5), int(2, 1), bytes(9, forged), text(8, 'W')), X, Y]));
    const [constant] = model.graph.constants;
    expect(constant && [...tensorBytes(constant.constant)]).toEqual([...forged]);
  });

  test.each([
    ['float_data', [bytes(4, floats(1, 2, 3, 4))]],
    ['float_data in two records', [bytes(4, floats(1, 2)), bytes(4, floats(3, 4))]],
    ['float_data unpacked', [1, 2, 3, 4].map((number) => join2(varint(4 * 8 + 5), floats(number)))],
    ['raw_data', [bytes(9, floats(1, 2, 3, 4))]],
  ])('weights as %s', async (_, data) => {
    const model = read(file([node('Add', ['X', 'W'], ['Y']), weight('W', [4], ...data), X, Y]));
    const [constant] = model.graph.constants;
    expect(constant && [...readNumbers(constant.constant)]).toEqual([1, 2, 3, 4]);
    const feeds = feedsFor(model.graph.inputs);
    await expect(runModel(model, feeds)).resolves.toBeDefined();
  });

  test('large float_data in two records stays where it is, and is one payload', () => {
    const half = Array.from({ length: 512 }, (_, at) => at);
    const content = file([node('Add', ['X', 'W'], ['Y']), weight('W', [1024], bytes(4, floats(...half)), bytes(4, floats(...half))), X, Y]);
    const [constant] = read(content).graph.constants;
    expect(constant?.constant.data).toMatchObject({ kind: 'ranges', ranges: [{ length: 2048 }, { length: 2048 }] });
    expect(constant && [...readNumbers(constant.constant)]).toEqual([...half, ...half]);
  });

  test('int64 in packed varints, negative ones too', () => {
    const packed = bytes(7, [3, -1, 2 ** 40].flatMap(varint));
    const tensor = message(5, int(1, 3), int(2, 7), packed, text(8, 'W'));
    const [constant] = read(file([node('Relu', ['X'], ['Y']), tensor, X, Y])).graph.constants;
    expect(constant && [...readNumbers(constant.constant)]).toEqual([3, -1, 2 ** 40]);
  });

  test('initializers listed among the inputs (IR 3) are constants and no inputs', () => {
    const model = read(
      file([node('Add', ['X', 'W'], ['Y']), weight('W', [4], bytes(9, floats(1, 2, 3, 4))), X, valueInfo(11, 'W', [4]), Y], {
        ir: 3,
        opset: 8,
      }),
    );
    expect([model.graph.inputs.map(({ name }) => name), model.graph.constants.map(({ name }) => name)]).toEqual([['X'], ['W']]);
  });

  test('Constant nodes are constants', () => {
    const value = message(5, text(1, 'value'), message(5, int(1, 4), int(2, 1), bytes(9, floats(1, 2, 3, 4))), int(20, 4));
    const model = read(file([node('Constant', [], ['W'], value), node('Add', ['X', 'W'], ['Y']), X, Y]));
    expect([model.graph.nodes.length, model.graph.constants.map(({ name }) => name)]).toEqual([1, ['W']]);
  });

  test('nodes out of order are sorted', () => {
    const model = read(file([node('Relu', ['A'], ['Y']), node('Abs', ['X'], ['A']), X, Y]));
    expect(model.graph.nodes.map(({ op }) => op)).toEqual(['Abs', 'Relu']);
  });

  test('names of any characters come back as they were', async () => {
    const odd = 'a "b"\\c/Ω\n.0::^';
    const model = read(modelToBytes(read(file([node('Abs', ['X'], [odd]), node('Relu', [odd], ['Y']), X, Y]))));
    expect(model.graph.nodes[0]?.outputs[0]?.name).toBe(odd);
    await expect(runModel(model, feedsFor(model.graph.inputs))).resolves.toBeDefined();
  });

  test('local functions are inlined, attributes and nested calls included', async () => {
    const call = (op: string, input: string, output: string, ...rest: Uint8Array[]): Uint8Array =>
      join2(text(1, input), text(2, output), text(3, `${op}_call`), text(4, op), text(7, 'local'), ...rest);
    const alphaRef = message(5, text(1, 'alpha'), text(21, 'slope'), int(20, 1));
    const inner = message(
      25,
      text(1, 'Inner'),
      text(4, 'A'),
      text(5, 'B'),
      text(6, 'slope'),
      message(7, text(1, 'A'), text(2, 'B'), text(4, 'LeakyRelu'), alphaRef),
      message(9, int(2, 17)),
      text(10, 'local'),
    );
    const slope = message(5, text(1, 'slope'), join2(varint(2 * 8 + 5), floats(0.5)), int(20, 1));
    const outer = message(
      25,
      text(1, 'Outer'),
      text(4, 'P'),
      text(5, 'Q'),
      message(7, call('Inner', 'P', 'T', slope)),
      message(7, text(1, 'T'), text(2, 'Q'), text(4, 'Neg')),
      message(9, int(2, 17)),
      text(10, 'local'),
    );
    const model = read(
      file([message(1, call('Outer', 'X', 'Y')), X, Y], { rest: [message(8, text(1, 'local'), int(2, 1)), outer, inner] }),
    );
    expect(model.graph.nodes.map(({ op }) => op)).toEqual(['LeakyRelu', 'Neg']);
    const feeds = new Map([
      ['X', { dtype: 'float' as const, shape: [1, 4], data: { kind: 'bytes' as const, bytes: floats(-2, -1, 1, 2) } }],
    ]);
    const result = (await runModel(model, feeds)).get('Y');
    expect(result && [...readNumbers(result)]).toEqual([1, 0.5, -1, -2]);
  });

  test('nothing large is read before it is asked for', () => {
    const content = file([node('Add', ['X', 'W'], ['Y']), weight('W', [1 << 16], bytes(9, new Uint8Array(4 << 16))), X, Y]);
    let bytesRead = 0;
    const source = {
      name: 'counting',
      size: content.length,
      read: (offset: number, length: number) => {
        bytesRead += length;
        return content.subarray(offset, offset + length);
      },
    };
    readModel(source);
    expect(bytesRead).toBeLessThan(64 * 1024);
  });
});
