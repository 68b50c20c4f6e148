/**
 * The compiler for browsers and workers.
 *
 *   import { readModel, compile, verify, writeModel } from 'convolutionize/web';
 *
 *   const file = input.files[0];
 *   const { model, report } = compile(await readModel(file));
 *   const { verdict } = await verify(file, model);
 *   await writeModel(model).pipeTo(await handle.createWritable());
 *
 * Best in a worker: there, weights stay in the file until they are needed, and the page stays responsive. What only some pages need (verification, the
 * emission for TensorFlow.js, pictures of graphs) is loaded when it is called.
 *
 * Errors: a `CompileError` concerns the model, a file or an option, and its message says how to fix it. An `InvariantError` is a bug in this library.
 */
import type { GraphDiff } from '../analysis/diff';
import { type ModelSummary, summarise as summariseModel } from '../analysis/summary';
import { settle } from '../compile';
import type { SizeRequest } from '../compile/input-size';
import type { Model } from '../ir/model';
import { compared } from '../reports/compared';
import type { VerifyReport } from '../verify/report';
import type { DiffGraphOptions, GraphFormat, GraphOptions } from './graphs';
import type { TfjsWeb, TfjsWebOptions } from './tfjs';
import type { ModelFile, VerifyWebOptions } from './verify';

export type { GraphDiff, NodeDiff } from '../analysis/diff';
export type { Layer, LayerList } from '../analysis/layers';
export type { ModelSummary } from '../analysis/summary';
export type { Compiled, CompileOptions, CompileReport, OutputReport } from '../compile';
export { compile } from '../compile';
export type { ImageWindow, SizeRequest } from '../compile/input-size';
export type { Diagnostic } from '../diagnostics/compile-error';
export { CompileError, InvariantError } from '../diagnostics/compile-error';
export { formatDiagnostic } from '../diagnostics/format';
export type { Model } from '../ir/model';
export type { Check, VerifyReport } from '../verify/report';
export { version } from '../version';
export type { DiffGraphOptions, GraphFormat, GraphOptions } from './graphs';
export { modelBlob, type ReadWebOptions, readModel, writeModel } from './models';
export type { OrtModule, RuntimeOptions } from './runtime';
export type { TfjsWeb, TfjsWebOptions } from './tfjs';
export type { ModelFile, VerifyWebOptions } from './verify';

/** The layers of a model with shapes and costs, its inputs and outputs. `size`: image size. Default: the one that the model declares. */
export const summarise = (model: Model, size?: SizeRequest): ModelSummary => summariseModel(model, size, settle);

/** What became of each node between two models, at the size that the first was made for. */
export const diff = (before: Model, after: Model, size?: SizeRequest): GraphDiff => compared(before, after, size).diff;

/** A model as a TensorFlow.js graph model: `model.json` and its shards, by name. Throws CompileError UNSUPPORTED_OPERATORS, which lists all of them. */
export async function toTfjs(model: Model, options: TfjsWebOptions = {}): Promise<TfjsWeb> {
  return (await import('./tfjs')).tfjsFiles(model, options);
}

/** The graph of a model, as SVG, as DOT, or as a page of its own, which needs nothing else. */
export async function graphPicture(model: Model, format: GraphFormat, options: GraphOptions = {}): Promise<string> {
  return (await import('./graphs')).graphOf(model, format, options);
}

/** The graphs of two models, with what changed marked. */
export async function diffPicture(before: Model, after: Model, format: GraphFormat, options: DiffGraphOptions = {}): Promise<string> {
  return (await import('./graphs')).diffGraphOf(before, after, format, options);
}

/**
 * Runs a model and its conversion in ONNX Runtime Web and compares their outputs, with the checks and figures of the command line. Throws CompileError if
 * they cannot be run or compared; a difference is reported in the verdict.
 */
export async function verify(
  original: ModelFile | Model,
  converted: ModelFile | Model,
  options: VerifyWebOptions = {},
): Promise<VerifyReport> {
  return (await import('./verify')).verifyInBrowser(original, converted, options);
}

/** A report of `verify` as text, as the command line prints it. */
export async function formatVerifyReport(report: VerifyReport): Promise<string> {
  return (await import('../verify/report')).formatVerifyReport(report);
}
