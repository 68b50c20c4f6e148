/** Files as exporters wrote them: what comes back is spelled as it was, node for node, and means the same in newer opsets. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bufferSource } from '../../../src/ir/bytes';
import type { Model } from '../../../src/ir/model';
import { raiseToNormalForm, spell } from '../../../src/onnx/opset';
import { readModel } from '../../../src/onnx/read';
import { type Result, run, spelling } from './verbatim';

const fixtures = join(__dirname, '..', '..', '..', 'fixtures');
const files = (folder: string): string[] => readdirSync(join(fixtures, folder)).filter((name) => name.endsWith('.onnx'));

/** In the file's own spelling; external data, which the zoo does not have, reads as zeros. */
const asWritten = (folder: string, name: string): Model =>
  readModel(bufferSource(readFileSync(join(fixtures, folder, name)), name), {
    keepOpset: true,
    openExternal: (location) => ({ name: location, size: 2 ** 40, read: (_, length) => new Uint8Array(length) }),
  });

test.each([...files('opsets').map((name) => ['opsets', name]), ...files('zoo').map((name) => ['zoo', name])])(
  '%s/%s comes back as it was',
  (folder, name) => {
    const model = asWritten(folder ?? '', name ?? '');
    const before = spelling(model);
    const opset = model.opsets.get('');
    raiseToNormalForm(model);
    const written = spell(model);
    expect([written.opset, written.model.irVersion]).toEqual([opset, model.irVersion]);
    expect(spelling(written.model)).toEqual(before);
  },
);

describe.each(files('opsets'))('%s gives the same numbers', (name) => {
  let expected: Record<string, Result>;
  beforeAll(async () => {
    expected = await run(asWritten('opsets', name));
  });

  test.each([11, 13, 18, 21, 26])('in opset %i', async (target) => {
    const model = asWritten('opsets', name);
    const own = model.opsets.get('') ?? 0;
    raiseToNormalForm(model);
    model.opsets.set('', Math.max(own, target));
    const actual = await run(spell(model).model);
    for (const [output, { numbers, dims }] of Object.entries(expected)) {
      expect([output, actual[output]?.dims]).toEqual([output, dims]);
      // AveragePool has another kernel from opset 19 on.
      numbers.forEach((number, at) => {
        expect(Math.abs(number - (actual[output]?.numbers[at] ?? Number.NaN))).toBeLessThanOrEqual(1e-6 * Math.max(1, Math.abs(number)));
      });
    }
  });
});
