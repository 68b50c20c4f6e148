/** Where models run while they are judged: one session at a time, on numbers that follow from one seed. */
import type { Model } from '../ir/model';
import { openSession, type Session } from './onnx-runner';
import type { RuntimeChoice } from './runtime/choice';

/** A number for all outputs, or one per output; under '' the rest. */
export type PerOutput = number | Readonly<Record<string, number>>;

export interface VerifyOptions {
  readonly seed?: number | undefined;
  /** Allowed difference as a share of the largest expected number, in place of one measured on the original. */
  readonly rtol?: PerOutput | undefined;
  readonly atol?: PerOutput | undefined;
  /** In place of a tolerance: the share of inputs, 0 to 1, on which both models must name the same best class. */
  readonly minAgreement?: number | undefined;
  /** In place of a tolerance: the cosine that the outputs of both must have on each input, at least. */
  readonly cosine?: number | undefined;
  readonly threads?: number | undefined;
  /** How many random inputs; by default more for smaller models. */
  readonly samples?: number | undefined;
  /** Seconds that it may take, beyond what has to run for a verdict. Default: 30. */
  readonly budget?: number | undefined;
  /** Weights were stored in fewer bits: how far the numbers are from the original's is measured, and held to no bound but one that is given. */
  readonly measure?: boolean | undefined;
  /** Only a part of the samples: every n-th, and the first, on which the noise is measured. */
  readonly shard?: { readonly index: number; readonly of: number } | undefined;
  readonly onProgress?: ((doing: string) => void) | undefined;
  /** Which ONNX Runtime judges. Default: the native one where it is installed, else WebAssembly. */
  readonly runtime?: RuntimeChoice | undefined;
  /** Copies a part of a model on which the runtime has crashed to where the user finds it, and answers with that place. */
  readonly keepCrashed?: ((model: string | Uint8Array) => string | undefined) | undefined;
}

export interface Bench {
  readonly seed: number;
  /** Relative size of one unit in the last place of the coarsest type that is computed in. */
  readonly epsilon: number;
  readonly options: VerifyOptions;
  /** Puts a model where the runtime can load it, for as long as the verification lasts. */
  readonly place: (model: Model, name: string) => string | Uint8Array;
  /** A session that is released when `use` is done. `name` is for messages, where there is no file. */
  within<T>(
    source: string | Uint8Array,
    name: string,
    options: { readonly threads?: number; readonly optimise?: boolean },
    use: (session: Session) => Promise<T>,
  ): Promise<T>;
  progress(doing: string): void;
  /** What has run the models, for reports. */
  runtime(): string;
}

/** `files`: models that the user knows by their paths; parts of them are placed in temporary files, of which nobody else knows. */
export function makeBench(
  init: Pick<Bench, 'epsilon' | 'options' | 'place'> & { readonly files: readonly (string | Uint8Array)[] },
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
      return using(openSession(source, name, settings), (session) => {
        runtime = session.runtime;
        return use(session);
      });
    },
  };
}

/** Who judged, for reports. `other`: what ran the converted model, where that was another runtime. */
export const judges = (bench: Bench, other: string | undefined): string =>
  `${other === undefined ? '' : `${other}, the original in `}${bench.runtime()}, graph optimisations disabled`;

/** A session that is released when `use` is done. */
export async function using<T>(opening: Promise<Session>, use: (session: Session) => Promise<T>): Promise<T> {
  const session = await opening;
  try {
    return await use(session);
  } finally {
    await session.release();
  }
}
