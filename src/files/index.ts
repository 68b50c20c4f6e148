/** Models as files. The rest of the compiler works with bytes only. */
import { existsSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { assertInvariant, type CompileError, type Diagnostic } from '../diagnostics/compile-error';
import type { ByteSource } from '../ir/bytes';
import { type Graph, nestedGraphs } from '../ir/graph';
import type { Model } from '../ir/model';
import { tensorByteLength } from '../ir/tensor';
import { otherFormat, savedModel } from '../onnx/other-formats';
import { readModel } from '../onnx/read';
import type { Segment } from '../onnx/wire/segments';
import { FILE_LIMIT, planModel, sendPlan } from '../onnx/write';
import { checkPart, fileInScratch, stage } from '../output';
import { ExternalFiles } from './external-data';
import { FileSink } from './file-sink';
import { FileSource } from './file-source';
import { limitsFactor } from './limits';
import { isTextFile, locationBelow, readText } from './text';

export interface ReadFileOptions {
  readonly allowSymlinks?: boolean | undefined;
  readonly warn?: ((warning: Diagnostic) => void) | undefined;
  readonly keepOpset?: boolean | undefined;
  /** Called for weights that cannot be reached, instead of an error (BAD_EXTERNAL_DATA): for tools that inspect the graph. */
  readonly onMissing?: ((tensor: string, location: string, reason: CompileError) => void) | undefined;
}

/** Files that a model was read from, by model: the writer must know which bytes it may refer to. */
const origins = new WeakMap<Model, ModelOrigin>();
interface ModelOrigin {
  readonly path: string;
  readonly source: FileSource;
  readonly external: ExternalFiles;
}

/**
 * Reads an ONNX file, or ONNX text (.onnxtxt). Weights stay on disk until their values are needed, so the file must stay where it is.
 * Throws CompileError.
 */
export function readModelFile(path: string, options: ReadFileOptions = {}): Model {
  const folder = otherFolder(path);
  if (folder) throw folder;
  const source = FileSource.open(path);
  const external = new ExternalFiles(path, options);
  try {
    const model = isTextFile(path)
      ? readText(source, external, options.keepOpset)
      : readModel(source, {
          openExternal: (location, tensor) => external.source(location, tensor),
          absent: (location, tensor, reason) => external.absent(location, tensor, reason),
          warn: options.warn,
          keepOpset: options.keepOpset,
          limits: limitsFactor(),
        });
    origins.set(model, { path, source, external });
    return model;
  } catch (error) {
    source.close();
    external.close();
    throw error;
  }
}

/** Error for a folder that is a model of another kind; undefined for any other. */
function otherFolder(path: string): CompileError | undefined {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return undefined;
  if (existsSync(join(path, 'saved_model.pb'))) return savedModel(path);
  const tfjs = join(path, 'model.json');
  if (!existsSync(tfjs)) return undefined;
  const source = FileSource.open(tfjs);
  try {
    return otherFormat(source);
  } finally {
    source.close();
  }
}

/** The file that a model was read from; undefined for one from memory. */
export const pathOf = (model: Model): string | undefined => origins.get(model)?.path;

/** Closes the files behind a model; after that, neither its weights nor those of models made from it can be read. */
export function closeModel(model: Model): void {
  const origin = origins.get(model);
  origin?.source.close();
  origin?.external.close();
  origins.delete(model);
}

/** Files that a model was read from: its own and those of its external data. */
export function filesBehind(model: Model): readonly string[] {
  const origin = origins.get(model);
  return origin ? [origin.path, ...[...origin.external.locations.keys()].map(({ name }) => name)] : [];
}

/** Gives a model that passes made from another one the files of that model, which it still refers to. */
export function inheritOrigin(made: Model, from: Model): void {
  const origin = origins.get(from);
  if (origin) origins.set(made, origin);
}

export interface WriteFileOptions {
  /** Replaces an existing file. */
  readonly force?: boolean | undefined;
  /**
   * - `copy` (default): the output is self-contained, except that weights already in external files next to the output stay there;
   * - `external`: weights go into `<name>.data` next to the output;
   * - `reference`: weights stay where they are, including the original .onnx file, which must be in the output's directory or below it.
   */
  readonly weights?: 'copy' | 'external' | 'reference' | undefined;
  /** Final directory of the output, if it is first written elsewhere. Default: the directory of the path. */
  readonly home?: string | undefined;
}

/** Writes the model to temporary files next to `path` and renames them when they are complete: the file is either complete or absent. Throws CompileError. */
export function writeModelFile(model: Model, path: string, options: WriteFileOptions = {}): void {
  const { force = false, weights } = options;
  const inputs = force ? [] : filesBehind(model);
  if (weights === 'external') checkPart(path, DATA, { inputs, force });
  const staged = stage(path, weights !== 'external', { inputs, force });
  try {
    writeModelInto(model, staged.path, options);
    staged.commit();
  } finally {
    staged.discard();
  }
}

/** Suffix of the file name of a model's weights. */
export const DATA = '.data';
/** Path of the weights file of a model that has a separate one. */
export const dataFile = (path: string): string => `${path}${DATA}`;

/** Writes the model to a temporary location, where it can overwrite nothing of value: `home` is the final directory of the model. */
export function writeModelInto(model: Model, path: string, options: Pick<WriteFileOptions, 'weights' | 'home'> = {}): void {
  const weights = options.weights ?? 'copy';
  const dataName = weights === 'external' ? basename(dataFile(path)) : undefined;
  const locate = locator(origins.get(model), options.home ?? dirname(path), weights);
  const plan = planModel(model, { externalData: dataName, locate });
  if (plan.data) writeSegments(plan.data, plan.dataLength, dataFile(path));
  writeSegments(plan.onnx, plan.onnxLength, path);
}

/** Space reserved for nodes and names, besides the weights. */
const FOR_NODES = 1 << 26;

/**
 * Writes a model for a runtime to a temporary directory, replacing one with this name: as one file if it fits into `largest` bytes, the limit of protobuf,
 * otherwise with its weights in a separate file. Returns its path.
 */
export function writeForRuntime(model: Model, directory: string, name: string, largest = FILE_LIMIT - FOR_NODES): string {
  const path = fileInScratch(directory, name);
  fileInScratch(directory, basename(dataFile(path)));
  writeModelInto(model, path, { weights: bytesOfWeights(model.graph) > largest ? 'external' : 'copy' });
  return path;
}

const bytesOfWeights = (graph: Graph): number =>
  graph.constants.reduce((sum, { constant }) => sum + tensorByteLength(constant), 0) +
  graph.nodes.reduce((sum, node) => sum + nestedGraphs(node).reduce((all, nested) => all + bytesOfWeights(nested), 0), 0);

/** Whether a runtime can load the file: protobuf allows no larger one. */
export const fitsRuntime = (path: string): boolean => statSync(path).size <= FILE_LIMIT;

function writeSegments(segments: readonly Segment[], length: number, path: string): void {
  const sink = new FileSink(path);
  try {
    sendPlan(segments, sink);
  } catch (error) {
    sink.close();
    throw error;
  }
  sink.finish();
  assertInvariant(sink.length === length, () => `wrote ${sink.length} bytes of ${length}`);
}

/** Finds the location by which a source can be referenced from the output's directory. */
function locator(origin: ModelOrigin | undefined, home: string, weights: string): (source: ByteSource) => string | undefined {
  return (source) => {
    if (!origin || !(source instanceof FileSource) || weights === 'external') return undefined;
    if (source !== origin.source) {
      // External data stays where it is if the new model is next to the old one.
      return weights === 'reference' || resolve(home) === resolve(dirname(origin.path)) ? locationBelow(home, source.name) : undefined;
    }
    return weights === 'reference' ? locationBelow(home, origin.path) : undefined;
  };
}
