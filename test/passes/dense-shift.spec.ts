/**
 * Finer maps of random networks, for every divisor of their stride and several sizes: every k-th cell is a cell of the coarse map, border included; without
 * padding each fine cell is the network on its crop; and both methods give the same map. DENSE_NETWORKS says how many (default 40), DENSE_SEED where to begin.
 */
import { denseShift } from '../../passes/finer-maps/dense-shift';
import { denseStride } from '../../passes/finer-maps/dense-stride';
import { removeDeadNodes } from '../../passes/remove-dead-nodes';
import { evaluateDim } from '../../src/ir/dims';
import type { Model } from '../../src/ir/model';
import { fromNumbers, readNumbers } from '../../src/ir/tensor';
import type { Tensor, Value } from '../../src/ir/types';
import { validateModel } from '../../src/ir/validate';
import { printModel } from '../../src/onnx/text/printer';
import { pixelStride } from '../../src/operators/pixel-stride';
import { runPasses } from '../../src/rewrite/manager';
import type { Pass } from '../../src/rewrite/pass';
import { departure } from '../support/compare';
import { randomTrunk } from '../support/random-trunk';
import { feedsFor, runModel } from '../support/run';

const NETWORKS = Number(process.env.DENSE_NETWORKS ?? 40);
const FIRST = Number(process.env.DENSE_SEED ?? 1);
const METHODS: Readonly<Record<string, (stride: number) => Pass>> = { 'a trous': denseStride, 'shift and stitch': denseShift };

/** Not square, odd and even. */
const SIZES = [
  [23, 30],
  [32, 21],
  [16, 19],
] as const;

interface Refined {
  readonly model: Model;
  /** Cells for each one, along rows and columns. */
  readonly density: readonly [number, number];
}

function refined(model: Model, stride: number, pass: Pass): Refined | string {
  const fine = model.clone();
  const [rows = 1, columns = 1] = pixelStride(model.graph.outputs[0] ?? fail('no output'));
  const reports = runPasses(fine, [pass, removeDeadNodes], { validate: 'pass' });
  const [refusal] = reports.flatMap(({ refusals }) => refusals);
  if (refusal) return refusal.reason ?? '';
  validateModel(fine);
  const output = fine.graph.outputs[0] ?? fail('no output');
  const density = [rows / gcd(rows, stride), columns / gcd(columns, stride)] as const;
  // The graph says what was asked for.
  if (output.type?.shape?.every((dim) => dim !== undefined)) expect(pixelStride(output)).toEqual([gcd(rows, stride), gcd(columns, stride)]);
  return { model: fine, density };
}

const fail = (why: string): never => {
  throw new Error(why);
};
const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

async function outputOf(model: Model, height: number, width: number, seed = 1): Promise<Tensor> {
  const results = await runModel(model, feedsFor(model.graph.inputs, { sizes: { N: 2, height, width }, seed }));
  return results.get('Y') ?? fail('no Y');
}
/**
 * Undefined where the network does not take the size: where a map is smaller than a window, the runtime (1.30) may find one all the same, since it rounds
 * towards zero, and maxima of padding alone are the smallest float.
 */
async function coarseOf(model: Model, height: number, width: number): Promise<Tensor | undefined> {
  const shape = model.graph.outputs[0]?.type?.shape?.map((dim) => evaluateDim(dim, { N: 2, height, width }));
  const tensor = await outputOf(model, height, width).catch(() => undefined);
  if (!tensor || tensor.shape.includes(0) || tensor.shape.join() !== shape?.join()) return undefined;
  return readNumbers(tensor).some((number) => !(Math.abs(number) < 1e6)) ? undefined : tensor;
}

/** [N, C, h, w]: every k-th row and column. */
function everyOther(tensor: Tensor, [ky, kx]: readonly [number, number]): Tensor {
  const [n = 1, c = 1, h = 1, w = 1] = tensor.shape;
  const numbers = readNumbers(tensor);
  const [rows, columns] = [Math.ceil(h / ky), Math.ceil(w / kx)];
  const kept: number[] = [];
  for (let map = 0; map < n * c; map++)
    for (let y = 0; y < rows; y++) for (let x = 0; x < columns; x++) kept.push(numbers[(map * h + y * ky) * w + x * kx] ?? Number.NaN);
  return floats([n, c, rows, columns], kept);
}
const floats = (shape: readonly number[], numbers: readonly number[]): Tensor => fromNumbers('float', shape, numbers);

const divisorsOf = (n: number): number[] => Array.from({ length: n }, (_, at) => at + 1).filter((divisor) => n % divisor === 0);
/** Sums of a few hundred products in another order, as a share of numbers near one. */
const TERMS = 0.3;

async function check(seed: number, model: Model, tally: Map<string, number>): Promise<void> {
  const [rows = 1, columns = 1] = pixelStride(model.graph.outputs[0] ?? fail('no output'));
  const divisors = divisorsOf(rows).filter((divisor) => columns % divisor === 0 && (divisor < rows || divisor < columns));
  for (const [height, width] of SIZES) {
    const coarse = await coarseOf(model, height, width);
    if (!coarse) continue;
    for (const stride of divisors) {
      const maps: Tensor[] = [];
      for (const [method, pass] of Object.entries(METHODS)) {
        const fine = refined(model, stride, pass(stride));
        if (typeof fine === 'string') {
          tally.set(`${method} refused: ${fine}`, (tally.get(`${method} refused: ${fine}`) ?? 0) + 1);
          continue;
        }
        const where = `seed ${seed}, ${method}, every ${stride} of ${rows}x${columns} pixels, ${height}x${width}`;
        const map = await outputOf(fine.model, height, width).catch((error: unknown) =>
          fail(`${where}: ${error}\n${printModel(fine.model)}`),
        );
        const problem = departure(coarse, everyOther(map, fine.density), 'reordered', TERMS);
        if (problem) throw new Error(`${where}: ${problem}\n${printModel(model)}\n${printModel(fine.model)}`);
        maps.push(map);
        tally.set(method, (tally.get(method) ?? 0) + 1);
      }
      const [a, b] = maps;
      const problem = a && b && departure(a, b, 'reordered', TERMS);
      if (problem)
        throw new Error(
          `seed ${seed}, every ${stride} of ${rows}x${columns} pixels, ${height}x${width}: the methods differ: ${problem}\n${printModel(model)}`,
        );
      if (a && b) tally.set('both', (tally.get('both') ?? 0) + 1);
    }
  }
}

describe('finer maps of random networks', () => {
  test.each([
    ['square strides', {}],
    ['rectangular strides', { rectangular: true }],
  ] as const)(
    '%s: every k-th cell is a coarse cell',
    async (_, options) => {
      const tally = new Map<string, number>();
      for (let seed = FIRST; seed < FIRST + NETWORKS / 2; seed++)
        await check(seed, randomTrunk(seed, { layers: 3 + (seed % 6), ...options }), tally);
      if (process.env.DENSE_TALLY) console.log(tally);
      for (const method of Object.keys(METHODS)) expect(tally.get(method) ?? 0).toBeGreaterThan(NETWORKS);
    },
    600_000,
  );

  test('without padding every fine cell is the network on its crop', async () => {
    let crops = 0;
    for (let seed = FIRST; seed < FIRST + NETWORKS / 4; seed++) {
      const model = randomTrunk(seed, { layers: 4 + (seed % 5), unpadded: true });
      const output = model.graph.outputs[0] ?? fail('no output');
      const [rows = 1, columns = 1] = pixelStride(output);
      const [height, width] = [smallest(output, 2, 'height'), smallest(output, 3, 'width')];
      const image = feedsFor(model.graph.inputs, { sizes: { N: 1, height: height + rows, width: width + columns } });
      for (const stride of divisorsOf(rows).filter((divisor) => columns % divisor === 0))
        for (const [method, pass] of Object.entries(METHODS)) {
          const fine = refined(model, stride, pass(stride));
          if (typeof fine === 'string') continue;
          const map = (await runModel(fine.model, image)).get('Y') ?? fail('no Y');
          // The first cell of each phase along the diagonal, and the last one.
          for (const at of new Set([0, 1, rows / stride])) {
            const crop = new Map([...image].map(([name, tensor]) => [name, cropped(tensor, at * stride, height, width)]));
            const expected = (await runModel(model, crop)).get('Y') ?? fail('no Y');
            const problem = departure(expected, cropped(map, at, 1, 1), 'reordered', TERMS);
            if (problem)
              throw new Error(`seed ${seed}, ${method}, every ${stride} of ${rows} pixels, cell ${at}: ${problem}\n${printModel(model)}`);
            crops++;
          }
        }
    }
    expect(crops).toBeGreaterThan(NETWORKS);
  }, 600_000);
});

/** The smallest image with one cell along an axis. */
function smallest(output: Value, axis: number, name: string): number {
  for (let size = 1; size < 512; size++) if (evaluateDim(output.type?.shape?.[axis], { N: 1, [name]: size }) === 1) return size;
  return fail('no image is large enough');
}

/** [N, C, H, W] to [N, C, height, width], from the same row and column on. */
function cropped(tensor: Tensor, from: number, height: number, width: number): Tensor {
  const [n = 1, c = 1, h = 1, w = 1] = tensor.shape;
  const numbers = readNumbers(tensor);
  const kept: number[] = [];
  for (let map = 0; map < n * c; map++)
    for (let y = from; y < from + height; y++)
      for (let x = from; x < from + width; x++) kept.push(numbers[(map * h + y) * w + x] ?? Number.NaN);
  return floats([n, c, height, width], kept);
}
