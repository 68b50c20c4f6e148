// @ts-check
/**
 * The process that runs models: ONNX Runtime as native code or as WebAssembly, behind a narrow protocol (frames.js) on file descriptor 3.
 * If a model crashes the runtime, it ends this process and not the program that started it. The only module that imports onnxruntime-node and
 * onnxruntime-web.
 *
 *   node worker.js auto|native|wasm
 *   <- { ready: { runtime, version } }  or  { missing: reason }
 *   -> { id, do: 'open', path | part, settings }      <- { id, session, inputs, outputs }
 *   -> { id, do: 'run', session, feeds: [{ name, type, dims }] } and their bytes      <- { id, results: [{ name, type, dims }] } and theirs
 *   -> { id, do: 'release', session }      <- { id }
 *   <- { id, failed: reason }
 */
const { existsSync, readFileSync } = require('node:fs');
const { Socket } = require('node:net');
const { availableParallelism } = require('node:os');
const { dirname, join } = require('node:path');
const { pathToFileURL } = require('node:url');
const { externalLocations } = require('./external-locations.js');
const { FrameReader, sendFrame } = require('./frames.js');

// Read when the library is loaded. Without it, the library queues model names and a device id for upload, and writes a database under the home
// directory.
process.env.ORT_DISABLE_TELEMETRY = '1';

/** @typedef {import('onnxruntime-common').InferenceSession} OrtSession */
/** @typedef {{ readonly name: string, readonly type: string, readonly dims: readonly number[] }} Port */
/** @typedef {{ readonly optimise?: boolean, readonly threads?: number, readonly frugal?: boolean }} Settings */

/** @type {Readonly<Record<string, new (memory: ArrayBuffer) => import('onnxruntime-common').Tensor.DataType>>} */
const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  uint8: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
};

const WASM = 'ort-wasm-simd-threaded';
// A variable, so that bundlers do not follow it.
const PACKAGE = 'onnxruntime-web';

const loaders = {
  native: () => {
    /** @type {typeof import('onnxruntime-common')} */
    const ort = require('onnxruntime-node');
    return {
      ort,
      version: versionOf(ort, 'node'),
      /** @param {string | ArrayBuffer} model @param {Settings} settings */
      open: (model, settings) => {
        const options = {
          intraOpNumThreads: settings.threads ?? 0,
          interOpNumThreads: 1,
          enableCpuMemArena: settings.frugal !== true,
          enableMemPattern: settings.frugal !== true,
        };
        return create(ort, typeof model === 'string' ? model : new Uint8Array(model), { ...common(settings), ...options });
      },
    };
  },
  wasm: () => {
    /** @type {typeof import('onnxruntime-common')} */
    const ort = require('onnxruntime-web');
    // In the package, beside the page that uses it too; when running from source, in the onnxruntime-web package.
    const inside = join(__dirname, 'playground');
    const home = existsSync(join(inside, `${WASM}.wasm`)) ? inside : dirname(require.resolve(PACKAGE));
    ort.env.wasm.wasmPaths = { mjs: pathToFileURL(join(home, `${WASM}.mjs`)).href, wasm: pathToFileURL(join(home, `${WASM}.wasm`)).href };
    ort.env.wasm.numThreads = Math.min(4, availableParallelism());
    ort.env.logLevel = 'fatal';
    return {
      ort,
      version: versionOf(ort, 'web'),
      /** The runtime cannot access files, so weights next to the model are read for it. @param {string | ArrayBuffer} model @param {Settings} settings */
      open: (model, settings) => {
        if (typeof model !== 'string') return create(ort, new Uint8Array(model), common(settings));
        const bytes = readFileSync(model);
        const externalData = externalLocations(bytes).map((path) => ({
          path,
          data: new Uint8Array(readFileSync(join(dirname(model), path))),
        }));
        return create(ort, bytes, { ...common(settings), externalData });
      },
    };
  },
};

/** @param {Settings} settings */
const common = ({ optimise }) => ({
  graphOptimizationLevel: optimise ? /** @type {const} */ ('all') : /** @type {const} */ ('disabled'),
  // Failures are thrown, and the caller reports them.
  logSeverityLevel: /** @type {const} */ (4),
});

/**
 * @param {typeof import('onnxruntime-common')} ort
 * @param {string | Uint8Array} model
 * @param {import('onnxruntime-common').InferenceSession.SessionOptions} options
 * @returns {Promise<OrtSession>}
 */
const create = (ort, model, options) =>
  typeof model === 'string' ? ort.InferenceSession.create(model, options) : ort.InferenceSession.create(model, options);

/**
 * @param {typeof import('onnxruntime-common')} ort
 * @param {'node' | 'web'} which
 */
const versionOf = ({ env }, which) => env.versions[which] ?? env.versions.common;

// ---- protocol ----

const socket = new Socket({ fd: 3 });
// The parent process is gone. On Ctrl-C, the parent decides when to end.
socket.on('close', () => process.exit(0));
socket.on('error', () => process.exit(0));
for (const signal of ['SIGINT', 'SIGHUP']) process.on(signal, () => undefined);

/** @param {unknown} error */
const reasonOf = (error) => (error instanceof Error ? error.message : String(error));

/** @param {string} wanted */
function start(wanted) {
  let reason = '';
  for (const runtime of /** @type {const} */ (['native', 'wasm'])) {
    if (wanted !== 'auto' && wanted !== runtime) continue;
    try {
      return { runtime, ...loaders[runtime]() };
    } catch (error) {
      reason = reasonOf(error).split('\n')[0] ?? '';
    }
  }
  sendFrame(socket, { missing: reason });
  return undefined;
}

const engine = start(process.argv[2] ?? 'auto');
/** @type {Map<number, OrtSession>} */
const sessions = new Map();
let opened = 0;

if (engine) {
  sendFrame(socket, { ready: { runtime: engine.runtime, version: engine.version } });
  const reader = new FrameReader((header, parts) => {
    answer(header, parts).catch((error) => sendFrame(socket, { id: header.id, failed: reasonOf(error) }));
  });
  socket.on('data', (bytes) => reader.push(typeof bytes === 'string' ? Buffer.from(bytes) : bytes));
}

/**
 * @param {import('./frames.js').Header} header
 * @param {readonly ArrayBuffer[]} parts
 */
async function answer(header, parts) {
  const { id } = header;
  if (!engine) return;
  if (header.do === 'open') {
    const model = typeof header.path === 'string' ? header.path : parts[0];
    if (model === undefined) throw new Error('there is no model');
    const session = await engine.open(model, /** @type {Settings} */ (header.settings));
    sessions.set(++opened, session);
    sendFrame(socket, { id, session: opened, inputs: session.inputNames, outputs: session.outputNames });
    return;
  }
  const number = Number(header.session);
  const session = sessions.get(number);
  if (!session) throw new Error('the session is closed');
  if (header.do === 'release') {
    sessions.delete(number);
    await session.release();
    sendFrame(socket, { id });
    return;
  }
  const results = await session.run(feedsOf(engine.ort, /** @type {readonly Port[]} */ (header.feeds), parts));
  const found = Object.entries(results).map(([name, { type, dims, data }]) => ({ port: { name, type, dims }, data }));
  sendFrame(
    socket,
    { id, results: found.map(({ port }) => port) },
    // String results are not supported and have no bytes.
    found.map(({ data }) => (ArrayBuffer.isView(data) ? data : new Uint8Array())),
  );
}

/**
 * @param {typeof import('onnxruntime-common')} ort
 * @param {readonly Port[]} ports
 * @param {readonly ArrayBuffer[]} parts
 */
function feedsOf({ Tensor }, ports, parts) {
  /** @type {Record<string, import('onnxruntime-common').Tensor>} */
  const feeds = Object.create(null);
  ports.forEach(({ name, type, dims }, at) => {
    const [memory, Numbers] = [parts[at], ARRAYS[type]];
    if (!memory || !Numbers) throw new Error(`input '${name}' is ${type}, which cannot be fed`);
    const data = new Numbers(memory);
    // The constructor has an overload for each pair of type and array; the table above contains no others.
    const tensor = new Tensor(/** @type {'float32'} */ (type), /** @type {Float32Array} */ (data), dims);
    // With a Float16Array (Node 24), the constructor makes one from the bits, which the binding treats as empty: microsoft/onnxruntime#32323.
    if (type === 'float16') Object.defineProperty(tensor, 'data', { value: data });
    feeds[name] = tensor;
  });
  return feeds;
}
