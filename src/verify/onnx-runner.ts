/**
 * Runs models in ONNX Runtime, the reference for numerical results: the interface. runtime/node.ts implements it with a process of its own;
 * src/web/runner.ts with ONNX Runtime Web, in a browser.
 */

/** `auto`: native if onnxruntime-node is installed, otherwise WebAssembly, which is part of this package. */
export type RuntimeChoice = 'auto' | 'native' | 'wasm';

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
export type OpenSession = (model: string | Uint8Array, name: string, options?: SessionOptions) => Promise<Session>;
