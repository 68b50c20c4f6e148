/**
 * ONNX Runtime for Node: its native library, if onnxruntime-node is installed, or its WebAssembly build, which is part of this package. Both run in
 * a separate process (worker.js), so that a model that crashes the runtime results in an ordinary error.
 */
import { resolve } from 'node:path';
import { runtimeCrashed, runtimeFailed } from '../../diagnostics/catalogue';
import { CompileError } from '../../diagnostics/compile-error';
import type { Session, SessionOptions } from '../onnx-runner';
import { decodeNumbers, encodeNumbers, inShort, type Port } from '../ort-numbers';
import { RuntimeDied, type RuntimeInfo, runtimeHost } from './host';

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
          const [type, data, dims] = encodeNumbers(numbers);
          return { port: { name: input, type, dims }, data };
        });
        const ports = encoded.map(({ port }) => port);
        const reply = await host
          .ask(
            { do: 'run', session: header.session, feeds: ports },
            encoded.map(({ data }) => data),
          )
          .catch((error: unknown) => Promise.reject(failed('run', error)));
        return new Map(
          portsOf(reply.header.results).map((port, at) => [port.name, decodeNumbers(port, reply.parts[at] ?? new ArrayBuffer(0))]),
        );
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

const portsOf = (list: unknown): readonly Port[] => (Array.isArray(list) ? (list as readonly Port[]) : []);
