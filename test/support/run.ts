/** Runs a Model in ONNX Runtime, without its optimiser, on one thread. */
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import type { Model } from '../../src/ir/model';
import { tensorBytes } from '../../src/ir/tensor';
import type { DType, Tensor, Value } from '../../src/ir/types';
import { modelToBytes } from '../../src/onnx/write';
import { hash, seededTensor } from './seeded';

export type Feeds = ReadonlyMap<string, Tensor>;

/** Outputs by name. `quiet`: that it does not run is no news. */
export async function runModel(model: Model, feeds: Feeds, { quiet = false } = {}): Promise<Map<string, Tensor>> {
  const session = await InferenceSession.create(modelToBytes(model), {
    graphOptimizationLevel: 'disabled',
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: quiet ? 4 : 3,
  });
  try {
    const results = await session.run(Object.fromEntries([...feeds].map(([name, tensor]) => [name, toOrt(tensor)])));
    return new Map(Object.entries(results).map(([name, result]) => [name, fromOrt(result)]));
  } finally {
    await session.release();
  }
}

export interface FeedOptions {
  readonly seed?: number;
  /** Largest float. */
  readonly scale?: number;
  /** Sizes of symbolic dimensions; default: `N` is 2, others count from 8. */
  readonly sizes?: Readonly<Record<string, number>>;
}

/** Seeded inputs; the same symbol is the same size everywhere. */
export function feedsFor(inputs: readonly Value[], { seed = 1, scale = 1, sizes = {} }: FeedOptions = {}): Map<string, Tensor> {
  const known = new Map<string, number>([['N', 2], ...Object.entries(sizes)]);
  let next = 8;
  const sizeOf = (dim: number | string | undefined): number => {
    if (typeof dim === 'number') return dim;
    const size = dim === undefined ? undefined : known.get(dim);
    if (size !== undefined) return size;
    if (dim !== undefined) known.set(dim, next);
    return next++;
  };
  return new Map(
    inputs.map((input) => {
      const { type } = input;
      if (!type?.shape) throw new Error(`the rank of input '${input.name}' is unknown`);
      return [input.name, seededTensor(type.dtype, type.shape.map(sizeOf), seed + hash(input.name), scale)];
    }),
  );
}

const ORT_TYPES: Partial<Record<DType, OrtTensor.Type>> = {
  float: 'float32',
  double: 'float64',
  float16: 'float16',
  int8: 'int8',
  uint8: 'uint8',
  int16: 'int16',
  uint16: 'uint16',
  int32: 'int32',
  uint32: 'uint32',
  int64: 'int64',
  uint64: 'uint64',
  bool: 'bool',
};

function toOrt(tensor: Tensor): OrtTensor {
  const type = ORT_TYPES[tensor.dtype];
  if (!type) throw new Error(`cannot feed ${tensor.dtype}`);
  const bytes = tensorBytes(tensor);
  const { buffer } = bytes.slice();
  const data = {
    float32: () => new Float32Array(buffer),
    float64: () => new Float64Array(buffer),
    float16: () => new Uint16Array(buffer),
    int8: () => new Int8Array(buffer),
    uint8: () => new Uint8Array(buffer),
    bool: () => new Uint8Array(buffer),
    int16: () => new Int16Array(buffer),
    uint16: () => new Uint16Array(buffer),
    int32: () => new Int32Array(buffer),
    uint32: () => new Uint32Array(buffer),
    int64: () => new BigInt64Array(buffer),
    uint64: () => new BigUint64Array(buffer),
  }[type as 'float32']();
  return new OrtTensor(type as 'float32', data, tensor.shape);
}

function fromOrt(result: OrtTensor): Tensor {
  const dtype = (Object.keys(ORT_TYPES) as DType[]).find((name) => ORT_TYPES[name] === result.type);
  if (!dtype) throw new Error(`cannot read ${result.type}`);
  const { data } = result;
  if (!ArrayBuffer.isView(data)) throw new Error(`cannot read ${result.type}`);
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
  return { dtype, shape: result.dims, data: { kind: 'bytes', bytes } };
}
