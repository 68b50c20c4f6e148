/** From a finished conversion, or from two files, to a verification: reads the models, puts their parts where the runtime can load them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Contract } from './analysis/contract';
import { type Compiled, freeSizes } from './compile';
import { resolveWindows, type SizeRequest } from './input-size';
import type { Model } from './ir/model';
import { inferShapes } from './ir/shape-inference';
import { closeModel, inheritOrigin, readModelFile, writeModelFile } from './node';
import { type VerifyOptions, verifyModels } from './verify/equivalence';
import type { VerifyReport } from './verify/report';

export interface VerifyFilesOptions extends VerifyOptions {
  /** The size that the original was made for, where its file does not say. */
  readonly inputSize?: SizeRequest | undefined;
  readonly allowSymlinks?: boolean | undefined;
  /** What is known of the conversion; default: told by the converted model's metadata, or not known. */
  readonly contract?: Contract | undefined;
}

/** Compares two model files. Throws CompileError where they cannot be read, run or compared. */
export async function verifyFiles(originalPath: string, convertedPath: string, options: VerifyFilesOptions = {}): Promise<VerifyReport> {
  const file = readModelFile(originalPath, options);
  try {
    const model = file.clone();
    inheritOrigin(model, file);
    const windows = resolveWindows(model, options.inputSize);
    inferShapes(model);
    return await verifyAgainst({ path: originalPath, model }, convertedPath, windows, options);
  } finally {
    closeModel(file);
  }
}

/** Compares what `compile` made, written to `convertedPath`, with the file that it was made from. */
export async function verifyConversion(compiled: Compiled, originalPath: string, convertedPath: string, options: VerifyFilesOptions = {}): Promise<VerifyReport> {
  return verifyAgainst({ path: originalPath, model: compiled.original }, convertedPath, compiled.report.windows, { contract: compiled.report.contract, ...options });
}

async function verifyAgainst(
  original: { readonly path: string; readonly model: Model },
  convertedPath: string,
  windows: ReturnType<typeof resolveWindows>,
  options: VerifyFilesOptions,
): Promise<VerifyReport> {
  const converted = readModelFile(convertedPath, options);
  const directory = mkdtempSync(join(tmpdir(), 'convolutionize-'));
  try {
    inferShapes(converted);
    return await verifyModels({
      original: { source: original.path, model: original.model },
      converted: { source: convertedPath, model: converted },
      windows,
      contract: options.contract ?? contractIn(converted),
      free: freeSizes,
      place(part, name) {
        inheritOrigin(part, original.model);
        const path = join(directory, `${name}.onnx`);
        // The weights of a large head do not fit into one file's limit with everything inline.
        writeModelFile(part, path, { weights: 'external', force: true });
        return path;
      },
      options,
    });
  } finally {
    closeModel(converted);
    rmSync(directory, { recursive: true, force: true });
  }
}

const CONTRACTS: readonly Contract['kind'][] = ['everywhere', 'border', 'whole-image'];

/** What a conversion of ours wrote down about itself. */
function contractIn(model: Model): Contract | undefined {
  const kind = CONTRACTS.find((candidate) => candidate === model.metadata.get('convolutionize.contract'));
  const list = (key: string): string[] => model.metadata.get(key)?.split('\n').filter(Boolean) ?? [];
  return kind && { kind, padded: list('convolutionize.padded'), global: list('convolutionize.global') };
}

