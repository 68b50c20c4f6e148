/** A model that takes pictures, signals or volumes, independent of its file format: its inputs, its outputs, and a way to run it. */
import { beforeEnds } from '../../compile/ends';
import { declaredForm } from '../../compile/form';
import { resolveWindows, type SizeRequest, windowLengths } from '../../compile/input-size';
import { declaredHead, declaredSize, type Head } from '../../compile/metadata';
import { noScores, takesNoPicture, unknownOutput } from '../../diagnostics/catalogue';
import type { Diagnostic } from '../../diagnostics/compile-error';
import { closeModel, inheritOrigin, readModelFile, writeForRuntime } from '../../files';
import { isTextFile } from '../../files/text';
import { AxisRoles, imageInputs, lettersOf } from '../../ir/axis-roles';
import type { Model } from '../../ir/model';
import { type ImageSizes, sizesTaken } from '../../ir/sizes/taken';
import { windowsOf } from '../../ir/sizes/windows';
import { isLetter, type Letter } from '../../ir/spatial';
import { keepForReport, scratchDirectory } from '../../output';
import type { Numbers, RuntimeChoice, Session } from '../../verify/onnx-runner';
import { openSession } from '../../verify/runtime/node';
import type { TfjsBackend } from '../../verify/tfjs/backend';
import { tfjsModelPath } from '../../verify/tfjs/files';
import type { ImageFormat } from '../preprocessing';
import { tfjsPictureModel } from './tfjs-picture';

export interface PictureModel {
  readonly path: string;
  readonly format: 'ONNX' | 'TensorFlow.js';
  /** Name of the input. */
  readonly input: string;
  readonly image: ImageFormat;
  /** Spatial axes of the input. */
  readonly letters: readonly Letter[];
  /** Required length per axis; undefined: any. */
  readonly lengths: readonly (number | undefined)[];
  /** The only input size that it accepts; undefined: any. */
  readonly fixed: readonly number[] | undefined;
  /** The size that the model was made for, if known. */
  readonly window: readonly number[] | undefined;
  /** Sizes that it uses without ignoring pixels; undefined if the file does not declare them. */
  readonly sizes: ImageSizes | undefined;
  /** Head chosen by the conversion; undefined if the model was not converted. */
  readonly head: Head | undefined;
  readonly metadata: ReadonlyMap<string, string>;
  /** The graph, if it is available for analysis. */
  readonly model: Model | undefined;
  /** Name of the output that holds the scores. */
  readonly output: string;
  /** True if the output is a map that grows with the image. */
  readonly isMap: boolean;
  /** True if the classes of a map are its last axis rather than its second. */
  readonly classesLast: boolean;
  /** Runs one image and returns the output: [1, classes], or a map. Throws CompileError RUNTIME_FAILED, NO_SCORES. */
  run(image: Numbers): Promise<Numbers>;
  /** Runtime that ran the model, for reports; undefined before the first run. */
  runtime(): string | undefined;
  /** Runtime that was requested. */
  readonly choice: RuntimeChoice | undefined;
  close(): Promise<void>;
}

export interface OpenOptions {
  readonly inputSize?: SizeRequest | undefined;
  readonly output?: string | undefined;
  /** TensorFlow.js backend. */
  readonly tfjsBackend?: TfjsBackend | undefined;
  /** ONNX Runtime for ONNX models. Default: the native one if it is installed. */
  readonly runtime?: RuntimeChoice | undefined;
  readonly allowSymlinks?: boolean | undefined;
  readonly warn?: ((warning: Diagnostic) => void) | undefined;
}

/**
 * Opens an ONNX file, or a TensorFlow.js directory or model.json.
 * Throws CompileError if the file is not a model, takes no pictures (TAKES_NO_PICTURE) or gives no scores (NO_SCORES).
 */
export async function openPictureModel(path: string, options: OpenOptions = {}): Promise<PictureModel> {
  if (tfjsModelPath(path) !== undefined) return openTfjs(path, options);
  const file = readModelFile(path, options);
  // Upsampling and argmax that a conversion appended to the cells are removed: maps are drawn from the cells here.
  const ends = declaredForm(file)?.ends;
  const hasMore = Object.values(ends ?? {}).some(({ upsample, argmax }) => upsample || argmax);
  const model = ends && hasMore ? beforeEnds(file, ends) : file;
  if (model !== file) inheritOrigin(model, file);
  try {
    const described = describeModel(model, path, options);
    return {
      ...described,
      path,
      format: 'ONNX',
      choice: options.runtime,
      ...runnerOf(
        () =>
          isTextFile(path) || model !== file
            ? openWritten(model, path, options.runtime)
            : openSession(path, path, { file: path, runtime: options.runtime }),
        described,
        () => closeModel(file),
      ),
    };
  } catch (error) {
    closeModel(file);
    throw error;
  }
}

/**
 * Opens a model that does not exist as an ONNX file: writes it to a temporary file, which the runtime has read completely once it is open.
 * `name` is used in messages.
 */
export async function openWritten(model: Model, name: string, runtime?: RuntimeChoice): Promise<Session> {
  const directory = scratchDirectory();
  try {
    const file = writeForRuntime(model, directory.path, 'model.onnx');
    return await openSession(file, name, { frugal: true, keep: keepForReport, runtime });
  } finally {
    directory.remove();
  }
}

async function openTfjs(path: string, options: OpenOptions): Promise<PictureModel> {
  const { openTfjsSession } = await import('../../verify/tfjs/runner');
  const session = await openTfjsSession(path, { backend: options.tfjsBackend });
  try {
    const described = describeModel(tfjsPictureModel(path, session), path, options);
    const runner = runnerOf(
      async () => session,
      described,
      () => undefined,
    );
    return { ...described, path, format: 'TensorFlow.js', choice: undefined, model: undefined, ...runner, close: () => session.release() };
  } catch (error) {
    await session.release();
    throw error;
  }
}

export type Described = Pick<
  PictureModel,
  | 'input'
  | 'image'
  | 'letters'
  | 'lengths'
  | 'fixed'
  | 'window'
  | 'sizes'
  | 'head'
  | 'metadata'
  | 'model'
  | 'output'
  | 'isMap'
  | 'classesLast'
> & {
  /** Batch size that the file requires. */
  readonly batch: number;
};

/** Describes the inputs and outputs of a graph. */
export function describeModel(model: Model, path: string, { inputSize, output }: OpenOptions): Described {
  const { graph, metadata } = model;
  const images = [...imageInputs(graph)];
  const [first] = images;
  if (!first) throw takesNoPicture(path, 'no input has the axes of an image');
  const letters = lettersOf(new Map([first]));
  if (graph.inputs.length > 1) throw takesNoPicture(path, `it has ${graph.inputs.length} inputs`);
  const [input, roles] = first;
  const dim = (role: string): number | undefined => {
    const found = input.type?.shape?.[roles.indexOf(role)];
    return typeof found === 'number' ? found : undefined;
  };
  const channels = roles.includes('C') ? (dim('C') ?? 3) : 1;
  const lengths = letters.map(dim);
  const fixed = lengths.every((length) => length !== undefined) ? lengths : undefined;
  const declared = inputSize ?? declaredSize(model);
  const [window] = fixed || declared ? resolveWindows(model.clone(), declared) : [];
  // For a converted model, the window of a cell rather than the size that the model was fixed at.
  const cell = declaredForm(model) ? windowsOf(model).get(input.name) : undefined;
  const scores = scoresOf(model, path, output, letters.length);
  return {
    image: { dtype: input.type?.dtype ?? 'float', layout: roles.join(''), channels },
    letters,
    lengths,
    fixed,
    window: cell ?? (window && windowLengths(window)),
    sizes: sizesTaken(model).get(input.name),
    head: declaredHead(model),
    metadata,
    model,
    output: scores,
    isMap: givesMap(model, scores),
    classesLast: classesAreLast(model, scores),
    input: input.name,
    batch: dim('N') ?? 1,
  };
}

/** The requested output, or the first one that may hold scores. */
function scoresOf({ graph }: Model, path: string, wanted: string | undefined, axes: number): string {
  if (wanted !== undefined) {
    if (!graph.outputs.some(({ name }) => name === wanted)) throw unknownOutput(wanted, graph.outputs);
    return wanted;
  }
  // A map may lack an axis of the image that does not slide; then any output that grows with the image is a map.
  const rank = (shape: readonly unknown[] | undefined): boolean =>
    shape === undefined ||
    shape.length === 2 ||
    shape.length === axes + 2 ||
    (shape.length > 2 && shape.length < axes + 2 && shape.slice(1).some((dim) => typeof dim !== 'number'));
  const found = graph.outputs.find(({ type }) => rank(type?.shape));
  if (!found)
    throw noScores(path, `its outputs are ${graph.outputs.map(({ name, type }) => `'${name}' [${type?.shape?.join(', ')}]`).join(', ')}`);
  return found.name;
}

/** Opens the runtime on the first run. */
export function runnerOf(
  open: () => Promise<Session>,
  { input, output, batch }: Pick<Described, 'input' | 'output' | 'batch'>,
  done: () => void,
): Pick<PictureModel, 'run' | 'close' | 'runtime'> {
  let session: Promise<Session> | undefined;
  let runtime: string | undefined;
  return {
    runtime: () => runtime,
    async run(image) {
      session ??= open();
      const opened = await session;
      runtime = opened.runtime;
      const results = await opened.run(new Map([[input, repeated(image, batch)]]));
      const scores = results.get(output);
      if (!scores) throw noScores(output, 'the runtime gave nothing for this output');
      return firstOf(scores);
    },
    async close() {
      done();
      await (await session)?.release();
    },
  };
}

const repeated = ({ dtype, shape, data }: Numbers, batch: number): Numbers => {
  if (batch === 1) return { dtype, shape, data };
  const all = new Float32Array(data.length * batch);
  for (let at = 0; at < batch; at++) all.set(data, at * data.length);
  return { dtype, shape: [batch, ...shape.slice(1)], data: all };
};

const firstOf = ({ dtype, shape, data }: Numbers): Numbers =>
  shape[0] === 1 ? { dtype, shape, data } : { dtype, shape: [1, ...shape.slice(1)], data: data.slice(0, data.length / (shape[0] ?? 1)) };

/** Whether the classes of a map are its last axis, as far as the graph shows. */
function classesAreLast({ graph }: Model, output: string): boolean {
  const value = graph.outputs.find(({ name }) => name === output);
  const images = imageInputs(graph);
  const roles = value && new AxisRoles(images).of(value);
  return lettersOf(images).every((letter, at) => roles?.[at + 1]?.includes(letter) === true);
}

function givesMap({ graph }: Model, output: string): boolean {
  const shape = graph.outputs.find(({ name }) => name === output)?.type?.shape;
  const images = imageInputs(graph);
  const isOpen = [...images].some(([input, roles]) =>
    roles.some((role, axis) => isLetter(role) && typeof input.type?.shape?.[axis] !== 'number'),
  );
  const rank = shape?.length ?? 0;
  return isOpen && rank >= 3 && rank <= lettersOf(images).length + 2 && shape?.slice(1).some((dim) => typeof dim !== 'number') === true;
}
