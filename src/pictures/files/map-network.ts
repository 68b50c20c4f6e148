/** A network that gives maps, from a file that has one, or by converting the classifier in it on the fly. */
import { compile, settle } from '../../compile';
import { declaredHead } from '../../compile/metadata';
import { noScores, usage } from '../../diagnostics/catalogue';
import { inheritOrigin } from '../../files';
import type { Model } from '../../ir/model';
import type { MapNetwork } from '../views';
import { type OpenOptions, openWritten, type PictureModel, runnerOf } from './picture-model';

export interface MapOptions extends OpenOptions {
  readonly head: 'window' | 'cell';
  readonly stride?: number | undefined;
}

export interface OpenedMap extends MapNetwork {
  /** Whether the file held a classifier, which was converted for this run. */
  readonly converted: boolean;
  readonly head: 'window' | 'cell' | undefined;
  /** How many there are. */
  readonly classes: number;
  close(): Promise<void>;
}

/**
 * The map of an opened model, whose weights must stay readable. Throws CompileError as `compile` does, where the classifier cannot be converted;
 * USAGE where the model is a map already and a stride is asked for.
 */
export async function openMap(opened: PictureModel, { head, stride, inputSize }: MapOptions): Promise<OpenedMap> {
  const { model, output, path, window } = opened;
  if (!model) throw usage(`${path} is a TensorFlow.js model: a heat map is made from the ONNX file behind it`, 'heatmap');
  const declared = declaredHead(model);
  if (opened.isMap) {
    if (stride !== undefined) throw usage('the model is a map already: --stride is for classifiers, which are converted first', 'heatmap');
    const known = declared === 'window' || declared === 'cell' ? declared : undefined;
    return {
      model,
      output,
      window: known === 'window' ? window : undefined,
      head: known,
      classes: classesOf(model, opened),
      converted: false,
      infer: settle,
      run: (image) => opened.run(image),
      close: async () => undefined,
    };
  }
  if (declared === 'image') throw noScores(path, 'it was converted to one prediction per image, which has no places (--head image)');
  const compiled = compile(model, { head, stride, outputs: [output], inputSize });
  inheritOrigin(compiled.model, model);
  const session = await openWritten(compiled.model, path);
  const [image] = compiled.model.graph.inputs;
  const [batch] = image?.type?.shape ?? [];
  const runner = runnerOf(
    async () => session,
    { input: image?.name ?? '', output, batch: typeof batch === 'number' ? batch : 1 },
    () => undefined,
  );
  const [made] = compiled.report.windows;
  return {
    model: compiled.model,
    output,
    window: head === 'window' ? made : undefined,
    head,
    classes: classesOf(compiled.model, opened),
    converted: true,
    infer: settle,
    run: runner.run,
    close: () => session.release(),
  };
}

function classesOf({ graph }: Model, { output, classesLast, path }: PictureModel): number {
  const shape = graph.outputs.find(({ name }) => name === output)?.type?.shape;
  const classes = shape?.[classesLast && shape.length === 4 ? 3 : 1];
  if (typeof classes !== 'number') throw noScores(path, `how many classes output '${output}' has is not known`);
  return classes;
}
