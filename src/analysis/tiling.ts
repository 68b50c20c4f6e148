/**
 * Whether, and how, a large image can be cut into tiles so that the cells of the map are the same as for the whole image.
 *
 *   cell i of the whole = cell i - a/s of the tile of rows a ... b - 1        s: stride of the map, a: a multiple of `align`
 *
 * holds exactly if everything the cell reads, through all layers, is within the tile, or beyond an edge that the tile shares with the image. Then no value
 * on the path reads padding at an inner edge. `align` is a common multiple of the strides of all values, so that no layer's grid shifts relative to the
 * pixels. b - a is kept congruent to the image size modulo `align`, since the padding of SAME layers, windows cut off at the end and rounded-up sizes depend
 * on that remainder.
 * This does not work for networks that read the whole image, nor for maps resized by an uneven factor: there, the position of a cell depends on the size.
 */

import { AxisRoles, imageInputs, lettersOf } from '../ir/axis-roles';
import type { Graph } from '../ir/graph';
import type { Model } from '../ir/model';
import { cutsOf } from '../ir/sizes/cut';
import { isLetter, type Letter, type PlacesName, placesName } from '../ir/spatial';
import type { Node, Value } from '../ir/types';
import { pixelStride, strideBySize } from '../operators/pixel-stride';
import { asResize } from '../operators/resize';
import { activationBytes } from './activation-memory';
import { causesOf, contractOf } from './contract';
import { type AxisField, type ReceptiveField, receptiveFields } from './receptive-field';

/** One axis of an image and of the map made from it. */
export interface TiledAxis {
  /** Pixels that the model uses. If it cuts its image to a size that its layers accept, the pixels beyond the cut do not count. */
  readonly length: number;
  /** Number of cells of the map. */
  readonly cells: number;
  /** Receptive field of a cell; 'whole' if it is the whole image. */
  readonly field: AxisField | 'whole';
  /** Pixels between neighbouring cells. */
  readonly stride: number;
  /** Tiles begin at multiples of this; 0 if the axis cannot be tiled. */
  readonly align: number;
  /** The network accepts this length only, so the axis stays in one piece. */
  readonly fixed?: boolean | undefined;
}

export interface Tiling {
  readonly letters: readonly Letter[];
  /** The spatial axes, outermost first. */
  readonly along: readonly TiledAxis[];
  /** Reason why the image must be run in one piece; undefined if it can be cut. */
  readonly obstacle: string | undefined;
  /** Memory in bytes for a run in one piece, besides the weights; undefined if unknown. */
  readonly bytes: number | undefined;
  /** Output axes of classes and positions; a position is undefined if the output has no axis for that axis of the image. */
  readonly axes: { readonly classes: number; readonly places: readonly (number | undefined)[] };
  readonly classes: number;
}

/**
 * Tiling of the model for one image size, in pixels. `infer` determines the types. The model is not modified.
 * Returns undefined if the output is not a map with at least one cell at this size. Throws CompileError SHAPE_MISMATCH if the image is too small.
 */
export function tilingOf(source: Model, outputName: string, lengths: readonly number[], infer: (model: Model) => void): Tiling | undefined {
  const model = source.clone();
  const { graph } = model;
  const letters = lettersOf(imageInputs(graph));
  const fixed = new Set<Letter>();
  for (const [image, roles] of imageInputs(graph)) {
    const shape = roles.map((role, axis) => {
      const own = image.type?.shape?.[axis];
      if (isLetter(role) && typeof own === 'number') fixed.add(role);
      return role === 'N' ? 1 : isLetter(role) ? lengths[letters.indexOf(role)] : own;
    });
    graph.setType(image, { dtype: image.type?.dtype ?? 'float', shape });
  }
  const used = letters.map((letter, at) => usedLength(graph, letter, lengths[at] ?? 1));
  infer(model);
  const output = graph.outputs.find(({ name }) => name === outputName);
  const axes = output && mapAxesOf(output, new AxisRoles(imageInputs(graph), graph.tied).of(output), letters);
  if (!output || !axes) return undefined;
  const size = (axis: number | undefined): number => {
    const dim = axis === undefined ? 1 : output.type?.shape?.[axis];
    return typeof dim === 'number' ? dim : 0;
  };
  const cells = axes.places.map(size);
  if (cells.some((count) => count < 1)) return undefined;

  const fields = receptiveFields(graph);
  const field = fields.of(output);
  const declared = source.graph.outputs.find(({ name }) => name === outputName);
  const strides = (declared && strideBySize(declared)) ?? pixelStride(output);
  const contract = contractOf(graph);
  const behind = graph.nodes.flatMap((node) => node.outputs.flatMap((value) => fields.of(value) ?? []));
  const along = letters.map((letter, at): TiledAxis => {
    const name = placesName(letter);
    return {
      length: used[at] ?? 1,
      cells: cells[at] ?? 1,
      stride: axes.places[at] === undefined ? (used[at] ?? 1) : (strides[at] ?? 1),
      field: field?.[name] ?? 'whole',
      align: wholeSteps(commonStride(behind, name), graph, letter),
      ...(fixed.has(letter) && { fixed: true }),
    };
  });
  const cut = along.filter((axis) => !axis.fixed);
  const stretched = graph.nodes.find(isUnevenResize);
  const obstacle =
    contract.kind === 'whole-image' && cut.length === along.length
      ? `predictions depend on the whole image, by ${causesOf(contract)}`
      : cut.some((axis) => axis.field === 'whole')
        ? 'predictions depend on the whole image'
        : cut.some((axis) => axis.field !== 'whole' && axis.field.stride !== axis.stride)
          ? 'which places a cell looks at is not known'
          : stretched || cut.some((axis) => !axis.align)
            ? `a map is stretched by a factor that depends on the size${stretched ? ` (${stretched.origin[0] ?? stretched.name})` : ''}`
            : undefined;
  return { letters, along, obstacle, bytes: activationBytes(graph), axes, classes: size(axes.classes) };
}

/** Pixels before the position where the model cuts its image, out of `length`. */
function usedLength(graph: Graph, role: Letter, length: number): number {
  const cuts = [...imageInputs(graph)].flatMap(([image, roles]) => cutsOf(image).filter(({ axis }) => roles[axis] === role));
  return Math.min(length, ...cuts.map(({ multiple, rest }) => length - ((((length - rest) % multiple) + multiple) % multiple)));
}

/** [N, K, ...places] or [N, ...places, K]; if the roles are lost, channels come second. An axis that does not slide may be missing. */
function mapAxesOf(output: Value, roles: readonly string[] | undefined, letters: readonly Letter[]): Tiling['axes'] | undefined {
  const rank = output.type?.shape?.length;
  if (rank === undefined) return undefined;
  if (rank === letters.length + 2) {
    const last = letters.every((letter, at) => roles?.[at + 1]?.includes(letter) === true);
    return last ? { classes: rank - 1, places: letters.map((_, at) => at + 1) } : { classes: 1, places: letters.map((_, at) => at + 2) };
  }
  const places = letters.map((letter) => {
    const axis = roles?.findIndex((role) => role.includes(letter)) ?? -1;
    return axis < 0 ? undefined : axis;
  });
  const classes = Array.from({ length: rank }, (_, axis) => axis).find((axis) => axis > 0 && !places.includes(axis));
  return classes === undefined || places.every((axis) => axis === undefined) ? undefined : { classes, places };
}

/** Least common multiple of all strides of at least one pixel; 0 if neither some stride nor its inverse is an integer. */
function commonStride(fields: readonly ReceptiveField[], axis: PlacesName): number {
  let common = 1;
  for (const field of fields) {
    const along = field[axis];
    if (along === undefined || along === 'whole') continue;
    const stride = along.stride >= 1 ? along.stride : 1 / along.stride;
    const whole = Math.round(stride);
    if (Math.abs(stride - whole) > 1e-6) return 0;
    if (along.stride >= 1) common = (common / divisor(common, whole)) * whole;
  }
  return common;
}

/** Multiple of `stride` that also matches what the graph cuts off an image, so that tiles lose nothing if the whole image does not. */
function wholeSteps(stride: number, graph: Graph, role: string): number {
  let common = stride;
  for (const [image, roles] of imageInputs(graph))
    for (const { axis, multiple } of cutsOf(image)) if (roles[axis] === role) common = (common / divisor(common, multiple)) * multiple;
  return common;
}

const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));

/** True if resized cells fall elsewhere at another size: the corners are aligned, or neither the factor nor its inverse is an integer. */
function isUnevenResize(node: Node): boolean {
  const own = asResize(node);
  if (!own) return false;
  const [from, to] = [node.inputs[0]?.type?.shape, node.outputs[0]?.type?.shape];
  return (from ?? []).some((length, axis) => {
    const cells = to?.[axis];
    if (length === cells) return false;
    if (typeof length !== 'number' || typeof cells !== 'number') return true;
    const even = cells % length === 0 || length % cells === 0;
    return !even || own.coordinates === 'align_corners' || own.excludesOutside;
  });
}
