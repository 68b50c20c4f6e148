import { broken, soundModel } from '../../fixtures/broken/make';
import { CompileError } from '../../src/diagnostics/compile-error';
import { bufferSource } from '../../src/ir/bytes';
import { readModel } from '../../src/onnx/read';

const failure = (bytes: Uint8Array): unknown => {
  try {
    readModel(bufferSource(bytes, 'model.onnx'));
    return undefined;
  } catch (error) {
    return error;
  }
};

describe('broken models', () => {
  test('the sound one is read', () => {
    expect(readModel(bufferSource(soundModel)).graph.nodes.map((node) => node.op)).toEqual(['Relu']);
  });

  test.each(broken.map((entry) => [entry.name, entry] as const))(
    '%s is refused with its place and what to do',
    (_, { bytes, code, says }) => {
      const error = failure(bytes);
      expect(error).toBeInstanceOf(CompileError);
      if (!(error instanceof CompileError)) return;
      expect([error.code, error.message]).toEqual([code, expect.stringMatching(says)]);
      expect(error.diagnostic.hint).toBeTruthy();
    },
  );

  test('whatever is cut off the end, the answer is an error and never a crash', () => {
    for (let length = 0; length < soundModel.length; length++) {
      const error = failure(soundModel.slice(0, length));
      if (error !== undefined) expect(error).toBeInstanceOf(CompileError);
    }
  });

  test('flipped bits are an error or another model, never a crash', () => {
    for (let bit = 0; bit < soundModel.length * 8; bit++) {
      const bytes = soundModel.slice();
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const error = failure(bytes);
      if (error !== undefined) expect(error).toBeInstanceOf(CompileError);
    }
  });
});
