/**
 * Reads a TensorFlow.js graph model from disk: model.json and its shards, checked before the runtime sees them.
 * Problems that the runtime would report as an internal failure ("Invalid typed array length") are reported here with the file that causes them.
 */
import { statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import type { io } from '@tensorflow/tfjs-core';
import { notTfjs, shardLength, shardMissing } from '../../diagnostics/catalogue';
import { parseJson } from '../../formats/json';
import { misfit } from '../../formats/schemas';
import { table } from '../../ir/table';
import { savedModel, tfjsFormat } from '../../onnx/other-formats';
import { readInput } from '../../output';
import type { TfjsAbout, TfjsPort } from '../../tfjs/about';

export type WeightEntry = io.WeightsManifestEntry;

export interface TfjsFiles {
  /** model.json, parsed. */
  readonly json: io.ModelJSON;
  readonly weightSpecs: readonly WeightEntry[];
  /** The shards of all groups, in order. */
  readonly shards: readonly ArrayBuffer[];
  /** Metadata that this compiler wrote about the model; empty for models of other programs. */
  readonly about: TfjsAbout;
}

/** The model.json at a path, which may be its directory; undefined if the path is something else (such as an ONNX file). */
export function tfjsModelPath(path: string): string | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) return undefined;
  if (stat.isDirectory()) return join(path, 'model.json');
  return /\.json$/i.test(path) ? path : undefined;
}

/** Reads only model.json. Throws CompileError TFJS_NOT_A_MODEL. */
export function readModelJson(path: string): io.ModelJSON {
  const file = tfjsModelPath(path) ?? path;
  let text: string;
  try {
    text = readInput(file).toString('utf8');
  } catch (error) {
    if (statSync(join(dirname(file), 'saved_model.pb'), { throwIfNoEntry: false })) throw savedModel(dirname(file));
    throw notTfjs(file, `cannot be read (${error instanceof Error ? error.message : error})`);
  }
  let json: unknown;
  try {
    json = parseJson(text);
  } catch (error) {
    throw notTfjs(file, `is not valid JSON (${error instanceof Error ? error.message : error})`);
  }
  if (!isRecord(json)) throw notTfjs(file, 'is not a JSON object');
  if (
    json.format === 'layers-model' ||
    isRecord(json.modelTopology && isRecord(json.modelTopology) ? json.modelTopology.model_config : undefined)
  )
    throw notTfjs(file, 'is a layers model, not a graph model', tfjsFormat(file, 'layers').hint);
  if (!isRecord(json.modelTopology) || !Array.isArray(json.modelTopology.node)) throw notTfjs(file, 'has no modelTopology with nodes');
  if (!Array.isArray(json.weightsManifest)) throw notTfjs(file, 'has no weightsManifest');
  const wrong = misfit('tfjsModel', json);
  if (wrong) throw notTfjs(file, `is damaged: ${wrong.message}`);
  const model = json as unknown as io.ModelJSON;
  requireSound(model, file);
  return model;
}

/** Checks what a schema cannot express: unique names, valid permutations, byte counts that are safe integers. */
function requireSound(json: io.ModelJSON, file: string): void {
  const entries = json.weightsManifest.flatMap(({ weights }) => weights);
  for (const weight of entries)
    if (!Number.isSafeInteger(storedBytes(weight) ?? 0))
      throw notTfjs(file, `is damaged: weight '${weight.name}' has more numbers than there can be`);
  const twice = repeated(entries.map(({ name }) => name)) ?? repeated(nodesOf(json).map(({ name }) => name));
  if (twice !== undefined) throw notTfjs(file, `is damaged: it has two nodes or weights named '${twice}'`);
  const { inputs, outputs, values } = aboutOf(json);
  for (const [name, { perm }] of [inputs, outputs, values].flatMap((ports): [string, { perm?: readonly number[] | undefined }][] =>
    Object.entries(ports ?? {}),
  ))
    if (perm?.some((axis) => axis >= perm.length))
      throw notTfjs(file, `is damaged: the axes of '${name}' are no permutation: ${perm.join(', ')}`);
}

const nodesOf = ({ modelTopology }: io.ModelJSON): readonly { readonly name: string }[] =>
  isRecord(modelTopology) && Array.isArray(modelTopology.node) ? modelTopology.node : [];

function repeated(names: readonly string[]): string | undefined {
  const seen = new Set<string>();
  return names.find((name) => seen.size === seen.add(name).size);
}

/** Reads the whole model. Throws CompileError TFJS_NOT_A_MODEL, TFJS_SHARD_MISSING, TFJS_SHARD_LENGTH. */
export function readTfjsFiles(path: string): TfjsFiles {
  const json = readModelJson(path);
  const file = tfjsModelPath(path) ?? path;
  const shards: ArrayBuffer[] = [];
  const weightSpecs: WeightEntry[] = [];
  for (const { paths, weights } of json.weightsManifest) {
    let [held, wanted] = [0, 0];
    for (const name of paths) {
      const shard = readShard(shardPath(file, name), name);
      held += shard.byteLength;
      shards.push(shard);
    }
    for (const weight of weights) {
      const bytes = storedBytes(weight);
      if (bytes === undefined) throw notTfjs(file, `weight '${weight.name}' is of type ${weight.dtype}, which is not read here`);
      wanted += bytes;
      weightSpecs.push(weight);
    }
    if (held !== wanted) throw shardLength(file, paths, held, wanted);
  }
  return { json, weightSpecs, shards, about: aboutOf(json) };
}

/** Each weight with a function that returns an aligned copy of its bytes. */
export function eachWeight({ weightSpecs, shards }: TfjsFiles): [WeightEntry, () => Uint8Array][] {
  let begin = 0;
  return weightSpecs.map((spec) => {
    const [from, length] = [begin, storedBytes(spec) ?? 0];
    begin += length;
    return [spec, () => taken(shards, from, length)];
  });
}

function taken(shards: readonly ArrayBuffer[], begin: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let start = 0;
  for (const shard of shards) {
    const [from, to] = [Math.max(begin, start), Math.min(begin + length, start + shard.byteLength)];
    if (from < to) bytes.set(new Uint8Array(shard, from - start, to - from), from - begin);
    start += shard.byteLength;
  }
  return bytes;
}

/** Path of a shard. An untrusted manifest must not make us read files outside its directory: throws CompileError TFJS_NOT_A_MODEL. */
export function shardPath(modelJson: string, name: string): string {
  if (/^([a-z]+:|[/\\])/i.test(name) || normalize(name).startsWith('..'))
    throw notTfjs(modelJson, `refers to '${name}', outside of its directory`);
  return join(dirname(modelJson), name);
}

/** Metadata that the compiler wrote into `userDefinedMetadata`. */
export function aboutOf({ userDefinedMetadata }: io.ModelJSON): TfjsAbout {
  const about: unknown = isRecord(userDefinedMetadata) ? userDefinedMetadata.convolutionize : undefined;
  if (!isRecord(about)) return {};
  // Entries are looked up by names from the model, and `constructor` must not match.
  return Object.fromEntries(Object.entries(about).map(([key, fact]) => [key, isRecord(fact) ? table(fact) : fact])) as TfjsAbout;
}

/** Output names, each with its tensor (`node`, or `node:k`); undefined if the model has no signature. */
export function signatureOutputs({ signature }: io.ModelJSON): readonly (readonly [string, string])[] | undefined {
  const outputs: unknown = isRecord(signature) ? signature.outputs : undefined;
  if (!isRecord(outputs)) return undefined;
  return Object.entries(outputs).map(([key, port]) => [key, isRecord(port) && typeof port.name === 'string' ? port.name : key]);
}

/** Inputs or outputs from the signature, which any graph model may have, in TensorFlow.js's own layout. */
export function signaturePorts({ signature }: io.ModelJSON, side: 'inputs' | 'outputs'): Readonly<Record<string, TfjsPort>> | undefined {
  const ports: unknown = isRecord(signature) ? signature[side] : undefined;
  if (!isRecord(ports)) return undefined;
  return Object.fromEntries(
    Object.entries(ports).map(([name, port]) => {
      const { dtype, tensorShape } = isRecord(port) ? port : {};
      const dims: unknown = isRecord(tensorShape) ? tensorShape.dim : undefined;
      const shape = Array.isArray(dims) ? dims.map((dim: unknown) => sizeOf(isRecord(dim) ? dim.size : undefined)) : undefined;
      return [name, { dtype: dtype === 'DT_INT32' ? 'int32' : dtype === 'DT_BOOL' ? 'bool' : 'float', shape }];
    }),
  );
}

const sizeOf = (size: unknown): number | null => (Number(size) >= 0 && size !== undefined && size !== null ? Number(size) : null);

/** Bytes of a weight in its shard, in its stored type if it is quantized; undefined for an unsupported type. */
export function storedBytes({ dtype, shape, quantization }: WeightEntry): number | undefined {
  const size = ELEMENT_BYTES[quantization?.dtype ?? dtype];
  return size === undefined ? undefined : size * shape.reduce((product, dim) => product * dim, 1);
}

const ELEMENT_BYTES: Readonly<Record<string, number>> = table({
  float32: 4,
  int32: 4,
  bool: 1,
  complex64: 8,
  uint8: 1,
  uint16: 2,
  float16: 2,
});

function readShard(path: string, name: string): ArrayBuffer {
  try {
    const bytes = readInput(path);
    const { buffer, byteOffset, byteLength } = bytes;
    // A small file may be a view into a shared pool.
    return buffer instanceof ArrayBuffer && byteOffset === 0 && byteLength === buffer.byteLength ? buffer : new Uint8Array(bytes).buffer;
  } catch (error) {
    throw shardMissing(path, name, error instanceof Error ? error.message : String(error));
  }
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
