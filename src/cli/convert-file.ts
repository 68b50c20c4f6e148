/**
 * One conversion from file to file: read, compile, write beside the output's place, have it judged there, move it to its place.
 * The output appears when it is whole and was not found wrong; an existing file is replaced only with `force`; the input is never changed.
 */
import { statSync } from 'node:fs';
import { dirname, relative, resolve, sep } from 'node:path';
import { type Compiled, type CompileOptions, compile } from '../compile';
import { referenceOutside } from '../diagnostics/catalogue';
import type { Diagnostic } from '../diagnostics/compile-error';
import { closeModel, filesBehind, inheritOrigin, readModelFile, writeModelFile } from '../node';
import type { VerifyOptions } from '../verify/equivalence';
import type { VerifyReport } from '../verify/report';
import { checkOutput, type Staged, stage } from './staging';

export interface ConvertFileOptions {
  readonly compile: CompileOptions;
  /** undefined: nothing is written. */
  readonly output: string | undefined;
  readonly weights: 'copy' | 'external' | 'reference';
  readonly force: boolean;
  readonly allowSymlinks: boolean;
  /** undefined: the output is not checked. */
  readonly verify: VerifyOptions | undefined;
  readonly keepFailed: boolean;
  readonly warn: (warning: Diagnostic) => void;
  readonly step: (label: string) => void;
}

export interface ConvertedFile {
  readonly compiled: Compiled;
  readonly verification: VerifyReport | undefined;
  /** What was written, in bytes; undefined: nothing. */
  readonly written:
    | { readonly path: string; readonly bytes: number; readonly dataPath: string | undefined; readonly dataBytes: number }
    | undefined;
}

export async function convertFile(input: string, options: ConvertFileOptions): Promise<ConvertedFile> {
  const { output, weights, force, step } = options;
  if (output !== undefined) checkOutput(output, [input], force);
  step(`reading ${input}`);
  const source = readModelFile(input, { allowSymlinks: options.allowSymlinks, warn: options.warn });
  try {
    step(`compiling ${input}`);
    const compiled = compile(source, options.compile);
    if (output === undefined) return { compiled, verification: undefined, written: undefined };
    inheritOrigin(compiled.model, source);
    const dataPath = weights === 'external' ? `${output}.data` : undefined;
    // Its external data is known only now.
    for (const path of [output, ...(dataPath === undefined ? [] : [dataPath])]) checkOutput(path, filesBehind(source), force);
    if (weights === 'reference') requireBelow(input, output);
    // A model with weights of its own beside it needs a directory in which they have their final names; one that refers to files needs to stand there.
    const staged = stage(output, dataPath === undefined);
    try {
      step(`writing ${output}`);
      writeModelFile(compiled.model, staged.path, { weights });
      const sizes = { bytes: statSync(staged.path).size, dataBytes: dataPath === undefined ? 0 : statSync(`${staged.path}.data`).size };
      const verification = await verified(input, staged, compiled, options);
      if (verification?.verdict === 'different' && !options.keepFailed) return { compiled, verification, written: undefined };
      staged.commit();
      return { compiled, verification, written: { path: output, dataPath, ...sizes } };
    } finally {
      staged.discard();
    }
  } finally {
    closeModel(source);
  }
}

/** Runs the original and what was made of it, before that is called the output. */
async function verified(
  input: string,
  { path, scratch }: Staged,
  compiled: Compiled,
  options: ConvertFileOptions,
): Promise<VerifyReport | undefined> {
  if (!options.verify) return undefined;
  const { verifyFiles } = await import('../node/verify');
  const { allowSymlinks, step } = options;
  return verifyFiles(input, path, { ...options.verify, compiled, scratch, allowSymlinks, onProgress: step });
}

/** ONNX allows references to files in the model's directory and below it only. */
function requireBelow(input: string, output: string): void {
  const location = relative(resolve(dirname(output)), resolve(input));
  if (location === '..' || location.startsWith(`..${sep}`) || resolve(location) === location)
    throw referenceOutside(input, dirname(output));
}
