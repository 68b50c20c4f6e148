/** A network that outputs maps: the model itself, or a classifier converted on the fly. */

import type { Contract } from '../../analysis/contract';
import { type Compiled, compile, settle } from '../../compile';
import { declaredForm } from '../../compile/form';
import { type ImageWindow, windowLengths } from '../../compile/input-size';
import { declaredContract, declaredHead } from '../../compile/metadata';
import { noScores, usage } from '../../diagnostics/catalogue';
import { CompileError } from '../../diagnostics/compile-error';
import { inheritOrigin } from '../../files';
import type { Model } from '../../ir/model';
import { pixelStride } from '../../operators/pixel-stride';
import type { MapNetwork } from '../views';
import { type OpenOptions, openWritten, type PictureModel, runnerOf } from './picture-model';

export interface MapOptions extends OpenOptions {
  /** auto: windows, or cells if a map of windows would be too coarse and the network can give cells. */
  readonly head: 'window' | 'cell' | 'auto';
  readonly stride?: number | readonly number[] | undefined;
  /** Used by auto: returns the number of cells of a map per axis if that is too few, otherwise undefined. */
  readonly tooFew?: ((network: Omit<MapNetwork, 'run'>) => readonly number[] | undefined) | undefined;
}

export interface OpenedMap extends MapNetwork {
  /** Whether the file held a classifier that was converted for this run. */
  readonly converted: boolean;
  readonly head: 'window' | 'cell' | undefined;
  /** Reason for the head, if it was chosen automatically. */
  readonly reason: string | undefined;
  /** Number of classes. */
  readonly classes: number;
  /** Contract between a cell and the original network; undefined if the file does not state it. */
  readonly contract: Contract | undefined;
  /** Runtime that ran the map, for reports; undefined before the first run. */
  runtime(): string | undefined;
  close(): Promise<void>;
}

/**
 * Opens the map of an opened model, whose weights must stay readable. Throws CompileError as `compile` does if the classifier cannot be converted, and
 * USAGE if a stride is given for a model that is already a map.
 */
export async function openMap(opened: PictureModel, options: MapOptions): Promise<OpenedMap> {
  const { model, output, path, window, classesLast } = opened;
  const { stride, inputSize } = options;
  if (!model) throw usage(`${path} is a TensorFlow.js model: a heat map is made from the ONNX file behind it`, 'heatmap');
  const declared = declaredHead(model);
  if (opened.isMap || (declaredForm(model)?.size && declared !== 'image' && declared !== 'original')) {
    if (stride !== undefined) throw usage('the model is a map already: --stride is for classifiers, which are converted first', 'heatmap');
    const known = declared === 'window' || declared === 'cell' ? declared : undefined;
    return {
      ...partsOf(model, output, known === 'window' ? window : undefined, classesLast),
      head: known,
      reason: undefined,
      classes: classesOf(model, opened),
      contract: declaredContract(model),
      converted: false,
      run: (image) => opened.run(image),
      runtime: () => opened.runtime(),
      close: async () => undefined,
    };
  }
  if (declared === 'image') throw noScores(path, 'it was converted to one prediction per image, which has no places (--head image)');
  const { compiled, head, reason } = choose(opened, model, options, (of) =>
    compile(model, { head: of, stride, outputs: [output], inputSize }),
  );
  inheritOrigin(compiled.model, model);
  const session = await openWritten(compiled.model, path, opened.choice);
  const [image] = compiled.model.graph.inputs;
  const [batch] = image?.type?.shape ?? [];
  const runner = runnerOf(
    async () => session,
    { input: image?.name ?? '', output, batch: typeof batch === 'number' ? batch : 1 },
    () => undefined,
  );
  return {
    ...partsOf(compiled.model, output, head === 'window' ? lengthsIn(compiled.report.windows[0]) : undefined, classesLast),
    head,
    reason,
    classes: classesOf(compiled.model, opened),
    contract: compiled.report.contract,
    converted: true,
    run: runner.run,
    runtime: runner.runtime,
    close: () => session.release(),
  };
}

const lengthsIn = (window: ImageWindow | undefined): readonly number[] | undefined => window && windowLengths(window);

function partsOf(model: Model, output: string, window: readonly number[] | undefined, classesLast: boolean): Omit<MapNetwork, 'run'> {
  const value = model.graph.outputs.find(({ name }) => name === output);
  return { model, output, window, strides: value && pixelStride(value), classesLast, infer: settle };
}

interface Choice {
  readonly compiled: Compiled;
  readonly head: 'window' | 'cell';
  readonly reason: string | undefined;
}

function choose(
  { output, classesLast }: PictureModel,
  model: Model,
  { head, tooFew }: MapOptions,
  convert: (head: 'window' | 'cell') => Compiled,
): Choice {
  if (head !== 'auto') return { compiled: convert(head), head, reason: undefined };
  const windows = convert('window');
  inheritOrigin(windows.model, model);
  const few = tooFew?.(partsOf(windows.model, output, lengthsIn(windows.report.windows[0]), classesLast));
  if (!few) return { compiled: windows, head: 'window', reason: undefined };
  const cells = `a map of windows would have ${few.join('x')} cells at most`;
  try {
    return { compiled: convert('cell'), head: 'cell', reason: cells };
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    return {
      compiled: windows,
      head: 'window',
      reason: `${few.join('x')} cells at most; the network gives no finer ones: try --stride`,
    };
  }
}

function classesOf({ graph }: Model, { output, classesLast, path }: PictureModel): number {
  const shape = graph.outputs.find(({ name }) => name === output)?.type?.shape;
  const classes = shape?.[classesLast && shape.length > 2 ? shape.length - 1 : 1];
  if (typeof classes !== 'number') throw noScores(path, `how many classes output '${output}' has is not known`);
  return classes;
}
