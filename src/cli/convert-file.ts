/**
 * Converts one file into another: reads, compiles, writes to a temporary place beside the output, verifies the result there, and moves it to its final place.
 * The output is created only when it is complete and verification has not failed. An existing file is replaced only with `force`; the input is never changed.
 */
import { statSync } from 'node:fs';
import { basename, dirname, relative, resolve, sep } from 'node:path';
import type { OptimisationLevel } from '../../passes';
import { type Compiled, type CompileOptions, compile } from '../compile';
import { type Formed, type FormRequest, formOf, inHalf } from '../compile/form';
import { withFewerBits } from '../compile/metadata';
import { inSingle } from '../compile/single';
import { badOption, externalToStream, outputTwice, precisionNotRun, referenceOutside } from '../diagnostics/catalogue';
import { CompileError, type Diagnostic } from '../diagnostics/compile-error';
import { closeModel, DATA, dataFile, filesBehind, inheritOrigin, readModelFile, writeModelInto } from '../files';
import { isOfDump } from '../files/dump';
import type { WriteTfjsOptions } from '../files/tfjs-files';
import type { Model } from '../ir/model';
import type { Tensor } from '../ir/types';
import { declareOpset } from '../onnx/opset';
import { weightSlots } from '../operators';
import { checkOutput, checkPart, placeOf, type Staged, stage, writeTextFile } from '../output';
import type { ArtifactReport } from '../tfjs/artifacts';
import type { VerifyOptions } from '../verify/equivalence';
import type { VerifyReport } from '../verify/report';
import type { TfjsBackend } from '../verify/tfjs/backend';

export interface ConvertFileOptions {
  readonly compile: CompileOptions;
  /** undefined: write nothing. */
  readonly output: string | undefined;
  /** Write a TensorFlow.js model into the directory `output`. */
  readonly tfjs: WriteTfjsOptions | undefined;
  /** Transform the converted model into this form. */
  readonly form?: { readonly request: FormRequest; readonly level: OptimisationLevel } | undefined;
  /** Makes the network float32 first, if it is in bfloat16, float64 or float16. */
  readonly float32?: boolean | undefined;
  /** Inputs on which `--fp16` measures ranges; default: random ones. */
  readonly inputs?: readonly string[] | undefined;
  /** Adds metadata to the converted model. */
  readonly describe?: ((compiled: Compiled) => void) | undefined;
  /** Receives the model with channels-last maps on the way to TensorFlow.js. */
  readonly onLayout?: ((model: Model, nodesBefore: number) => void) | undefined;
  /** Opset of ONNX's default domain; undefined: that of the input, or the oldest sufficient one. */
  readonly opset?: number | undefined;
  readonly weights: 'copy' | 'external' | 'reference';
  readonly force: boolean;
  readonly allowSymlinks: boolean;
  /** Backend that runs a TensorFlow.js model for verification. Default: wasm. */
  readonly tfjsBackend?: TfjsBackend | undefined;
  /** undefined: the output is not verified. */
  readonly verify: VerifyOptions | undefined;
  readonly keepFailed: boolean;
  /** Keep an output that could not be verified beyond the original size. */
  readonly allowUnverified: boolean;
  /** Path of the certificate to write. */
  readonly certificate: string | undefined;
  /** Directory for model dumps. Not written here, only checked against the other outputs. */
  readonly dumpDir?: string | undefined;
  readonly warn: (warning: Diagnostic) => void;
  readonly step: (label: string) => void;
  /** Receives the model before it is changed. */
  readonly opened?: ((source: Model) => void) | undefined;
}

export interface ConvertedFile {
  readonly compiled: Compiled;
  /** The requested form of the converted model, if any. */
  readonly formed?: Formed | undefined;
  readonly verification: VerifyReport | undefined;
  /** Files written, with their sizes in bytes; undefined if nothing was written. */
  readonly written:
    | {
        readonly path: string;
        readonly bytes: number;
        readonly dataPath: string | undefined;
        readonly dataBytes: number;
        /** Files of the input beside the output, in which it leaves weights: the output needs them. */
        readonly alsoNeeds: readonly string[];
        readonly tfjs?: ArtifactReport | undefined;
      }
    | undefined;
}

/** `describe` is called while the weights can be read, since reports need some of them. */
export async function convertFile<Facts>(
  input: string,
  options: ConvertFileOptions,
  describe: (compiled: Compiled) => Facts,
): Promise<{ readonly result: ConvertedFile; readonly facts: Facts }> {
  options.step(`reading ${input}`);
  await checkOutputs(input, options);
  const opened = readModelFile(input, { allowSymlinks: options.allowSymlinks, warn: options.warn });
  const source = options.float32 ? inSingle(opened) : opened;
  if (source !== opened) inheritOrigin(source, opened);
  try {
    options.opened?.(source);
    options.step(`compiling ${input}`);
    const compiled = inFewerBits(compile(source, options.compile), options.tfjs);
    inheritOrigin(compiled.model, source);
    options.describe?.(compiled);
    const facts = describe(compiled);
    const single = options.form && formOf(compiled, options.form.request, options.form.level);
    const formed = single && (await halvedIfAsked(single, compiled, options));
    if (formed) inheritOrigin(formed.model, source);
    return { result: { ...(await write(input, source, { compiled, formed }, options)), formed }, facts };
  } finally {
    closeModel(opened);
  }
}

/** `--fp16`: which nodes stay in float32 depends on the ranges of their values. */
async function halvedIfAsked(
  formed: Formed,
  { report }: Compiled,
  { form, inputs, verify = {}, step }: ConvertFileOptions,
): Promise<Formed> {
  const half = form?.request.half;
  if (!half) return formed;
  step('measuring the ranges of all values');
  const { rangesOf } = await import('../verify/files/ranges');
  return inHalf(formed, half, await rangesOf(formed.model, { windows: report.windows, inputs, options: verify }));
}

/** Updates the contract for reduced-precision weights. A pattern that matches no weight is reported later. */
function inFewerBits(compiled: Compiled, tfjs: WriteTfjsOptions | undefined): Compiled {
  const types = Object.keys(tfjs?.quantisation ?? {});
  if (types.length === 0) return compiled;
  const { model, report } = compiled;
  return {
    model,
    report: { ...report, contract: withFewerBits(model, report.contract, types) },
    get original() {
      return compiled.original;
    },
  };
}

async function checkOutputs(input: string, { output, force, tfjs, certificate, weights, dumpDir }: ConvertFileOptions): Promise<void> {
  if (output === undefined) return;
  if (tfjs) (await import('../files/tfjs-files')).checkTfjsOutput(output, force);
  else {
    checkOutput(output, [input], force);
    if (weights === 'external' && placeOf(output).kind === 'stream') throw externalToStream(output);
    if (weights === 'external') checkPart(output, DATA, { inputs: [input], force });
  }
  if (certificate !== undefined) checkOutput(certificate, [input], force, tfjs ? [] : made(output, weights));
  if (dumpDir !== undefined) checkDump(dumpDir, [...made(output, weights), ...(certificate === undefined ? [] : [certificate])]);
}

/** The dump directory must not be another output or contain one among its own files. */
function checkDump(dumpDir: string, others: readonly string[]): void {
  const { path } = placeOf(dumpDir);
  for (const other of others.map((each) => placeOf(each).path))
    if (other === path || (dirname(other) === path && isOfDump(basename(other)))) throw outputTwice(dumpDir);
}

/** Paths of the output's files, with links resolved. */
const made = (output: string, weights: ConvertFileOptions['weights']): readonly string[] =>
  weights === 'external' ? [output, dataFile(placeOf(output).path)] : [output];

/** Files that a model refers to, other than its own weights. */
function othersBehind(output: string, dataPath: string | undefined): readonly string[] {
  if (!statSync(output).isFile()) return [];
  const model = readModelFile(output, { allowSymlinks: true, warn: () => {} });
  try {
    const own = [output, ...(dataPath === undefined ? [] : [dataPath])].map((path) => resolve(path));
    return filesBehind(model).filter((path) => !own.includes(resolve(path)));
  } finally {
    closeModel(model);
  }
}

async function write(
  input: string,
  source: Model,
  { compiled, formed }: Pick<ConvertedFile, 'compiled' | 'formed'>,
  options: ConvertFileOptions,
): Promise<ConvertedFile> {
  const { output, weights, force, step } = options;
  const { model } = formed ?? compiled;
  if (options.tfjs) return await writeTfjs(input, source, compiled, options.tfjs, options);
  // Also on a dry run.
  if (options.opset !== undefined) declareOpset(model, options.opset);
  if (output === undefined) return { compiled, verification: undefined, written: undefined };
  const dataPath = weights === 'external' ? dataFile(output) : undefined;
  // The external data files are known only now.
  checkOutput(output, filesBehind(source), force);
  if (dataPath !== undefined) checkPart(output, DATA, { inputs: filesBehind(source), force });
  checkRecord(source, output, options);
  if (weights === 'reference') requireBelow(input, output);
  // A model with its own weight file needs a directory in which both have their final names; a model that refers to other files must be in its final directory.
  const staged = stage(output, dataPath === undefined, { inputs: filesBehind(source), force });
  try {
    step(`writing ${output}`);
    writeStaged(model, staged.path, output, weights);
    const sizes = { bytes: statSync(staged.path).size, dataBytes: dataPath === undefined ? 0 : statSync(`${staged.path}.data`).size };
    const verification = await verified(options.float32 ? source : input, staged, { compiled, formed }, options);
    if (!isKept(verification, options)) return { compiled, verification, written: undefined };
    const made = new Map(model.graph.constants.map(({ name, constant }) => [name, constant]));
    const record = await certified(input, staged.path, { compiled, made, verification }, options);
    staged.commit();
    // Only weights of an input that are in files can be left where they are.
    const alsoNeeds = weights === 'reference' || filesBehind(source).length > 1 ? othersBehind(output, dataPath) : [];
    record?.([...filesBehind(source), output]);
    return { compiled, verification, written: { path: output, dataPath, ...sizes, alsoNeeds } };
  } finally {
    staged.discard();
  }
}

/** The output is kept only if it was found equal, unless an option allows otherwise. */
function isKept(verification: VerifyReport | undefined, { keepFailed, allowUnverified }: ConvertFileOptions): boolean {
  if (!verification || verification.verdict === 'equal' || verification.verdict === 'measured') return true;
  return verification.verdict === 'different' ? keepFailed : allowUnverified || keepFailed;
}

/** The certificate must not be one of the files read or written. */
function checkRecord(source: Model, output: string, { certificate, force, tfjs, weights }: ConvertFileOptions): void {
  if (certificate === undefined) return;
  const within = relative(resolve(output), resolve(certificate));
  // A TensorFlow.js directory is replaced as a whole.
  const isInside = tfjs && !within.startsWith(`..${sep}`) && within !== '..' && resolve(within) !== within;
  if (within === '' || isInside) throw badOption('certificate', certificate, 'a file of its own, beside the output');
  checkOutput(certificate, [...filesBehind(source), output], force, tfjs ? [] : made(output, weights));
}

/** Errors name the output that the user asked for, not the temporary file. */
function writeStaged(model: Model, path: string, output: string, weights: ConvertFileOptions['weights']): void {
  try {
    writeModelInto(model, path, { weights });
  } catch (error) {
    if (error instanceof CompileError && error.code === 'CANNOT_WRITE')
      throw new CompileError({ ...error.diagnostic, at: { file: output } }, { cause: error });
    throw error;
  }
}

/** Lowers and writes the model. Unsupported operators are reported on a dry run too. */
async function writeTfjs(
  input: string,
  source: Model,
  compiled: Compiled,
  tfjs: WriteTfjsOptions,
  options: ConvertFileOptions,
): Promise<ConvertedFile> {
  const { output, step } = options;
  const [{ lowerToTfjs }, { stageTfjs, writeTfjsFiles }] = await Promise.all([import('../tfjs/lower'), import('../files/tfjs-files')]);
  const graph = lowerToTfjs(compiled.model, { ...tfjs, onLayout: (model) => options.onLayout?.(model, compiled.model.graph.nodeCount) });
  if (output === undefined) return { compiled, verification: undefined, written: undefined };
  checkRecord(source, output, options);
  const staged = stageTfjs(output, options.force);
  try {
    step(`writing ${output}`);
    const report = writeTfjsFiles(compiled.model, graph, staged.path, tfjs);
    const verify = report.quantised.length > 0 ? measuring(options.verify) : options.verify;
    const verification = await verified(options.float32 ? source : input, staged, { compiled }, { ...options, verify });
    if (!isKept(verification, options)) return { compiled, verification, written: undefined };
    const made = new Map(graph.weights.map(({ name, tensor }) => [name, tensor]));
    const record = await certified(input, staged.path, { compiled, made, verification }, options);
    staged.commit();
    record?.([...filesBehind(source), output]);
    const written = {
      path: output,
      bytes: report.jsonBytes,
      dataPath: undefined,
      dataBytes: report.weightBytes,
      alsoNeeds: [],
      tfjs: report,
    };
    return { compiled, verification, written };
  } finally {
    staged.discard();
  }
}

/** The effect of reduced precision is measured; a bound is enforced only if the user gave one. */
const measuring = (verify: VerifyOptions | undefined): VerifyOptions | undefined =>
  verify && verify.rtol === undefined && verify.atol === undefined ? { ...verify, measure: true } : verify;

/** Verifies the written model against the original, before it becomes the output. */
async function verified(
  input: string | Model,
  { path, scratch }: Pick<Staged, 'path' | 'scratch'>,
  { compiled, formed }: Pick<ConvertedFile, 'compiled' | 'formed'>,
  options: ConvertFileOptions,
): Promise<VerifyReport | undefined> {
  if (!options.verify) return undefined;
  const { verifyFiles } = await import('../verify/files/verify');
  const { allowSymlinks, step, tfjsBackend } = options;
  const how = { ...options.verify, tfjsBackend, compiled, scratch, allowSymlinks, onProgress: step };
  try {
    if (!formed) return await verifyFiles(input, path, how);
    // The converted model is verified at many sizes, and its form against the converted model.
    return await verifyFiles(input, compiled.model, { ...how, form: { source: path, model: formed.model, form: formed.form } });
  } catch (error) {
    throw namingPrecision(error, compiled);
  }
}

/** If the runtime does not run the model, and the model computes in a type that the runtime hardly has, the type is what the user needs to know. */
function namingPrecision(error: unknown, { original }: Compiled): unknown {
  if (!(error instanceof CompileError) || error.code !== 'RUNTIME_FAILED') return error;
  const typed = original.graph.nodes.map((node) => ({ node, dtype: node.outputs[0]?.type?.dtype }));
  const rare = typed.filter(({ dtype }) => dtype === 'bfloat16' || dtype === 'double');
  const layer = rare.find(({ node }) => weightSlots(node)?.length) ?? rare[0];
  return layer?.dtype ? precisionNotRun(layer.node, layer.dtype, error.message) : error;
}

/** Makes the certificate before the output is in its final place, and returns a function that writes it. */
async function certified(
  input: string,
  path: string,
  facts: { readonly compiled: Compiled; readonly made: ReadonlyMap<string, Tensor>; readonly verification: VerifyReport | undefined },
  { output, certificate, allowSymlinks, force, step }: ConvertFileOptions,
): Promise<((others: readonly string[]) => void) | undefined> {
  if (output === undefined || certificate === undefined) return undefined;
  step(`recording in ${certificate}`);
  const { makeCertificate } = await import('../certificate/make');
  const record = makeCertificate({
    ...facts,
    original: input,
    converted: { path, home: output },
    certificate,
    reading: { allowSymlinks },
  });
  return (others) => writeTextFile(certificate, `${JSON.stringify(record, undefined, 1)}\n`, others, force);
}

/** ONNX allows references only to files in or below the model's directory. */
function requireBelow(input: string, output: string): void {
  const location = relative(resolve(dirname(output)), resolve(input));
  if (location === '..' || location.startsWith(`..${sep}`) || resolve(location) === location)
    throw referenceOutside(input, dirname(output));
}
