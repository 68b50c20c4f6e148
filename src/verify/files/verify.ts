/** Verification of models as users have them: files, bytes, or models in memory. */
import type { ImageWindow } from '../../compile/input-size';
import { closeModel, fitsRuntime, inheritOrigin, readModelFile, writeForRuntime } from '../../files';
import { isTextFile } from '../../files/text';
import { bufferSource } from '../../ir/bytes';
import { Model } from '../../ir/model';
import { readModel } from '../../onnx/read';
import { keepForReport, scratchDirectory } from '../../output';
import type { FoundRecipe } from '../../pictures/files/recipes';
import type { VerifyReport } from '../report';
import { openSession } from '../runtime/node';
import type { Sample } from '../samples';
import type { TfjsBackend } from '../tfjs/backend';
import { tfjsModelPath } from '../tfjs/files';
import { tfjsStandIn } from '../tfjs/model';
import { type VerifyAnyOptions, verifyAny } from '../verify';
import type { Described } from './inputs/image';
import { tfjsAsOther } from './tfjs';

export interface VerifyFilesOptions extends VerifyAnyOptions {
  /** Files with inputs: .npy, .npz, TensorProto, images, or folders of them. Default: random inputs. */
  readonly inputs?: readonly string[] | undefined;
  /** Preprocessing of images, as `predict` takes it: a preset, a model of torchvision or timm, or a file. Default: as the models state. */
  readonly preset?: string | undefined;
  readonly allowSymlinks?: boolean | undefined;
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
 * Runs both models and compares their results (verifyAny). Throws CompileError if they cannot be run or compared; a difference is a verdict.
 */
export async function verifyFiles(original: ModelLike, converted: ModelLike, options: VerifyFilesOptions = {}): Promise<VerifyReport> {
  const temporary = scratchDirectory(options.scratch);
  const opened: Model[] = [];
  const place = (model: Model, name: string): string => writeForRuntime(model, temporary.path, `${name}.onnx`, options.largestFile);
  const read = (from: ModelLike, isAgain = false): Model => {
    if (from instanceof Model) return from;
    if (typeof from !== 'string') return readModel(bufferSource(from));
    const model = readModelFile(from, { allowSymlinks: options.allowSymlinks, warn: isAgain ? () => {} : options.warn });
    opened.push(model);
    return model;
  };
  const { inputs, preset } = options;
  const seen: FoundRecipe[] = [];
  const samplesOf = async (paths: readonly string[], model: Model, windows: readonly ImageWindow[]): Promise<readonly Sample[]> => {
    const tfjs = typeof converted === 'string' ? tfjsModelPath(converted) : undefined;
    const other = tfjs === undefined ? read(converted, true) : tfjsStandIn(tfjs);
    return (await import('./inputs')).loadSamples(paths, {
      inputs: model.graph.inputs,
      windows,
      preset,
      models: [describedBy(original, model), describedBy(converted, other)],
      onPicture: (prepared) => seen.push(prepared),
    });
  };
  try {
    const report = await verifyAny<string | Uint8Array>(
      original,
      converted,
      { ...options, keepCrashed: keepForReport },
      {
        open: openSession,
        place,
        read,
        // The runtime cannot read models in memory, text files, or models beyond the protobuf limit.
        runnable(from, name) {
          if (from instanceof Model) return place(from, name);
          return typeof from === 'string' && (isTextFile(from) || !fitsRuntime(from)) ? place(read(from), name) : from;
        },
        pathOf: (from) => (typeof from === 'string' ? from : undefined),
        other(from) {
          const path = typeof from === 'string' ? tfjsModelPath(from) : undefined;
          return path === undefined ? undefined : tfjsAsOther(path, options.tfjsBackend);
        },
        inputs: inputs?.length ? (model, windows) => samplesOf(inputs, model, windows) : undefined,
        inherit: inheritOrigin,
      },
    );
    const [first] = seen;
    return first ? { ...report, pictures: { count: seen.length, pixels: first.recipe.from, assumed: first.assumed } } : report;
  } finally {
    for (const model of opened) closeModel(model);
    temporary.remove();
  }
}

const describedBy = (from: ModelLike, { metadata }: Model): Described => ({ path: typeof from === 'string' ? from : undefined, metadata });
