/**
 * Metadata that an emitted TensorFlow.js model carries: `userDefinedMetadata.convolutionize` in model.json, `model.metadata.convolutionize` in a page.
 * It has the same facts, under the same names, as the metadata of a converted ONNX file (metadata.ts), and describes the layout of the inputs and outputs.
 */
import type { SizeFamily } from '../ir/sizes/solve';

export interface TfjsAbout {
  /** The ONNX file that the model was made from. */
  readonly source?: { readonly file: string; readonly sha256: string } | undefined;
  /** Class names, in channel order. */
  readonly labels?: readonly string[] | undefined;
  /** Required preparation of images, as stated by whoever converted the model. */
  readonly preprocessing?: unknown;
  /** Version of this compiler. */
  readonly version?: string | undefined;
  /** window | cell | image | original. */
  readonly head?: string | undefined;
  /** Per image input: height and width of the region that one cell sees. */
  readonly window?: Readonly<Record<string, readonly [number, number]>> | undefined;
  /** Per image input: the sizes that are used in full, `multiple * n + rest` pixels and at least `minimum`. At any other size the excess is cut off. */
  readonly sizes?: Readonly<Record<string, Readonly<Record<'height' | 'width', SizeFamily>>>> | undefined;
  /** Per output: pixels between neighbouring cells, along rows and columns. */
  readonly stride?: Readonly<Record<string, readonly [number, number]>> | undefined;
  /** Per output: the first pixel that cell 0 depends on and the number of pixels, along rows and columns; or 'whole'. */
  readonly field?:
    | Readonly<Record<string, readonly [readonly [number, number] | 'whole', readonly [number, number] | 'whole']>>
    | undefined;
  /** Pixels by which the image must move for cells to repeat, and the remainder that its sides must have, where these differ from the stride and 1. */
  readonly moves?: unknown;
  /** Per output that was refined: number of cells that replace each original one. */
  readonly density?: Readonly<Record<string, readonly [number, number]>> | undefined;
  /** everywhere | border | whole-image | original. */
  readonly contract?: string | undefined;
  /** The contract in words. */
  readonly meaning?: string | undefined;
  readonly inputs?: Readonly<Record<string, TfjsPort>> | undefined;
  readonly outputs?: Readonly<Record<string, TfjsPort>> | undefined;
  /** For each node that represents other ONNX nodes than its namesake: their names, the first of a chain of conversions. */
  readonly origins?: Readonly<Record<string, readonly string[]>> | undefined;
  /** For each tensor (`node` or `node:k`) that holds a value of the converted ONNX model: the value, and the order of its axes. */
  readonly values?: Readonly<Record<string, TfjsValueAbout>> | undefined;
}

/** The ONNX value that a tensor holds. Absent fields: the value of the same name, with its axes as in ONNX. */
export interface TfjsValueAbout {
  readonly is?: string | undefined;
  readonly perm?: readonly number[] | undefined;
  /** Tensors with the remaining channels of the value, along the last axis. */
  readonly beside?: readonly string[] | undefined;
  /** True if another node continues the ONNX nodes that this one represents: the tensor is the value by name, not by origin. */
  readonly part?: true | undefined;
}

/** One input or output. */
export interface TfjsPort {
  /** For people: `nhwc` or `nchw` for a map, `original` where the axes are those of the ONNX model. */
  readonly layout?: string | undefined;
  /** `perm[i]`: the ONNX axis that is axis i here; [0, 2, 3, 1] for a map [N, H, W, C]. Absent: as in ONNX. */
  readonly perm?: readonly number[] | undefined;
  /** Element type and sizes of the ONNX value, in ONNX's axis order. A string is a symbol or an expression (ir/dims.ts), null is unknown. */
  readonly dtype?: string | undefined;
  readonly shape?: readonly (number | string | null)[] | undefined;
}
