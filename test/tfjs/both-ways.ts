/**
 * One small graph in ONNX text, run in ONNX Runtime and, lowered, written and read again, in TensorFlow.js on WebAssembly.
 * Every element is compared; a graph with open sizes is emitted once and run at each of the sizes.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeTfjsModel } from '../../src/files/tfjs-files';
import type { Model } from '../../src/ir/model';
import { isFloatType, readNumbers } from '../../src/ir/tensor';
import type { Tensor } from '../../src/ir/types';
import { printModel } from '../../src/onnx/text/printer';
import type { LowerOptions } from '../../src/tfjs/lower';
import type { Numbers, Session } from '../../src/verify/onnx-runner';
import { openTfjsSession } from '../../src/verify/tfjs/runner';
import { parseGraph } from '../support/expect-pass';
import { type FeedOptions, feedsFor, runModel } from '../support/run';

export interface BothWaysOptions extends LowerOptions {
  /** Sizes of the symbols, one run each. Default: N is 2, others count from 8. */
  readonly sizes?: readonly Readonly<Record<string, number>>[];
  /** Largest input; default 1. */
  readonly scale?: number;
  /** Instead of seeded inputs. */
  readonly feeds?: ReadonlyMap<string, Tensor>;
  readonly seed?: number;
  /** Size of the terms, where a sum of them may cancel. */
  readonly least?: number;
}

/**
 * float32 sums in other orders, on graphs of one operator; TensorFlow.js computes Erf by a polynomial that is 1.5e-7 off.
 * A wrong pad, axis or weight is off by a share of the numbers themselves.
 */
const TOLERANCE = 4e-6;

let scratch: string | undefined;
let warm: Session | undefined;
let count = 0;

/** Starts TensorFlow.js for all cases of a file: call in beforeAll. */
export async function startBothWays(): Promise<void> {
  scratch = mkdtempSync(join(tmpdir(), 'convolutionize-operators-'));
  warm = await open(parseGraph('<ir_version: 9, opset_import: ["" : 18]> g (float[1] X) => (float[1] Y) { Y = Relu (X) }'));
}

export async function stopBothWays(): Promise<void> {
  await warm?.release();
  if (scratch !== undefined) rmSync(scratch, { recursive: true });
}

/** The model in TensorFlow.js; whoever opens it releases it. */
export async function open(model: Model, options: LowerOptions = {}): Promise<Session> {
  const directory = join(scratch ?? '', `model${count++}`);
  writeTfjsModel(model, directory, options);
  try {
    return await openTfjsSession(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Resolves to the number of elements that were compared; throws with the text of the graph and the first element that differs. */
export async function bothWays(text: string | Model, options: BothWaysOptions = {}): Promise<number> {
  const { sizes = [{}], scale = 1, feeds, seed = 1, least = 0, ...lower } = options;
  const model = typeof text === 'string' ? parseGraph(text) : text;
  const session = await open(model, lower);
  let compared = 0;
  try {
    for (const known of sizes) {
      const options: FeedOptions = { sizes: known, scale, seed };
      const inputs = feeds ?? feedsFor(model.graph.inputs, options);
      const expected = await runModel(model, inputs);
      const found = await session.run(new Map([...inputs].map(([name, tensor]) => [name, numbersOf(tensor)])));
      for (const [name, tensor] of expected) {
        const problem = departure(tensor, found.get(name), least);
        if (problem) throw new Error(`output '${name}' at ${JSON.stringify(known)}: ${problem}\n${printModel(model)}`);
        compared += tensor.shape.reduce((product, dim) => product * dim, 1);
      }
    }
  } finally {
    await session.release();
  }
  return compared;
}

/** Runs many graphs; throws once, with everything that failed. */
export async function allBothWays(cases: Iterable<readonly [title: string, text: string]>, options: BothWaysOptions = {}): Promise<number> {
  const problems: string[] = [];
  let compared = 0;
  for (const [title, text] of cases) {
    try {
      const elements = await bothWays(text, options);
      if (elements === 0) problems.push(`${title}: nothing to compare`);
      compared += elements;
    } catch (error) {
      problems.push(`${title}: ${error instanceof Error ? error.message : error}`);
    }
  }
  if (problems.length > 0)
    throw new Error(
      `${problems.length} cases differ\n${problems.slice(0, 5).join('\n\n')}\n\nall: ${problems.map((problem) => problem.split(':')[0]).join('; ')}`,
    );
  return compared;
}

const numbersOf = (tensor: Tensor): Numbers => {
  const data = readNumbers(tensor);
  return { dtype: tensor.dtype, shape: tensor.shape, data: isFloatType(tensor.dtype) ? Float32Array.from(data) : data };
};

function departure(expected: Tensor, found: Numbers | undefined, least: number): string | undefined {
  if (!found) return 'it is missing';
  if (expected.shape.join() !== found.shape.join()) return `shape [${found.shape}] instead of [${expected.shape}]`;
  const wanted = readNumbers(expected);
  const largest = wanted.reduce((most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most), least);
  const allowed = isFloatType(expected.dtype) ? TOLERANCE * largest : 0;
  for (const [at, a] of wanted.entries()) {
    const b = found.data[at] ?? Number.NaN;
    if (Object.is(a, b) || a === b) continue;
    if (!(Math.abs(a - b) <= allowed)) return `element ${at} of [${expected.shape}] is ${b} instead of ${a} (largest ${largest})`;
  }
  return undefined;
}
