/**
 * Writes a graph as the files that `tf.loadGraphModel` opens: model.json, and the weights one after the other in shards.
 *
 * Does not touch files itself: `sink` receives the bytes of the shards in order, and finally model.json. Weights are made one at a time.
 */

import { Memory, streamTensor } from '../ir/stream';
import { byteSize, elementCount } from '../ir/tensor';
import { version } from '../version';
import type { TfjsAbout } from './about';
import { shape as shapeAttr } from './attrs';
import type { TfjsGraph, TfjsPort, TfjsWeight } from './graph';
import { type Quantisation, type QuantisationEntry, quantise, quantisedType, requireMatches } from './quantize';

export interface ArtifactOptions {
  /** Bytes per shard; default 4 MB, which browsers cache. */
  readonly shardSize?: number | undefined;
  readonly quantisation?: Quantisation | undefined;
  /** Name of the signature; default `serving_default`. */
  readonly signatureName?: string | undefined;
  /** Metadata of the model; version, inputs, outputs and the origins of nodes are added here. */
  readonly about: Omit<TfjsAbout, 'version' | 'inputs' | 'outputs' | 'origins' | 'values'>;
}

export interface ArtifactSink {
  /** Opens the next shard; the previous one is complete. */
  shard(name: string): void;
  write(bytes: Uint8Array): void;
  /** Receives model.json; the last call. */
  json(text: string): void;
}

export interface ArtifactReport {
  readonly nodes: number;
  readonly shards: number;
  /** Bytes of all shards. */
  readonly weightBytes: number;
  readonly jsonBytes: number;
  /** Weights that were stored with fewer bits. */
  readonly quantised: readonly { readonly name: string; readonly type: string; readonly error: number; readonly bytes: number }[];
}

export const SHARD_SIZE = 4 * 2 ** 20;

interface ManifestEntry {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: TfjsWeight['dtype'];
  readonly quantization?: QuantisationEntry;
}

/** Writes the graph to `sink`. Throws CompileError NO_WEIGHT_MATCHES before anything is written. */
export function writeArtifacts(graph: TfjsGraph, sink: ArtifactSink, options: ArtifactOptions): ArtifactReport {
  requireMatches(graph.weights, options.quantisation ?? {});
  const shards = new Shards(sink, options.shardSize ?? SHARD_SIZE, totalBytes(graph, options.quantisation ?? {}));
  const memory = new Memory();
  const quantised: ArtifactReport['quantised'][number][] = [];
  const weights = graph.weights.map((weight): ManifestEntry => {
    const entry = { name: weight.name, shape: weight.tensor.shape, dtype: weight.dtype };
    const type = quantisedType(weight, options.quantisation ?? {});
    if (!type) {
      streamTensor(weight.tensor, (bytes) => shards.write(bytes), memory);
      return entry;
    }
    const before = shards.total;
    const { entry: quantization, error } = quantise(weight, type, (bytes) => shards.write(bytes), memory);
    if (!weight.grid) quantised.push({ name: weight.name, type, error, bytes: shards.total - before });
    return { ...entry, quantization };
  });
  const text = JSON.stringify(modelJson(graph, weights, shards.names, options));
  sink.json(text);
  return {
    nodes: graph.nodes.length,
    shards: shards.names.length,
    weightBytes: shards.total,
    jsonBytes: new TextEncoder().encode(text).byteLength,
    quantised,
  };
}

/** Total bytes of all weights, known before any is made. */
function totalBytes({ weights }: TfjsGraph, quantisation: Quantisation): number {
  return weights.reduce((sum, weight) => {
    const type = quantisedType(weight, quantisation);
    return sum + (byteSize(type ?? weight.tensor.dtype, elementCount(weight.tensor.shape)) ?? 0);
  }, 0);
}

/** Writes group1-shard1of3.bin and so on, all of the same size except the last. A weight may begin in one shard and end in the next. */
class Shards {
  readonly names: string[] = [];
  total = 0;
  private left = 0;
  private readonly count: number;

  constructor(
    private readonly sink: ArtifactSink,
    private readonly size: number,
    total: number,
  ) {
    this.count = Math.ceil(total / size);
  }

  write(bytes: Uint8Array): void {
    this.total += bytes.byteLength;
    for (let at = 0; at < bytes.byteLength; ) {
      if (this.left === 0) this.open();
      const piece = bytes.subarray(at, at + this.left);
      this.sink.write(piece);
      this.left -= piece.byteLength;
      at += piece.byteLength;
    }
  }

  private open(): void {
    const name = `group1-shard${this.names.length + 1}of${this.count}.bin`;
    this.names.push(name);
    this.sink.shard(name);
    this.left = this.size;
  }
}

function modelJson(graph: TfjsGraph, weights: readonly ManifestEntry[], paths: readonly string[], options: ArtifactOptions): object {
  const ports = (list: readonly TfjsPort[]): object =>
    Object.fromEntries(
      list.map(({ name, tensor, dtype, shape }) => [name, { name: tensor, dtype, ...(shape && { tensorShape: shapeOf(shape) }) }]),
    );
  const about: TfjsAbout = {
    version,
    ...options.about,
    inputs: portsOf(graph.inputs),
    outputs: portsOf(graph.outputs),
    ...provenance(graph),
  };
  return {
    format: 'graph-model',
    generatedBy: `convolutionize ${version}`,
    convertedBy: `convolutionize ${version}`,
    signature: {
      inputs: ports(graph.inputs),
      outputs: ports(graph.outputs),
      ...(options.signatureName !== undefined && { signatureName: options.signatureName, methodName: 'tensorflow/serving/predict' }),
    },
    modelTopology: {
      node: graph.nodes.map(({ name, op, input, attr }) => ({ name, op, ...(input.length > 0 && { input }), attr })),
      library: {},
      versions: { producer: 1882 },
    },
    weightsManifest: weights.length > 0 ? [{ paths, weights }] : [],
    userDefinedMetadata: { convolutionize: about },
  };
}

/** Origins of nodes and tensors, without those that follow from the names. */
function provenance({ nodes, values }: TfjsGraph): Pick<TfjsAbout, 'origins' | 'values'> {
  const told = nodes.filter(({ name, op, origin }) => op !== 'Const' && origin.length > 0 && !(origin.length === 1 && origin[0] === name));
  const isPlain = (perm: readonly number[]): boolean => perm.every((axis, at) => axis === at);
  return {
    origins: Object.fromEntries(told.map(({ name, origin }) => [name, origin])),
    values: Object.fromEntries(
      values.map(({ tensor, beside, value, perm, isPart }) => [
        tensor,
        {
          ...(value !== tensor && { is: value }),
          ...(!isPlain(perm) && { perm }),
          ...(beside.length > 0 && { beside }),
          ...(isPart && { part: true }),
        },
      ]),
    ),
  };
}

const shapeOf = (dims: NonNullable<TfjsPort['shape']>): object => {
  const attr = shapeAttr(dims);
  return 'shape' in attr ? attr.shape : {};
};

const portsOf = (ports: readonly TfjsPort[]): TfjsAbout['inputs'] =>
  Object.fromEntries(
    ports.map(({ name, perm, shape, onnxType, layout }) => {
      // perm[i] is the ONNX axis at position i.
      const onnxShape = shape && perm.map((_, axis) => shape[perm.indexOf(axis)] ?? null);
      return [name, { layout, perm, dtype: onnxType, ...(onnxShape && { shape: onnxShape }) }];
    }),
  );
