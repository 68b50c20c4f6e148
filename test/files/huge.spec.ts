/** What models of more than 2 GB need, without their size: places beyond 2^32 in sparse files, weights beside temporary models. `npm run huge` has the real sizes. */
import { existsSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compile, readModel, writeModel } from '../../src';
import { closeModel, readModelFile, writeForRuntime } from '../../src/files';
import { readNumbers } from '../../src/ir/tensor';
import { verifyFiles } from '../../src/verify/files/verify';
import { openSession } from '../../src/verify/runtime/node';
import { expectEqual } from '../support/checks';

const LENET = join(__dirname, '../../fixtures/models/lenet5.onnx');

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'convolutionize-test-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

test('a weight that lies beyond 4 GB is read from there', async () => {
  const text = `<ir_version: 9, opset_import: ["" : 17]> g (float[1, 3] X) => (float[1, 3] Y)
    <float[3] W = ["location": "w.bin", "offset": "5000000000", "length": "12"]> { Y = Add (X, W) }`;
  writeFileSync(join(home, 'm.onnxtxt'), text);
  writeFileSync(join(home, 'w.bin'), '');
  truncateSync(join(home, 'w.bin'), 5_000_000_100);
  const file = await open(join(home, 'w.bin'), 'r+');
  await file.write(Buffer.from(Float32Array.of(1, 2, 3).buffer), 0, 12, 5_000_000_000);
  await file.close();
  const model = readModelFile(join(home, 'm.onnxtxt'));
  const [weight] = model.graph.constants;
  expect(weight?.constant && [...readNumbers(weight.constant)]).toEqual([1, 2, 3]);
  closeModel(model);
});

test('a temporary model that does not fit into one file has its weights beside it, and the next one replaces both', async () => {
  const model = readModelFile(LENET);
  const path = writeForRuntime(model, home, 'part.onnx', 1000);
  expect(readdirSync(home).sort()).toEqual(['part.onnx', 'part.onnx.data']);
  const session = await openSession(path, 'part');
  expect(session.outputNames).toEqual(model.graph.outputs.map(({ name }) => name));
  await session.release();
  writeForRuntime(model, home, 'part.onnx', 1000);
  writeForRuntime(model, home, 'part.onnx');
  expect(existsSync(join(home, 'part.onnx.data'))).toBe(false);
  closeModel(model);
});

test('verification puts the weights of its parts beside them', async () => {
  const converted = join(home, 'fcn.onnx');
  writeModel(compile(readModel(LENET)).model, converted);
  const scratch = join(home, 'scratch');
  const seen = new Set<string>();
  const report = await verifyFiles(readModel(LENET), converted, {
    scratch,
    largestFile: 1000,
    onProgress: () => {
      for (const name of readdirSync(home, { recursive: true })) if (String(name).endsWith('.onnx.data')) seen.add(String(name));
    },
  });
  expectEqual(report, 'original size', 'crops of the image');
  expect(seen.size).toBeGreaterThan(0);
});
