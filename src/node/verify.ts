/** Verification of models as users have them: files, bytes, or models in memory. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { contractOf } from '../analysis/contract';
import { type Compiled, cuttable, freeSizes } from '../compile';
import type { Diagnostic } from '../diagnostics/compile-error';
import { type ImageWindow, resolveWindows, type SizeRequest } from '../input-size';
import { bufferSource } from '../ir/bytes';
import { Model } from '../ir/model';
import { inferShapes } from '../ir/shape-inference';
import { declaredContract, declaredDensity, declaredHead, declaredSize } from '../metadata';
import { readModel } from '../onnx/read';
import { type VerifyOptions, verifyModels } from '../verify/equivalence';
import type { VerifyReport } from '../verify/report';
import { tfjsModelPath } from '../verify/tfjs-files';
import type { TfjsBackend } from '../verify/tfjs-runner';
import { closeModel, readModelFile, writeModelFile } from '.';
import { isTextFile } from './text';
import { tfjsRuntime, tfjsStandIn } from './tfjs-model';

export interface VerifyFilesOptions extends VerifyOptions {
  /** Height and width that the original was made for, where neither file says so. */
  readonly inputSize?: SizeRequest | undefined;
  readonly allowSymlinks?: boolean | undefined;
  readonly warn?: ((warning: Diagnostic) => void) | undefined;
  /** What is known from the conversion: saves finding it out again. */
  readonly compiled?: Compiled | undefined;
  /** What runs a converted model that is one of TensorFlow.js. Default: wasm. */
  readonly tfjsBackend?: TfjsBackend | undefined;
  /** A directory for temporary files, which is removed afterwards. Default: a new one where the system keeps such files. */
  readonly scratch?: string | undefined;
}

/** A file by its path, the bytes of one, or a model. A converted one may be of TensorFlow.js: its directory, or model.json in it. */
export type ModelLike = string | Uint8Array | Model;

/** Runs both and compares what they give. Throws CompileError where they cannot be run or compared; a difference is a verdict. */
export async function verifyFiles(original: ModelLike, converted: ModelLike, options: VerifyFilesOptions = {}): Promise<VerifyReport> {
  const scratch = options.scratch ?? mkdtempSync(join(tmpdir(), 'convolutionize-'));
  const opened: Model[] = [];
  const place = (model: Model, name: string): string => {
    const path = join(scratch, `${name}.onnx`);
    writeModelFile(model, path, { force: true });
    return path;
  };
  const read = (from: ModelLike): Model => {
    if (from instanceof Model) return from;
    if (typeof from !== 'string') return readModel(bufferSource(from));
    const model = readModelFile(from, { allowSymlinks: options.allowSymlinks, warn: options.warn });
    opened.push(model);
    return model;
  };
  // The runtime reads neither models in memory nor text.
  const runnable = (from: ModelLike, name: string): string | Uint8Array =>
    from instanceof Model ? place(from, name) : typeof from === 'string' && isTextFile(from) ? place(read(from), name) : from;
  try {
    mkdirSync(scratch, { recursive: true });
    const tfjs = typeof converted === 'string' ? tfjsModelPath(converted) : undefined;
    const result = tfjs === undefined ? read(converted).clone() : (options.compiled?.model ?? tfjsStandIn(tfjs));
    const subject = options.compiled ? options.compiled.original : read(original).clone();
    const windows = options.compiled ? options.compiled.report.windows : windowsOf(subject, result, options.inputSize);
    if (!options.compiled) inferShapes(subject);
    const contract = options.compiled
      ? options.compiled.report.contract
      : tfjs === undefined
        ? contractOf(atWindows(result, windows).graph)
        : declaredContract(result);
    if (tfjs === undefined) inferShapes(result);
    return await verifyModels({
      original: { source: runnable(original, 'original'), model: subject },
      converted: {
        source: runnable(converted, 'converted'),
        model: result,
        runtime: tfjs === undefined ? undefined : tfjsRuntime(tfjs, options.tfjsBackend),
      },
      windows,
      contract,
      density: options.compiled?.report.density ?? declaredDensity(result),
      rounded: options.compiled && rounds(options.compiled),
      head: options.compiled?.report.head ?? declaredHead(result),
      free: freeSizes,
      cuttable,
      place,
      options,
    });
  } finally {
    for (const model of opened) closeModel(model);
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Whether a pass made weights anew. Constants folded in the original itself are computed there as well. */
const rounds = ({ report }: Compiled): boolean =>
  report.passes.some(({ pass, edits, numbers }) => edits > 0 && numbers === 'rounding' && pass !== 'fold-constants');

/** Gives the original its size: as asked for, as its file says, or as the converted model says. */
function windowsOf(original: Model, converted: Model, request: SizeRequest | undefined): readonly ImageWindow[] {
  const open = original.graph.inputs.some((input) => input.type?.shape?.slice(1).some((dim) => typeof dim !== 'number'));
  return resolveWindows(original, request ?? (open ? declaredSize(converted) : undefined));
}

/** The converted model at the size of the original. */
function atWindows(converted: Model, windows: readonly ImageWindow[]): Model {
  const model = converted.clone();
  const [first] = windows;
  if (first) resolveWindows(model, { hw: [first.height, first.width] });
  inferShapes(model);
  return model;
}
