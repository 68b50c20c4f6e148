/** Which ONNX Runtime runs a model. In a file of its own, so that the library's types do not need those of Node's processes. */

/** `auto`: native where onnxruntime-node is installed, else WebAssembly, which comes with this package. */
export type RuntimeChoice = 'auto' | 'native' | 'wasm';
