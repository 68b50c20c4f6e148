/** What runs in the page: TensorFlow.js with its backends, and a function that the test calls. Bundled by the test. */
import '@tensorflow/tfjs-backend-webgl';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import { loadGraphModel } from '@tensorflow/tfjs-converter';
import * as tf from '@tensorflow/tfjs-core';

export interface PageInput {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: readonly number[];
}
export interface PageResult {
  readonly backend: string;
  readonly outputs: Readonly<Record<string, { readonly shape: readonly number[]; readonly data: readonly number[] }>>;
  /** Tensors left behind by loading and running. */
  readonly leaked: number;
  readonly metadata: unknown;
}

/** Loads a model from where the page came from and runs it as its users do: names of ONNX in, names of ONNX out. */
async function run(backend: string, url: string, inputs: readonly PageInput[]): Promise<PageResult | string> {
  setWasmPaths('/wasm/');
  if (!(await tf.setBackend(backend).catch(() => false))) return `the backend ${backend} does not start`;
  const before = tf.memory().numTensors;
  const model = await loadGraphModel(url);
  const feeds = Object.fromEntries(inputs.map(({ name, shape, data }) => [name, tf.tensor([...data], [...shape])]));
  const names = model.outputNodes;
  const results = [model.execute(feeds, names)].flat();
  const outputs: Record<string, { shape: readonly number[]; data: readonly number[] }> = {};
  for (const [at, tensor] of results.entries()) outputs[names[at] ?? at] = { shape: tensor.shape, data: [...(await tensor.data())] };
  tf.dispose([feeds, results]);
  const { metadata } = model as unknown as { metadata: unknown };
  model.dispose();
  return { backend: tf.getBackend(), outputs, leaked: tf.memory().numTensors - before, metadata };
}

Object.assign(globalThis, { run });
