/** Choice of the ONNX Runtime that runs a model. In a separate file, so that the library's types do not depend on those of Node's processes. */

/** `auto`: native if onnxruntime-node is installed, otherwise WebAssembly, which is part of this package. */
export type RuntimeChoice = 'auto' | 'native' | 'wasm';
