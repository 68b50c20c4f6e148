/** The files of a TensorFlow.js model, to be spoilt: a copy of a directory, its model.json and the numbers of its weights. */
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Weight {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: string;
}
export interface NodeJson {
  name: string;
  op: string;
  input?: string[];
  attr: Record<string, { s?: string; list?: { i?: string[]; s?: string[] } }>;
}
export interface ModelJson {
  modelTopology: { node: NodeJson[] };
  weightsManifest: { paths: string[]; weights: Weight[] }[];
  userDefinedMetadata?: { convolutionize: Record<string, unknown> };
}
export interface Files {
  readonly json: ModelJson;
  numbers(name: string): Float32Array;
  /** Filters of the convolutions, in order: [kh, kw, in, out]. */
  readonly filters: readonly Weight[];
}

/** A copy with a fault in it. The model has one shard. */
export function tampered(whole: string, copy: string, fault: (files: Files) => void): string {
  cpSync(whole, copy, { recursive: true });
  const json: ModelJson = JSON.parse(readFileSync(join(copy, 'model.json'), 'utf8'));
  const [shard = '', ...more] = readdirSync(copy).filter((name) => name.endsWith('.bin'));
  const bytes = new Uint8Array(readFileSync(join(copy, shard)));
  const weights = json.weightsManifest.flatMap((group) => group.weights);
  const offsets = new Map<string, number>();
  let at = 0;
  for (const { name, shape } of weights) {
    offsets.set(name, at);
    at += 4 * countOf(shape);
  }
  if (at !== bytes.length || more.length > 0) throw new Error('not one shard of numbers of four bytes');
  const shapeOf = (name: string): readonly number[] => weights.find((weight) => weight.name === name)?.shape ?? [0];
  fault({
    json,
    numbers: (name) => new Float32Array(bytes.buffer, offsets.get(name), countOf(shapeOf(name))),
    filters: convolutions(json).flatMap(({ input }) => weights.filter(({ name }) => name === input?.[1])),
  });
  writeFileSync(join(copy, shard), bytes);
  writeFileSync(join(copy, 'model.json'), JSON.stringify(json));
  return copy;
}

const countOf = (shape: readonly number[]): number => shape.reduce((product, dim) => product * dim, 1);
export const convolutions = ({ modelTopology }: ModelJson): NodeJson[] =>
  modelTopology.node.filter(({ op }) => /Conv2D|Conv2dNative/.test(op));
export const text = (value: string): { s: string } => ({ s: Buffer.from(value).toString('base64') });
export const texts = (...values: string[]): { list: { s: string[] } } => ({
  list: { s: values.map((value) => Buffer.from(value).toString('base64')) },
});

/** A convolution by its number, in the order of the graph. */
export function convolution({ json }: Files, at: number): NodeJson {
  const node = convolutions(json)[at];
  if (!node) throw new Error('no such convolution');
  return node;
}

/** The numbers of its filter: what is written into them is written into the files. */
export const filterOf = (files: Files, at: number): Float32Array => files.numbers(convolution(files, at).input?.[1] ?? '');
