/**
 * The read-only interface of the IR, which all code except `Graph` uses.
 * Terms are ONNX's: a value is an edge (or a graph input, or a constant), a node is an instance of an operator.
 */
import type { ByteRange } from './bytes';
import type { Graph } from './graph';

/** Element types, named as in ONNX's textual syntax; `dtypeN` is a type number that this version does not know, passed through unchanged. */
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
 * A string is a name (`N`) or an expression over names in the canonical spelling of `ir/dims.ts`; equal strings are equal values.
 */
export type Dim = number | string | undefined;

/** `shape` absent: not even the rank is known. `[]` is a scalar. */
export interface TensorType {
  readonly dtype: DType;
  readonly shape?: readonly Dim[] | undefined;
}

/**
 * The payload of a tensor: little-endian elements in row-major order, as in ONNX's `raw_data`.
 * - `bytes`: in memory. Never modified in place.
 * - `ranges`: still in the source; their concatenation is the payload. `varint`: protobuf-packed integers, one per element (int32_data and similar).
 * - `computed`: computed on demand and not kept, so that folding a network holds one tensor at a time. `compute` must return the same bytes each time.
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
      /** The values of a large tensor in pieces, in order, so that it is never entirely in memory. */
      readonly each?: EachNumber | undefined;
      /** The elements are those of another tensor in another order: a writer may take them from there piece by piece. */
      readonly permutation?: { readonly of: Tensor; readonly perm: readonly number[] } | undefined;
    }
  | { readonly kind: 'strings'; readonly values: readonly Uint8Array[] };

/** `slab`, `chunk`: approximate number of bytes to produce, or read, at a time. */
export type EachNumber = (use: (numbers: Float64Array) => void, pieces: { readonly slab: number; readonly chunk: number }) => void;

/** Immutable. Passes create new tensors and may share the bytes of old ones. */
export interface Tensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: TensorData;
  /** Opaque data that a file format must keep but the IR does not model. */
  readonly extras?: unknown;
}

/** An int64 beyond 2^53 stays a bigint, so that nothing is lost on the way to the writer. Read it through `ir/attrs.ts`. */
export type AttrInt = number | bigint;
/** ONNX strings are bytes: those that are not UTF-8 remain bytes. */
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
  /** Types, sparse tensors and unknown kinds: carried along, never read. */
  | { readonly kind: 'opaque'; readonly value: unknown };

export interface Use {
  readonly user: Node;
  readonly slot: number;
}

export interface Value {
  /** For text and diagnostics; the object is the identity. Unique in the model. */
  readonly name: string;
  /** undefined if unknown, or not a tensor (sequences and maps stay in `extras`). */
  readonly type: TensorType | undefined;
  /** undefined for a graph input or a constant. */
  readonly producer: Node | undefined;
  readonly constant: Tensor | undefined;
  /** Every node input that reads this value, including those in nested graphs. Graph outputs are not uses: see `Graph.isOutput`. */
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
  /** undefined: an omitted optional input. Never ends in undefined. */
  readonly inputs: readonly (Value | undefined)[];
  /** Fixed at creation. An omitted optional output has an empty name and no uses. */
  readonly outputs: readonly Value[];
  /** As in the file: absent attributes have their default, which `ir/attrs.ts` supplies. */
  readonly attrs: ReadonlyMap<string, Attr>;
  /** Names of the source nodes from which this one was made; merged by every rewrite, never empty. */
  readonly origin: readonly string[];
  /** Documentation, metadata and unknown fields; opaque to everything but the format that wrote them. */
  readonly extras: unknown;
  /** The graph that contains the node. */
  readonly graph: Graph;
}

export const isConst = (value: Value | undefined): value is ConstValue => value?.constant !== undefined;

/** The static shape; undefined if an axis or the rank is unknown. */
export function staticShape(value: Value | undefined): readonly number[] | undefined {
  const shape = value?.type?.shape;
  return shape?.every((dim) => typeof dim === 'number') ? shape : undefined;
}

/** Number of axes; undefined if unknown. */
export const rankOf = (value: Value | undefined): number | undefined => value?.type?.shape?.length;
