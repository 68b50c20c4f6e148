/**
 * Public library API.
 *
 *   import { readModel, compile, writeModel, verify } from 'convolutionize';
 *
 *   const original = readModel('alexnet.onnx');
 *   const { model, report } = compile(original);
 *   writeModel(model, 'alexnet-fcn.onnx');
 *
 * Errors: a `CompileError` concerns the model, a file or an option, and its message says how to fix it. An `InvariantError` is a bug in this library.
 */
import { type Compiled, type CompileOptions, compile as compileModel } from './compile';
import { inheritOrigin, type ReadFileOptions, readModelFile, type WriteFileOptions, writeModelFile } from './files';
import { type TfjsWritten, type WriteTfjsOptions, writeTfjsModel as writeTfjsDirectory } from './files/tfjs-files';
import { bufferSource } from './ir/bytes';
import type { Model } from './ir/model';
import { readModel as readModelBytes } from './onnx/read';
import type { ArrayHeatmap, ArrayInput, Heatmap, HeatmapOptions, PictureInput, Prediction, PredictOptions } from './pictures/files/library';
import type { ModelLike, VerifyFilesOptions } from './verify/files/verify';
import type { VerifyReport } from './verify/report';

/**
 * Reads an ONNX model of any opset and IR version. Given a path, the weights stay on disk until they are needed, so the file must stay in
 * place until the model is written. Given bytes, the model shares them, so they must not be modified.
 * Throws CompileError if the input is not a model or violates the ONNX specification.
 */
export function readModel(from: string | Uint8Array, options: ReadFileOptions = {}): Model {
  return typeof from === 'string' ? readModelFile(from, options) : readModelBytes(bufferSource(from), options);
}

/**
 * Makes a classifier fully convolutional; the given model is not modified. Outputs [N, K] become maps [N, K, rows, columns], with one cell at the original
 * image size. Throws CompileError if that size is unknown (set `options.inputSize`) or an output cannot become a map.
 */
export function compile(model: Model, options: CompileOptions = {}): Compiled {
  const compiled = compileModel(model, options);
  inheritOrigin(compiled.model, model);
  return compiled;
}

/** Writes a model to a file. The file is either complete or absent, and an existing file is replaced only with `force`. Throws CompileError. */
export function writeModel(model: Model, path: string, options: WriteFileOptions = {}): void {
  writeModelFile(model, path, options);
}

/**
 * Writes a model as a TensorFlow.js graph model: `directory`/model.json and its weights, for `tf.loadGraphModel`. The directory is either complete or absent.
 * The written model takes images as [N, H, W, C], unless `inputLayout` is 'nchw'. Throws CompileError UNSUPPORTED_OPERATORS, which lists every unsupported
 * operator, before anything is written.
 */
export function writeTfjsModel(model: Model, directory: string, options: WriteTfjsOptions = {}): TfjsWritten {
  return writeTfjsDirectory(model, directory, options);
}

export type { KindTotal, Layer, LayerList } from './analysis/layers';
/**
 * Runs a model and its conversion in ONNX Runtime and compares their outputs: at the original size, and at larger sizes against the original's own head on
 * each window. Throws CompileError if the models cannot be run or compared. A difference is reported in the verdict; it is not an error.
 */
export async function verify(original: ModelLike, converted: ModelLike, options: VerifyFilesOptions = {}): Promise<VerifyReport> {
  return (await import('./verify/files/verify')).verifyFiles(original, converted, options);
}

/**
 * Classifies a picture, a recording or a volume with an ONNX file or a TensorFlow.js model (its folder or model.json), and returns the best classes.
 * A picture is a file path, or pixels: `{ width, height, channels: 1 | 3, data }`. Anything else is `{ file: 'scan.npy' }`, or `{ data, shape }` with a typed
 * array. Given a list, opens the model once and returns a list.
 * Throws CompileError if the model does not classify such inputs, an input cannot be read or does not fit, or an option is invalid.
 */
export function predict(model: string, image: PictureInput | ArrayInput, options?: PredictOptions): Promise<Prediction>;
export function predict(model: string, images: readonly (PictureInput | ArrayInput)[], options?: PredictOptions): Promise<Prediction[]>;
export async function predict(
  model: string,
  images: PictureInput | ArrayInput | readonly (PictureInput | ArrayInput)[],
  options?: PredictOptions,
): Promise<Prediction | Prediction[]> {
  return (await import('./pictures/files/library')).predict(model, images, options);
}

/**
 * Locates classes in a picture, a recording or a volume. The model is an ONNX classifier, which is converted on the fly, or an already converted model.
 * By default, maps the class that `predict` returns for the whole picture. `draw()` renders the maps over the picture, as the bytes of an image file.
 * Throws CompileError as `predict` does, and if the classifier cannot be converted.
 */
export function heatmap(model: string, picture: PictureInput, options?: HeatmapOptions): Promise<Heatmap>;
export function heatmap(model: string, array: ArrayInput, options?: HeatmapOptions): Promise<ArrayHeatmap>;
export async function heatmap(model: string, image: PictureInput | ArrayInput, options?: HeatmapOptions): Promise<Heatmap | ArrayHeatmap> {
  return (await import('./pictures/files/library')).heatmap(model, image, options);
}

export type { Contract } from './analysis/contract';
export type { ModelSummary, Port } from './analysis/summary';
export { summarise } from './analysis/summary';
export * as authoring from './authoring';
export type { Compiled, CompileOptions, CompileReport, OutputReport, PluginPass } from './compile';
export type { ImageWindow, SizeRequest } from './compile/input-size';
export type { Diagnostic, Location } from './diagnostics/compile-error';
export { CompileError, InvariantError } from './diagnostics/compile-error';
export { formatDiagnostic } from './diagnostics/format';
export { closeModel, type ReadFileOptions, type WriteFileOptions } from './files';
export type { TfjsWritten, WriteTfjsOptions } from './files/tfjs-files';
export type { Graph } from './ir/graph';
export type { Model } from './ir/model';
export type { Attr, ConstValue, Dim, DType, Node, Tensor, TensorType, Value } from './ir/types';
export { parseModel } from './onnx/text/parser';
export { type PrintOptions, printModel } from './onnx/text/printer';
export { modelToBytes } from './onnx/write';
export type {
  ArrayHeatmap,
  ArrayHeatmapClass,
  ArrayInput,
  ArrayPeak,
  DrawOptions,
  Guess,
  Heatmap,
  HeatmapClass,
  HeatmapOptions,
  HeatPeak,
  PictureInput,
  PictureOptions,
  Prediction,
  PredictOptions,
} from './pictures/files/library';
export type { TfjsMetadata } from './pictures/files/tfjs-metadata';
export type { Picture } from './pictures/picture';
export type { RecipeJson as PreprocessingJson } from './pictures/recipe';
export type { PassReport } from './rewrite/manager';
export type { Pass, Remark } from './rewrite/pass';
export type { TfjsAbout, TfjsPort as TfjsPortAbout, TfjsValueAbout } from './tfjs/about';
export type { TfjsGraph, TfjsNode, TfjsPort, TfjsWeight } from './tfjs/graph';
export { type LowerOptions, lowerToTfjs } from './tfjs/lower';
export type { Quantisation } from './tfjs/quantize';
export type { ModelLike, VerifyFilesOptions } from './verify/files/verify';
export type { Check, Departure, ExactReport, VerifyReport } from './verify/report';
export { formatVerifyReport } from './verify/report';
export { version } from './version';
