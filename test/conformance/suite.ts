/**
 * ONNX's own conformance suite through our TensorFlow.js: each model of one operator is lowered as it is, written, read by TensorFlow.js on WebAssembly,
 * run on the suite's inputs and compared with the suite's outputs, to the suite's tolerance. Where the suite and ONNX Runtime disagree (Resize with aligned
 * corners and a length that is rounded), ONNX Runtime is right: it runs the originals.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onnx } from 'onnx-proto';
import { CompileError } from '../../src/diagnostics/compile-error';
import { closeModel, readModelFile } from '../../src/files';
import { writeTfjsModel } from '../../src/files/tfjs-files';
import { dtypeNumbered } from '../../src/ir/dtypes';
import type { Model } from '../../src/ir/model';
import { inferShapes } from '../../src/ir/shape-inference';
import { isFloatType, readNumbers } from '../../src/ir/tensor';
import type { Tensor } from '../../src/ir/types';
import type { Numbers, Session } from '../../src/verify/onnx-runner';
import { openTfjsSession } from '../../src/verify/tfjs/runner';
import { runModel } from '../support/run';

/** `no tensors`: sequences and the like, and inputs without elements, which TensorFlow.js does not have (a length of 0 in a file is read as any length). */
export type Kind = 'equal' | 'as ONNX Runtime' | 'refused' | 'WRONG' | 'no tensors';
export interface Outcome {
  readonly name: string;
  readonly operator: string;
  readonly kind: Kind;
  readonly detail: string;
}

/** Every test below a folder whose name has `only` in it. */
export async function runSuite(directory: string, only: string, tell: (outcome: Outcome) => void): Promise<readonly Outcome[]> {
  const names = readdirSync(directory).filter((name) => name.includes(only) && existsSync(join(directory, name, 'model.onnx')));
  const scratch = mkdtempSync(join(tmpdir(), 'convolutionize-conformance-'));
  // One instance of the runtime for all.
  let warm: Session | undefined;
  const outcomes: Outcome[] = [];
  for (const name of names.sort()) {
    const { session, ...outcome } = await runCase(name, join(directory, name), join(scratch, name), warm === undefined);
    warm ??= session;
    outcomes.push(outcome);
    tell(outcome);
  }
  await warm?.release();
  rmSync(scratch, { recursive: true, force: true });
  return outcomes;
}

async function runCase(
  name: string,
  folder: string,
  output: string,
  keep: boolean,
): Promise<Outcome & { readonly session?: Session | undefined }> {
  const path = join(folder, 'model.onnx');
  let operator = 'none';
  let session: Session | undefined;
  let model: Model | undefined;
  let isOther = false;
  const done = (kind: Kind, detail = ''): Outcome & { readonly session?: Session | undefined } => ({
    name,
    operator,
    kind,
    detail,
    session: keep ? session : undefined,
  });
  try {
    const source = readModelFile(path);
    try {
      operator = source.graph.nodes[0]?.op ?? operator;
      model = source.clone();
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
    const proto = onnx.ModelProto.decode(readFileSync(path));
    for (const set of readdirSync(folder).filter((each) => each.startsWith('test_data_set_'))) {
      const feeds = new Map<string, Tensor>();
      for (const [at, input] of (proto.graph?.input ?? []).entries()) {
        const tensor = readPb(join(folder, set, `input_${at}.pb`));
        if (!tensor) return done('no tensors');
        if (session.inputNames.includes(input.name ?? '')) feeds.set(input.name ?? '', tensor);
      }
      const results = await session.run(new Map([...feeds].map(([key, tensor]) => [key, toNumbers(tensor)])));
      for (const [at, { name: key }] of (proto.graph?.output ?? []).entries()) {
        const expected = readPb(join(folder, set, `output_${at}.pb`));
        if (!expected) return done('no tensors');
        const found = results.get(key ?? '');
        const problem = departs(expected, found);
        if (!problem) continue;
        const judge = model && (await runModel(model, feeds, { quiet: true }).catch(() => undefined))?.get(key ?? '');
        const isEmpty = [...feeds.values()].some(({ shape }) => shape.includes(0));
        if (isEmpty) return done('no tensors', problem);
        if (!judge || departs(judge, found)) return done('WRONG', `${key}: ${problem}`);
        isOther = true;
      }
    }
    return done(isOther ? 'as ONNX Runtime' : 'equal');
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
  const dtype = dtypeNumbered(proto.dataType ?? 0);
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
    // A double that no float can hold.
    if (expected.dtype === 'double' && Math.abs(a) > 3.4e38 && !Number.isFinite(b)) continue;
    const allowed = isFloat ? 1e-7 + (expected.dtype === 'float16' ? 2e-3 : 1e-3) * Math.abs(a) : 0;
    if (!(Math.abs(a - b) <= allowed)) return `element ${at} of [${expected.shape}] is ${b} instead of ${a}`;
  }
  return undefined;
}
