/** Subject of a verification: both models, the image and the inputs, and sessions that run one of the models. */
import type { Contract } from '../analysis/contract';
import { type ImageWindow, windowAxes, windowLengths, windowLetters } from '../compile/input-size';
import { notComparable } from '../diagnostics/catalogue';
import type { Model } from '../ir/model';
import type { Letter } from '../ir/spatial';
import { elementCount } from '../ir/tensor';
import type { TensorType } from '../ir/types';
import { type Bench, makeBench, using, type VerifyOptions } from './bench';
import { type Budget, makeBudget, secondsOf, secondsToFeed } from './budget';
import { isMap } from './cut';
import { cropped, type InputKind, makeInput } from './inputs';
import { type Feeds, onnxSide, type Side } from './locate/side';
import { everyOther } from './maps';
import type { Numbers, OpenSession, Session } from './onnx-runner';
import { coarsestType, EPSILON } from './precision';
import type { Rewrite } from './report';
import type { Results } from './results';
import { kindsFor, partOf, randomSamples, type Sample, usualSamples } from './samples';

export interface VerifyRequest {
  /** File path or bytes, and the model read from it at the static size of the window, with shapes inferred. */
  readonly original: { readonly source: string | Uint8Array; readonly model: Model };
  /** File path or bytes, and the model read from it, with shapes inferred (symbolic sizes). `runtime`: the runtime, if it is not ONNX Runtime. */
  readonly converted: { readonly source: string | Uint8Array; readonly model: Model; readonly runtime?: OtherRuntime | undefined };
  readonly windows: readonly ImageWindow[];
  readonly contract?: Contract | undefined;
  /**
   * Output of the converted model: predictions per window of the original size (default), per cell of the last map, or per image; `original`: only
   * folded.
   */
  readonly head?: 'window' | 'cell' | 'image' | 'original' | undefined;
  /** Makes the sizes of a part of the original symbolic. */
  readonly free: (part: Model) => Model;
  /** Rewrites the original to an equivalent model that has maps to cut it at. Default: the original unchanged. */
  readonly cuttable?: ((original: Model) => Model) | undefined;
  /** Opens sessions that run models. */
  readonly open: OpenSession;
  /** Makes a model loadable by the runtime for the duration of the verification. */
  readonly place: (model: Model, name: string) => string | Uint8Array;
  /** The original exactly as in its file, with no pass applied and no size inserted: its own nodes are run on larger images, if possible. */
  readonly verbatim?: (() => Model | undefined) | undefined;
  /** Per output: pixels between neighbouring cells, as declared by the converted model. */
  readonly strides?: Readonly<Record<string, readonly number[]>> | undefined;
  /** Per output: the sizes declared in the file of the converted model, if they are to be checked against the actual ones. */
  readonly declared?: ReadonlyMap<string, TensorType['shape']> | undefined;
  /**
   * Size of the part of an image, from its first pixel, that the converted model declares it uses: some networks accept only certain sizes. Default:
   * the whole image.
   */
  readonly fitted?: ((lengths: readonly number[]) => readonly number[]) | undefined;
  /** An additional larger size to check: the fixed size of a form of the model. */
  readonly also?: readonly number[] | undefined;
  /** Per output: cells per cell of the network's own map, along each axis, if the map was made finer (`--stride`). */
  readonly density?: Readonly<Record<string, readonly number[]>> | undefined;
  /** Whether weights were recomputed (folded): the tolerance then allows for the effect of one unit in their last place. Default: unknown, so true. */
  readonly rounded?: boolean | undefined;
  /** Rewrites made by the rules, if available: used to report which of them made a node. */
  readonly rewrites?: (() => readonly Rewrite[]) | undefined;
  /** Inputs for both models, by the original's input names, instead of random ones. */
  readonly samples?: readonly Sample[] | undefined;
  /** Called with the inputs before anything is run. */
  readonly onSamples?: ((samples: readonly Sample[]) => void) | undefined;
  readonly options?: VerifyOptions | undefined;
}

/** Runtime for a converted model that is not an ONNX file; uses the names and layout of the original. */
export interface OtherRuntime {
  /** Name for reports. */
  readonly name: string;
  readonly open: () => Promise<Session>;
  /** Opens the same function with its sums in a different order, to measure how this runtime differs from itself. */
  readonly openReordered: () => Promise<Session>;
  /** Access to internal values. Throws CompileError if they cannot be inspected. */
  readonly inside: () => Side;
}

/** Placeholder: a model that was only folded need not have image inputs. */
const NO_IMAGE: ImageWindow = { input: '', layout: 'NCHW', height: 1, width: 1, channels: undefined };

/** Maximum number of elements of one input: 256 MB. */
const MOST_ELEMENTS = 2 ** 26;

export class Subject {
  readonly image: ImageWindow;
  /** Spatial axes of the image, their positions among the axes of the input, and the lengths along them. */
  readonly letters: readonly Letter[];
  readonly axes: readonly number[];
  readonly lengths: readonly number[];
  /** The original, for cutting. */
  readonly whole: Model;

  readonly bench: Bench;
  readonly budget: Budget;

  constructor(readonly request: VerifyRequest) {
    const { options = {}, open, place, original, converted } = request;
    this.bench = makeBench({
      options,
      open,
      place,
      files: [original.source, converted.source],
      epsilon: EPSILON[coarsestType(original.model)] ?? 2 ** -23,
    });
    this.budget = makeBudget(options.budget);
    const image = request.windows[0] ?? (request.head === 'original' ? NO_IMAGE : undefined);
    if (!image) throw notComparable('the original has no image input');
    this.image = image;
    this.whole = request.cuttable?.(request.original.model) ?? request.original.model;
    this.letters = windowLetters(image);
    this.axes = windowAxes(image);
    this.lengths = windowLengths(image);
  }

  /** True if images keep their length along an axis, so that nothing slides along it. */
  isFixed(axis: number): boolean {
    const letter = this.letters[axis];
    return letter !== undefined && this.request.converted.model.graph.tied.has(letter);
  }

  /** Symbol of an image length in the sizes of the converted model. */
  sizeName(letter: Letter): string | undefined {
    const input = this.request.converted.model.graph.inputs.find(({ name }) => name === this.image.input);
    const dim = input?.type?.shape?.[this.image.layout.indexOf(letter)];
    return typeof dim === 'string' ? dim : undefined;
  }

  /** True if images of other sizes can be fed, because the original's file leaves its lengths open. */
  get hasFreeSizes(): boolean {
    const input = this.request.verbatim?.()?.graph.inputs.find(({ name }) => name === this.image.input);
    return this.axes.every(
      (axis, at) => this.isFixed(at) || (input?.type?.shape !== undefined && typeof input.type.shape[axis] !== 'number'),
    );
  }
  /** True if both models leave the batch size open. */
  get takesBatches(): boolean {
    const isOpen = ({ graph }: Model): boolean =>
      graph.inputs.every(({ type }) => typeof type?.shape?.[0] !== 'number' || type.shape[0] === 0);
    return isOpen(this.request.original.model) && isOpen(this.request.converted.model);
  }

  /** Crops the images to the part that the converted model uses. */
  fitted(feeds: Feeds, lengths: readonly number[]): Feeds {
    const taken = this.fittedSize(lengths);
    if (taken.every((length, axis) => length === lengths[axis])) return feeds;
    return new Map(
      [...feeds].map(([name, numbers]) => {
        const own = this.windowOf(name);
        return [name, own ? cropped(numbers, windowAxes(own), [], this.grown(own, taken)) : numbers];
      }),
    );
  }
  fittedSize(lengths: readonly number[]): readonly number[] {
    return this.request.fitted?.(lengths) ?? lengths;
  }
  /** Image inputs of different sizes all grow by the same number of pixels. */
  grown(window: ImageWindow, lengths: readonly number[]): readonly number[] {
    return windowLengths(window).map((own, axis) => own + (lengths[axis] ?? 0) - (this.lengths[axis] ?? 0));
  }

  get head(): 'window' | 'cell' | 'image' | 'original' {
    return this.request.head ?? 'window';
  }
  /** True if an output of the original is itself a map of more than one cell. */
  readonly isMap = (name: string): boolean => isMap(this.whole, name);
  readonly isImage = (name: string): boolean => this.windowOf(name) !== undefined;
  readonly windowOf = (name: string): ImageWindow | undefined => this.request.windows.find((window) => window.input === name);

  /** Estimated seconds to check one image of this size: the original's map, the converted model, and filling the image. */
  secondsFor(lengths: readonly number[]): number {
    const { image, request } = this;
    const names = this.letters.map((letter) => this.sizeName(letter));
    const sizes = Object.fromEntries(names.flatMap((name, axis) => (name === undefined ? [] : [[name, lengths[axis] ?? 1]])));
    const share = elementCount(lengths) / elementCount(this.lengths);
    const original = share * secondsOf(request.original.model.graph);
    // The cost of another runtime is not known node by node.
    const converted = request.converted.runtime ? 4 * original : Math.max(secondsOf(request.converted.model.graph, sizes), original);
    return original + converted + 3 * secondsToFeed(elementCount(lengths) * (image.channels ?? 3));
  }

  /** The given samples, or else random ones: kinds in turn, with more of each for small networks. */
  samples(): readonly Sample[] {
    const { options, onSamples } = this.request;
    const all =
      this.request.samples ??
      randomSamples(options?.samples ?? this.usualSamples(), this.kinds(), (kind, round) => this.feeds(kind, this.lengths, 1, round));
    const samples = partOf(all, options?.shard);
    onSamples?.(samples);
    return samples;
  }

  private usualSamples(): number {
    // The original runs each sample five times, in different ways, and the converted model runs it too.
    return usualSamples(this.request.original.model, this.budget, 3 * this.secondsFor(this.lengths));
  }
  private kinds(): readonly InputKind[] {
    return kindsFor(this.request.original.model);
  }

  feeds(kind: InputKind, lengths: readonly number[], batch = 1, round = 0): ReadonlyMap<string, Numbers> {
    const { inputs } = this.request.original.model.graph;
    return new Map(
      inputs.map((input, index) => {
        const own = this.windowOf(input.name);
        const axes = own && windowAxes(own);
        const shape = (input.type?.shape ?? []).map((dim, axis) => {
          const length = own && this.grown(own, lengths)[axes?.indexOf(axis) ?? -1];
          if (length !== undefined) return length;
          // An empty image proves nothing: a length of 0 is treated as unknown.
          return typeof dim === 'number' && dim > 0 ? dim : axis === 0 ? batch : 1;
        });
        if (elementCount(shape) > MOST_ELEMENTS)
          throw notComparable(`input '${input.name}' [${shape}] is too large to be made up`, '--no-verify converts without running them');
        return [
          input.name,
          makeInput(kind, this.bench.seed + index + 1009 * round, input.type?.dtype ?? 'float', shape, axes ?? this.axes),
        ];
      }),
    );
  }

  /** The cells of a finer map that correspond to the network's own map. */
  coarse(results: Results): Results {
    const { density } = this.request;
    if (!density) return results;
    return new Map([...results].map(([name, numbers]) => [name, density[name] ? everyOther(numbers, density[name]) : numbers]));
  }
  densestAlong(axis: number): number {
    return Math.max(1, ...Object.values(this.request.density ?? {}).map((cells) => cells[axis] ?? 1));
  }
  /** Without padding, each cell of the finer map also equals the original on its crop. */
  get cropsAreFine(): boolean {
    return this.request.contract?.kind === 'everywhere' && this.head === 'window';
  }

  /** Runs the converted model in its own runtime. */
  async withinConverted<T>(use: (session: Session) => Promise<T>): Promise<T> {
    const { source, runtime } = this.request.converted;
    return runtime ? using(runtime.open(), use) : this.bench.within(source, 'the converted model', {}, use);
  }
  /** Internal values of the converted model. Throws CompileError if they cannot be inspected. */
  readonly inside = (): Side => {
    const { model, runtime } = this.request.converted;
    return runtime ? runtime.inside() : onnxSide(this.bench, model);
  };
  /** Runs the converted model with its sums in a different order, if its runtime is not that of the original. */
  async withinReordered<T>(use: (session: Session) => Promise<T>): Promise<T | undefined> {
    const { runtime } = this.request.converted;
    return runtime && using(runtime.openReordered(), use);
  }
}
