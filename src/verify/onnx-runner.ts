/**
 * Runs models in ONNX Runtime, the reference for numerical results: one interface to its native library, if onnxruntime-node is installed, and to its
 * WebAssembly build, which is part of this package. Both run in a separate process (runtime/worker.js), so that a model that crashes the runtime
 * results in an ordinary error.
 */
import { resolve } from 'node:path';
import { runtimeCrashed, runtimeFailed } from '../diagnostics/catalogue';
import { CompileError } from '../diagnostics/compile-error';
import { halfToNumber, toHalves } from '../ir/half';
import type { RuntimeChoice } from './runtime/choice';
import { RuntimeDied, type RuntimeInfo, runtimeHost } from './runtime/host';

/** A tensor outside the compiler: elements as JavaScript numbers, whatever the element type. */
export interface Numbers {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array;
}

export interface SessionOptions {
  /** Lets the runtime rewrite the graph. Off for verification, because its optimiser has faults of its own. */
  readonly optimise?: boolean | undefined;
  /** 0: one per core. The WebAssembly build chooses its own number. */
  readonly threads?: number | undefined;
  /** Path of the model, for messages. Default: the model is a temporary file, or has no file. */
  readonly file?: string | undefined;
  /** Frees memory between nodes instead of keeping it for the next run: for images so large that it matters. */
  readonly frugal?: boolean | undefined;
  /** ONNX Runtime to use. Default: the native one if it is installed. */
  readonly runtime?: RuntimeChoice | undefined;
  /**
   * Copies a model on which the runtime crashed to a location where the user can find it, and returns its path. For models that only this program
   * knows.
   */
  readonly keep?: ((model: string | Uint8Array) => string | undefined) | undefined;
}

export interface Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /** Name of the runtime, for reports. */
  readonly runtime: string;
  /** Throws CompileError RUNTIME_FAILED with the runtime's own message, or RUNTIME_CRASHED. */
  run(feeds: ReadonlyMap<string, Numbers>): Promise<ReadonlyMap<string, Numbers>>;
  /** Frees the memory. */
  release(): Promise<void>;
}

/**
 * Opens a model from a file (so that its external data is found) or from bytes. `name` is used in messages; `options.file` is a path that the user
 * knows.
 */
export async function openSession(model: string | Uint8Array, name: string, options: SessionOptions = {}): Promise<Session> {
  const { optimise, threads, frugal, file } = options;
  const host = runtimeHost(options.runtime);
  const done = host.use();
  const failed = (doing: string, error: unknown): CompileError => {
    if (error instanceof CompileError) return error;
    const reason = error instanceof Error ? error.message : String(error);
    return error instanceof RuntimeDied
      ? runtimeCrashed(name, file, doing, reason, file === undefined ? options.keep?.(model) : undefined)
      : runtimeFailed(name, file, doing, inShort(reason));
  };
  try {
    const info = await host.ready();
    const where = typeof model === 'string' ? { path: resolve(model) } : {};
    const { header } = await host.ask(
      { do: 'open', settings: { optimise, threads, frugal }, ...where },
      typeof model === 'string' ? [] : [model],
    );
    return {
      inputNames: textsOf(header.inputs),
      outputNames: textsOf(header.outputs),
      runtime: runtimeName(info),
      async run(feeds) {
        const encoded = [...feeds].map(([input, numbers]) => {
          const [type, data, dims] = encode(numbers);
          return { port: { name: input, type, dims }, data };
        });
        const ports = encoded.map(({ port }) => port);
        const reply = await host
          .ask(
            { do: 'run', session: header.session, feeds: ports },
            encoded.map(({ data }) => data),
          )
          .catch((error: unknown) => Promise.reject(failed('run', error)));
        return new Map(portsOf(reply.header.results).map((port, at) => [port.name, decode(port, reply.parts[at] ?? new ArrayBuffer(0))]));
      },
      async release() {
        // A process that has died has already freed the memory.
        await host.ask({ do: 'release', session: header.session }).catch(() => undefined);
        done();
      },
    };
  } catch (error) {
    done();
    throw failed('load', error);
  }
}

/** Name of the runtime that was used, for reports. */
const runtimeName = ({ runtime, version }: RuntimeInfo): string =>
  `ONNX Runtime ${version} (${runtime === 'native' ? 'native' : 'WebAssembly'})`;

const textsOf = (list: unknown): readonly string[] => (Array.isArray(list) ? list.map(String) : []);

interface Port {
  readonly name: string;
  readonly type: string;
  readonly dims: readonly number[];
}
const portsOf = (list: unknown): readonly Port[] => (Array.isArray(list) ? (list as readonly Port[]) : []);

/** Removes the name of a temporary file and the runtime's own source location, which are of no use to a user. */
const inShort = (message: string): string =>
  message
    .replace(/^Load model from .*? failed:\s*/s, '')
    .replace(/^\/?\S*onnxruntime\S*\.cc:\d+ /, '')
    .trim();

type OrtType = 'float32' | 'float64' | 'float16' | 'uint8' | 'int8' | 'uint16' | 'int16' | 'int32' | 'uint32' | 'int64' | 'uint64' | 'bool';
type OrtData =
  | Float32Array
  | Float64Array
  | Uint16Array
  | Uint8Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

function encode({ dtype, shape, data }: Numbers): [OrtType, OrtData, number[]] {
  const dims = [...shape];
  switch (dtype) {
    case 'double':
      return ['float64', Float64Array.from(data), dims];
    case 'float16':
      return ['float16', toHalves(data), dims];
    case 'uint8':
      return ['uint8', Uint8Array.from(data), dims];
    case 'int8':
      return ['int8', Int8Array.from(data), dims];
    case 'uint16':
      return ['uint16', Uint16Array.from(data), dims];
    case 'int16':
      return ['int16', Int16Array.from(data), dims];
    case 'int32':
      return ['int32', Int32Array.from(data), dims];
    case 'uint32':
      return ['uint32', Uint32Array.from(data), dims];
    case 'int64':
      return ['int64', BigInt64Array.from(Array.from(data, (number) => BigInt(Math.trunc(number)))), dims];
    case 'uint64':
      return ['uint64', BigUint64Array.from(Array.from(data, (number) => BigInt(Math.trunc(number)))), dims];
    case 'bool':
      return ['bool', Uint8Array.from(data), dims];
    default:
      return ['float32', data instanceof Float32Array ? data : Float32Array.from(data), dims];
  }
}

function decode({ type, dims }: Port, memory: ArrayBuffer): Numbers {
  const shape = [...dims];
  const wide = (numbers: ArrayLike<number>): Numbers => ({ dtype: type, shape, data: Float64Array.from(numbers) });
  switch (type) {
    case 'float32':
      return { dtype: 'float', shape, data: new Float32Array(memory) };
    case 'float64':
      return { dtype: 'double', shape, data: new Float64Array(memory) };
    case 'float16':
      return { dtype: 'float16', shape, data: Float32Array.from(new Uint16Array(memory), halfToNumber) };
    case 'int64':
      return { dtype: type, shape, data: Float64Array.from(new BigInt64Array(memory), Number) };
    case 'uint64':
      return { dtype: type, shape, data: Float64Array.from(new BigUint64Array(memory), Number) };
    case 'int32':
      return wide(new Int32Array(memory));
    case 'uint32':
      return wide(new Uint32Array(memory));
    case 'int16':
      return wide(new Int16Array(memory));
    case 'uint16':
      return wide(new Uint16Array(memory));
    case 'int8':
      return wide(new Int8Array(memory));
    case 'uint8':
    case 'bool':
      return wide(new Uint8Array(memory));
    default:
      return wide([]);
  }
}
