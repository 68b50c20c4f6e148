/** ONNX Runtime, the judge of numbers. The only importer of onnxruntime-node, which is loaded when a model is first run. */
import { runtimeFailed } from '../diagnostics/catalogue';
import { table } from '../ir/table';
import { halfToNumber, numberToHalf } from '../ir/tensor';

/** A tensor outside of the compiler: elements as plain numbers, whatever the element type. */
export interface Numbers {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array;
}

export interface SessionOptions {
  /** Let the runtime rewrite the graph. Off for judging: its optimiser has faults of its own. */
  readonly optimise?: boolean | undefined;
  /** 0: as many as there are cores. */
  readonly threads?: number | undefined;
  /** Where the model lies, for messages. Default: it is a temporary file, or none. */
  readonly file?: string | undefined;
  /** Give memory back between nodes instead of keeping it for the next run: for images so large that it counts. */
  readonly frugal?: boolean | undefined;
}

export interface Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /** Throws CompileError RUNTIME_FAILED with the runtime's own words. */
  run(feeds: ReadonlyMap<string, Numbers>): Promise<ReadonlyMap<string, Numbers>>;
  /** Gives the memory back. */
  release(): Promise<void>;
}

/** Opens a model, from a file (so that its external data is found) or from bytes. `name` is for messages; `options.file` is one that the user knows. */
export async function openSession(model: string | Uint8Array, name: string, options: SessionOptions = {}): Promise<Session> {
  const { InferenceSession, Tensor } = await import('onnxruntime-node');
  const settings = {
    graphOptimizationLevel: options.optimise ? ('all' as const) : ('disabled' as const),
    intraOpNumThreads: options.threads ?? 0,
    interOpNumThreads: 1,
    enableCpuMemArena: options.frugal !== true,
    enableMemPattern: options.frugal !== true,
    // Failures are thrown, and told in our own words.
    logSeverityLevel: 4 as const,
  };
  const fail = (doing: string, error: unknown): never => {
    throw runtimeFailed(name, options.file, doing, inShort(error instanceof Error ? error.message : String(error)));
  };
  const session = await (typeof model === 'string'
    ? InferenceSession.create(model, settings)
    : InferenceSession.create(model, settings)
  ).catch((error: unknown) => fail('load', error));
  return {
    inputNames: session.inputNames,
    outputNames: session.outputNames,
    async run(feeds) {
      const tensors: Record<string, InstanceType<typeof Tensor>> = table({});
      for (const [input, numbers] of feeds) {
        const [type, data, dims] = encode(numbers);
        const tensor = new Tensor(type, data, dims);
        // Where there is a Float16Array (Node 24) the constructor makes one of the bits, which the binding takes for empty: microsoft/onnxruntime#32323.
        if (type === 'float16') Object.defineProperty(tensor, 'data', { value: data });
        tensors[input] = tensor;
      }
      const results = await session.run(tensors).catch((error: unknown) => fail('run', error));
      return new Map(Object.entries(results).map(([output, tensor]) => [output, decode(tensor.type, tensor.dims, tensor.data)]));
    },
    release: () => session.release(),
  };
}

/** Without the name of a temporary file and the runtime's own source line, which tell a user nothing. */
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
      return ['float16', Uint16Array.from(data, numberToHalf), dims];
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

function decode(type: string, dims: readonly number[], data: unknown): Numbers {
  const shape = [...dims];
  if (data instanceof Float32Array) return { dtype: 'float', shape, data };
  if (data instanceof Float64Array) return { dtype: 'double', shape, data };
  if (type === 'float16' && ArrayBuffer.isView(data)) {
    return {
      dtype: 'float16',
      shape,
      data: Float32Array.from(new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2), halfToNumber),
    };
  }
  if (data instanceof BigInt64Array || data instanceof BigUint64Array)
    return { dtype: type, shape, data: Float64Array.from(data as Iterable<bigint>, Number) };
  if (ArrayBuffer.isView(data)) return { dtype: type, shape, data: Float64Array.from(data as unknown as ArrayLike<number>) };
  return { dtype: type, shape, data: new Float64Array() };
}
