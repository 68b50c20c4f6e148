/** A TensorFlow.js graph model before it is written to files: nodes as TensorFlow defines them, weights still as tensors of the compiler. */
import type { Dim, DType, Tensor } from '../ir/types';

export type TfjsType = 'DT_FLOAT' | 'DT_INT32' | 'DT_BOOL' | 'DT_STRING';

/** An attribute as TensorFlow writes it in JSON. */
export type TfjsAttr =
  | { readonly s: string }
  | { readonly i: string }
  | { readonly f: number }
  | { readonly b: boolean }
  | { readonly type: TfjsType }
  | { readonly shape: { readonly dim: readonly { readonly size: string }[] } }
  | { readonly tensor: { readonly dtype: TfjsType; readonly tensorShape: { readonly dim: readonly { readonly size: string }[] } } }
  | { readonly list: { readonly i: readonly string[] } | { readonly s: readonly string[] } };

export type TfjsAttrs = Readonly<Record<string, TfjsAttr>>;

export interface TfjsNode {
  readonly name: string;
  readonly op: string;
  /** `node`, or `node:k` for outputs other than the first. */
  readonly input: readonly string[];
  readonly attr: TfjsAttrs;
  /** Names of the ONNX nodes that this one represents. */
  readonly origin: readonly string[];
}

/** The content of a Const node of the same name: float32, int32 or bool elements. */
export interface TfjsWeight {
  readonly name: string;
  readonly dtype: 'float32' | 'int32' | 'bool';
  /** In the type that the weight is stored as: float, int32 or bool. Its payload is computed when the files are written. */
  readonly tensor: Tensor;
  /** Set if all its values are on an eight-bit grid. */
  readonly grid?: Grid | undefined;
}

/** The values `scale * code + min`, for codes from 0 to 255. */
export interface Grid {
  readonly scale: number;
  readonly min: number;
}

/** An input or output under its ONNX name. */
export interface TfjsPort {
  readonly name: string;
  /** `node:k`. */
  readonly tensor: string;
  readonly dtype: TfjsType;
  /** Shape in TensorFlow.js; a symbol or undefined is any size. */
  readonly shape: readonly Dim[] | undefined;
  /** `perm[i]`: the ONNX axis that is axis i here; [0, 2, 3, 1] for a map [N, H, W, C]. */
  readonly perm: readonly number[];
  /** For people: `nhwc` or `nchw` if it is a map, otherwise `original`. */
  readonly layout: 'nhwc' | 'nchw' | 'original';
  readonly onnxType: DType;
}

/** A tensor that holds a value of the ONNX model. */
export interface TfjsValue {
  /** `node`, or `node:k`. */
  readonly tensor: string;
  /** Tensors with the remaining channels, along the last axis; empty for most values. */
  readonly beside: readonly string[];
  /** Name of the ONNX value. */
  readonly value: string;
  /** As in a port. */
  readonly perm: readonly number[];
  /** True if a later node, whose own value is not in the graph, shares an origin with this one. */
  readonly isPart: boolean;
}

export interface TfjsGraph {
  /** In topological order, Const nodes included. */
  readonly nodes: readonly TfjsNode[];
  readonly weights: readonly TfjsWeight[];
  readonly inputs: readonly TfjsPort[];
  readonly outputs: readonly TfjsPort[];
  /** Tensors of the float values that nodes compute and that exist in the graph: values inside a fused node do not. */
  readonly values: readonly TfjsValue[];
}
