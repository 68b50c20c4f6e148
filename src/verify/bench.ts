/** Runs models during a verification: one session at a time, on inputs derived from one seed. */
import type { Model } from '../ir/model';
import type { OpenSession, RuntimeChoice, Session } from './onnx-runner';

/** One number for all outputs, or one per output; the entry '' applies to all others. */
export type PerOutput = number | Readonly<Record<string, number>>;

export interface VerifyOptions {
  readonly seed?: number | undefined;
  /** Allowed difference as a share of the largest expected value, instead of the measured tolerance. */
  readonly rtol?: PerOutput | undefined;
  readonly atol?: PerOutput | undefined;
  /** Replaces the tolerance: minimum share of inputs, 0 to 1, on which both models must predict the same best class. */
  readonly minAgreement?: number | undefined;
  /** Replaces the tolerance: minimum cosine similarity of the outputs of both models, on each input. */
  readonly cosine?: number | undefined;
  readonly threads?: number | undefined;
  /** Number of random inputs; by default, more for smaller models. */
  readonly samples?: number | undefined;
  /** Time budget in seconds, in addition to the runs that a verdict requires. Default: 30. */
  readonly budget?: number | undefined;
  /** Set if weights were stored in fewer bits: the difference from the original is measured, and held to no bound unless one is given. */
  readonly measure?: boolean | undefined;
  /** Uses only a part of the samples: every n-th, plus the first, on which the noise is measured. */
  readonly shard?: { readonly index: number; readonly of: number } | undefined;
  readonly onProgress?: ((doing: string) => void) | undefined;
  /** ONNX Runtime to use. Default: the native one if it is installed, otherwise WebAssembly. */
  readonly runtime?: RuntimeChoice | undefined;
  /** Copies a part of a model on which the runtime crashed to a location where the user can find it, and returns its path. */
  readonly keepCrashed?: ((model: string | Uint8Array) => string | undefined) | undefined;
}

export interface Bench {
  readonly seed: number;
  /** Relative size of one unit in the last place, in the coarsest type used for computation. */
  readonly epsilon: number;
  readonly options: VerifyOptions;
  /** Makes a model loadable by the runtime for the duration of the verification. */
  readonly place: (model: Model, name: string) => string | Uint8Array;
  /** Opens a session and releases it when `use` is done. `name` is used in messages if there is no file. */
  within<T>(
    source: string | Uint8Array,
    name: string,
    options: { readonly threads?: number; readonly optimise?: boolean },
    use: (session: Session) => Promise<T>,
  ): Promise<T>;
  progress(doing: string): void;
  /** Name of the runtime that ran the models, for reports. */
  runtime(): string;
}

/** `files`: models whose paths the user knows; parts of models are placed in temporary files, which the user does not know. */
export function makeBench(
  init: Pick<Bench, 'epsilon' | 'options' | 'place'> & { readonly open: OpenSession; readonly files: readonly (string | Uint8Array)[] },
): Bench {
  const { epsilon, options: common, place } = init;
  let runtime = 'ONNX Runtime';
  return {
    epsilon,
    options: common,
    place,
    seed: common.seed ?? 1,
    progress: (doing) => common.onProgress?.(doing),
    runtime: () => runtime,
    async within(source, name, options, use) {
      const threads = options.threads ?? common.threads;
      const file = typeof source === 'string' && init.files.includes(source) ? source : undefined;
      const settings = { ...options, file, runtime: common.runtime, keep: common.keepCrashed, ...(threads !== undefined && { threads }) };
      return using(init.open(source, name, settings), (session) => {
        runtime = session.runtime;
        return use(session);
      });
    },
  };
}

/** Runtimes used, for reports. `other`: runtime of the converted model, if it was a different one. */
export const judges = (bench: Bench, other: string | undefined): string =>
  `${other === undefined ? '' : `${other}, the original in `}${bench.runtime()}, graph optimisations disabled`;

/** Passes the session to `use` and releases it afterwards. */
export async function using<T>(opening: Promise<Session>, use: (session: Session) => Promise<T>): Promise<T> {
  const session = await opening;
  try {
    return await use(session);
  } finally {
    await session.release();
  }
}
