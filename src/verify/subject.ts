/** What a verification is about: both models, the image, the inputs; and sessions in which one of them runs. */
import type { Contract } from '../analysis/contract';
import { notComparable } from '../diagnostics/catalogue';
import type { ImageWindow } from '../input-size';
import type { Model } from '../ir/model';
import { tensorByteLength } from '../ir/tensor';
import { INPUT_KINDS, type InputKind, makeInput } from './inputs';
import { everyOther } from './maps';
import { type Numbers, openSession, type Session } from './onnx-runner';
import { coarsestType, EPSILON } from './precision';
import type { Results, Sample } from './results';

export interface VerifyRequest {
  /** A file, or bytes; and the model read from it at the window's static size, shapes inferred. */
  readonly original: { readonly source: string | Uint8Array; readonly model: Model };
  /** A file, or bytes; and the model read from it, shapes inferred (symbolic height and width). `runtime`: what runs it, where that is not ONNX Runtime. */
  readonly converted: { readonly source: string | Uint8Array; readonly model: Model; readonly runtime?: OtherRuntime | undefined };
  readonly windows: readonly ImageWindow[];
  readonly contract?: Contract | undefined;
  /** What the converted model gives: predictions per window of the original size (default), per cell of the last map, or per image. */
  readonly head?: 'window' | 'cell' | 'image' | 'original' | undefined;
  /** Makes the height and width of a part of the original symbolic. */
  readonly free: (part: Model) => Model;
  /** The original in a spelling with maps to cut it at, the same function; by default as it is. */
  readonly cuttable?: ((original: Model) => Model) | undefined;
  /** Puts a model where the runtime can load it, for as long as the verification lasts. */
  readonly place: (model: Model, name: string) => string | Uint8Array;
  /** Per output: cells for each one of the map that the network has by itself, along rows and columns, where it was made finer (`--stride`). */
  readonly density?: Readonly<Record<string, readonly [number, number]>> | undefined;
  /** Whether weights were computed anew (folded): the tolerance then allows for what one unit in their last place may do. Default: not known, so yes. */
  readonly rounded?: boolean | undefined;
  readonly options?: VerifyOptions | undefined;
}

/** What runs a converted model that is no ONNX file, in the names and layout of the original. */
export interface OtherRuntime {
  /** For reports. */
  readonly name: string;
  readonly open: () => Promise<Session>;
  /** The same function with its sums in another order: how this runtime differs from itself. */
  readonly openReordered: () => Promise<Session>;
}

export interface VerifyOptions {
  readonly seed?: number | undefined;
  readonly rtol?: number | undefined;
  readonly atol?: number | undefined;
  readonly threads?: number | undefined;
  readonly onProgress?: ((doing: string) => void) | undefined;
}

export const weightBytes = (model: Model): number =>
  model.graph.constants.reduce((sum, { constant }) => sum + tensorByteLength(constant), 0);

export class Subject {
  readonly seed: number;
  readonly image: ImageWindow;
  readonly axes: readonly [number, number];
  /** The original, for cutting. */
  readonly whole: Model;

  constructor(readonly request: VerifyRequest) {
    this.seed = request.options?.seed ?? 1;
    const [image] = request.windows;
    if (!image) throw notComparable('the original has no image input');
    this.image = image;
    this.whole = request.cuttable?.(request.original.model) ?? request.original.model;
    this.axes = image.layout === 'NCHW' ? [2, 3] : [1, 2];
  }

  get head(): 'window' | 'cell' | 'image' | 'original' {
    return this.request.head ?? 'window';
  }
  readonly isImage = (name: string): boolean => this.request.windows.some((window) => window.input === name);
  progress(doing: string): void {
    this.request.options?.onProgress?.(doing);
  }

  samples(): readonly Sample[] {
    return Array.from({ length: this.rounds() }, (_, round) => round).flatMap((round) =>
      INPUT_KINDS.map((kind): Sample => ({ kind, feeds: this.feeds(kind, this.image.height, this.image.width, 1, round) })),
    );
  }

  /** Small networks are cheap to run, and a unit that does not fire on one input may on another. Decided by size, not by time: the same every time. */
  private rounds(): number {
    const bytes = weightBytes(this.request.original.model);
    return bytes < 4e6 ? 16 : bytes < 40e6 ? 3 : 1;
  }

  feeds(kind: InputKind, height: number, width: number, batch = 1, round = 0): ReadonlyMap<string, Numbers> {
    const { inputs } = this.request.original.model.graph;
    return new Map(
      inputs.map((input, index) => {
        const isImage = this.request.windows.some((window) => window.input === input.name);
        const shape = (input.type?.shape ?? []).map((dim, axis) => {
          if (isImage && axis === this.axes[0]) return height;
          if (isImage && axis === this.axes[1]) return width;
          return typeof dim === 'number' ? dim : axis === 0 ? batch : 1;
        });
        return [input.name, makeInput(kind, this.seed + index + 1009 * round, input.type?.dtype ?? 'float', shape, this.axes)];
      }),
    );
  }

  /** Every cell of a finer map that stands for one of the map that the network has by itself. */
  coarse(results: Results): Results {
    const { density } = this.request;
    if (!density) return results;
    return new Map([...results].map(([name, numbers]) => [name, density[name] ? everyOther(numbers, density[name]) : numbers]));
  }
  get densest(): readonly [number, number] {
    const all = Object.values(this.request.density ?? {});
    return [Math.max(1, ...all.map(([rows]) => rows)), Math.max(1, ...all.map(([, columns]) => columns))];
  }
  /** Without padding, each cell of the finer map as well equals the original on its crop. */
  get cropsAreFine(): boolean {
    return this.request.contract?.kind === 'everywhere' && this.head === 'window';
  }

  /** The converted model with its sums in another order, where its runtime is not that of the original. */
  async withinReordered<T>(use: (session: Session) => Promise<T>): Promise<T | undefined> {
    const { runtime } = this.request.converted;
    return runtime && using(runtime.openReordered(), use);
  }

  /** One session at a time, released when `use` is done. */
  async within<T>(
    source: string | Uint8Array,
    name: string,
    options: { readonly threads?: number; readonly optimise?: boolean },
    use: (session: Session) => Promise<T>,
  ): Promise<T> {
    const threads = options.threads ?? this.request.options?.threads;
    // Parts of the original are placed in temporary files, of which nobody else knows.
    const file = source === this.request.original.source && typeof source === 'string' ? source : undefined;
    return using(openSession(source, name, { ...options, file, ...(threads !== undefined && { threads }) }), use);
  }

  /** The converted model, in whatever runs it. */
  async withinConverted<T>(use: (session: Session) => Promise<T>): Promise<T> {
    const { source, runtime } = this.request.converted;
    return runtime ? using(runtime.open(), use) : this.within(source, 'the converted model', {}, use);
  }

  /** Relative size of one unit in the last place of the coarsest type that the original computes in. */
  get epsilon(): number {
    return EPSILON[coarsestType(this.request.original.model)] ?? 2 ** -23;
  }
}

async function using<T>(opening: Promise<Session>, use: (session: Session) => Promise<T>): Promise<T> {
  const session = await opening;
  try {
    return await use(session);
  } finally {
    await session.release();
  }
}
