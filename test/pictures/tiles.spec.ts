/** Large pictures go through in tiles, and every cell comes out as from the whole: whatever pads, rounds, branches, or is stretched by an even factor. */

import { join } from 'node:path';
import { compile, settle } from '../../src/compile';
import { type ImageWindow, windowLengths } from '../../src/compile/input-size';
import { CompileError } from '../../src/diagnostics/compile-error';
import { readModelFile } from '../../src/files';
import type { Model } from '../../src/ir/model';
import { modelToBytes } from '../../src/onnx/write';
import { imageOfPicture } from '../../src/pictures/files/image';
import { type Heat, heatOf } from '../../src/pictures/heat';
import type { Picture } from '../../src/pictures/picture';
import { encodingFor, preprocessings } from '../../src/pictures/preprocessing';
import { planTiles, smallestTile } from '../../src/pictures/tiles';
import type { MapNetwork } from '../../src/pictures/views';
import { openSession } from '../../src/verify/runtime/node';
import { parseGraph } from '../support/expect-pass';
import { random } from '../support/seeded';

jest.setTimeout(60_000);

function noise(width: number, height: number, channels: 1 | 3, seed = 1): Picture {
  const next = random(seed);
  return { width, height, channels, data: Uint8Array.from({ length: width * height * channels }, () => Math.floor(next() * 256)) };
}

const lengthsIn = (window: ImageWindow | undefined): readonly number[] | undefined => window && windowLengths(window);

async function open(model: Model, window: MapNetwork['window']): Promise<MapNetwork & { close(): Promise<void> }> {
  const session = await openSession(modelToBytes(model), 'map');
  const [input, output] = [model.graph.inputs[0]?.name ?? '', model.graph.outputs[0]?.name ?? ''];
  return {
    model,
    output,
    window,
    infer: settle,
    async run(image) {
      const map = (await session.run(new Map([[input, image]]))).get(output);
      if (!map) throw new Error('no output');
      return map;
    },
    close: () => session.release(),
  };
}

const settings = { flip: false, combine: 'mean', classes: 'all', top: 1, softmax: false, memory: 1e9, pad: false, scales: [1] } as const;

/** The largest difference between tiled and whole, of the largest number; and the number of tiles. */
async function compared(
  network: MapNetwork,
  picture: Picture,
  tile: number | 'auto',
  memory = 1e9,
  layout: 'NCHW' | 'NHWC' = 'NCHW',
): Promise<{ readonly apart: number; readonly tiles: number }> {
  const encoding = encodingFor(preprocessings.unit, { dtype: 'float', layout, channels: picture.channels }, picture);
  const run = (how: number | 'auto' | 'none'): Promise<Heat> =>
    heatOf(network, imageOfPicture(picture), encoding, { ...settings, tile: how, memory, scales: [1, 1.3], flip: true }, 'noise.png');
  const [whole, tiled] = [await run('none'), await run(tile)];
  let [most, scale] = [0, 0];
  for (const [k, { map }] of whole.classes.entries())
    map.forEach((value, at) => {
      most = Math.max(most, Math.abs(value - (tiled.classes[k]?.map[at] ?? Number.NaN)));
      scale = Math.max(scale, Math.abs(value));
    });
  expect(scale).toBeGreaterThan(0);
  return { apart: most / scale, tiles: tiled.views.reduce((sum, view) => sum + view.tiles, 0) };
}

/** The runtime sums in another order where rows are longer: a few units in the last place of a float. */
const NOISE = 16 * 2 ** -23;

const graph = (body: string): string =>
  `<ir_version: 9, opset_import: ["" : 20]> g (float[1, 3, 20, 24] X) => (float[1, 5] Y) <float[4, 3, 3, 3] K, float[4, 4, 3, 3] L, float[4, 4, 2, 2] T, float[4, 8, 1, 1] J, float[5, 4] F> {
    ${body} P = GlobalAveragePool (Z) V = Flatten (P) Y = Gemm <transB = 1> (V, F) }`;
const STEM = 'A = Conv <kernel_shape = [3, 3], strides = [2, 2], pads = [1, 0, 1, 1]> (X, K) R = Relu (A)';
const BODIES: readonly (readonly [string, string])[] = [
  [
    'no padding',
    'A = Conv <kernel_shape = [3, 3], strides = [2, 2]> (X, K) R = Relu (A) Z = MaxPool <kernel_shape = [3, 3], strides = [2, 2]> (R)',
  ],
  ['uneven padding', `${STEM} Z = MaxPool <kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1]> (R)`],
  [
    'SAME padding',
    'A = Conv <kernel_shape = [3, 3], strides = [2, 2], auto_pad = "SAME_UPPER"> (X, K) R = Relu (A) Z = Conv <kernel_shape = [3, 3], strides = [2, 2], auto_pad = "SAME_LOWER"> (R, L)',
  ],
  ['pools of rounded-up size', `${STEM} Z = MaxPool <kernel_shape = [3, 3], strides = [2, 2], ceil_mode = 1> (R)`],
  [
    'a residual branch, dilated',
    `${STEM} B = Conv <kernel_shape = [3, 3], dilations = [2, 2], pads = [2, 2, 2, 2]> (R, L) S = Add (B, R) Z = Conv <kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1]> (S, L)`,
  ],
  ['an average that leaves padding out', `${STEM} Z = AveragePool <kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1]> (R)`],
  [
    'a branch that goes down and up again',
    `${STEM} D = Conv <kernel_shape = [2, 2], strides = [2, 2]> (R, T) U = ConvTranspose <kernel_shape = [2, 2], strides = [2, 2]> (D, T) C = Concat <axis = 1> (R, U) Z = Conv <kernel_shape = [1, 1]> (C, J)`,
  ],
];

test.each(BODIES)('%s: tiled is whole', async (_, body) => {
  const source = parseGraph(graph(body));
  for (const head of ['window', 'cell'] as const) {
    const { model, report } = compile(source, { head });
    const network = await open(model, head === 'window' ? lengthsIn(report.windows[0]) : undefined);
    // Where a branch needs even sizes to meet the other again, the picture is scaled to such a size.
    for (const tile of [43, 58]) {
      const { apart, tiles } = await compared(network, noise(89, 67, 3), tile);
      expect(apart).toBeLessThanOrEqual(NOISE);
      expect(tiles).toBeGreaterThanOrEqual(8);
    }
    await network.close();
  }
});

test('channels last, in and out', async () => {
  const source =
    parseGraph(`<ir_version: 9, opset_import: ["" : 20]> g (float[1, 20, 24, 3] X) => (float[1, hh, ww, 5] Y) <float[5, 3, 3, 3] K> {
    T = Transpose <perm = [0, 3, 1, 2]> (X) C = Conv <kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1]> (T, K) Y = Transpose <perm = [0, 2, 3, 1]> (C) }`);
  source.graph.setType(source.graph.inputs[0] as NonNullable<(typeof source.graph.inputs)[0]>, { dtype: 'float', shape: [1, 'h', 'w', 3] });
  const network = await open(source, undefined);
  const { apart, tiles } = await compared(network, noise(89, 67, 3), 24, 1e9, 'NHWC');
  expect(apart).toBeLessThanOrEqual(NOISE);
  expect(tiles).toBeGreaterThan(16);
  await network.close();
});

test('LeNet5, made finer, with tiles by memory', async () => {
  const { model, report } = compile(readModelFile(join(__dirname, '../../fixtures/models/lenet5.onnx')), { stride: 2 });
  const network = await open(model, lengthsIn(report.windows[0]));
  const { apart, tiles } = await compared(network, noise(141, 107, 1), 'auto', 250_000);
  expect(apart).toBeLessThanOrEqual(NOISE);
  expect(tiles).toBeGreaterThan(12);
  await network.close();
});

test('a map by shift-and-stitch has its cells where the dilated one has them, and goes in one piece', async () => {
  const source = readModelFile(join(__dirname, '../../fixtures/models/lenet5.onnx'));
  const picture = noise(61, 53, 1);
  const encoding = encodingFor(preprocessings.unit, { dtype: 'float', layout: 'NCHW', channels: 1 }, picture);
  const heats: Heat[] = [];
  for (const dense of ['atrous', 'shift'] as const) {
    const { model, report } = compile(source, { stride: 2, dense });
    const network = await open(model, lengthsIn(report.windows[0]));
    heats.push(await heatOf(network, imageOfPicture(picture), encoding, { ...settings, tile: 'auto' }, 'noise.png'));
    const tiled = heatOf(network, imageOfPicture(picture), encoding, { ...settings, tile: 40 }, 'noise.png').then(
      () => 'tiled',
      (error: unknown) => (error instanceof CompileError ? error.diagnostic.code : error),
    );
    expect(await tiled).toBe(dense === 'atrous' ? 'tiled' : 'CANNOT_TILE');
    await network.close();
  }
  const [first, second] = heats;
  expect(second?.grid).toEqual(first?.grid);
  expect(first?.grid[0]).toEqual({ start: 14, step: 2, count: 13 });
  for (const [k, { map }] of (first?.classes ?? []).entries())
    expect(map.every((value, at) => Math.abs(value - (second?.classes[k]?.map[at] ?? Number.NaN)) < 1e-4)).toBe(true);
});

test('a network that looks at the whole image goes in one piece, or is refused', async () => {
  const gate = 'G = GlobalAveragePool (R) S = Sigmoid (G) M = Mul (R, S) Z = MaxPool <kernel_shape = [3, 3], strides = [2, 2]> (M)';
  const { model, report } = compile(parseGraph(graph(`${STEM} ${gate}`)));
  const network = await open(model, lengthsIn(report.windows[0]));
  expect(await compared(network, noise(89, 67, 3), 'auto')).toEqual({ apart: 0, tiles: 4 });
  for (const [tile, memory] of [
    [64, 1e9],
    ['auto', 100_000],
  ] as const) {
    const error: unknown = await compared(network, noise(89, 67, 3), tile, memory).catch((reason: unknown) => reason);
    if (!(error instanceof CompileError)) throw error;
    expect(error.diagnostic.code).toBe('CANNOT_TILE');
    expect(error.diagnostic.message).toMatch(/whole image/);
    expect(error.diagnostic.hint).toMatch(/^--tile none runs it in one piece, which takes about \d/);
  }
  await network.close();
});

test('tiles that are too small are refused with the smallest that work', async () => {
  const { model, report } = compile(parseGraph(graph(BODIES[1]?.[1] ?? '')));
  const network = await open(model, lengthsIn(report.windows[0]));
  const attempt = async (tile: number): Promise<unknown> => compared(network, noise(89, 67, 3), tile).catch((reason: unknown) => reason);
  const error = await attempt(12);
  if (!(error instanceof CompileError)) throw error;
  expect(error.diagnostic.code).toBe('TILE_TOO_SMALL');
  const least = Number(/--tile (\d+)/.exec(error.diagnostic.hint ?? '')?.[1]);
  expect(await attempt(least)).toMatchObject({ apart: expect.any(Number) });
  await network.close();
});

describe('the plan', () => {
  const axis = (length: number, cells: number, offset: number, window: number, stride = 4, align = 8) => ({
    length,
    cells,
    stride,
    align,
    field: { offset, window, stride },
  });
  test.each([
    ['without padding', axis(201, 44, 0, 28)],
    ['with padding', axis(201, 51, -21, 43)],
    ['of a size that the alignment divides', axis(200, 51, -21, 43)],
  ])('gives every cell once, from within its tile, %s', (_, along) => {
    const least = smallestTile(along);
    for (let most = least; most < along.length; most++) {
      const tiles = planTiles(along, most);
      expect(tiles?.flatMap(({ first, last }) => Array.from({ length: last - first }, (_, at) => first + at))).toEqual(
        Array.from({ length: along.cells }, (_, at) => at),
      );
      for (const { start, end, first, last, skip } of tiles ?? []) {
        expect([start % along.align, (end - start - along.length) % along.align, skip]).toEqual([
          0,
          expect.closeTo(0),
          first - start / along.stride,
        ]);
        expect(end - start).toBeLessThanOrEqual(most);
        const { offset, window, stride } = along.field;
        if (start > 0) expect(offset + first * stride).toBeGreaterThanOrEqual(start);
        if (end < along.length) expect(offset + (last - 1) * stride + window).toBeLessThanOrEqual(end);
      }
    }
    expect(planTiles(along, along.field.window - 1)).toBeUndefined();
  });
});
