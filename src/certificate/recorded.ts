/** A model as a certificate sees it: files, a graph, and weights located in the files. Either ONNX or TensorFlow.js. */
import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { assertInvariant } from '../diagnostics/compile-error';
import { closeModel, filesBehind, type ReadFileOptions, readModelFile } from '../files';
import { FileSource } from '../files/file-source';
import type { ByteRange } from '../ir/bytes';
import type { Tensor } from '../ir/types';
import { readModelJson, shardPath, storedBytes, tfjsModelPath } from '../verify/tfjs/files';
import { graphDigest, payloadHash } from './digest';
import { canonical, type Stretch } from './format';

export interface Recorded {
  /** The model first, then the files with its weights. */
  readonly files: readonly string[];
  readonly isTfjs: boolean;
  /** Hash of everything in the graph except the bytes of its weights. */
  graph(): string;
  readonly weights: ReadonlyMap<string, RecordedWeight>;
  close(): void;
}

export interface RecordedWeight {
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Byte ranges of the weight; empty if it is not stored as plain bytes. */
  readonly at: readonly Stretch[];
  /** True for small weights inside a field of the model file. */
  readonly isInline: boolean;
  hash(): string;
}

/** Throws CompileError if the file cannot be read as a model. */
export function openRecorded(path: string, options: ReadFileOptions): Recorded {
  const json = tfjsModelPath(path);
  return json === undefined ? onnxRecorded(path, options) : tfjsRecorded(json);
}

function onnxRecorded(path: string, options: ReadFileOptions): Recorded {
  const model = readModelFile(path, options);
  const files = filesBehind(model);
  return {
    files,
    isTfjs: false,
    graph: () => graphDigest(model),
    weights: new Map(
      model.graph.constants.map(({ name, constant }): [string, RecordedWeight] => [
        name,
        {
          dtype: constant.dtype,
          shape: constant.shape,
          at: stretches(constant, files) ?? [],
          isInline: constant.data.kind === 'bytes',
          hash: () => payloadHash(constant),
        },
      ]),
    ),
    close: () => closeModel(model),
  };
}

/** Shards are concatenated: a weight may begin in one and end in the next. */
function tfjsRecorded(path: string): Recorded {
  const json = readModelJson(path);
  const files = [path];
  const weights = new Map<string, RecordedWeight>();
  for (const { paths, weights: entries } of json.weightsManifest) {
    const shards = paths.map((name) => {
      const file = shardPath(path, name);
      files.push(file);
      return { file: files.length - 1, size: statSync(file, { throwIfNoEntry: false })?.size ?? 0 };
    });
    let begin = 0;
    for (const entry of entries) {
      const length = storedBytes(entry) ?? 0;
      const at = within(shards, begin, length);
      begin += length;
      const { name, dtype, shape, quantization } = entry;
      weights.set(name, { dtype: quantization?.dtype ?? dtype, shape, at, isInline: false, hash: () => hashStretches(files, at) });
    }
  }
  const { modelTopology, signature, userDefinedMetadata, weightsManifest } = json;
  const entries = weightsManifest.flatMap((group) => group.weights);
  return {
    files,
    isTfjs: true,
    graph: () =>
      createHash('sha256')
        .update(canonical({ modelTopology, signature, userDefinedMetadata, weights: entries }))
        .digest('hex'),
    weights,
    close: () => {},
  };
}

/** Splits a range of the concatenated shards into ranges of the individual files. */
function within(shards: readonly { readonly file: number; readonly size: number }[], begin: number, length: number): readonly Stretch[] {
  const found: Stretch[] = [];
  let start = 0;
  for (const { file, size } of shards) {
    const [from, to] = [Math.max(begin, start), Math.min(begin + length, start + size)];
    if (from < to) found.push({ file, offset: from - start, length: to - from });
    start += size;
  }
  return found;
}

const STRETCH = 4 << 20;

function hashStretches(files: readonly string[], at: readonly Stretch[]): string {
  const hash = createHash('sha256');
  for (const { file, offset, length } of at) {
    const source = FileSource.open(files[file] ?? '');
    try {
      for (let done = 0; done < length; done += STRETCH) hash.update(source.read(offset + done, Math.min(STRETCH, length - done)));
    } finally {
      source.close();
    }
  }
  return hash.digest('hex');
}

/** Byte ranges of a payload in the files; undefined if it is not stored as plain bytes. */
export function stretches({ data }: Tensor, files: readonly string[]): readonly Stretch[] | undefined {
  if (data.kind !== 'ranges' || data.encoding !== 'raw') return undefined;
  return data.ranges.map(({ source, offset, length }: ByteRange): Stretch => {
    const file = files.indexOf(source.name);
    assertInvariant(file >= 0, () => `a weight lies in '${source.name}', which is not a file of the model`);
    return { file, offset, length };
  });
}
