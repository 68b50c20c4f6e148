/**
 * Whether, and how, a large image may be cut into tiles so that the cells of the map come out the same as from the whole.
 *
 *   cell i of the whole = cell i - a/s of the tile of rows a ... b - 1        s: stride of the map, a: a multiple of `align`
 *
 * holds exactly where everything that the cell looks at, through all layers, lies within the tile, or beyond an edge that the tile shares with the image. For
 * then no value on the way reads padding at an inner edge. `align` is a common multiple of the strides of all values, so that no layer's grid is moved
 * against the pixels; b - a is kept congruent to the size of the image modulo `align`, since the padding of SAME layers, windows that are cut off at the end
 * and sizes that are rounded up depend on that remainder.
 * Not so for networks that look at the whole image, nor for maps stretched by an uneven factor: where a cell falls depends on the size itself.
 */

import { intAttr, stringAttr } from '../ir/attrs';
import { AxisRoles, imageInputs } from '../ir/axis-roles';
import type { Graph } from '../ir/graph';
import type { Model } from '../ir/model';
import { cutsOf } from '../ir/sizes/cut';
import type { Node, Value } from '../ir/types';
import { pixelStride, strideBySize } from '../operators/pixel-stride';
import { activationBytes } from './activation-memory';
import { causesOf, contractOf } from './contract';
import { type AxisField, type ReceptiveField, receptiveFields } from './receptive-field';

/** One axis of an image and of the map made from it. */
export interface TiledAxis {
  /** Pixels that the model uses: where it cuts its image to a size that its layers can take, those behind the cut do not count. */
  readonly length: number;
  /** Of the map. */
  readonly cells: number;
  /** What a cell looks at; 'whole': everything. */
  readonly field: AxisField | 'whole';
  /** Pixels between neighbouring cells. */
  readonly stride: number;
  /** Tiles begin at multiples of this; 0: they cannot be. */
  readonly align: number;
}

export interface Tiling {
  readonly rows: TiledAxis;
  readonly columns: TiledAxis;
  /** Why the image must be run in one piece; undefined: it may be cut. */
  readonly obstacle: string | undefined;
  /** What the run in one piece needs beside the weights; undefined: not known. */
  readonly bytes: number | undefined;
  /** Which axes of the output are classes, rows and columns. */
  readonly axes: { readonly classes: number; readonly rows: number; readonly columns: number };
  readonly classes: number;
}

/**
 * The model at one size of image, in pixels. `infer` finds the types. The model is not touched.
 * undefined where the output is no map with at least one cell at this size. Throws CompileError SHAPE_MISMATCH where no image so small fits.
 */
export function tilingOf(
  source: Model,
  outputName: string,
  [height, width]: readonly [number, number],
  infer: (model: Model) => void,
): Tiling | undefined {
  const model = source.clone();
  const { graph } = model;
  for (const [image, roles] of imageInputs(graph)) {
    const shape = roles.map((role, axis) => (role === 'N' ? 1 : role === 'H' ? height : role === 'W' ? width : image.type?.shape?.[axis]));
    graph.setType(image, { dtype: image.type?.dtype ?? 'float', shape });
  }
  const [rowsUsed, columnsUsed] = [usedLength(graph, 'H', height), usedLength(graph, 'W', width)];
  infer(model);
  const output = graph.outputs.find(({ name }) => name === outputName);
  const axes = output && mapAxesOf(output, new AxisRoles(imageInputs(graph)).of(output));
  if (!output || !axes) return undefined;
  const size = (axis: number): number => {
    const dim = output.type?.shape?.[axis];
    return typeof dim === 'number' ? dim : 0;
  };
  const [cellRows, cellColumns] = [size(axes.rows), size(axes.columns)];
  if (cellRows < 1 || cellColumns < 1) return undefined;

  const fields = receptiveFields(graph);
  const field = fields.of(output);
  const declared = source.graph.outputs.find(({ name }) => name === outputName);
  const [rowStride = 1, columnStride = 1] = (declared && strideBySize(declared)) ?? pixelStride(output);
  const contract = contractOf(graph);
  const behind = graph.nodes.flatMap((node) => node.outputs.flatMap((value) => fields.of(value) ?? []));
  const align = {
    rows: wholeSteps(commonStride(behind, 'rows'), graph, 'H'),
    columns: wholeSteps(commonStride(behind, 'columns'), graph, 'W'),
  };
  const stretched = graph.nodes.find(isUnevenResize);
  const obstacle =
    contract.kind === 'whole-image'
      ? `predictions depend on the whole image, by ${causesOf(contract)}`
      : !field?.rows || !field.columns || field.rows === 'whole' || field.columns === 'whole'
        ? 'predictions depend on the whole image'
        : field.rows.stride !== rowStride || field.columns.stride !== columnStride
          ? 'which pixels a cell looks at is not known'
          : stretched || !align.rows || !align.columns
            ? `a map is stretched by a factor that depends on the size${stretched ? ` (${stretched.origin[0] ?? stretched.name})` : ''}`
            : undefined;
  return {
    rows: { length: rowsUsed, cells: cellRows, stride: rowStride, field: field?.rows ?? 'whole', align: align.rows },
    columns: { length: columnsUsed, cells: cellColumns, stride: columnStride, field: field?.columns ?? 'whole', align: align.columns },
    obstacle,
    bytes: activationBytes(graph),
    axes,
    classes: size(axes.classes),
  };
}

/** Of `length` pixels, those in front of the place where the model cuts its image. */
function usedLength(graph: Graph, role: 'H' | 'W', length: number): number {
  const cuts = [...imageInputs(graph)].flatMap(([image, roles]) => cutsOf(image).filter(({ axis }) => roles[axis] === role));
  return Math.min(length, ...cuts.map(({ multiple, rest }) => length - ((((length - rest) % multiple) + multiple) % multiple)));
}

/** [N, K, H, W] or [N, H, W, K]; where roles are lost, the channels come second. */
function mapAxesOf(output: Value, roles: readonly string[] | undefined): Tiling['axes'] | undefined {
  if (output.type?.shape?.length !== 4) return undefined;
  const last = roles?.[1]?.includes('H') === true && roles[2]?.includes('W') === true;
  return last ? { classes: 3, rows: 1, columns: 2 } : { classes: 1, rows: 2, columns: 3 };
}

/** The least common multiple of all strides of at least one pixel; 0 where one is no whole number, nor the inverse of one. */
function commonStride(fields: readonly ReceptiveField[], axis: 'rows' | 'columns'): number {
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

/** What the graph cuts off an image must be cut off each tile: nothing, where that is so of the whole. */
function wholeSteps(stride: number, graph: Graph, role: string): number {
  let common = stride;
  for (const [image, roles] of imageInputs(graph))
    for (const { axis, multiple } of cutsOf(image)) if (roles[axis] === role) common = (common / divisor(common, multiple)) * multiple;
  return common;
}

const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));

/** Where the corners are aligned, or the factor is no whole number either way, cells fall elsewhere at another size. */
function isUnevenResize(node: Node): boolean {
  if (node.op !== 'Resize') return false;
  const [from, to] = [node.inputs[0]?.type?.shape, node.outputs[0]?.type?.shape];
  return (from ?? []).some((length, axis) => {
    const cells = to?.[axis];
    if (length === cells) return false;
    if (typeof length !== 'number' || typeof cells !== 'number') return true;
    const even = cells % length === 0 || length % cells === 0;
    return !even || stringAttr(node, 'coordinate_transformation_mode') === 'align_corners' || intAttr(node, 'exclude_outside') !== 0;
  });
}
