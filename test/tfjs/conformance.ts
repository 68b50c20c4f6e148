/**
 * ONNX's own conformance suite through our TensorFlow.js: each model of one operator is lowered as it is, written, read by TensorFlow.js on WebAssembly,
 * run on the suite's inputs and compared with the suite's outputs, to the suite's tolerance.
 *
 *   python test/tfjs/conformance.py DIRECTORY        writes the suite (needs the Python package onnx)
 *   node .ci/ts.mjs test/tfjs/conformance.ts DIRECTORY [--only TEXT] [--verbose]
 *
 * Prints, per operator, how many passed, were refused (with the reasons) and are WRONG: emitted, and other numbers or a failure. Exit code 1 with any wrong.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { onnx } from 'onnx-proto';
import { CompileError } from '../../src/diagnostics/compile-error';
import { closeModel, readModelFile } from '../../src/files';
import { writeTfjsModel } from '../../src/files/tfjs-files';
import { inferShapes } from '../../src/ir/shape-inference';
import { isFloatType, readNumbers } from '../../src/ir/tensor';
import type { Tensor } from '../../src/ir/types';
import { dtypeOf } from '../../src/onnx/dtypes';
import type { Numbers, Session } from '../../src/verify/onnx-runner';
import { openTfjsSession } from '../../src/verify/tfjs/runner';

type Outcome = { readonly kind: 'passed' | 'refused' | 'WRONG' | 'no tensors'; readonly detail: string };

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { only: { type: 'string', default: '' }, verbose: { type: 'boolean', default: false } },
});

async function main(): Promise<void> {
  const [directory] = positionals;
  if (directory === undefined) throw new Error('where is the suite?');
  const names = readdirSync(directory).filter((name) => name.includes(values.only) && existsSync(join(directory, name, 'model.onnx')));
  const operators = new Map<string, { name: string; outcome: Outcome }[]>();
  // One instance of the runtime for all.
  const scratch = mkdtempSync(join(tmpdir(), 'convolutionize-conformance-'));
  let warm: Session | undefined;
  for (const name of names) {
    const folder = join(directory, name);
    const { operator, outcome, session } = await runCase(folder, join(scratch, name), warm === undefined);
    warm ??= session;
    const list = operators.get(operator) ?? [];
    operators.set(operator, list);
    list.push({ name, outcome });
    if (values.verbose || outcome.kind === 'WRONG') console.log(`${outcome.kind.padEnd(10)} ${name}: ${outcome.detail}`);
  }
  await warm?.release();
  rmSync(scratch, { recursive: true, force: true });
  tell(operators);
}

async function runCase(
  folder: string,
  output: string,
  keep: boolean,
): Promise<{ operator: string; outcome: Outcome; session?: Session | undefined }> {
  const path = join(folder, 'model.onnx');
  let operator = 'none';
  let session: Session | undefined;
  const done = (kind: Outcome['kind'], detail = ''): { operator: string; outcome: Outcome; session?: Session | undefined } => ({
    operator,
    outcome: { kind, detail },
    session: keep ? session : undefined,
  });
  try {
    const source = readModelFile(path);
    try {
      operator = source.graph.nodes[0]?.op ?? operator;
      const model = source.clone();
      inferShapes(model);
      writeTfjsModel(model, output, {});
    } finally {
      closeModel(source);
    }
  } catch (error) {
    if (error instanceof CompileError) return done('refused', [error.diagnostic.message, ...(error.diagnostic.notes ?? [])].join('; '));
    return done('WRONG', `crash: ${error instanceof Error ? error.stack : error}`);
  }
  try {
    session = await openTfjsSession(output);
    for (const set of readdirSync(folder).filter((name) => name.startsWith('test_data_set_'))) {
      const feeds = new Map<string, Numbers>();
      const model = onnx.ModelProto.decode(readFileSync(path));
      for (const [at, input] of (model.graph?.input ?? []).entries()) {
        const tensor = readPb(join(folder, set, `input_${at}.pb`));
        if (!tensor) return done('no tensors');
        if (session.inputNames.includes(input.name ?? '')) feeds.set(input.name ?? '', toNumbers(tensor));
      }
      const results = await session.run(feeds);
      for (const [at, output] of (model.graph?.output ?? []).entries()) {
        const expected = readPb(join(folder, set, `output_${at}.pb`));
        if (!expected) return done('no tensors');
        const problem = departs(expected, results.get(output.name ?? ''));
        if (problem) return done('WRONG', `${output.name}: ${problem}`);
      }
    }
    return done('passed');
  } catch (error) {
    return done('WRONG', error instanceof CompileError ? error.diagnostic.message : String(error instanceof Error ? error.stack : error));
  } finally {
    if (!keep) await session?.release();
    rmSync(output, { recursive: true, force: true });
  }
}

function readPb(path: string): Tensor | undefined {
  if (!existsSync(path)) return undefined;
  const proto = onnx.TensorProto.decode(readFileSync(path));
  const dtype = dtypeOf(proto.dataType ?? 0);
  const shape = (proto.dims ?? []).map(Number);
  if (dtype === 'string') return undefined;
  const bytes = Uint8Array.from(proto.rawData ?? []);
  return { dtype, shape, data: { kind: 'bytes', bytes } };
}

const toNumbers = (tensor: Tensor): Numbers => {
  const data = readNumbers(tensor);
  return { dtype: tensor.dtype, shape: tensor.shape, data: isFloatType(tensor.dtype) ? Float32Array.from(data) : data };
};

/**
 * The suite's own tolerance (onnx.backend.test.runner): rtol 1e-3, atol 1e-7; integers and shapes exactly. Half precision, in which the suite's expectations were
 * computed step by step, is computed in floats here: twice as much, two units in the last place of a half.
 */
function departs(expected: Tensor, found: Numbers | undefined): string | undefined {
  if (!found) return 'it is missing';
  if (expected.shape.join() !== found.shape.join()) return `shape [${found.shape}] instead of [${expected.shape}]`;
  const isFloat = isFloatType(expected.dtype);
  const wanted = readNumbers(expected);
  for (const [at, a] of wanted.entries()) {
    const b = found.data[at] ?? Number.NaN;
    if (Object.is(a, b) || a === b) continue;
    const allowed = isFloat ? 1e-7 + (expected.dtype === 'float16' ? 2e-3 : 1e-3) * Math.abs(a) : 0;
    if (!(Math.abs(a - b) <= allowed)) return `element ${at} of [${expected.shape}] is ${b} instead of ${a}`;
  }
  return undefined;
}

function tell(operators: ReadonlyMap<string, readonly { readonly name: string; readonly outcome: Outcome }[]>): void {
  const totals: Record<string, number> = {};
  for (const [operator, list] of [...operators].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const count = (kind: Outcome['kind']): number => list.filter(({ outcome }) => outcome.kind === kind).length;
    for (const { outcome } of list) totals[outcome.kind] = (totals[outcome.kind] ?? 0) + 1;
    const reasons = [
      ...new Set(list.filter(({ outcome }) => outcome.kind === 'refused').map(({ outcome }) => outcome.detail.slice(0, 140))),
    ];
    const wrong = list.filter(({ outcome }) => outcome.kind === 'WRONG').map(({ name }) => name);
    console.log(
      `${operator.padEnd(28)} ${String(count('passed')).padStart(4)} passed ${String(count('refused')).padStart(4)} refused ${String(count('WRONG')).padStart(4)} wrong${reasons.length > 0 ? `  (${reasons.slice(0, 3).join(' | ')})` : ''}${wrong.length > 0 ? `  WRONG: ${wrong.join(', ')}` : ''}`,
    );
  }
  console.log(
    Object.entries(totals)
      .map(([kind, count]) => `${count} ${kind}`)
      .join(', '),
  );
  process.exitCode = (totals.WRONG ?? 0) > 0 ? 1 : 0;
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 70;
});
