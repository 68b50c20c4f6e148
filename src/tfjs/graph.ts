/** A TensorFlow.js graph model before it is files: nodes in TensorFlow's words, weights that are still tensors of the compiler. */
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
  /** `node`, or `node:k` for another than the first output. */
  readonly input: readonly string[];
  readonly attr: TfjsAttrs;
  /** Names of the ONNX nodes that it stands for. */
  readonly origin: readonly string[];
}

/** The content of a Const node of the same name: float32, int32 or bool elements. */
export interface TfjsWeight {
  readonly name: string;
  readonly dtype: 'float32' | 'int32' | 'bool';
  /** In the type that the weight is stored as: float, int32 or bool. Its payload is made when the files are written. */
  readonly tensor: Tensor;
  /** All its numbers are on a grid of eight bits. */
  readonly grid?: Grid | undefined;
}

/** Numbers `scale * code + min`, for codes from 0 to 255. */
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
  /** As TensorFlow.js sees it; a symbol or undefined is any size. */
  readonly shape: readonly Dim[] | undefined;
  /** `perm[i]`: the axis of the ONNX value that is axis i here; [0, 2, 3, 1] for a map [N, H, W, C]. */
  readonly perm: readonly number[];
  /** For people: `nhwc` or `nchw` where it is a map, else `original`. */
  readonly layout: 'nhwc' | 'nchw' | 'original';
  readonly onnxType: DType;
}

/** A tensor that holds a value of the ONNX model. */
export interface TfjsValue {
  /** `node`, or `node:k`. */
  readonly tensor: string;
  /** Tensors that have the rest of its channels, the last axis; of most values none. */
  readonly beside: readonly string[];
  /** Name of the ONNX value. */
  readonly value: string;
  /** As that of a port. */
  readonly perm: readonly number[];
  /** Whether a later node, whose value is not there, has an origin in common with its own. */
  readonly isPart: boolean;
}

export interface TfjsGraph {
  /** In topological order, Const nodes included. */
  readonly nodes: readonly TfjsNode[];
  readonly weights: readonly TfjsWeight[];
  readonly inputs: readonly TfjsPort[];
  readonly outputs: readonly TfjsPort[];
  /** Of the values that nodes compute, those of floats that are there: not what lies within a fused node. */
  readonly values: readonly TfjsValue[];
}
