/** Where cells look, measured on networks whose answer is known to the pixel: kernels with one number that is not zero. */

import { compile, settle } from '../../src/compile';
import { windowLengths } from '../../src/compile/input-size';
import { modelToBytes } from '../../src/onnx/write';
import { pixelStride } from '../../src/operators/pixel-stride';
import { measureCentre } from '../../src/pictures/centre';
import { imageOfPicture } from '../../src/pictures/files/image';
import { heatOf } from '../../src/pictures/heat';
import type { Picture } from '../../src/pictures/picture';
import { type Encoding, encodingFor, preprocessings } from '../../src/pictures/preprocessing';
import type { MapNetwork } from '../../src/pictures/views';
import type { Session } from '../../src/verify/onnx-runner';
import { openSession } from '../../src/verify/runtime/node';
import { parseGraph } from '../support/expect-pass';
import { random } from '../support/seeded';

jest.setTimeout(60_000);

const sessions: Session[] = [];
afterAll(async () => {
  for (const session of sessions) await session.release();
});

async function network(text: string, head: 'window' | 'cell'): Promise<MapNetwork> {
  const { model, report } = compile(parseGraph(text), { head });
  const session = await openSession(modelToBytes(model), 'network');
  sessions.push(session);
  const [output] = model.graph.outputs;
  const [first] = report.windows;
  const window = first && windowLengths(first);
  return {
    model,
    output: output?.name ?? '',
    window: head === 'window' ? window : undefined,
    strides: output && pixelStride(output),
    infer: settle,
    async run(image) {
      const results = await session.run(new Map([[model.graph.inputs[0]?.name ?? '', image]]));
      const scores = results.get(output?.name ?? '');
      if (!scores) throw new Error('no output');
      return scores;
    },
  };
}

/** A convolution of k x k in strides of s with `pad` zeros before, whose only number is at (row, column): cell i sees pixel i s - pad + row, alone. */
function oneTap(size: number, k: number, s: number, pad: number, after: number, row: number, column: number): string {
  const kernel = Array.from({ length: k * k }, (_, at) => (at === row * k + column ? 1 : 0)).join(', ');
  return `<ir_version: 8, opset_import: ["" : 17]> g (float[1, 1, ${size}, ${size}] image) => (float[1, 2] scores)
    <float[1, 1, ${k}, ${k}] K = {${kernel}}, float[1, 2] W = {1, -1}, float[2] B = {0, 0}>
    { c = Conv <kernel_shape = [${k}, ${k}], strides = [${s}, ${s}], pads = [${pad}, ${pad}, ${after}, ${after}]> (image, K)
      p = GlobalAveragePool (c) f = Flatten (p) scores = Gemm (f, W, B) }`;
}

const noise = (width: number, height: number): Picture => {
  const next = random(11);
  return { width, height, channels: 1, data: Uint8Array.from({ length: width * height }, () => 40 + next() * 170) };
};
const encoding: Encoding = encodingFor(preprocessings.unit, { dtype: 'float', layout: 'NCHW', channels: 1 }, noise(1, 1));

test.each([
  // Pixel i s - pad + tap, whose middle is half a pixel on.
  [4, 2, 2, 1, 5, 1 - 2 + 0.5, 5 - 2 + 0.5],
  [4, 3, 1, 0, 6, 0 - 3 + 0.5, 6 - 3 + 0.5],
  [1, 3, 3, 3, 2, 3 - 3 + 0.5, 2 - 3 + 0.5],
])('cells of a kernel of 7 in strides of %i, padded by %i and %i, at tap (%i, %i)', async (s, pad, after, row, column, rows, columns) => {
  const centre = await measureCentre(
    await network(oneTap(32, 7, s, pad, after, row, column), 'cell'),
    imageOfPicture(noise(64, 48)),
    encoding,
  );
  expect(centre?.[0]).toBeCloseTo(rows, 5);
  expect(centre?.[1]).toBeCloseTo(columns, 5);
});

test('strides of 8 in bands of two pixels: within one pixel', async () => {
  const centre = await measureCentre(await network(oneTap(64, 7, 8, 3, 3, 1, 5), 'cell'), imageOfPicture(noise(128, 128)), encoding);
  expect(Math.abs((centre?.[0] ?? 0) - (1 - 3 + 0.5))).toBeLessThanOrEqual(1);
  expect(Math.abs((centre?.[1] ?? 0) - (5 - 3 + 0.5))).toBeLessThanOrEqual(1);
});

test('a window of a padded network sees its cells, not its own middle', async () => {
  // 8 cells at 4 i - 2 + 1: from -1 to 27, whose middle is 13, where that of the window of 32 is 16.
  const map = await network(oneTap(32, 7, 4, 2, 1, 1, 1), 'window');
  const centre = await measureCentre(map, imageOfPicture(noise(96, 96)), encoding);
  expect(Math.abs((centre?.[0] ?? 0) - (3.5 * 4 - 2 + 1 + 0.5))).toBeLessThan(1.2);
  expect(Math.abs((centre?.[1] ?? 0) - (3.5 * 4 - 2 + 1 + 0.5))).toBeLessThan(1.2);
});

test('a bright dot is shown where it is, at two scales and in the mirror', async () => {
  // Without measuring, cell i would lie at the middle of the kernel, 4 pixels off.
  const map = await network(oneTap(32, 9, 2, 4, 4, 0, 8), 'cell');
  const photo = { width: 60, height: 50, channels: 1 as const, data: new Uint8Array(3000).fill(20) };
  for (let y = 0; y < 4; y++) for (let x = 0; x < 4; x++) photo.data[(24 + y) * 60 + 36 + x] = 250;
  const centre = await measureCentre(map, imageOfPicture(noise(60, 50)), encoding);
  for (const [scales, flip] of [
    [[1], false],
    [[1], true],
    [[2], false],
    [[1, 2], true],
  ] as const) {
    const options = {
      scales,
      flip,
      combine: 'mean',
      classes: [0],
      top: 1,
      softmax: false,
      centre,
      pad: false,
      tile: 'none',
      memory: 0,
    } as const;
    const { classes } = await heatOf(map, imageOfPicture(photo), encoding, options, 'photo');
    const [y = 0, x = 0] = classes[0]?.peak.place ?? [];
    expect([Math.abs(y - 26) <= 2, Math.abs(x - 38) <= 2]).toEqual([true, true]);
  }
});
