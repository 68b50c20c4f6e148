/** A certificate is held against files: whatever was changed is found, and said. */
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Ajv2020 from 'ajv/dist/2020';
import { type CertificateCheck, checkCertificate } from '../../src/certificate/check';
import { canonical, selfHash, type WeightRecord } from '../../src/certificate/format';
import { type ConvertFileOptions, convertFile } from '../../src/cli/convert-file';
import { CompileError } from '../../src/diagnostics/compile-error';
import { closeModel, readModelFile, writeModelFile } from '../../src/files';
import type { WriteTfjsOptions } from '../../src/files/tfjs-files';
import type { Model } from '../../src/ir/model';
import { parseGraph } from '../support/expect-pass';

// A busy machine takes its time.
jest.setTimeout(60_000);

const home = mkdtempSync(join(tmpdir(), 'convolutionize-certificate-'));
afterAll(() => rmSync(home, { recursive: true }));
const at = (name: string): string => join(home, name);

/** Large weights that stay, and a norm that folds. */
const network = parseGraph(`<ir_version: 9, opset_import: ["" : 18]> g (float[1, 3, 16, 16] X) => (float[1, 40] Y)
  <float[16, 3, 3, 3] K, float[16] S, float[16] B, float[16] M, float[16] var, float[32, 16, 3, 3] L, float[40, 512] W> {
    c = Conv <kernel_shape = [3, 3], strides = [2, 2]> (X, K) n = BatchNormalization (c, S, B, M, var) r = Relu (n)
    d = Conv <kernel_shape = [3, 3]> (r, L) q = Relu (d) p = MaxPool <kernel_shape = [2, 2], strides = [1, 1]> (q)
    f = Flatten (p) Y = Gemm <transB = 1> (f, W) }`);

async function converted(
  input: string,
  output: string,
  certificate: string,
  { weights = 'copy', tfjs }: { weights?: 'copy' | 'external'; tfjs?: WriteTfjsOptions } = {},
): Promise<void> {
  const options: ConvertFileOptions = {
    compile: {},
    output: at(output),
    tfjs,
    weights,
    force: true,
    allowSymlinks: false,
    verify: { samples: 1 },
    keepFailed: false,
    allowUnverified: false,
    certificate: at(certificate),
    warn: () => {},
    step: () => {},
  };
  await convertFile(at(input), options, () => undefined);
}

beforeAll(async () => {
  // 4 x 4 cells of 32 channels.
  writeModelFile(network, at('net.onnx'));
  await converted('net.onnx', 'fcn.onnx', 'cert.json');
}, 60_000);

const read = (name: string): Record<string, unknown> => JSON.parse(readFileSync(at(name), 'utf8'));
const about = ({ problems }: CertificateCheck): string[] => [...new Set(problems.map((problem) => problem.about))].sort();
/** The converted model after a change, under another name. */
const changed = (name: string, change: (model: Model) => void): string => {
  const model = readModelFile(at('fcn.onnx'));
  change(model);
  writeModelFile(model, at(name), { force: true });
  closeModel(model);
  return at(name);
};

test('what was converted is what is there, from wherever it is looked at', () => {
  const check = checkCertificate(at('cert.json'));
  expect(check.problems).toEqual([]);
  expect(check.weights).toMatchObject({ compared: 2, bytes: 4 * (32 * 16 * 9 + 40 * 512) });
  copyFileSync(at('fcn.onnx'), at('elsewhere.onnx'));
  expect(checkCertificate(at('cert.json'), { original: at('net.onnx'), converted: at('elsewhere.onnx') }).problems).toEqual([]);
});

test('says which rewrites were made, of which class, and which weights are the same bytes', () => {
  const record = read('cert.json');
  expect(record.rewrites).toContainEqual(expect.objectContaining({ pass: 'fold-batch-norm', numbers: 'rounding' }));
  expect(record.rewrites).toContainEqual(expect.objectContaining({ pass: 'linear-to-conv', nodes: expect.arrayContaining(['Y', 'f']) }));
  expect(record.weights).toContainEqual(expect.objectContaining({ kind: 'same', dtype: 'float', shape: [32, 16, 3, 3] }));
  expect(record.weights).toContainEqual(expect.objectContaining({ kind: 'computed', shape: [16, 3, 3, 3], sha256: expect.any(String) }));
  expect(record.verification).toMatchObject({ verdict: 'equal' });
});

test('follows its schema, which can fail', () => {
  const validate = new Ajv2020({ allErrors: true }).compile(
    JSON.parse(readFileSync(join(__dirname, '../../docs/schemas/certificate.schema.json'), 'utf8')),
  );
  expect([validate(read('cert.json')), validate.errors]).toEqual([true, null]);
  expect(validate({ ...read('cert.json'), sha256: 'x' })).toBe(false);
  expect(validate({ ...read('cert.json'), more: 1 })).toBe(false);
});

describe('found', () => {
  test('a bit of a weight that is the same, and of one that was computed', () => {
    const bytes = readFileSync(at('fcn.onnx'));
    const check = (offset: number): CertificateCheck => {
      const copy = Buffer.from(bytes);
      copy[offset] = (copy[offset] ?? 0) ^ 1;
      writeFileSync(at('bit.onnx'), copy);
      return checkCertificate(at('cert.json'), { converted: at('bit.onnx') });
    };
    const weights = read('cert.json').weights;
    if (!Array.isArray(weights)) throw new Error('no weights');
    for (const weight of weights.filter((each) => each.at.length > 0)) {
      const found = check(weight.at[0].offset + 4);
      expect([weight.name, about(found)]).toEqual([weight.name, ['converted', 'weight']]);
      expect(found.problems.map(({ message }) => message).join()).toContain(`'${weight.name}'`);
    }
  });

  test('an edited graph: an attribute, a node less, another name', () => {
    const pad = changed('pad.onnx', ({ graph }) => {
      const conv = graph.nodes.filter(({ op }) => op === 'Conv')[1];
      if (conv) graph.respell(conv, { attrs: new Map([...conv.attrs, ['dilations', { kind: 'ints', value: [1, 2] }]]) });
    });
    expect(about(checkCertificate(at('cert.json'), { converted: pad }))).toEqual(['converted', 'graph']);
    const less = changed('less.onnx', ({ graph }) => {
      const relu = graph.nodes.find(({ op }) => op === 'Relu');
      const [from, to] = [relu?.inputs[0], relu?.outputs[0]];
      if (relu && from && to) graph.replaceAllUses(to, from);
      if (relu) graph.removeNode(relu);
    });
    expect(about(checkCertificate(at('cert.json'), { converted: less }))).toEqual(['converted', 'graph']);
  });

  test('the same model stored in another way is another file, and nothing else', () => {
    const again = changed('again.onnx', (model) => {
      model.producer = { name: 'someone', version: '2' };
    });
    expect(about(checkCertificate(at('cert.json'), { converted: again }))).toEqual(['converted']);
  });

  test('another original, two files changed for each other, a file that is not a model', () => {
    expect(about(checkCertificate(at('cert.json'), { original: at('fcn.onnx'), converted: at('fcn.onnx') }))).toContain('original');
    expect(about(checkCertificate(at('cert.json'), { original: at('fcn.onnx'), converted: at('net.onnx') }))).toEqual(
      expect.arrayContaining(['converted', 'original']),
    );
    writeFileSync(at('cut.onnx'), readFileSync(at('fcn.onnx')).subarray(0, 5000));
    expect(about(checkCertificate(at('cert.json'), { converted: at('cut.onnx') }))).toEqual(['converted']);
    expect(() => checkCertificate(at('cert.json'), { converted: at('nowhere.onnx') })).toThrow(CompileError);
  });

  test('an edited certificate, whatever is edited', () => {
    const edited = (change: (record: Record<string, unknown>) => void): string[] => {
      const record = read('cert.json');
      change(record);
      writeFileSync(at('edited.json'), JSON.stringify(record));
      return about(checkCertificate(at('edited.json')));
    };
    expect(edited(() => {})).toEqual([]);
    expect(edited((record) => (record.head = 'cell'))).toEqual(['certificate']);
    expect(edited((record) => (record.rewrites = []))).toEqual(['certificate']);
    expect(edited((record) => (record.verification = null))).toEqual(['certificate']);
    // With the hash made anew it is whole: no signature. What it says of the files is still held against them.
    expect(
      edited((record) => {
        record.head = 'cell';
        record.sha256 = selfHash(record);
      }),
    ).toEqual([]);
    expect(
      edited((record) => {
        const weights = record.weights;
        if (Array.isArray(weights)) for (const weight of weights) if (weight.kind === 'same') weight.from[0].offset += 4;
        record.sha256 = selfHash(record);
      }),
    ).toEqual(['weight']);
  });

  test('what is not a certificate is an error', () => {
    for (const text of ['', '[]', '{"format": "convolutionize certificate"}', '{"format": "other", "version": 1}']) {
      writeFileSync(at('none.json'), text);
      expect(() => checkCertificate(at('none.json'))).toThrow(expect.objectContaining({ code: 'CERTIFICATE_INVALID' }));
    }
  });
});

test('weights in a file of their own are part of the record', async () => {
  await converted('net.onnx', 'apart.onnx', 'apart.json', { weights: 'external' });
  expect(checkCertificate(at('apart.json')).problems).toEqual([]);
  const data = readFileSync(at('apart.onnx.data'));
  data[4000] = (data[4000] ?? 0) ^ 1;
  writeFileSync(at('apart.onnx.data'), data);
  expect(about(checkCertificate(at('apart.json')))).toEqual(['converted', 'weight']);
}, 60_000);

describe('TensorFlow.js', () => {
  const weightsOf = (name: string): WeightRecord[] => read(name).weights as WeightRecord[];
  // Small shards: weights begin in one and end in another.
  beforeAll(() => converted('net.onnx', 'web', 'web.json', { tfjs: { shardSize: 8192 } }));

  test('weights are permuted again and compared, what was folded is hashed', () => {
    const check = checkCertificate(at('web.json'));
    expect(check.problems).toEqual([]);
    expect(check.weights).toMatchObject({ permuted: 2, permutedBytes: 4 * (32 * 16 * 9 + 40 * 512) });
    expect(weightsOf('web.json')).toContainEqual(
      expect.objectContaining({
        kind: 'permuted',
        shape: [3, 3, 16, 32],
        permutation: { dtype: 'float', shape: [32, 16, 3, 3], perm: [2, 3, 1, 0] },
      }),
    );
    expect(weightsOf('web.json')).toContainEqual(expect.objectContaining({ kind: 'computed', shape: [3, 3, 3, 16] }));
    const schema = JSON.parse(readFileSync(join(__dirname, '../../docs/schemas/certificate.schema.json'), 'utf8'));
    expect(new Ajv2020().compile(schema)(read('web.json'))).toBe(true);
  });

  test('a bit of any weight, in whatever shard it lies', () => {
    const files = (read('web.json').converted as { files: { name: string }[] }).files.map(({ name }) => at(name));
    expect(files.length).toBeGreaterThan(5);
    for (const { name, at: places } of weightsOf('web.json')) {
      const { file, offset, length } = places.at(-1) ?? { file: 0, offset: 0, length: 0 };
      const path = files[file] ?? '';
      const whole = readFileSync(path);
      const spoilt = Buffer.from(whole);
      spoilt[offset + length - 1] = (spoilt[offset + length - 1] ?? 0) ^ 1;
      writeFileSync(path, spoilt);
      const found = checkCertificate(at('web.json'));
      writeFileSync(path, whole);
      expect([name, about(found)]).toEqual([name, ['converted', 'weight']]);
      expect(found.problems.map(({ message }) => message).join()).toContain(`weight '${name}'`);
    }
    expect(checkCertificate(at('web.json')).problems).toEqual([]);
  });

  test('an edited graph, a shard that is gone, a permutation that is not the one', () => {
    const path = at('web/model.json');
    const whole = readFileSync(path, 'utf8');
    writeFileSync(path, whole.replace('"VkFMSUQ="', '"U0FNRQ=="'));
    expect(about(checkCertificate(at('web.json')))).toEqual(['converted', 'graph']);
    writeFileSync(path, JSON.stringify(JSON.parse(whole), undefined, 1));
    expect(about(checkCertificate(at('web.json')))).toEqual(['converted']);
    writeFileSync(path, whole);
    const shard = at((read('web.json').converted as { files: { name: string }[] }).files[2]?.name ?? '');
    const bytes = readFileSync(shard);
    rmSync(shard);
    expect(about(checkCertificate(at('web.json')))).toEqual(['converted', 'weight']);
    writeFileSync(shard, bytes);
    const record = read('web.json');
    for (const weight of weightsOf('web.json'))
      if (weight.permutation)
        Object.assign(record, { weights: [{ ...weight, permutation: { ...weight.permutation, perm: [3, 2, 1, 0] } }] });
    writeFileSync(at('other.json'), JSON.stringify({ ...record, sha256: selfHash(record) }));
    expect(about(checkCertificate(at('other.json')))).toContain('weight');
  });

  test('weights in fewer bits are computed', async () => {
    await converted('net.onnx', 'small', 'small.json', { tfjs: { quantisation: { float16: ['*'] } } });
    expect(checkCertificate(at('small.json')).problems).toEqual([]);
    expect(weightsOf('small.json').filter(({ kind, shape }) => kind !== 'computed' && shape.length > 1)).toEqual([]);
  });

  test('the record is not a file of the directory that is replaced', async () => {
    await expect(converted('net.onnx', 'web', 'web/cert.json', { tfjs: {} })).rejects.toMatchObject({ code: 'BAD_OPTION' });
  });
});

test('one spelling of JSON', () => {
  expect(canonical({ b: [1, null, 'x'], a: { d: undefined, c: 1.5 } })).toBe('{"a":{"c":1.5},"b":[1,null,"x"]}');
});
