/**
 * Runs emitted models in TensorFlow.js. This is the only module that imports TensorFlow.js, which is loaded when a model is first run.
 *
 * Backends: `wasm`, which is part of this package (SIMD, one thread: TensorFlow.js has no threads in Node), and `node`, if @tensorflow/tfjs-node is
 * installed.
 * A session uses the names and the layout of the ONNX model. Inputs are transposed to the layout that model.json declares, and results are transposed
 * back.
 */
import { createRequire } from 'node:module';
import type * as Converter from '@tensorflow/tfjs-converter';
import type * as Core from '@tensorflow/tfjs-core';
import { kernelMissing, tfjsFailed, tfjsNodeMissing } from '../../diagnostics/catalogue';
import { CompileError } from '../../diagnostics/compile-error';
import { table } from '../../ir/table';
import type { TfjsPort } from '../../tfjs/about';
import type { Numbers, Session } from '../onnx-runner';
import type { TfjsBackend } from './backend';
import { readTfjsFiles, signatureOutputs, type TfjsFiles, tfjsModelPath } from './files';
import { isAllocator, refuseNull } from './memory';
import { reordered } from './reorder';

export interface TfjsOptions {
  readonly backend?: TfjsBackend | undefined;
  /** Seed for a different order of sums: the same function, rounded differently. */
  readonly reorder?: number | undefined;
  /** Internal tensors (`node`, or `node:k`) to return instead of the outputs, by the names that they should get, each with the order of its axes. */
  readonly fetch?: ReadonlyMap<string, Fetched> | undefined;
}

export interface Fetched {
  readonly tensor: string;
  readonly perm?: readonly number[] | undefined;
  /** Tensors with the remaining parts of the value, concatenated along its last axis in TensorFlow.js's layout. */
  readonly beside?: readonly string[] | undefined;
}

/**
 * Opens a graph model: its directory, its model.json, or the files already read.
 * Throws CompileError TFJS_NOT_A_MODEL, TFJS_SHARD_MISSING, TFJS_SHARD_LENGTH, TFJS_NODE_MISSING, TFJS_KERNEL_MISSING, TFJS_FAILED.
 */
export async function openTfjsSession(model: string | TfjsFiles, options: TfjsOptions = {}): Promise<Session> {
  const name = typeof model === 'string' ? (tfjsModelPath(model) ?? model) : 'the model';
  const files = typeof model === 'string' ? readTfjsFiles(model) : model;
  const runtime = await start(options.backend ?? 'wasm');
  let release: (() => void) | undefined;
  try {
    const graph = await runtime.loadGraphModel({ load: async () => artifactsOf(files, options.reorder) });
    release = () => graph.dispose();
    const ports = portsOf(graph, files, options.fetch);
    return {
      inputNames: ports.inputs,
      outputNames: [...ports.outputs.keys()],
      runtime: tfjsRuntimeName(runtime.backend),
      async run(feeds) {
        try {
          return runtime.run(graph, feeds, ports);
        } catch (error) {
          throw explained(name, 'run', error, runtime.backend);
        }
      },
      async release() {
        try {
          graph.dispose();
        } catch (error) {
          throw explained(name, 'let go of', error, runtime.backend);
        } finally {
          runtime.release();
        }
      },
    };
  } catch (error) {
    release?.();
    runtime.release();
    throw explained(name, 'load', error, runtime.backend);
  }
}

/** Name of the runtime, for reports. */
export const tfjsRuntimeName = (backend: TfjsBackend): string =>
  backend === 'wasm' ? 'TensorFlow.js on WebAssembly' : 'TensorFlow.js on @tensorflow/tfjs-node';

function artifactsOf({ json, weightSpecs, shards }: TfjsFiles, reorder: number | undefined): Core.io.ModelArtifacts {
  const { modelTopology, format, generatedBy, convertedBy, signature, userDefinedMetadata } = json;
  return {
    modelTopology,
    weightSpecs: [...weightSpecs],
    // Not concatenated: the loader accepts an array of buffers, and half a gigabyte need not be in memory twice.
    weightData: [...shards],
    ...(format !== undefined && { format }),
    ...(generatedBy !== undefined && { generatedBy }),
    ...(convertedBy !== undefined && { convertedBy }),
    ...(signature !== undefined && { signature }),
    ...(userDefinedMetadata !== undefined && { userDefinedMetadata }),
    ...(reorder !== undefined && reordered({ json, weightSpecs, shards, about: {} }, reorder)),
  };
}

// ---- runtime ----

interface Ports {
  readonly inputs: readonly string[];
  /** Several outputs may belong to one node, which the runtime then knows by only one of their names. */
  readonly outputs: ReadonlyMap<string, Fetched>;
  readonly dtypes: ReadonlyMap<string, string>;
  readonly about: TfjsFiles['about'];
}

/** Names in the order of the signature, which are those of ONNX; the names of the nodes if a model has no signature. */
function portsOf(graph: Converter.GraphModel, { json, about }: TfjsFiles, fetch: TfjsOptions['fetch']): Ports {
  const inputs = graph.inputNodes;
  const dtypes = new Map(inputs.map((input, at) => [input, graph.inputs[at]?.dtype ?? 'float32']));
  const outputs = signatureOutputs(json) ?? graph.outputNodes.map((name): readonly [string, string] => [name, name]);
  const own = outputs.map(([key, name]): [string, Fetched] => [key, { tensor: name.replace(/:0$/, ''), perm: about.outputs?.[key]?.perm }]);
  return { inputs, outputs: fetch ?? new Map(own), dtypes, about };
}

interface Runtime {
  readonly backend: TfjsBackend;
  readonly loadGraphModel: typeof Converter.loadGraphModel;
  run(graph: Converter.GraphModel, feeds: ReadonlyMap<string, Numbers>, ports: Ports): ReadonlyMap<string, Numbers>;
  release(): void;
}

async function start(backend: TfjsBackend): Promise<Runtime> {
  const { tf, loadGraphModel } = backend === 'wasm' ? await startWasm() : await startNode();
  return {
    backend,
    loadGraphModel,
    run: (graph, feeds, ports) => {
      const results = new Map<string, Numbers>();
      tf.tidy(() => {
        const tensors: Record<string, Core.Tensor> = table({});
        for (const name of ports.inputs) {
          const numbers = feeds.get(name);
          if (!numbers) throw new Error(`there is no data for input '${name}'`);
          tensors[name] = tensorOf(tf, toTfjs(numbers, ports.about.inputs?.[name]), ports.dtypes.get(name) ?? 'float32');
        }
        const wanted = [...ports.outputs];
        const names = wanted.flatMap(([, { tensor, beside = [] }]) => [tensor, ...beside]);
        const found = [graph.execute(tensors, names)].flat();
        let at = 0;
        for (const [name, { perm, beside = [] }] of wanted) {
          const parts = found.slice(at, at + 1 + beside.length);
          at += parts.length;
          const [tensor] = parts.length > 1 ? [tf.concat(parts, -1)] : parts;
          if (tensor) results.set(name, inOnnxOrder(numbersOf(tensor), perm));
        }
      });
      return results;
    },
    release: () => {
      // WebAssembly memory never shrinks: it is freed by dropping the whole instance.
      if (backend === 'wasm' && tf.engine().state.numTensors === 0) stopWasm(tf);
    },
  };
}

async function startWasm(): Promise<{ readonly tf: typeof Core; readonly loadGraphModel: typeof Converter.loadGraphModel }> {
  const [tf, { loadGraphModel }] = await Promise.all([import('@tensorflow/tfjs-core'), import('@tensorflow/tfjs-converter')]);
  await import('@tensorflow/tfjs-backend-wasm');
  // An instance that ran out of memory is unusable, but a new one works.
  if (tf.engine().registry.wasm && !alive(tf)) stopWasm(tf);
  const isNew = !tf.engine().registry.wasm;
  await keepingListeners(() => tf.setBackend('wasm'));
  const module: unknown = Reflect.get(tf.backend(), 'wasm');
  if (isNew && isAllocator(module)) refuseNull(module);
  return { tf, loadGraphModel };
}

function alive(tf: typeof Core): boolean {
  try {
    tf.tidy(() => tf.zeros([1]).dataSync());
    return true;
  } catch {
    return false;
  }
}

function stopWasm(tf: typeof Core): void {
  const factory = tf.findBackendFactory('wasm');
  void keepingListeners(async () => tf.removeBackend('wasm'));
  tf.registerBackend('wasm', factory, 2);
}

/**
 * While it exists, the module handles uncaught exceptions of the whole process, and when it ends, it removes everyone's handlers. Both are prevented
 * here.
 */
async function keepingListeners<T>(action: () => Promise<T>): Promise<T> {
  const events = ['uncaughtException', 'unhandledRejection'] as const;
  const before = events.map((event) => process.rawListeners(event));
  const restore = (): void => {
    for (const [at, event] of events.entries()) {
      process.removeAllListeners(event);
      for (const listener of before[at] ?? []) process.on(event as string, listener as (...args: unknown[]) => void);
    }
  };
  const pending = action();
  restore();
  return pending.finally(restore);
}

async function startNode(): Promise<{ readonly tf: typeof Core; readonly loadGraphModel: typeof Converter.loadGraphModel }> {
  const util: Record<string, unknown> = createRequire(__filename)('node:util');
  // tfjs-node 4.22 calls functions that Node 23 removed.
  util.isNullOrUndefined ??= (value: unknown): boolean => value === null || value === undefined;
  util.isArray ??= Array.isArray;
  // Its library logs details of the processor to stderr.
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
  let tf: typeof Core & typeof Converter;
  try {
    // Loaded by `require`, so that it need not be installed at build time.
    tf = createRequire(__filename)('@tensorflow/tfjs-node');
    await tf.setBackend('tensorflow');
  } catch (error) {
    throw tfjsNodeMissing(error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error));
  }
  return { tf, loadGraphModel: tf.loadGraphModel };
}

function tensorOf(tf: typeof Core, { shape, data }: Numbers, dtype: string): Core.Tensor {
  switch (dtype) {
    case 'int32':
      return tf.tensor(Int32Array.from(data), [...shape], 'int32');
    case 'bool':
      return tf.tensor(Uint8Array.from(data), [...shape], 'bool');
    default:
      return tf.tensor(data instanceof Float32Array ? data : Float32Array.from(data), [...shape], 'float32');
  }
}

const numbersOf = (tensor: Core.Tensor): Numbers => {
  const data = tensor.dataSync();
  return tensor.dtype === 'float32'
    ? { dtype: 'float', shape: tensor.shape, data: Float32Array.from(data) }
    : { dtype: tensor.dtype, shape: tensor.shape, data: Float64Array.from(data) };
};

function explained(name: string, doing: string, error: unknown, backend: TfjsBackend): CompileError {
  if (error instanceof CompileError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  const kernel = /Kernel '([^']*)' not registered for backend/.exec(reason) ?? /Unknown op '([^']*)'/.exec(reason);
  return kernel ? kernelMissing(name, kernel[1] ?? '', backend) : tfjsFailed(name, doing, reason);
}

// ---- layouts ----

const toTfjs = (numbers: Numbers, port: TfjsPort | undefined): Numbers => (port?.perm ? transposed(numbers, port.perm) : numbers);

const inOnnxOrder = (numbers: Numbers, perm: Fetched['perm']): Numbers =>
  perm
    ? transposed(
        numbers,
        perm.map((_, axis) => perm.indexOf(axis)),
      )
    : numbers;

/** `perm` as in ONNX's Transpose: axis `at` of the result is axis `perm[at]` of the source. */
function transposed(numbers: Numbers, perm: readonly number[]): Numbers {
  const { dtype, shape, data } = numbers;
  // If the rank differs from the declared one, the runtime reports it better.
  if (perm.length !== shape.length || perm.every((axis, at) => axis === at)) return numbers;
  const target = perm.map((axis) => shape[axis] ?? 1);
  const strides = perm.map((axis) => shape.slice(axis + 1).reduce((product, dim) => product * dim, 1));
  const result = data instanceof Float32Array ? new Float32Array(data.length) : new Float64Array(data.length);
  const index = target.map(() => 0);
  let from = 0;
  for (let at = 0; at < result.length; at++) {
    result[at] = data[from] ?? 0;
    for (let axis = target.length - 1; axis >= 0; axis--) {
      index[axis] = (index[axis] ?? 0) + 1;
      from += strides[axis] ?? 0;
      if ((index[axis] ?? 0) < (target[axis] ?? 0)) break;
      from -= (strides[axis] ?? 0) * (target[axis] ?? 0);
      index[axis] = 0;
    }
  }
  return { dtype, shape: target, data: result };
}
