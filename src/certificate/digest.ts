/** Fingerprints of files (streamed) and of graphs (without the bytes of their weights). */
import { createHash } from 'node:crypto';
import { FileSource } from '../files/file-source';
import { type Graph, nestedGraphs } from '../ir/graph';
import type { Model } from '../ir/model';
import { streamTensor } from '../ir/stream';
import type { Attr, Tensor } from '../ir/types';
import { canonical, type FileRecord } from './format';

const STRETCH = 4 << 20;

/** Throws CompileError CANNOT_READ, INPUT_CHANGED. */
export function hashFile(path: string, name: string): FileRecord {
  const source = FileSource.open(path);
  try {
    const hash = createHash('sha256');
    const buffer = Buffer.allocUnsafeSlow(Math.min(STRETCH, Math.max(1, source.size)));
    for (let at = 0; at < source.size; at += buffer.length) {
      const length = Math.min(buffer.length, source.size - at);
      source.readInto(buffer, at, length);
      hash.update(buffer.subarray(0, length));
    }
    source.requireUnchanged();
    return { name, bytes: source.size, sha256: hash.digest('hex') };
  } finally {
    source.close();
  }
}

/** Hash of everything in the graph except the bytes of its weights. */
export function graphDigest(model: Model): string {
  const { opsets, metadata, irVersion } = model;
  const text = canonical({
    irVersion,
    opsets: Object.fromEntries(opsets),
    metadata: Object.fromEntries(metadata),
    graph: spelled(model.graph),
  });
  return createHash('sha256').update(text).digest('hex');
}

function spelled(graph: Graph): object {
  const type = ({ name, type: of }: { readonly name: string; readonly type: unknown }): object => ({ name, type: of });
  return {
    name: graph.name,
    inputs: graph.inputs.map(type),
    outputs: graph.outputs.map(type),
    constants: graph.constants.map(({ name, constant: { dtype, shape } }) => ({ name, dtype, shape })),
    nodes: graph.nodes.map((node) => ({
      name: node.name,
      op: node.op,
      inputs: node.inputs.map((input) => input?.name ?? ''),
      outputs: node.outputs.map(({ name }) => name),
      attrs: Object.fromEntries([...node.attrs].map(([name, attr]) => [name, attribute(attr)])),
      origin: node.origin,
      nested: nestedGraphs(node).map(spelled),
    })),
  };
}

function attribute(attr: Attr): unknown {
  switch (attr.kind) {
    case 'tensor':
      return tensorDigest(attr.value);
    case 'tensors':
      return attr.value.map(tensorDigest);
    case 'graph':
    case 'graphs':
      // Their nodes are listed separately, under `nested`.
      return attr.kind;
    case 'opaque':
      return 'opaque';
    default:
      return { kind: attr.kind, value: plain(attr.value) };
  }
}

/** JSON cannot represent bigints, bytes or non-finite numbers. */
const plain = (value: unknown): unknown =>
  typeof value === 'bigint'
    ? value.toString()
    : value instanceof Uint8Array
      ? Buffer.from(value).toString('hex')
      : Array.isArray(value)
        ? value.map(plain)
        : typeof value === 'number' && !Number.isFinite(value)
          ? String(value)
          : value;

function tensorDigest(tensor: Tensor): object {
  const { dtype, shape, data } = tensor;
  const bytes = data.kind === 'strings' ? data.values.map((each) => Buffer.from(each).toString('hex')) : payloadHash(tensor);
  return { dtype, shape, bytes };
}

export function payloadHash(tensor: Tensor): string {
  const hash = createHash('sha256');
  if (tensor.data.kind === 'strings') hash.update(canonical(tensor.data.values.map((each) => Buffer.from(each).toString('hex'))));
  else streamTensor(tensor, (bytes) => hash.update(bytes));
  return hash.digest('hex');
}
