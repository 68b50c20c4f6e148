/** What all of this is for: several digits on a wide canvas, one run of the converted network, and the digits are read from the map. */
import { join } from 'node:path';
import { heldOutDigits } from '../../fixtures/digits';
import { compile } from '../../src/compile';
import { closeModel, readModelFile } from '../../src/files';
import { modelToBytes } from '../../src/onnx/write';
import { best } from '../../src/verify/compare';
import { cropped } from '../../src/verify/inputs';
import type { Numbers } from '../../src/verify/onnx-runner';
import { openSession } from '../../src/verify/runtime/node';

const SIZE = 28;
const STRIDE = 4;
const path = join(__dirname, '../../fixtures/models/lenet5.onnx');

test('reads digits on a wide canvas, and every cell equals LeNet5 run on the crop', async () => {
  const source = readModelFile(path);
  const { model } = compile(source);
  const digits = heldOutDigits().slice(0, 8);
  const width = digits.length * 44;
  const height = 44;
  const data = new Float32Array(height * width);
  // Each digit a multiple of the stride away from the corner, not all on one line.
  const places = digits.map((_, index) => ({ left: index * 44 + 8, top: (index % 4) * STRIDE }));
  digits.forEach(({ pixels }, index) => {
    const { left = 0, top = 0 } = places[index] ?? {};
    pixels.forEach((pixel, at) => {
      data[(top + Math.floor(at / SIZE)) * width + left + (at % SIZE)] = pixel;
    });
  });
  const canvas: Numbers = { dtype: 'float', shape: [1, 1, height, width], data };
  const [input = '', output = ''] = [source.graph.inputs[0]?.name, source.graph.outputs[0]?.name];

  const converted = await openSession(modelToBytes(model), 'converted');
  const map = (await converted.run(new Map([[input, canvas]]))).get(output);
  await converted.release();
  const original = await openSession(path, 'original');
  const [, classes = 0, rows = 0, columns = 0] = map?.shape ?? [];
  expect([classes, rows, columns]).toEqual([10, (height - SIZE) / STRIDE + 1, (width - SIZE) / STRIDE + 1]);
  const cell = (y: number, x: number): number[] =>
    Array.from({ length: classes }, (_, k) => map?.data[(k * rows + y) * columns + x] ?? Number.NaN);

  expect(places.map(({ left, top }) => best(cell(top / STRIDE, left / STRIDE)))).toEqual(digits.map(({ label }) => label));
  let [largest, scale] = [0, 0];
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      const crop = cropped(canvas, [2, 3], [y * STRIDE, x * STRIDE], [SIZE, SIZE]);
      const scores = (await original.run(new Map([[input, crop]]))).get(output)?.data ?? [];
      cell(y, x).forEach((score, k) => {
        largest = Math.max(largest, Math.abs(score - (scores[k] ?? 0)));
        scale = Math.max(scale, Math.abs(scores[k] ?? 0));
      });
    }
  }
  await original.release();
  closeModel(source);
  expect(largest).toBeLessThan(scale * 16 * 2 ** -23);
});
