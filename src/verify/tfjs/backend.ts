/** Runtime of a TensorFlow.js model. In a separate file, so that the library's types do not depend on those of TensorFlow.js, which need WebGPU's. */
export type TfjsBackend = 'wasm' | 'node';
