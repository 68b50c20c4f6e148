/** A graph model written by hand, without this compiler: what the runner of TF.js is tried on. */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface HandWeight {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array | Uint8Array | Uint16Array;
  readonly quantization?: object;
}

export interface HandMade {
  readonly nodes: readonly object[];
  readonly weights: readonly HandWeight[];
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  /** Signature key to node. */
  readonly outputs: Readonly<Record<string, string>>;
  readonly about?: object;
}

export const type = (name = 'DT_FLOAT'): object => ({ type: name });
export const list = (...numbers: number[]): object => ({ list: { i: numbers.map(String) } });
export const text = (value: string): object => ({ s: Buffer.from(value).toString('base64') });

const dtypeOf = ({ data, quantization }: HandWeight): 'float32' | 'int32' =>
  data instanceof Int32Array && !quantization ? 'int32' : 'float32';

/** Returns the directory; shards of `shardBytes`, across which weights straddle. */
export function writeHandMade({ nodes, weights, inputs, outputs, about }: HandMade, shardBytes = 1000): string {
  const directory = mkdtempSync(join(tmpdir(), 'convolutionize-tfjs-'));
  mkdirSync(directory, { recursive: true });
  const bytes = Buffer.concat(weights.map(({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength)));
  const paths: string[] = [];
  for (let at = 0; at < bytes.length; at += shardBytes) {
    paths.push(`shard${paths.length}.bin`);
    writeFileSync(join(directory, paths.at(-1) ?? ''), bytes.subarray(at, at + shardBytes));
  }
  const placeholders = Object.entries(inputs).map(([name, shape]) => ({
    name,
    op: 'Placeholder',
    attr: { dtype: type(), shape: { shape: { dim: shape.map((size) => ({ size: String(size) })) } } },
  }));
  const constants = weights.map((weight) => {
    const dtype = dtypeOf(weight) === 'int32' ? 'DT_INT32' : 'DT_FLOAT';
    return {
      name: weight.name,
      op: 'Const',
      attr: {
        dtype: type(dtype),
        value: { tensor: { dtype, tensorShape: { dim: weight.shape.map((size) => ({ size: String(size) })) } } },
      },
    };
  });
  const port = (name: string): object => ({ name, dtype: 'DT_FLOAT' });
  writeFileSync(
    join(directory, 'model.json'),
    JSON.stringify({
      format: 'graph-model',
      signature: {
        inputs: Object.fromEntries(Object.keys(inputs).map((name) => [name, port(name)])),
        outputs: Object.fromEntries(Object.entries(outputs).map(([key, node]) => [key, port(node)])),
      },
      modelTopology: { node: [...placeholders, ...constants, ...nodes], library: {}, versions: {} },
      weightsManifest: [
        {
          paths,
          weights: weights.map((weight) => ({
            name: weight.name,
            shape: weight.shape,
            dtype: dtypeOf(weight),
            ...(weight.quantization && { quantization: weight.quantization }),
          })),
        },
      ],
      userDefinedMetadata: { convolutionize: about },
    }),
  );
  return directory;
}
