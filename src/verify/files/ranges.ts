/** Ranges of the values of a model, on files of inputs or on random ones: `--fp16` decides by them. */
import { type ImageWindow, windowAxes, windowLengths, withLengths } from '../../compile/input-size';
import { writeForRuntime } from '../../files';
import type { Model } from '../../ir/model';
import { sizeText } from '../../ir/spatial';
import { scratchDirectory } from '../../output';
import { makeBench, type VerifyOptions } from '../bench';
import { INPUT_KINDS, type InputKind, makeInput } from '../inputs';
import { measureRanges } from '../ranges';
import { openSession } from '../runtime/node';
import { describeSamples, type Sample } from '../samples';
import { loadSamples } from './inputs';

export interface RangesRequest {
  /** Windows of the original; a model of one fixed size is fed with images of that size. */
  readonly windows: readonly ImageWindow[];
  /** Files or folders; default: random inputs. */
  readonly inputs?: readonly string[] | undefined;
  readonly options: VerifyOptions;
}

/** `on`: a description of the inputs, for reports. */
export async function rangesOf(
  model: Model,
  request: RangesRequest,
): Promise<{ readonly ranges: ReadonlyMap<string, number>; readonly on: string; readonly samples: readonly Sample[] }> {
  const windows = fixedIn(model, request.windows);
  const samples = request.inputs?.length
    ? await loadSamples(request.inputs, { inputs: model.graph.inputs, windows })
    : [...INPUT_KINDS.map((kind) => made(model, windows, kind, request.options)), ...larger(model, windows, request.options)];
  const temporary = scratchDirectory(undefined);
  try {
    const place = (part: Model, name: string): string => writeForRuntime(part, temporary.path, `${name}.onnx`);
    const bench = makeBench({ options: request.options, open: openSession, place, files: [], epsilon: 2 ** -23 });
    const sizes = [...new Set(samples.map(({ feeds }) => sizesIn(feeds, windows)))].join(', ');
    const from = request.inputs?.length ? describeSamples(samples) : `random ${describeSamples(samples)}`;
    return { ranges: await measureRanges(bench, model, samples), on: sizes === '' ? from : `${from}; ${sizes}`, samples };
  } finally {
    temporary.remove();
  }
}

function sizesIn(feeds: Sample['feeds'], [window]: readonly ImageWindow[]): string {
  const shape = window && feeds.get(window.input)?.shape;
  return shape ? sizeText(windowAxes(window).map((axis) => shape[axis] ?? 1)) : '';
}

/** The sizes that the model fixes, otherwise those of the original. */
function fixedIn({ graph }: Model, windows: readonly ImageWindow[]): readonly ImageWindow[] {
  return windows.map((window) => {
    const shape = graph.inputs.find(({ name }) => name === window.input)?.type?.shape;
    const own = windowLengths(window);
    const lengths = windowAxes(window).map((axis, at) => {
      const dim = shape?.[axis];
      return typeof dim === 'number' ? dim : (own[at] ?? 1);
    });
    return withLengths(window, lengths);
  });
}

/** Larger images, if the model takes them: longer sums, and other padding. */
function larger(model: Model, windows: readonly ImageWindow[], options: VerifyOptions): readonly Sample[] {
  const grown = fixedIn(
    model,
    windows.map((window) =>
      withLengths(
        window,
        windowLengths(window).map((length) => Math.ceil(1.5 * length)),
      ),
    ),
  );
  const isFree = grown.some((window, at) =>
    windowLengths(window).some((length, axis) => length !== windowLengths(windows[at] ?? window)[axis]),
  );
  return isFree ? (['normal', 'smooth'] as const).map((kind) => made(model, grown, kind, options)) : [];
}

function made({ graph }: Model, windows: readonly ImageWindow[], kind: InputKind, { seed = 1 }: VerifyOptions): Sample {
  const feeds = graph.inputs.map(({ name, type }, index) => {
    const window = windows.find(({ input }) => input === name);
    const axes = window && windowAxes(window);
    const shape = (type?.shape ?? []).map((dim, axis) => {
      if (typeof dim === 'number' && dim > 0) return dim;
      return (window && windowLengths(window)[axes?.indexOf(axis) ?? -1]) ?? 1;
    });
    return [name, makeInput(kind, seed + index, type?.dtype ?? 'float', shape, axes)] as const;
  });
  return { kind, feeds: new Map(feeds) };
}
