/** Signals and volumes go through in tiles, and every cell comes out as from the whole: the same plan, scan and grid as of pictures. */
import { compile, settle } from '../../src/compile';
import { windowLengths } from '../../src/compile/input-size';
import { CompileError } from '../../src/diagnostics/compile-error';
import { modelToBytes } from '../../src/onnx/write';
import { pixelStride } from '../../src/operators/pixel-stride';
import { measureCentre } from '../../src/pictures/centre';
import { type Heat, heatOf } from '../../src/pictures/heat';
import { type Encoding, encodingFor, preprocessings } from '../../src/pictures/preprocessing';
import { sliding } from '../../src/pictures/slide';
import type { MapNetwork } from '../../src/pictures/views';
import { blockSource, product } from '../../src/sources/source';
import type { Session } from '../../src/verify/onnx-runner';
import { openSession } from '../../src/verify/runtime/node';
import { noiseNumbers, signalNetwork, volumeNetwork } from '../support/axes-networks';
import { parseGraph } from '../support/expect-pass';

jest.setTimeout(120_000);
const sessions: Session[] = [];
afterAll(async () => {
  for (const session of sessions) await session.release();
});

async function open(text: string, head: 'window' | 'cell'): Promise<MapNetwork> {
  const { model, report } = compile(parseGraph(text), { head });
  const session = await openSession(modelToBytes(model), 'map');
  sessions.push(session);
  const [[input], [output]] = [model.graph.inputs, model.graph.outputs];
  const [window] = report.windows;
  return {
    model,
    output: output?.name ?? '',
    window: head === 'window' && window ? windowLengths(window) : undefined,
    strides: output && pixelStride(output),
    infer: settle,
    async run(image) {
      const map = (await session.run(new Map([[input?.name ?? '', image]]))).get(output?.name ?? '');
      if (!map) throw new Error('no output');
      return map;
    },
  };
}

const settings = { flip: false, combine: 'mean', classes: 'all', top: 1, softmax: false, memory: 1e9, pad: false, scales: [1] } as const;
const encoding = (layout: string, channels: number): Encoding =>
  encodingFor(preprocessings.unit, { dtype: 'float', layout, channels }, undefined);
const array = (lengths: readonly number[], bands = 1, seed = 1) =>
  blockSource({ lengths, bands, data: noiseNumbers(product(lengths) * bands, seed) });

/** The largest difference between two heats, of the largest number. */
function apart(whole: Heat, tiled: Heat): number {
  let [most, scale] = [0, 0];
  for (const [k, { map }] of whole.classes.entries())
    map.forEach((value, at) => {
      most = Math.max(most, Math.abs(value - (tiled.classes[k]?.map[at] ?? Number.NaN)));
      scale = Math.max(scale, Math.abs(value));
    });
  expect(scale).toBeGreaterThan(0);
  return most / scale;
}

/** The runtime sums in another order where rows are longer: a few units in the last place of a float. */
const NOISE = 16 * 2 ** -23;

test.each([
  ['a signal', signalNetwork(), 'NCT', [1511], 1, [240, 333]],
  ['a signal of three channels that pads', signalNetwork(3, 5), 'NCT', [1511], 3, [240, 333]],
  ['a volume', volumeNetwork(), 'NCDHW', [37, 43, 50], 1, [20, 24]],
  ['a volume that pads', volumeNetwork(1), 'NCDHW', [37, 43, 50], 1, [20, 24]],
] as const)('%s: tiled is whole', async (_, text, layout, lengths, channels, tiles) => {
  for (const head of ['window', 'cell'] as const) {
    const network = await open(text, head);
    const source = array(lengths, channels);
    const run = (tile: number | 'none' | 'auto', memory = 1e9): Promise<Heat> =>
      heatOf(network, source, encoding(layout, channels), { ...settings, tile, memory }, 'noise.npy');
    const whole = await run('none');
    for (const tile of tiles) {
      const tiled = await run(tile);
      expect(apart(whole, tiled)).toBeLessThanOrEqual(NOISE);
      expect(tiled.views[0]?.tiles).toBeGreaterThanOrEqual(5);
    }
    // By memory: a share of what the whole needs.
    const bytes = whole.plans[0]?.tiling.bytes ?? 0;
    const byMemory = await run('auto', bytes / 4);
    expect(byMemory.views[0]?.tiles).toBeGreaterThan(1);
    expect(apart(whole, byMemory)).toBeLessThanOrEqual(NOISE);
  }
});

test.each([
  ['a signal', signalNetwork(), 'NCT', [424], 1],
  ['a volume', volumeNetwork(), 'NCDHW', [18, 24, 22], 1],
] as const)('%s: every cell is the network on its crop', async (_, text, layout, lengths, channels) => {
  const network = await open(text, 'window');
  const original = await openSession(modelToBytes(parseGraph(text)), 'original');
  sessions.push(original);
  const source = array(lengths, channels);
  const slid = sliding(network, network.window ?? [], layout, async (image) => {
    const scores = (await original.run(new Map([['X', image]]))).get('Y');
    if (!scores) throw new Error('no output');
    return scores;
  });
  const options = { ...settings, tile: 'none' } as const;
  const [map, crops] = [
    await heatOf(network, source, encoding(layout, channels), options, 'noise'),
    await heatOf(slid, source, encoding(layout, channels), options, 'noise'),
  ];
  expect(map.grid).toEqual(crops.grid);
  expect(apart(crops, map)).toBeLessThan(1e-5);
});

test('where cells look is measured along every axis', async () => {
  // Kernels whose only number is at one place: cell i sees sample 4 i - 3 + 6, cell (i, j, k) voxels 2 i - 1, 2 j, 2 k + 1.
  const kernel = (length: number, at: number): string => Array.from({ length }, (_, place) => (place === at ? 1 : 0)).join(', ');
  const signal = await open(
    `<ir_version: 8, opset_import: ["" : 17]> g (float[1, 1, 40] X) => (float[1, 2] Y) <float[1, 1, 9] K = {${kernel(9, 6)}}, float[1, 2] W = {1, -1}>
     { C = Conv <kernel_shape = [9], strides = [4], pads = [3, 5]> (X, K) P = GlobalAveragePool (C) F = Flatten (P) Y = MatMul (F, W) }`,
    'cell',
  );
  const [time = 0] = (await measureCentre(signal, array([120]), encoding('NCT', 1))) ?? [];
  expect(time).toBeCloseTo(6 - 3 + 0.5, 5);
  const volume = await open(
    `<ir_version: 8, opset_import: ["" : 17]> g (float[1, 1, 12, 12, 12] X) => (float[1, 2] Y) <float[1, 1, 3, 3, 3] K = {${kernel(27, 0 * 9 + 1 * 3 + 2)}}, float[1, 2] W = {1, -1}>
     { C = Conv <kernel_shape = [3, 3, 3], strides = [2, 2, 2], pads = [1, 1, 1, 1, 1, 1]> (X, K) P = GlobalAveragePool (C) F = Flatten (P) Y = MatMul (F, W) }`,
    'cell',
  );
  const centre = (await measureCentre(volume, array([20, 22, 24]), encoding('NCDHW', 1))) ?? [];
  for (const [axis, expected] of [-0.5, 0.5, 1.5].entries()) expect(centre[axis]).toBeCloseTo(expected, 4);
});

test('what is too short is told along its axes, and padded where that is asked for', async () => {
  const network = await open(signalNetwork(), 'window');
  const run = (pad: boolean) => heatOf(network, array([120]), encoding('NCT', 1), { ...settings, tile: 'none', pad }, 'short.npy');
  const error = await run(false).catch((reason: unknown) => reason);
  if (!(error instanceof CompileError)) throw error;
  expect([error.diagnostic.code, error.diagnostic.message]).toEqual([
    'ARRAY_TOO_SMALL',
    'the array is 120 along time, smaller than the window of the network, 200',
  ]);
  const { grid } = await run(true);
  expect(grid).toEqual([{ start: 60, step: 8, count: 1 }]);
});
