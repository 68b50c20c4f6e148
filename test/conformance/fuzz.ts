/**
 * Operators with attributes by chance, in ONNX Runtime and in TensorFlow.js on WebAssembly: equal, refused by name, or wrong.
 * `npm run conformance` runs it behind ONNX's own tests.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CompileError } from '../../src/diagnostics/compile-error';
import { writeTfjsModel } from '../../src/files/tfjs-files';
import { isFloatType, readNumbers } from '../../src/ir/tensor';
import type { Tensor } from '../../src/ir/types';
import { seededRandom } from '../../src/verify/inputs';
import type { Numbers, Session } from '../../src/verify/onnx-runner';
import { openTfjsSession } from '../../src/verify/tfjs/runner';
import { parseGraph } from '../support/expect-pass';
import { feedsFor, runModel } from '../support/run';
import { type RandomCase, randomCase } from './random-operator';

export interface Fuzzed {
  readonly equal: number;
  /** Refused, by the operator's name. */
  readonly refused: number;
  /** ONNX Runtime does not run it either. */
  readonly idle: number;
  readonly wrong: readonly string[];
  readonly reasons: ReadonlyMap<string, number>;
}

/** float32 sums in other orders, on graphs of one operator or two. A wrong pad, axis or weight is off by a share of the numbers themselves. */
const TOLERANCE = 1e-5;

export async function fuzz(count: number, seed: number): Promise<Fuzzed> {
  const random = seededRandom(seed);
  const scratch = mkdtempSync(join(tmpdir(), 'convolutionize-fuzz-'));
  let [equal, refused, idle] = [0, 0, 0];
  const wrong: string[] = [];
  const reasons = new Map<string, number>();
  try {
    for (let number = 0; number < count; number++) {
      const made = randomCase(number, random);
      const result = await judged(made, join(scratch, 'model'));
      if (result === 'equal') equal++;
      else if (result === 'idle') idle++;
      else if (typeof result === 'object') {
        refused++;
        reasons.set(result.refused, (reasons.get(result.refused) ?? 0) + 1);
      } else wrong.push(`${made.title}: ${result}\n${made.text}`);
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  return { equal, refused, idle, wrong, reasons };
}

type Judged = 'equal' | 'idle' | { readonly refused: string } | string;

async function judged({ text, sizes, least }: RandomCase, directory: string): Promise<Judged> {
  let session: Session | undefined;
  try {
    const model = parseGraph(text);
    const runs = [];
    for (const known of sizes) {
      const feeds = feedsFor(model.graph.inputs, { sizes: known, seed: 7 });
      const expected = await runModel(model, feeds, { quiet: true }).catch(() => undefined);
      // TensorFlow.js has no slices without elements.
      if (expected && [...expected.values()].every(({ shape }) => !shape.includes(0))) runs.push({ known, feeds, expected });
    }
    if (runs.length === 0) return 'idle';
    writeTfjsModel(model, directory, {});
    session = await openTfjsSession(directory);
    for (const { known, feeds, expected } of runs) {
      const found = await session.run(new Map([...feeds].map(([name, tensor]) => [name, numbersOf(tensor)])));
      for (const [name, tensor] of expected) {
        const problem = departure(tensor, found.get(name), least);
        if (problem) return `at ${JSON.stringify(known)}: ${problem}`;
      }
    }
    return 'equal';
  } catch (error) {
    if (error instanceof CompileError && !error.diagnostic.code.startsWith('TFJS_'))
      return { refused: [error.diagnostic.message, ...(error.diagnostic.notes ?? [])].join('; ').replace(/'[^']*'/g, "''") };
    return error instanceof CompileError ? error.diagnostic.message : String(error instanceof Error ? error.stack : error);
  } finally {
    await session?.release();
    rmSync(directory, { recursive: true, force: true });
  }
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
  for (const [at, a] of wanted.entries()) {
    const b = found.data[at] ?? Number.NaN;
    if (!(Object.is(a, b) || a === b || Math.abs(a - b) <= TOLERANCE * largest))
      return `element ${at} of [${expected.shape}] is ${b} instead of ${a}`;
  }
  return undefined;
}
