/**
 * Verification of two models, whatever they are stored in: files (files/verify.ts), or what a web page was given (src/web). Decides what the second
 * one is to the first (a conversion, a form of one, any other pair), and so what must be equal.
 */
import { type Contract, contractAtSizes, contractOf } from '../analysis/contract';
import { type Compiled, cuttable, freeSizes, settle, withOutputs } from '../compile';
import { declaredForm } from '../compile/form';
import { type ImageWindow, resolveWindows, type SizeRequest, windowLengths } from '../compile/input-size';
import { declaredContract, declaredDensity, declaredHead, declaredSize, declaredStrides } from '../compile/metadata';
import { inSingle, isSingled, otherFloats } from '../compile/single';
import { largestTaken, sizesTaken } from '../compile/sizes';
import { oldOpset, readAsMeant, usage } from '../diagnostics/catalogue';
import type { Diagnostic } from '../diagnostics/compile-error';
import { imageInputs, lettersOf } from '../ir/axis-roles';
import type { Model } from '../ir/model';
import { inferShapes } from '../ir/shape-inference';
import { lengthsOf } from '../ir/spatial';
import { compiledAnew, conversionAgain, formedFrom, rewritesOf, rounds } from './again';
import { type VerifyOptions, type VerifyRequest, verifyModels } from './equivalence';
import { verifyExactly } from './exact/exact';
import { type MakeSide, onnxIntegers } from './exact/side';
import { type FormedModel, verifyForm } from './form';
import type { OpenSession } from './onnx-runner';
import { correspondence, verifyPair } from './pair/pair';
import type { Relation } from './pair/relation';
import type { VerifyReport } from './report';
import type { Sample } from './samples';
import type { OtherRuntime } from './subject';
import { openWindows, samplesFor, sizesOf } from './usual-samples';

export interface VerifyAnyOptions extends VerifyOptions {
  /** Compares on integers, bit by bit, instead of all other checks. `samples` is the number of rounds. */
  readonly exact?: boolean | undefined;
  /** Maps names of the original's inputs and outputs to those of the other model, where they differ; for pairs that are not conversions. */
  readonly map?: ReadonlyMap<string, string> | undefined;
  /** Relation between the outputs, if their shapes do not determine it; for pairs that are not conversions. */
  readonly relation?: Relation | undefined;
  /** Called with the inputs before anything is run. */
  readonly onSamples?: ((samples: readonly Sample[]) => void) | undefined;
  /** Height and width that the original was made for, if neither file declares them. */
  readonly inputSize?: SizeRequest | undefined;
  readonly warn?: ((warning: Diagnostic) => void) | undefined;
  /** The derived form (compile/form.ts) of the converted model, if that form is to be verified. */
  readonly form?: FormedModel | undefined;
  /** Results of the conversion, to avoid computing them again. */
  readonly compiled?: Compiled | undefined;
}

/** Access to the models, wherever they are stored, and a runtime for them. */
export interface VerifyTools<Given> {
  /** Opens sessions that run models. */
  readonly open: OpenSession;
  /** Makes a model loadable by the runtime for the duration of the verification. */
  readonly place: (model: Model, name: string) => string | Uint8Array;
  /** `isAgain`: it was read before, and its warnings were given. */
  readonly read: (given: Given | Model, isAgain?: boolean) => Model;
  /** What the runtime can load: the given model itself if possible. */
  readonly runnable: (given: Given | Model, name: string) => string | Uint8Array;
  /** Path that the user knows, for messages. */
  readonly pathOf: (given: Given | Model) => string | undefined;
  /** A converted model that is not ONNX; undefined if it is. */
  readonly other?: ((given: Given | Model) => OtherModel | undefined) | undefined;
  /** Inputs that the user gave; undefined: random ones. */
  readonly inputs?: ((original: Model, windows: readonly ImageWindow[]) => Promise<readonly Sample[]>) | undefined;
  /** Lets a model made from another one read the files of that one. */
  readonly inherit?: ((made: Model, from: Model) => void) | undefined;
}

/** A converted model in another format. */
export interface OtherModel {
  readonly runtime: OtherRuntime;
  /** Its inputs, outputs and metadata as a Model. */
  readonly standIn: () => Model;
  /** For a comparison on integers. */
  readonly integers: (original: Model, standIn: Model, inputSize: SizeRequest | undefined) => MakeSide;
}

/**
 * Runs both models and compares their results. A conversion by this program, or a map that grows with the image, must meet the promises of a
 * conversion, on larger images too; any other pair must agree in its outputs. Throws CompileError if they cannot be run or compared; a difference is
 * a verdict.
 */
export async function verifyAny<Given>(
  original: Given | Model,
  converted: Given | Model,
  options: VerifyAnyOptions,
  tools: VerifyTools<Given>,
): Promise<VerifyReport> {
  const { open, place, read, runnable } = tools;
  // Read a second time: the verified model has its window sizes inserted and its constants folded.
  let verbatim: Model | undefined;
  const asItIs = (): Model => {
    verbatim ??= read(original, true).clone();
    return verbatim;
  };
  const other = tools.other?.(converted);
  if (options.exact && !other && declaredForm(read(converted)))
    throw usage('--exact compares conversions whose sizes are free: omit it, or verify the file that is made without a form', 'verify');
  // Made by --float32: the conversion started from the original in float32.
  if (!options.compiled && isSingled(other?.standIn() ?? read(converted, true))) {
    const given = read(original, true);
    if (otherFloats(given).length > 0) {
      const single = inSingle(given);
      tools.inherit?.(single, given);
      return await verifyAny(single, converted, options, tools);
    }
  }
  const shipped =
    !other && !options.form && !options.exact && !options.map?.size
      ? formedFrom(read(original), read(converted), tools.inherit)
      : undefined;
  if (shipped) {
    inferShapes(shipped.form.model);
    const source = runnable(converted, 'formed');
    // The conversion is repeated and verified, and the file is then compared with it.
    return await verifyAny(original, shipped.compiled.model, { ...options, ...shipped, form: { ...shipped.form, source } }, tools);
  }
  const result = other ? (options.compiled?.model ?? other.standIn()) : read(converted).clone();
  const whole = options.compiled ? options.compiled.original : read(original).clone();
  const names = options.compiled ? namesOf(whole) : keptOutputs(whole, result);
  const subject = names && !options.compiled ? withOutputs(whole, names) : whole;
  const given = options.compiled && !names ? undefined : read(original);
  // The file itself is run only if it has exactly these outputs; others might be dictionaries.
  const isPart = names !== undefined && given !== undefined && !sameNames(namesOf(given), names);
  const isOld = whole.upgradedFrom !== undefined || whole.mended;
  if (whole.upgradedFrom !== undefined) options.warn?.(oldOpset(whole.upgradedFrom, whole.opsets.get(''), tools.pathOf(original)));
  if (whole.mended) options.warn?.(readAsMeant(tools.pathOf(original)));
  const sides = {
    original: {
      source: isPart || isOld ? place(standIn(read(original), names), 'original') : runnable(original, 'original'),
      model: subject,
    },
    converted: {
      source: runnable(converted, 'converted'),
      model: result,
      runtime: other?.runtime,
    },
    open,
    place,
    options,
  };
  if (options.exact) {
    openWindows(subject, result, options.inputSize ?? declaredSize(result));
    for (const model of other ? [subject] : [subject, result]) inferShapes(model);
    settle(subject);
    return await verifyExactly({
      original: subject,
      converted: other
        ? other.integers(subject, result, options.inputSize)
        : onnxIntegers(subject, result, conversionAgain(subject, result, options.inputSize)),
      runtime: sides.converted.runtime?.name,
      match: correspondence(subject, result, options.map),
      shapes: new Map(subject.graph.inputs.map((input) => [input.name, sizesOf(input)])),
      open,
      place,
      options,
    });
  }
  if (!options.compiled && (other ? declaredHead(result) === undefined : !isConversion(subject, result, options))) {
    const windows = openWindows(subject, result, options.inputSize);
    for (const model of [subject, result]) inferShapes(model);
    const samples = await samplesFor(subject, result, windows, { ...options, load: tools.inputs });
    return await verifyPair({ ...sides, samples, map: options.map, relation: options.relation });
  }
  const windows = options.compiled ? options.compiled.report.windows : windowsOf(subject, result, options.inputSize);
  if (!options.compiled) inferShapes(subject);
  const contract = options.compiled
    ? options.compiled.report.contract
    : other
      ? declaredContract(result)
      : contractBetween(subject, result, windows);
  const declared = new Map(result.graph.outputs.map((output) => [output.name, output.type?.shape] as const));
  if (!other) inferShapes(result);
  const request: VerifyRequest = {
    ...sides,
    verbatim: asItIs,
    strides: declaredStrides(result),
    declared,
    fitted: fittingOf(result, windows),
    samples: await tools.inputs?.(subject, windows),
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
function isConversion(original: Model, converted: Model, { map, relation }: VerifyAnyOptions): boolean {
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
  const own = contractOf(atWindows(result, windows).graph, { head: declaredHead(result), original: original.graph });
  const found = own.congruent && windows[0] ? contractAtSizes(own, sizesTaken(result).get(windows[0].input)) : own;
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
