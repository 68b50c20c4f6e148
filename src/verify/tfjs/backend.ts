/** What runs a TensorFlow.js model. In a file of its own, so that the library's types do not drag in those of TensorFlow.js, which need WebGPU's. */
export type TfjsBackend = 'wasm' | 'node';
