/**
 * Checks that maps grow correctly once height and width are free: a value that moves with a stride of s pixels along an axis must gain one cell for every
 * s pixels. If it does not, it was given a size, or is cut at a position, that is correct only at the network's original size; or its maps come from
 * elsewhere.
 */
import { dimGrowth } from '../ir/dims';
import type { Graph } from '../ir/graph';
import { absolute, inverse, type Ratio, sameRatio } from '../ir/ratio';
import type { Dim, Node, Value } from '../ir/types';
import { isConst } from '../ir/types';
import { operatorOf } from '../operators';
import type { Motion } from './motion';
import { isSpatial } from './motion/digits';
import { told } from './motion/track';

/** The axes of a value that count cells, with their stride in pixels. */
export type CellAxes = ReadonlyMap<number, Ratio>;
/** Cell axes by value name. */
export type Cells = ReadonlyMap<string, CellAxes>;

/** Cell axes of every value. All sizes must still be static. */
export function cellsOf(graph: Graph, motion: Motion): Cells {
  const cells = new Map<string, CellAxes>();
  for (const node of graph.nodes)
    for (const value of node.outputs) {
      const axes = cellAxes(value, motion);
      if (axes.size > 0) cells.set(value.name, axes);
    }
  return cells;
}

function cellAxes(value: Value, motion: Motion): CellAxes {
  const axes = new Map<number, Ratio>();
  const state = motion.of(value);
  if (state.kind !== 'moving') return axes;
  for (const [letter, track] of state.tracks) {
    if (track.whole || track.pooled) continue;
    const places = state.axes.flatMap((digits, axis) =>
      digits.filter((digit) => digit.letter === letter).map((digit) => ({ axis, digit })),
    );
    const [only] = places;
    const alone = only && state.axes[only.axis]?.every((digit) => digit === only.digit || (digit.size === 1 && !isSpatial(digit.letter)));
    if (only && places.length === 1 && alone && only.digit.step === 1) axes.set(only.axis, absolute(track.stride));
  }
  return axes;
}

export interface HeldBack {
  readonly node: Node;
  /** Completes "it ...". */
  readonly why: string;
}

/** The first node whose result does not grow with the image, once sizes are free. */
export function heldBack(graph: Graph, cells: Cells, leading: ReadonlySet<Node>): HeldBack | undefined {
  for (const node of graph.nodes) {
    if (!leading.has(node)) continue;
    for (const value of node.outputs) {
      const axes = cells.get(value.name);
      for (const [axis, stride] of axes ?? []) {
        const why = grows(value.type?.shape?.[axis], stride) ?? constantInTheWay(node, value, axis);
        if (why !== undefined) return { node, why };
      }
    }
  }
  return undefined;
}

/** Reason why the dimension does not grow with the image; undefined if it does or if that is unknown. */
function grows(dim: Dim, stride: Ratio): string | undefined {
  if (typeof dim === 'number')
    return `has ${dim} ${dim === 1 ? 'cell' : 'cells'} along an axis of the image at every size: it reads the same places of any image`;
  const growth = dimGrowth(dim);
  if (!growth) return undefined;
  if (growth.num <= 0) return `has no more than so many cells along an axis, however large the image is: ${dim}`;
  if (sameRatio(growth, inverse(stride))) return undefined;
  return `has a cell every ${told(inverse(growth))} places of the input (${dim}) of what moves by ${told(stride)}`;
}

/** Reports a constant that is as long as the map was at the original size. */
function constantInTheWay(node: Node, value: Value, axis: number): string | undefined {
  const rank = value.type?.shape?.length ?? 0;
  for (const input of node.inputs) {
    if (!isConst(input) || !MEETING.has(operatorOf(node).form)) continue;
    const size = input.constant.shape[axis - rank + input.constant.shape.length];
    if (size !== undefined && size !== 1) return `has a constant '${input.name}' that is as large as the map is at the original size`;
  }
  return undefined;
}

/** Operators whose inputs are aligned axis by axis. */
const MEETING: ReadonlySet<string> = new Set(['each', 'joined']);
