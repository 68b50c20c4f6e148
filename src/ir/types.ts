/**
 * The read-only face of the IR: what everyone but `Graph` sees.
 * Words are ONNX's: a value is an edge (or a graph input, or a constant), a node an instance of an operator.
 */
import type { ByteRange } from './bytes';
import type { Graph } from './graph';

/** Element types, named as in ONNX's textual syntax; `dtypeN` is a number this version does not know, carried through untouched. */
export type DType =
  | 'float'
  | 'uint8'
  | 'int8'
  | 'uint16'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'string'
  | 'bool'
  | 'float16'
  | 'double'
  | 'uint32'
  | 'uint64'
  | 'complex64'
  | 'complex128'
  | 'bfloat16'
  | 'float8e4m3fn'
  | 'float8e4m3fnuz'
  | 'float8e5m2'
  | 'float8e5m2fnuz'
  | 'uint4'
  | 'int4'
  | 'float4e2m1'
  | 'float8e8m0'
  | 'uint2'
  | 'int2'
  | `dtype${number}`;

/**
 * One axis: a number is static, a string is symbolic, undefined is unknown.
 * A string is a name (`N`) or an expression over names in the canonical spelling of `ir/dims.ts`; equal strings are equal numbers.
 */
export type Dim = number | string | undefined;

/** `shape` absent: even the rank is unknown. `[]` is a scalar. */
export interface TensorType {
  readonly dtype: DType;
  readonly shape?: readonly Dim[] | undefined;
}

/**
 * The payload of a tensor: little-endian elements in row-major order, as in ONNX's `raw_data`.
 * - `bytes`: in memory. Never written in place.
 * - `ranges`: still in the source; concatenated they are the payload. `varint`: protobuf-packed integers, one per element (int32_data and its like).
 * - `computed`: made when asked for, and not kept: folding a network holds one tensor at a time. `compute` must return the same bytes each time.
 *   `numbers`: the same elements before they are rounded to the type, so that a chain of foldings rounds once.
 * - `strings`: one byte string per element.
 */
export type TensorData =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'ranges'; readonly ranges: readonly ByteRange[]; readonly encoding: 'raw' | 'varint' }
  | {
      readonly kind: 'computed';
      readonly byteLength: number;
      readonly compute: () => Uint8Array;
      readonly numbers?: (() => Float64Array) | undefined;
      /** The numbers of a large tensor in stretches, in order, so that never all of it is in memory. */
      readonly each?: EachNumber | undefined;
      /** The elements are those of another tensor in another order: a writer may take them from there piece by piece. */
      readonly permutation?: { readonly of: Tensor; readonly perm: readonly number[] } | undefined;
    }
  | { readonly kind: 'strings'; readonly values: readonly Uint8Array[] };

/** `slab`, `chunk`: bytes that are made, or read, at a time, about. */
export type EachNumber = (use: (numbers: Float64Array) => void, pieces: { readonly slab: number; readonly chunk: number }) => void;

/** Immutable. Passes make new tensors and may share the bytes of old ones. */
export interface Tensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: TensorData;
  /** What a file format must keep though the IR has no word for it; opaque. */
  readonly extras?: unknown;
}

/** An int64 beyond 2^53 stays a bigint, so that nothing is lost on the way to the writer. Read through `ir/attrs.ts`. */
export type AttrInt = number | bigint;
/** ONNX strings are bytes: those that are not UTF-8 stay bytes. */
export type AttrString = string | Uint8Array;

export type Attr = AttrValue & {
  /** Documentation and unknown fields of the attribute; opaque. */
  readonly extras?: unknown;
};
type AttrValue =
  | { readonly kind: 'int'; readonly value: AttrInt }
  | { readonly kind: 'ints'; readonly value: readonly AttrInt[] }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'floats'; readonly value: readonly number[] }
  | { readonly kind: 'string'; readonly value: AttrString }
  | { readonly kind: 'strings'; readonly value: readonly AttrString[] }
  | { readonly kind: 'tensor'; readonly value: Tensor }
  | { readonly kind: 'tensors'; readonly value: readonly Tensor[] }
  | { readonly kind: 'graph'; readonly value: Graph }
  | { readonly kind: 'graphs'; readonly value: readonly Graph[] }
  /** Types, sparse tensors and kinds yet unknown: carried, never read. */
  | { readonly kind: 'opaque'; readonly value: unknown };

export interface Use {
  readonly user: Node;
  readonly slot: number;
}

export interface Value {
  /** For text and diagnostics; identity is the object. Unique in the model. */
  readonly name: string;
  /** undefined: not known, or not a tensor (sequences and maps stay in `extras`). */
  readonly type: TensorType | undefined;
  /** undefined: a graph input or a constant. */
  readonly producer: Node | undefined;
  readonly constant: Tensor | undefined;
  /** Every node input that reads this value, those in nested graphs included. Graph outputs are not uses: see `Graph.isOutput`. */
  readonly uses: readonly Use[];
  readonly extras: unknown;
}
export interface ConstValue extends Value {
  readonly constant: Tensor;
  readonly type: TensorType;
}

export interface Node {
  /** Unique in the model. */
  readonly name: string;
  /** Qualified operator: `Conv`, `com.microsoft.FusedConv`. */
  readonly op: string;
  /** '' is ONNX's own domain. */
  readonly domain: string;
  /** Operator without its domain. */
  readonly opType: string;
  /** undefined: an optional input left out. No trailing undefined. */
  readonly inputs: readonly (Value | undefined)[];
  /** Fixed at birth. An optional output that is left out has an empty name and no uses. */
  readonly outputs: readonly Value[];
  /** As in the file: absent attributes have their default, which `ir/attrs.ts` supplies. */
  readonly attrs: ReadonlyMap<string, Attr>;
  /** Names of the source nodes that this one stands for; merged by every rewrite, never empty. */
  readonly origin: readonly string[];
  /** Documentation, metadata and unknown fields; opaque to all but the format that wrote them. */
  readonly extras: unknown;
  /** The graph that holds the node. */
  readonly graph: Graph;
}

export const isConst = (value: Value | undefined): value is ConstValue => value?.constant !== undefined;

/** A static shape, or undefined where an axis or the rank is not known. */
export function staticShape(value: Value | undefined): readonly number[] | undefined {
  const shape = value?.type?.shape;
  return shape?.every((dim) => typeof dim === 'number') ? shape : undefined;
}

/** Number of axes, or undefined. */
export const rankOf = (value: Value | undefined): number | undefined => value?.type?.shape?.length;
