/** Verification of models as users have them: files, bytes, or models in memory. */
import { type Contract, contractOf } from '../../analysis/contract';
import { type Compiled, cuttable, freeSizes, settle, withOutputs } from '../../compile';
import { declaredForm } from '../../compile/form';
import { type ImageWindow, resolveWindows, type SizeRequest, windowLengths } from '../../compile/input-size';
import { declaredContract, declaredDensity, declaredHead, declaredSize, declaredStrides } from '../../compile/metadata';
import { largestTaken, sizesTaken } from '../../compile/sizes';
import { oldOpset, readAsMeant, usage } from '../../diagnostics/catalogue';
import type { Diagnostic } from '../../diagnostics/compile-error';
import { closeModel, fitsRuntime, readModelFile, writeForRuntime } from '../../files';
import { isTextFile } from '../../files/text';
import { imageInputs, lettersOf } from '../../ir/axis-roles';
import { bufferSource } from '../../ir/bytes';
import { Model } from '../../ir/model';
import { inferShapes } from '../../ir/shape-inference';
import { lengthsOf } from '../../ir/spatial';
import { readModel } from '../../onnx/read';
import { keepForReport, scratchDirectory } from '../../output';
import { type VerifyOptions, type VerifyRequest, verifyModels } from '../equivalence';
import { verifyExactly } from '../exact/exact';
import { onnxIntegers } from '../exact/side';
import { type FormedModel, verifyForm } from '../form';
import { correspondence, verifyPair } from '../pair/pair';
import type { Relation } from '../pair/relation';
import type { VerifyReport } from '../report';
import type { Sample } from '../samples';
import type { TfjsBackend } from '../tfjs/backend';
import { tfjsModelPath } from '../tfjs/files';
import { tfjsIntegers } from '../tfjs/integers';
import { tfjsRuntime, tfjsStandIn } from '../tfjs/model';
import { compiledAnew, conversionAgain, formedFrom, rewritesOf, rounds, tfjsConversionAgain } from './again';
import { loadSamples, openWindows, samplesFor, sizesOf } from './samples';

export interface VerifyFilesOptions extends VerifyOptions {
  /** Compares on integers, bit by bit, instead of all other checks. `samples` is the number of rounds. */
  readonly exact?: boolean | undefined;
  /** Maps names of the original's inputs and outputs to those of the other model, where they differ; for pairs that are not conversions. */
  readonly map?: ReadonlyMap<string, string> | undefined;
  /** Relation between the outputs, if their shapes do not determine it; for pairs that are not conversions. */
  readonly relation?: Relation | undefined;
  /** Files with inputs: .npy, .npz, TensorProto, images, or folders of them. Default: random inputs. */
  readonly inputs?: readonly string[] | undefined;
  /** Called with the inputs before anything is run. */
  readonly onSamples?: ((samples: readonly Sample[]) => void) | undefined;
  /** Height and width that the original was made for, if neither file declares them. */
  readonly inputSize?: SizeRequest | undefined;
  readonly allowSymlinks?: boolean | undefined;
  readonly warn?: ((warning: Diagnostic) => void) | undefined;
  /** The derived form (compile/form.ts) of the converted model, if that form is to be verified. */
  readonly form?: FormedModel | undefined;
  /** Results of the conversion, to avoid computing them again. */
  readonly compiled?: Compiled | undefined;
  /** Backend that runs a converted TensorFlow.js model. Default: wasm. */
  readonly tfjsBackend?: TfjsBackend | undefined;
  /** Directory for temporary files, removed afterwards. Default: a new directory in the system's temporary directory. */
  readonly scratch?: string | undefined;
  /** Maximum bytes of weights inside a temporary model file; larger models get external data. Default: the limit of protobuf. */
  readonly largestFile?: number | undefined;
}

/** A model: path of a file, bytes of a file, or a model in memory. A converted model may be TensorFlow.js: its directory, or the model.json in it. */
export type ModelLike = string | Uint8Array | Model;

/**
 * Runs both models and compares their results. A conversion by this program, or a map that grows with the image, must meet the promises of a
 * conversion, on larger images too; any other pair must agree in its outputs. Throws CompileError if they cannot be run or compared; a difference is
 * a verdict.
 */
export async function verifyFiles(original: ModelLike, converted: ModelLike, options: VerifyFilesOptions = {}): Promise<VerifyReport> {
  const temporary = scratchDirectory(options.scratch);
  const scratch = temporary.path;
  const opened: Model[] = [];
  const place = (model: Model, name: string): string => writeForRuntime(model, scratch, `${name}.onnx`, options.largestFile);
  const read = (from: ModelLike, warn = options.warn): Model => {
    if (from instanceof Model) return from;
    if (typeof from !== 'string') return readModel(bufferSource(from));
    const model = readModelFile(from, { allowSymlinks: options.allowSymlinks, warn });
    opened.push(model);
    return model;
  };
  // Read a second time: the verified model has its window sizes inserted and its constants folded.
  let verbatim: Model | undefined;
  const asItIs = (): Model => {
    verbatim ??= read(original, () => {}).clone();
    return verbatim;
  };
  // The runtime cannot read models in memory, text files, or models beyond the protobuf limit.
  const runnable = (from: ModelLike, name: string): string | Uint8Array => {
    if (from instanceof Model) return place(from, name);
    return typeof from === 'string' && (isTextFile(from) || !fitsRuntime(from)) ? place(read(from), name) : from;
  };
  try {
    const tfjs = typeof converted === 'string' ? tfjsModelPath(converted) : undefined;
    if (options.exact && typeof converted === 'string' && tfjs === undefined && declaredForm(read(converted)))
      throw usage(
        '--exact compares conversions whose sizes are free: leave it away, or verify the file that is made without a form',
        'verify',
      );
    const shipped =
      tfjs === undefined && !options.form && !options.exact && !options.map?.size ? formedFrom(read(original), read(converted)) : undefined;
    if (shipped) {
      inferShapes(shipped.form.model);
      const source = runnable(converted, 'formed');
      // The conversion is repeated and verified, and the file is then compared with it.
      return await verifyFiles(original, shipped.compiled.model, { ...options, ...shipped, form: { ...shipped.form, source } });
    }
    const result = tfjs === undefined ? read(converted).clone() : (options.compiled?.model ?? tfjsStandIn(tfjs));
    const whole = options.compiled ? options.compiled.original : read(original).clone();
    const names = options.compiled ? namesOf(whole) : keptOutputs(whole, result);
    const subject = names && !options.compiled ? withOutputs(whole, names) : whole;
    const given = options.compiled && !names ? undefined : read(original);
    // The file itself is run only if it has exactly these outputs; others might be dictionaries.
    const isPart = names !== undefined && given !== undefined && !sameNames(namesOf(given), names);
    const isOld = whole.upgradedFrom !== undefined || whole.mended;
    if (whole.upgradedFrom !== undefined)
      options.warn?.(oldOpset(whole.upgradedFrom, whole.opsets.get(''), typeof original === 'string' ? original : undefined));
    if (whole.mended) options.warn?.(readAsMeant(typeof original === 'string' ? original : undefined));
    const sides = {
      original: {
        source: isPart || isOld ? place(standIn(read(original), names), 'original') : runnable(original, 'original'),
        model: subject,
      },
      converted: {
        source: runnable(converted, 'converted'),
        model: result,
        runtime: tfjs === undefined ? undefined : tfjsRuntime(tfjs, options.tfjsBackend),
      },
      place,
      options: { ...options, keepCrashed: keepForReport },
    };
    if (options.exact) {
      openWindows(subject, result, options.inputSize ?? declaredSize(result));
      for (const model of tfjs === undefined ? [subject, result] : [subject]) inferShapes(model);
      settle(subject);
      return await verifyExactly({
        original: subject,
        converted:
          tfjs === undefined
            ? onnxIntegers(subject, result, conversionAgain(subject, result, options.inputSize))
            : tfjsIntegers(tfjs, subject, tfjsConversionAgain(subject, result, tfjs, options.inputSize), options.tfjsBackend ?? 'wasm'),
        runtime: sides.converted.runtime?.name,
        match: correspondence(subject, result, options.map),
        shapes: new Map(subject.graph.inputs.map((input) => [input.name, sizesOf(input)])),
        place,
        options,
      });
    }
    if (!options.compiled && (tfjs === undefined ? !isConversion(subject, result, options) : declaredHead(result) === undefined)) {
      const windows = openWindows(subject, result, options.inputSize);
      for (const model of [subject, result]) inferShapes(model);
      const samples = await samplesFor(subject, result, windows, options);
      return await verifyPair({ ...sides, samples, map: options.map, relation: options.relation });
    }
    const windows = options.compiled ? options.compiled.report.windows : windowsOf(subject, result, options.inputSize);
    if (!options.compiled) inferShapes(subject);
    const contract = options.compiled
      ? options.compiled.report.contract
      : tfjs === undefined
        ? contractBetween(subject, result, windows)
        : declaredContract(result);
    const declared = new Map(result.graph.outputs.map((output) => [output.name, output.type?.shape] as const));
    if (tfjs === undefined) inferShapes(result);
    const request: VerifyRequest = {
      ...sides,
      verbatim: asItIs,
      strides: declaredStrides(result),
      declared,
      fitted: fittingOf(result, windows),
      samples: options.inputs?.length ? await loadSamples(subject, windows, options.inputs) : undefined,
      onSamples: options.onSamples,
      windows,
      contract,
      density: options.compiled?.report.density ?? declaredDensity(result),
      rounded: options.compiled && rounds(options.compiled),
      rewrites: () => rewritesOf(options.compiled ?? compiledAnew(subject, result)),
      head: options.compiled?.report.head ?? declaredHead(result),
      free: freeSizes,
      cuttable,
      also: windows[0] && options.form?.form.size?.get(windows[0].input),
    };
    const report = await verifyModels(request);
    // A model that is wrong cannot serve as the reference for its form.
    return options.form && report.verdict !== 'different' ? await verifyForm(request, options.form, report) : report;
  } finally {
    for (const model of opened) closeModel(model);
    temporary.remove();
  }
}

const namesOf = ({ graph }: Model): string[] => graph.outputs.map(({ name }) => name);
const sameNames = (a: readonly string[], b: readonly string[]): boolean => a.length === b.length && a.every((name) => b.includes(name));

/** The original in a state that the runtime accepts: with these outputs only, and with a supported opset. */
function standIn(original: Model, outputs: readonly string[] | undefined): Model {
  const model = withOutputs(original, outputs ?? namesOf(original));
  inferShapes(model);
  return model;
}

/** Outputs of a conversion, if they are not exactly those of the original: some may have been dropped, or be internal values of it. */
function keptOutputs(original: Model, converted: Model): readonly string[] | undefined {
  if (!declaredHead(converted)) return undefined;
  const names = namesOf(converted);
  const known = new Set(original.graph.nodes.flatMap((node) => node.outputs.map(({ name }) => name)));
  const isAll = namesOf(original).every((name) => names.includes(name)) && names.length === original.graph.outputs.length;
  return !isAll && names.every((name) => known.has(name)) ? names : undefined;
}

/** True if this program made the model and its metadata says so, or if it has a map with symbolic lengths where the original has a vector. */
function isConversion(original: Model, converted: Model, { map, relation }: VerifyFilesOptions): boolean {
  if (map?.size || relation) return false;
  if (declaredHead(converted)) return true;
  const { inputs, outputs } = converted.graph;
  const count = lettersOf(imageInputs(original.graph)).length;
  const rank = 2 + count;
  const grows = inputs.some(
    ({ type }) => type?.shape?.length === rank && type.shape.slice(1).filter((dim) => typeof dim !== 'number').length >= count,
  );
  return (
    count > 0 &&
    grows &&
    original.graph.outputs.every((output) =>
      outputs.some(({ name, type }) => name === output.name && type?.shape?.length === rank && output.type?.shape?.length === 2),
    )
  );
}

/** Gives the original its size: the requested one, the one in its file, or the one that the converted model declares. */
function windowsOf(original: Model, converted: Model, request: SizeRequest | undefined): readonly ImageWindow[] {
  // A model that was only folded need not have image inputs.
  if (!request && declaredHead(converted) === 'original' && imageInputs(original.graph).size === 0) return [];
  original.graph.tie(converted.graph.tied);
  const open = original.graph.inputs.some((input) => input.type?.shape?.slice(1).some((dim) => typeof dim !== 'number'));
  return resolveWindows(original, request ?? (open ? declaredSize(converted) : undefined));
}

/** The part of an image that the converted model uses, if its network accepts only certain sizes. */
function fittingOf(converted: Model, [window]: readonly ImageWindow[]): ((lengths: readonly number[]) => readonly number[]) | undefined {
  const sizes = window && sizesTaken(converted).get(window.input);
  const families = sizes && lengthsOf(sizes);
  return families && ((lengths) => lengths.map((length, axis) => (families[axis] && largestTaken(families[axis], length)) ?? length));
}

/**
 * The contract that the file declares, and must meet, with the nodes of the graph that are the reason for it. In a finer map, whose phases are
 * stitched together, these nodes can no longer be identified.
 */
function contractBetween(original: Model, result: Model, windows: readonly ImageWindow[]): Contract {
  const declared = declaredContract(result);
  if (declared && Object.keys(declaredDensity(result)).length > 0) return declared;
  const found = contractOf(atWindows(result, windows).graph, { head: declaredHead(result), original: original.graph });
  if (!declared) return found;
  return declared.kind === found.kind ? { ...found, fields: declared.fields ?? found.fields } : declared;
}

/** The converted model at the original's size. */
function atWindows(converted: Model, windows: readonly ImageWindow[]): Model {
  const model = converted.clone();
  const [first] = windows;
  if (first) resolveWindows(model, { lengths: windowLengths(first) });
  inferShapes(model);
  return model;
}
