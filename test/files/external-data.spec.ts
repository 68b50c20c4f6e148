import { existsSync, linkSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { int, message, node, text } from '../../fixtures/broken/make';
import { CompileError } from '../../src/diagnostics/compile-error';
import { closeModel, inheritOrigin, readModelFile, writeModelFile } from '../../src/files';
import { Graph } from '../../src/ir/graph';
import { Model } from '../../src/ir/model';
import { computedTensor, fromNumbers, readNumbers } from '../../src/ir/tensor';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'convolutionize-test-'));
  mkdirSync(join(home, 'models'));
  writeFileSync(join(home, 'models', 'w.bin'), new Uint8Array(Float32Array.from([1, 2, 3, 4]).buffer));
  writeFileSync(join(home, 'outside.bin'), new Uint8Array(16));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const info = (field: number, name: string): Uint8Array =>
  message(field, text(1, name), message(2, message(1, int(1, 1), message(2, message(1, int(1, 4))))));

/** A model with one external tensor of four floats. */
function modelWith(entries: readonly (readonly [string, string])[]): string {
  const tensor = message(
    5,
    int(1, 4),
    int(2, 1),
    text(8, 'W'),
    ...entries.map(([key, value]) => message(13, text(1, key), text(2, value))),
    int(14, 1),
  );
  const graph = message(7, node('Add', ['X', 'W'], ['Y']), tensor, info(11, 'X'), info(12, 'Y'));
  const path = join(home, 'models', 'm.onnx');
  writeFileSync(path, Uint8Array.from([...int(1, 8), ...graph, ...message(8, int(2, 17))]));
  return path;
}
const weights = (path: string, options = {}): number[] => {
  const model = readModelFile(path, options);
  try {
    return model.graph.constants.flatMap((constant) => [...readNumbers(constant.constant)]);
  } finally {
    closeModel(model);
  }
};
const failure = (action: () => unknown): string => {
  try {
    action();
    return 'no error';
  } catch (error) {
    return error instanceof CompileError ? `${error.code}: ${error.message}` : `crash: ${String(error)}`;
  }
};

describe('external data', () => {
  test('is read by offset and length, and without either', () => {
    expect(
      weights(
        modelWith([
          ['location', 'w.bin'],
          ['offset', '0'],
          ['length', '16'],
        ]),
      ),
    ).toEqual([1, 2, 3, 4]);
    expect(weights(modelWith([['location', 'w.bin']]))).toEqual([1, 2, 3, 4]);
  });

  test.each<[string, readonly (readonly [string, string])[], RegExp]>([
    ['an absolute location', [['location', '/etc/passwd']], /must be relative/],
    ['a way out', [['location', '../outside.bin']], /must not contain "\.\."/],
    ['a way out and back', [['location', 'sub/../w.bin']], /must not contain "\.\."/],
    ['a way out with backslashes', [['location', '..\\outside.bin']], /must not contain "\.\."/],
    ['a drive', [['location', 'C:\\w.bin']], /must be relative/],
    ['a missing file', [['location', 'none.bin']], /does not exist/],
    ['a directory', [['location', '.']], /not a plain file|resolves outside/],
    ['no location', [['offset', '0']], /no location/],
    ['an empty location', [['location', '']], /no location/],
    [
      'an offset past the end',
      [
        ['location', 'w.bin'],
        ['offset', '17'],
        ['length', '16'],
      ],
      /offset 17 is past the end/,
    ],
    [
      'a length past the end',
      [
        ['location', 'w.bin'],
        ['offset', '8'],
        ['length', '16'],
      ],
      /has only 8 of its 16 bytes/,
    ],
    [
      'a negative offset',
      [
        ['location', 'w.bin'],
        ['offset', '-4'],
      ],
      /not a non-negative integer/,
    ],
    [
      'an offset that is not a number',
      [
        ['location', 'w.bin'],
        ['offset', 'abc'],
      ],
      /not a non-negative integer/,
    ],
    [
      'an offset of 2^63',
      [
        ['location', 'w.bin'],
        ['offset', '9223372036854775808'],
      ],
      /not a non-negative integer/,
    ],
    [
      'a length that does not fit the shape',
      [
        ['location', 'w.bin'],
        ['length', '12'],
      ],
      /does not match its shape/,
    ],
    [
      'a key given twice',
      [
        ['location', 'w.bin'],
        ['location', 'w.bin'],
      ],
      /key 'location' twice/,
    ],
  ])('%s is refused', (_, entries, says) => {
    expect(failure(() => readModelFile(modelWith(entries)))).toMatch(says);
  });

  test('an unknown key is a warning', () => {
    const warnings: string[] = [];
    closeModel(
      readModelFile(
        modelWith([
          ['location', 'w.bin'],
          ['colour', 'red'],
        ]),
        { warn: ({ code }) => warnings.push(code) },
      ),
    );
    expect(warnings).toEqual(['UNKNOWN_EXTERNAL_KEY']);
  });

  test('symbolic links are refused unless allowed, and never lead outside', () => {
    symlinkSync('w.bin', join(home, 'models', 'link.bin'));
    symlinkSync('../outside.bin', join(home, 'models', 'out.bin'));
    expect(failure(() => readModelFile(modelWith([['location', 'link.bin']])))).toMatch(/symbolic link/);
    expect(weights(modelWith([['location', 'link.bin']]), { allowSymlinks: true })).toEqual([1, 2, 3, 4]);
    expect(failure(() => readModelFile(modelWith([['location', 'out.bin']]), { allowSymlinks: true }))).toMatch(
      /outside the model directory/,
    );
  });

  test('a cache of links, as model hubs keep them, works where links are allowed', () => {
    mkdirSync(join(home, 'snapshot'));
    const real = modelWith([['location', 'w.bin']]);
    symlinkSync(real, join(home, 'snapshot', 'm.onnx'));
    symlinkSync(join(home, 'models', 'w.bin'), join(home, 'snapshot', 'w.bin'));
    expect(weights(join(home, 'snapshot', 'm.onnx'), { allowSymlinks: true })).toEqual([1, 2, 3, 4]);
  });

  test('hard links are refused', () => {
    linkSync(join(home, 'outside.bin'), join(home, 'models', 'hard.bin'));
    expect(failure(() => readModelFile(modelWith([['location', 'hard.bin']])))).toMatch(/2 hard links/);
  });
});

describe('model files', () => {
  function big(compute = (): number[] => Array.from({ length: 4096 }, (_, at) => at)): Model {
    const graph = new Graph('g');
    const x = graph.addInput('X', { dtype: 'float', shape: [1, 4096] });
    const w = graph.addConstant('W', computedTensor('float', [4096], compute));
    const s = graph.addConstant('s', fromNumbers('float', [1], [2]));
    const sum = graph.addNode({ op: 'Add', inputs: [x, w], outputs: ['A'] });
    const product = graph.addNode({ op: 'Mul', inputs: [sum.outputs[0], s], outputs: ['Y'] });
    const [y] = product.outputs;
    if (y) graph.setType(y, { dtype: 'float', shape: [1, 4096] });
    graph.setOutputs(product.outputs);
    return new Model({ graph });
  }
  const expected = Array.from({ length: 4096 }, (_, at) => at);
  const weightOf = (path: string): number[] => weights(path).slice(0, 4096);

  test('inline and external weights hold the same; external ones are aligned', () => {
    writeModelFile(big(), join(home, 'inline.onnx'));
    writeModelFile(big(), join(home, 'external.onnx'), { weights: 'external' });
    expect(weightOf(join(home, 'inline.onnx'))).toEqual(expected);
    expect(weightOf(join(home, 'external.onnx'))).toEqual(expected);
    expect(readdirSync(home).sort()).toEqual(['external.onnx', 'external.onnx.data', 'inline.onnx', 'models', 'outside.bin']);
    expect(readFileSync(join(home, 'external.onnx.data')).byteLength).toBe(16384);
  });

  test('external weights beside the output stay where they are', () => {
    writeModelFile(big(), join(home, 'a.onnx'), { weights: 'external' });
    const model = readModelFile(join(home, 'a.onnx'));
    writeModelFile(model, join(home, 'b.onnx'));
    closeModel(model);
    expect(readdirSync(home).filter((name) => name.endsWith('.data'))).toEqual(['a.onnx.data']);
    expect(readFileSync(join(home, 'b.onnx')).byteLength).toBeLessThan(2000);
    expect(weightOf(join(home, 'b.onnx'))).toEqual(expected);
  });

  test('in another directory they come along', () => {
    writeModelFile(big(), join(home, 'a.onnx'), { weights: 'external' });
    const model = readModelFile(join(home, 'a.onnx'));
    writeModelFile(model, join(home, 'models', 'b.onnx'));
    closeModel(model);
    expect(weightOf(join(home, 'models', 'b.onnx'))).toEqual(expected);
  });

  test('a reference leaves the weights in the original model', () => {
    writeModelFile(big(), join(home, 'a.onnx'));
    const source = readModelFile(join(home, 'a.onnx'));
    const made = source.clone();
    inheritOrigin(made, source);
    writeModelFile(made, join(home, 'b.onnx'), { weights: 'reference' });
    closeModel(source);
    expect(readFileSync(join(home, 'b.onnx')).byteLength).toBeLessThan(2000);
    expect(weightOf(join(home, 'b.onnx'))).toEqual(expected);
  });

  test('an existing file stays unless force is given, and the input is never its own output', () => {
    writeModelFile(big(), join(home, 'a.onnx'));
    const before = readFileSync(join(home, 'a.onnx'));
    expect(failure(() => writeModelFile(big(), join(home, 'a.onnx')))).toMatch(/OUTPUT_EXISTS/);
    const model = readModelFile(join(home, 'a.onnx'));
    expect(failure(() => writeModelFile(model, join(home, 'a.onnx')))).toMatch(/OUTPUT_IS_INPUT/);
    closeModel(model);
    expect(readFileSync(join(home, 'a.onnx')).equals(before)).toBe(true);
  });

  test('a failure in the middle leaves nothing behind', () => {
    const failing = big(() => {
      throw new CompileError({ code: 'CANNOT_WRITE', message: 'in the middle' });
    });
    expect(failure(() => writeModelFile(failing, join(home, 'a.onnx')))).toMatch(/in the middle/);
    expect(readdirSync(home).sort()).toEqual(['models', 'outside.bin']);
  });

  test('a directory that is not there is an error about the output', () => {
    expect(failure(() => writeModelFile(big(), join(home, 'nowhere', 'a.onnx')))).toMatch(/OUTPUT_DIRECTORY_MISSING/);
    expect(existsSync(join(home, 'nowhere'))).toBe(false);
  });

  test('an input that changes between reading and copying is noticed', () => {
    writeModelFile(big(), join(home, 'a.onnx'));
    const model = readModelFile(join(home, 'a.onnx'));
    writeFileSync(join(home, 'a.onnx'), new Uint8Array(20_000));
    expect(failure(() => writeModelFile(model, join(home, 'b.onnx')))).toMatch(/INPUT_CHANGED/);
    closeModel(model);
    expect(existsSync(join(home, 'b.onnx'))).toBe(false);
  });

  test('a missing file, a directory', () => {
    expect(failure(() => readModelFile(join(home, 'none.onnx')))).toMatch(/CANNOT_READ.*no such file/);
    expect(failure(() => readModelFile(home))).toMatch(/CANNOT_READ.*not a plain file/);
  });
});
