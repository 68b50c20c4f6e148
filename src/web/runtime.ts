/**
 * ONNX Runtime Web, in a worker or a page: WebAssembly by default, which is part of this package; or another build of it that the page brings along, for
 * WebGPU and WebNN.
 */
import { env, InferenceSession, Tensor } from 'onnxruntime-web/wasm';
import { runtimeFailed } from '../diagnostics/catalogue';
import { table } from '../ir/table';
import type { Numbers, OpenSession } from '../verify/onnx-runner';
import { decodeNumbers, encodeNumbers, inShort } from '../verify/ort-numbers';

/** The part of onnxruntime-web that is used: pass the module itself. */
export interface OrtModule {
  readonly InferenceSession: { create(model: Uint8Array, options?: object): Promise<OrtSession> };
  readonly Tensor: new (type: never, data: never, dims: readonly number[]) => object;
  readonly env: { readonly versions: { readonly web?: string; readonly common: string } };
}

interface OrtSession {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  run(feeds: never): Promise<Readonly<Record<string, { readonly type: string; readonly dims: readonly number[]; readonly data: unknown }>>>;
  release(): Promise<void>;
}

export interface RuntimeOptions {
  /** Another build of onnxruntime-web, such as `onnxruntime-web/webgpu`. Default: the WebAssembly build in this package. */
  readonly ort?: OrtModule | undefined;
  /** Where the build runs the model: 'wasm' (default), 'webgpu', 'webnn'. Only with `ort`. */
  readonly executionProviders?: readonly string[] | undefined;
  /** Folder from which ort-wasm-simd-threaded.mjs and .wasm are loaded. Default: that of this package. */
  readonly wasmPaths?: string | undefined;
  /** Default: as many as Node uses, if the page may use threads (it is cross-origin isolated), otherwise one. */
  readonly threads?: number | undefined;
}

/** Bytes that a runtime loads, and the files with weights that it refers to. */
export interface Loadable {
  readonly bytes: Uint8Array;
  readonly external: readonly { readonly path: string; readonly data: Uint8Array }[];
}

const WASM = 'ort-wasm-simd-threaded';
/** The same as in Node (verify/runtime/worker.js), so that results are the same. */
const MOST_THREADS = 4;

/** `load`: the model behind a name that was passed in place of its bytes. */
export function sessionOpener(
  { ort, executionProviders, wasmPaths, threads }: RuntimeOptions,
  load: (name: string) => Promise<Loadable>,
): OpenSession {
  const module: OrtModule = ort ?? (own(wasmPaths, threads) as unknown as OrtModule);
  const { versions } = module.env;
  const where = (executionProviders ?? ['wasm']).map((each) => NAMES[each] ?? each).join(', ');
  const runtime = `ONNX Runtime ${versions.web ?? versions.common} (${where})`;
  return async (model, name, options = {}) => {
    const failed = (doing: string, error: unknown): Error =>
      runtimeFailed(name, options.file, doing, inShort(error instanceof Error ? error.message : String(error)));
    let session: OrtSession;
    try {
      const { bytes, external } = typeof model === 'string' ? await load(model) : { bytes: model, external: [] };
      session = await module.InferenceSession.create(bytes, {
        graphOptimizationLevel: options.optimise ? 'all' : 'disabled',
        logSeverityLevel: 4,
        ...(executionProviders && { executionProviders }),
        ...(external.length > 0 && { externalData: external }),
      });
    } catch (error) {
      throw failed('load', error);
    }
    return {
      inputNames: session.inputNames,
      outputNames: session.outputNames,
      runtime,
      async run(feeds) {
        try {
          const tensors = Object.fromEntries([...feeds].map(([input, numbers]) => [input, tensorOf(module, numbers)]));
          const results = await session.run(tensors as never);
          return new Map(
            Object.entries(results).map(([output, { type, dims, data }]) => [
              output,
              decodeNumbers({ name: output, type, dims }, memoryOf(data)),
            ]),
          );
        } catch (error) {
          throw failed('run', error);
        }
      },
      release: () => session.release(),
    };
  };
}

const NAMES = table({ wasm: 'WebAssembly', webgpu: 'WebGPU', webnn: 'WebNN' });

function own(wasmPaths: string | undefined, threads: number | undefined): { readonly env: typeof env } {
  const at = (file: string, found: URL): string =>
    wasmPaths === undefined ? found.href : new URL(file, new URL(wasmPaths, location())).href;
  env.wasm.wasmPaths = {
    mjs: at(`${WASM}.mjs`, new URL('../playground/ort-wasm-simd-threaded.mjs', import.meta.url)),
    wasm: at(`${WASM}.wasm`, new URL('../playground/ort-wasm-simd-threaded.wasm', import.meta.url)),
  };
  const isIsolated = Reflect.get(globalThis, 'crossOriginIsolated') === true;
  const cores: unknown = Reflect.get(Reflect.get(globalThis, 'navigator') ?? {}, 'hardwareConcurrency');
  env.wasm.numThreads = isIsolated ? (threads ?? Math.min(MOST_THREADS, typeof cores === 'number' ? cores : 1)) : 1;
  env.logLevel = 'fatal';
  return { env, InferenceSession, Tensor } as { readonly env: typeof env };
}

const location = (): string => String(Reflect.get(globalThis, 'location') ?? import.meta.url);

function tensorOf({ Tensor }: OrtModule, numbers: Numbers): object {
  const [type, data, dims] = encodeNumbers(numbers);
  const tensor = new Tensor(type as never, data as never, dims);
  // With a Float16Array, the constructor makes one from the bits, which the binding treats as empty: microsoft/onnxruntime#32323.
  if (type === 'float16') Object.defineProperty(tensor, 'data', { value: data });
  return tensor;
}

/** A copy: the runtime may reuse its memory, or share it between threads. */
function memoryOf(data: unknown): ArrayBuffer {
  if (!ArrayBuffer.isView(data)) return new ArrayBuffer(0);
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice().buffer as ArrayBuffer;
}
