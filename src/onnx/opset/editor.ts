/**
 * Editing operations for adapters: respelling in place, helper nodes and constants around the node, and exact reading of integers.
 */
import { Graph } from '../../ir/graph';
import { elementCount, tensorBytes } from '../../ir/tensor';
import { type Attr, type AttrInt, isConst, type Node, type Tensor, type TensorType, type Value } from '../../ir/types';

export interface Spelling {
  readonly op?: string;
  readonly inputs?: readonly (Value | undefined)[];
  /** Attributes to set; undefined removes one. Others are unchanged. */
  readonly attrs?: Readonly<Record<string, Attr | undefined>>;
  readonly outputs?: number;
}

export class Editor {
  /** `target`: the version to which nodes are being lowered, or the newest one while raising. */
  constructor(readonly target: number) {}

  /** Changes a node in place; its name, position, outputs and readers are kept. Constants that only this node read and no longer reads are removed. */
  respell(node: Node, spelling: Spelling): void {
    const attrs = new Map(node.attrs);
    for (const [name, attr] of Object.entries(spelling.attrs ?? {})) {
      if (attr) attrs.set(name, attr);
      else attrs.delete(name);
    }
    if (!changes(node, spelling, attrs)) return;
    const before = new Set(node.inputs);
    node.graph.respell(node, { opType: spelling.op, inputs: spelling.inputs, attrs, outputs: spelling.outputs });
    for (const value of before) if (value) this.release(value);
  }

  /** Sets or removes attributes only. */
  setAttrs(node: Node, attrs: Readonly<Record<string, Attr | undefined>>): void {
    this.respell(node, { attrs });
  }

  /** Adds a constant for the node to the node's graph. */
  constant(node: Node, suffix: string, tensor: Tensor): Value {
    return node.graph.addConstant(`${node.name}_${suffix}`, tensor);
  }

  /** Adds a node with one output directly before `node`, with the same origins. */
  insert(
    node: Node,
    op: string,
    inputs: readonly (Value | undefined)[],
    options: { attrs?: Readonly<Record<string, Attr | undefined>>; suffix: string; type?: TensorType | undefined },
  ): Value {
    const attrs = new Map<string, Attr>();
    for (const [name, attr] of Object.entries(options.attrs ?? {})) if (attr) attrs.set(name, attr);
    const name = `${node.name}_${options.suffix}`;
    const inserted = node.graph.addNode({
      op,
      domain: '',
      inputs,
      attrs,
      name,
      outputs: [`${node.outputs[0]?.name || name}_${options.suffix}`],
      outputTypes: [options.type],
      origin: node.origin,
      before: node,
    });
    return outputOf(inserted);
  }

  /** Removes a node whose output is no longer read, and the constants that only it read. */
  remove(node: Node): void {
    const inputs = new Set(node.inputs);
    node.graph.removeNode(node);
    for (const value of inputs) if (value) this.release(value);
  }

  private release(value: Value): void {
    const owner = Graph.ownerOf(value);
    if (isConst(value) && value.uses.length === 0 && !owner.isOutput(value) && !owner.inputs.includes(value)) owner.removeConstant(value);
  }
}

function changes(node: Node, { op, inputs, outputs }: Spelling, attrs: ReadonlyMap<string, Attr>): boolean {
  if (op !== undefined && op !== node.opType) return true;
  if (outputs !== undefined && outputs !== node.outputs.length) return true;
  if (attrs.size !== node.attrs.size || [...attrs].some(([name, attr]) => node.attrs.get(name) !== attr)) return true;
  const slots = Math.max(inputs?.length ?? 0, node.inputs.length);
  return inputs !== undefined && Array.from({ length: slots }, (_, slot) => inputs[slot] !== node.inputs[slot]).includes(true);
}

export function outputOf(node: Node): Value {
  const [output] = node.outputs;
  if (!output) throw new TypeError(`node '${node.name}' has no output`);
  return output;
}

/** A 1-D int64 tensor of attribute integers, exact up to 64 bits. */
export function int64Tensor(values: readonly AttrInt[]): Tensor {
  const bytes = new Uint8Array(values.length * 8);
  const view = new DataView(bytes.buffer);
  values.forEach((value, index) => {
    view.setBigInt64(index * 8, clamp(BigInt(value)), true);
  });
  return { dtype: 'int64', shape: [values.length], data: { kind: 'bytes', bytes } };
}

const MAX = 2n ** 63n - 1n;
const clamp = (value: bigint): bigint => (value > MAX ? MAX : value < -MAX - 1n ? -MAX - 1n : value);

/** Elements of a constant int32 or int64 tensor of any shape, exact; undefined if the value is not constant or has another type. */
export function intsOf(value: Value | undefined): readonly AttrInt[] | undefined {
  const tensor = value?.constant;
  if (!tensor || (tensor.dtype !== 'int64' && tensor.dtype !== 'int32')) return undefined;
  const bytes = tensorBytes(tensor);
  const count = elementCount(tensor.shape);
  if (tensor.dtype === 'int32') return [...new Int32Array(bytes.buffer, bytes.byteOffset, count)];
  return Array.from(new BigInt64Array(bytes.buffer, bytes.byteOffset, count), (element) => {
    const number = Number(element);
    return Number.isSafeInteger(number) ? number : element;
  });
}

/** Value of an attribute of kind `ints`, exact. */
export function exactInts(node: Node, name: string): readonly AttrInt[] | undefined {
  const attr = node.attrs.get(name);
  return attr?.kind === 'ints' ? attr.value : undefined;
}

export const intsAttribute = (value: readonly AttrInt[]): Attr => ({ kind: 'ints', value });

/** Whether an output has a name and is either read or a graph output. */
export const isRead = (value: Value | undefined): boolean =>
  value !== undefined && value.name !== '' && (value.uses.length > 0 || Graph.ownerOf(value).isOutput(value));
