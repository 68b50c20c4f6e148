/**
 * What an emitted TensorFlow.js model says about itself: `userDefinedMetadata.convolutionize` of model.json, `model.metadata.convolutionize` in a page.
 * The same facts, under the same names, as the metadata of a converted ONNX file (metadata.ts); and how its inputs and outputs are laid out.
 */
import type { SizeFamily } from '../ir/sizes/solve';

export interface TfjsAbout {
  /** The ONNX file that the model was made from. */
  readonly source?: { readonly file: string; readonly sha256: string } | undefined;
  /** Class names, in the order of the channels. */
  readonly labels?: readonly string[] | undefined;
  /** How images are to be prepared, as whoever converted the model wrote it. */
  readonly preprocessing?: unknown;
  /** Of this compiler. */
  readonly version?: string | undefined;
  /** window | cell | image | original. */
  readonly head?: string | undefined;
  /** Per image input: height and width of what one cell looks at. */
  readonly window?: Readonly<Record<string, readonly [number, number]>> | undefined;
  /** Per image input: the sizes that are taken whole, `multiple * n + rest` pixels and `minimum` at least; of others the rest is cut off. */
  readonly sizes?: Readonly<Record<string, Readonly<Record<'height' | 'width', SizeFamily>>>> | undefined;
  /** Per output: pixels between neighbouring cells, along rows and columns. */
  readonly stride?: Readonly<Record<string, readonly [number, number]>> | undefined;
  /** Per output: first pixel that cell 0 depends on and how many pixels, along rows and columns; or 'whole'. */
  readonly field?:
    | Readonly<Record<string, readonly [readonly [number, number] | 'whole', readonly [number, number] | 'whole']>>
    | undefined;
  /** Pixels by which the image moves for cells to repeat, and what the rest of its sides by must be, where these are more than the stride and 1. */
  readonly moves?: unknown;
  /** Per output that was made finer: cells for each one that there was. */
  readonly density?: Readonly<Record<string, readonly [number, number]>> | undefined;
  /** everywhere | border | whole-image | original. */
  readonly contract?: string | undefined;
  /** The contract in words. */
  readonly meaning?: string | undefined;
  readonly inputs?: Readonly<Record<string, TfjsPort>> | undefined;
  readonly outputs?: Readonly<Record<string, TfjsPort>> | undefined;
  /** Per node that stands for others than its namesake: these nodes of the ONNX model, the first of a chain of conversions. */
  readonly origins?: Readonly<Record<string, readonly string[]>> | undefined;
  /** Per tensor (`node`, or `node:k`) that holds a value of the converted ONNX model: which, and in what order of its axes. */
  readonly values?: Readonly<Record<string, TfjsValueAbout>> | undefined;
}

/** Of which value. Absent: of the namesake; its axes as in ONNX. */
export interface TfjsValueAbout {
  readonly is?: string | undefined;
  readonly perm?: readonly number[] | undefined;
  /** Tensors that have the rest of its channels, along the last axis. */
  readonly beside?: readonly string[] | undefined;
  /** Whether more follows of the ONNX nodes that its node stands for, within another node: it is the value by name, not by origin. */
  readonly part?: true | undefined;
}

/** One input or output. */
export interface TfjsPort {
  /** For people: `nhwc` or `nchw` for a map, `original` where the axes are those of the ONNX model. */
  readonly layout?: string | undefined;
  /** `perm[i]`: the axis of the ONNX value that is axis i here; [0, 2, 3, 1] for a map [N, H, W, C]. Absent: as in ONNX. */
  readonly perm?: readonly number[] | undefined;
  /** Element type and sizes of the ONNX value, in ONNX's order of axes; a string is a symbol or an expression (ir/dims.ts), null is not known. */
  readonly dtype?: string | undefined;
  readonly shape?: readonly (number | string | null)[] | undefined;
}
