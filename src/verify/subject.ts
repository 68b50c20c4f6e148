/** What a verification is about: both models, the image, the inputs; and sessions in which one of them runs. */
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
import type { Numbers, Session } from './onnx-runner';
import { coarsestType, EPSILON } from './precision';
import type { Rewrite } from './report';
import type { Results } from './results';
import { kindsFor, partOf, randomSamples, type Sample, usualSamples } from './samples';

export interface VerifyRequest {
  /** A file, or bytes; and the model read from it at the window's static size, shapes inferred. */
  readonly original: { readonly source: string | Uint8Array; readonly model: Model };
  /** A file, or bytes; and the model read from it, shapes inferred (symbolic sizes). `runtime`: what runs it, where that is not ONNX Runtime. */
  readonly converted: { readonly source: string | Uint8Array; readonly model: Model; readonly runtime?: OtherRuntime | undefined };
  readonly windows: readonly ImageWindow[];
  readonly contract?: Contract | undefined;
  /** What the converted model gives: predictions per window of the original size (default), per cell of the last map, or per image. */
  readonly head?: 'window' | 'cell' | 'image' | 'original' | undefined;
  /** Makes the sizes of a part of the original symbolic. */
  readonly free: (part: Model) => Model;
  /** The original in a spelling with maps to cut it at, the same function; by default as it is. */
  readonly cuttable?: ((original: Model) => Model) | undefined;
  /** Puts a model where the runtime can load it, for as long as the verification lasts. */
  readonly place: (model: Model, name: string) => string | Uint8Array;
  /** The original as its file has it, no pass applied, no size put in: its own nodes are run on larger images, where they can be. */
  readonly verbatim?: (() => Model | undefined) | undefined;
  /** Per output: pixels between neighbouring cells, as the converted model declares them. */
  readonly strides?: Readonly<Record<string, readonly number[]>> | undefined;
  /** Per output: the sizes that the file of the converted model declares, where these are to be held against what it gives. */
  readonly declared?: ReadonlyMap<string, TensorType['shape']> | undefined;
  /** The part of an image, from its first pixel, that the converted model says it looks at: some networks take some sizes only. Default: all of it. */
  readonly fitted?: ((lengths: readonly number[]) => readonly number[]) | undefined;
  /** A size to be looked at among the larger ones: the one that a form of the model is fixed at. */
  readonly also?: readonly number[] | undefined;
  /** Per output: cells for each one of the map that the network has by itself, along each axis, where it was made finer (`--stride`). */
  readonly density?: Readonly<Record<string, readonly number[]>> | undefined;
  /** Whether weights were computed anew (folded): the tolerance then allows for what one unit in their last place may do. Default: not known, so yes. */
  readonly rounded?: boolean | undefined;
  /** What rules did, where that can be found out: to say which of them made a node. */
  readonly rewrites?: (() => readonly Rewrite[]) | undefined;
  /** Inputs to run both on, by the original's names, in place of random ones. */
  readonly samples?: readonly Sample[] | undefined;
  /** Shows the inputs, before anything is run. */
  readonly onSamples?: ((samples: readonly Sample[]) => void) | undefined;
  readonly options?: VerifyOptions | undefined;
}

/** What runs a converted model that is no ONNX file, in the names and layout of the original. */
export interface OtherRuntime {
  /** For reports. */
  readonly name: string;
  readonly open: () => Promise<Session>;
  /** The same function with its sums in another order: how this runtime differs from itself. */
  readonly openReordered: () => Promise<Session>;
  /** Its inside. Throws CompileError where it cannot be looked into. */
  readonly inside: () => Side;
}

/** What is only folded need not look at images. */
const NO_IMAGE: ImageWindow = { input: '', layout: 'NCHW', height: 1, width: 1, channels: undefined };

/** Numbers of one input: 256 MB. */
const MOST_ELEMENTS = 2 ** 26;

export class Subject {
  readonly image: ImageWindow;
  /** Its spatial axes, their places among the axes of the input, and its lengths along them. */
  readonly letters: readonly Letter[];
  readonly axes: readonly number[];
  readonly lengths: readonly number[];
  /** The original, for cutting. */
  readonly whole: Model;

  readonly bench: Bench;
  readonly budget: Budget;

  constructor(readonly request: VerifyRequest) {
    const { options = {}, place, original, converted } = request;
    this.bench = makeBench({
      options,
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

  /** Whether images keep their length along an axis: nothing slides along it. */
  isFixed(axis: number): boolean {
    const letter = this.letters[axis];
    return letter !== undefined && this.request.converted.model.graph.tied.has(letter);
  }

  /** The name that a length of the image goes by in the sizes of the converted model. */
  sizeName(letter: Letter): string | undefined {
    const input = this.request.converted.model.graph.inputs.find(({ name }) => name === this.image.input);
    const dim = input?.type?.shape?.[this.image.layout.indexOf(letter)];
    return typeof dim === 'string' ? dim : undefined;
  }

  /** Whether images of other sizes can be fed: the original's file leaves its lengths open. */
  get hasFreeSizes(): boolean {
    const input = this.request.verbatim?.()?.graph.inputs.find(({ name }) => name === this.image.input);
    return this.axes.every(
      (axis, at) => this.isFixed(at) || (input?.type?.shape !== undefined && typeof input.type.shape[axis] !== 'number'),
    );
  }
  /** Whether both models leave the size of the batch open. */
  get takesBatches(): boolean {
    const isOpen = ({ graph }: Model): boolean =>
      graph.inputs.every(({ type }) => typeof type?.shape?.[0] !== 'number' || type.shape[0] === 0);
    return isOpen(this.request.original.model) && isOpen(this.request.converted.model);
  }

  /** An image as far as the converted model looks at it. */
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
  /** Images of different sizes grow by as many pixels. */
  grown(window: ImageWindow, lengths: readonly number[]): readonly number[] {
    return windowLengths(window).map((own, axis) => own + (lengths[axis] ?? 0) - (this.lengths[axis] ?? 0));
  }

  get head(): 'window' | 'cell' | 'image' | 'original' {
    return this.request.head ?? 'window';
  }
  /** Whether an output of the original is a map of more than one cell in itself. */
  readonly isMap = (name: string): boolean => isMap(this.whole, name);
  readonly isImage = (name: string): boolean => this.windowOf(name) !== undefined;
  readonly windowOf = (name: string): ImageWindow | undefined => this.request.windows.find((window) => window.input === name);

  /** What looking at one image of this size takes: the original's map and the converted model, and the numbers of the image. */
  secondsFor(lengths: readonly number[]): number {
    const { image, request } = this;
    const names = this.letters.map((letter) => this.sizeName(letter));
    const sizes = Object.fromEntries(names.flatMap((name, axis) => (name === undefined ? [] : [[name, lengths[axis] ?? 1]])));
    const share = elementCount(lengths) / elementCount(this.lengths);
    const original = share * secondsOf(request.original.model.graph);
    // What another runtime runs is not seen node by node.
    const converted = request.converted.runtime ? 4 * original : Math.max(secondsOf(request.converted.model.graph, sizes), original);
    return original + converted + 3 * secondsToFeed(elementCount(lengths) * (image.channels ?? 3));
  }

  /** Those that were given, else random ones: kinds in turn, small networks more of each. */
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
    // Each is run by the original five times, in different ways, and by the converted model.
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
          // No image at all proves nothing: a length of 0 stands for one that is not known.
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

  /** Every cell of a finer map that stands for one of the map that the network has by itself. */
  coarse(results: Results): Results {
    const { density } = this.request;
    if (!density) return results;
    return new Map([...results].map(([name, numbers]) => [name, density[name] ? everyOther(numbers, density[name]) : numbers]));
  }
  densestAlong(axis: number): number {
    return Math.max(1, ...Object.values(this.request.density ?? {}).map((cells) => cells[axis] ?? 1));
  }
  /** Without padding, each cell of the finer map as well equals the original on its crop. */
  get cropsAreFine(): boolean {
    return this.request.contract?.kind === 'everywhere' && this.head === 'window';
  }

  /** The converted model, in whatever runs it. */
  async withinConverted<T>(use: (session: Session) => Promise<T>): Promise<T> {
    const { source, runtime } = this.request.converted;
    return runtime ? using(runtime.open(), use) : this.bench.within(source, 'the converted model', {}, use);
  }
  /** Its inside. Throws CompileError where it cannot be looked into. */
  readonly inside = (): Side => {
    const { model, runtime } = this.request.converted;
    return runtime ? runtime.inside() : onnxSide(this.bench, model);
  };
  /** The converted model with its sums in another order, where its runtime is not that of the original. */
  async withinReordered<T>(use: (session: Session) => Promise<T>): Promise<T | undefined> {
    const { runtime } = this.request.converted;
    return runtime && using(runtime.openReordered(), use);
  }
}
