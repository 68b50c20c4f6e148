/**
 * ranges-to-slices: rewrite rows and columns that are selected by index as Slices, which free-spatial-dims can adapt to other sizes.
 *
 *   Split<sizes>(X)                                    ->  Slice(X), Slice(X), ...
 *   Gather<axis>(X, [a, a + k, ...])                   ->  Slice(X, a, ..., k)             also backwards
 *   ReverseSequence(X, whole length)                   ->  Slice(X, -1, ..., -1)
 *   CenterCropPad(X, target)                           ->  Pad(Slice(X))
 *   Slice(X, computed)                                 ->  Slice(X, its values at the original size)
 *
 * The last: half of the rows means half of the window's rows, not of the larger image's. A computed Slice that takes everything at the original size stays:
 * it follows the size of an adjacent map.
 * Numbers: identical.
 * Left alone: channels and batch; irregular selections, or selections at computed positions; a single index, behind which the axis is gone.
 */

import { intAttr } from '../src/ir/attrs';
import { namedAxes } from '../src/ir/axis';
import { axisRolesOf } from '../src/ir/axis-roles';
import type { Graph } from '../src/ir/graph';
import { byOperator } from '../src/ir/match';
import { isSpatialRole } from '../src/ir/spatial';
import { isNumeric, readNumbers } from '../src/ir/tensor';
import type { Node, Value } from '../src/ir/types';
import { type Builder, builderAt } from '../src/rewrite/builder';
import { definePass, type PassContext } from '../src/rewrite/pass';

/** start : end : step along an axis. */
interface Range {
  readonly axis: number;
  readonly start: number;
  readonly end: number;
  readonly step: number;
}

export const rangesToSlices = definePass({
  name: 'ranges-to-slices',
  summary: 'write rows and columns that are taken by their numbers as Slices',
  numbers: 'identical',
  run(graph, context) {
    for (const node of graph.nodes) {
      const make = builderAt({ graph, before: node, origin: node.origin, root: node.name, inference: context.inference });
      const results = rewritten(node, make, context);
      if (!results) continue;
      node.outputs.forEach((output, index) => {
        const result = results[index];
        if (result) replace(graph, output, result);
      });
      graph.removeNode(node);
      context.remark({ kind: 'applied', rule: node.op, at: { node: node.name, op: node.op, origin: node.origin }, origin: node.origin });
    }
  },
});

/** The result takes over the name: it is the same value. */
function replace(graph: Graph, output: Value, result: Value): void {
  const { name, extras } = output;
  const isNew = !output.producer?.inputs.includes(result);
  if (isNew || graph.isOutput(output)) {
    graph.rename(output, `${name}_range`);
    graph.rename(result, name);
  }
  if (graph.isOutput(output)) {
    graph.setExtras(result, extras);
    graph.setOutputs(graph.outputs.map((value) => (value === output ? result : value)));
  }
  for (const { user, slot } of [...output.uses]) graph.replaceInput(user, slot, result);
}

/** One value per output, or undefined if the node stays. */
function rewritten(node: Node, make: Builder, context: PassContext): (Value | undefined)[] | undefined {
  const rewrite = rewriteOf(node);
  const [data] = node.inputs;
  const roles = data && axisRolesOf(node.graph).of(data);
  const shape = data?.type?.shape;
  if (!rewrite || !data || !roles || !shape) return undefined;
  /** Length of a spatial axis; undefined for other axes. */
  const places = (axis: number): number | undefined => {
    const length = shape[axis];
    return isSpatialRole(roles[axis]) && typeof length === 'number' ? length : undefined;
  };
  return rewrite(node, data, places, { make, context });
}

type Rewrite = (
  node: Node,
  data: Value,
  places: Places,
  tools: { readonly make: Builder; readonly context: PassContext },
) => (Value | undefined)[] | undefined;

const rewriteOf = byOperator<Rewrite>({
  CenterCropPad: (node, data, places, { make }) => centred(node, data, places, make),
  Gather: (node, data, places, { make }) => gathered(node, data, places, make),
  ReverseSequence: (node, data, places, { make }) => reversed(node, data, places, make),
  Slice: computed,
  Split: (node, data, places, { make }) => split(node, data, places, make),
});

type Places = (axis: number) => number | undefined;

const inRange = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);
const rankOf = (data: Value): number => data.type?.shape?.length ?? 0;
const numbersOf = (value: Value | undefined): number[] | undefined =>
  value?.constant && isNumeric(value.constant.dtype) ? [...readNumbers(value.constant)] : undefined;

function sliced(data: Value, ranges: readonly Range[], make: Builder): Value {
  const ints = (name: string, numbers: readonly number[]): Value => make.int64s(`${data.name}_${name}`, numbers);
  return make.op('Slice', [
    data,
    ints(
      'starts',
      ranges.map(({ start }) => start),
    ),
    ints(
      'ends',
      ranges.map(({ end }) => end),
    ),
    ints(
      'axes',
      ranges.map(({ axis }) => axis),
    ),
    ints(
      'steps',
      ranges.map(({ step }) => step),
    ),
  ]);
}

function split(node: Node, data: Value, places: Places, make: Builder): (Value | undefined)[] | undefined {
  const axis = inRange(intAttr(node, 'axis'), rankOf(data));
  if (places(axis) === undefined) return undefined;
  const lengths = node.outputs.map((output) => output.type?.shape?.[axis]);
  if (!lengths.every((length) => typeof length === 'number')) return undefined;
  let start = 0;
  return node.outputs.map((output, index) => {
    const [from, to] = [start, start + (lengths[index] ?? 0)];
    start = to;
    const isRead = output.uses.length > 0 || node.graph.isOutput(output);
    return isRead ? sliced(data, [{ axis, start: from, end: to, step: 1 }], make) : undefined;
  });
}

const TO_THE_START = -(2 ** 63);

function gathered(node: Node, data: Value, places: Places, make: Builder): Value[] | undefined {
  const axis = inRange(intAttr(node, 'axis'), rankOf(data));
  const length = places(axis);
  const indices = numbersOf(node.inputs[1])?.map((index) => inRange(index, length ?? 0));
  const [first, second] = indices ?? [];
  if (length === undefined || !indices || node.inputs[1]?.constant?.shape.length !== 1 || first === undefined) return undefined;
  const step = second === undefined ? 1 : second - first;
  if (step === 0 || indices.some((index, at) => index !== first + at * step)) return undefined;
  const last = first + (indices.length - 1) * step;
  const end = step > 0 ? last + 1 : last === 0 ? TO_THE_START : last - 1;
  return [sliced(data, [{ axis, start: first, end, step }], make)];
}

function reversed(node: Node, data: Value, places: Places, make: Builder): Value[] | undefined {
  const axis = inRange(intAttr(node, 'time_axis'), rankOf(data));
  const length = places(axis);
  const lengths = numbersOf(node.inputs[1]);
  if (length === undefined || !lengths?.every((own) => own === length)) return undefined;
  return [sliced(data, [{ axis, start: -1, end: TO_THE_START, step: -1 }], make)];
}

function centred(node: Node, data: Value, places: Places, make: Builder): Value[] | undefined {
  const target = numbersOf(node.inputs[1]);
  const rank = rankOf(data);
  const axes = namedAxes(node, rank);
  const shape = data.type?.shape ?? [];
  if (!target || !axes.some((axis) => places(axis) !== undefined) || !axes.every((axis) => typeof shape[axis] === 'number'))
    return undefined;
  const ranges: Range[] = [];
  const pads = new Array<number>(2 * rank).fill(0);
  for (const [at, axis] of axes.entries()) {
    // If an odd number of positions is cut or added, the end gets one more.
    const [length, wanted] = [Number(shape[axis]), target[at] ?? 0];
    const before = Math.floor(Math.abs(length - wanted) / 2);
    if (wanted < length) ranges.push({ axis, start: before, end: before + wanted, step: 1 });
    else [pads[axis], pads[axis + rank]] = [before, wanted - length - before];
  }
  const cropped = ranges.length > 0 ? sliced(data, ranges, make) : data;
  return [pads.some((pad) => pad > 0) || cropped === data ? make.op('Pad', [cropped, make.int64s(`${node.name}_pads`, pads)]) : cropped];
}

/** The values of a computed Slice at the original size. */
function computed(
  node: Node,
  data: Value,
  places: Places,
  { make, context }: { readonly make: Builder; readonly context: PassContext },
): Value[] | undefined {
  if (node.inputs.slice(1).every((input) => !input || input.constant)) return undefined;
  const [starts, ends, axes, steps] = [1, 2, 3, 4].map((slot) => {
    const input = node.inputs[slot];
    const ints = input && context.inference.intsOf(input);
    return ints?.every((dim) => typeof dim === 'number') ? ints : undefined;
  });
  if (!starts || !ends || (node.inputs[3] && !axes) || (node.inputs[4] && !steps)) return undefined;
  const ranges = starts.map((start, at) => ({
    axis: inRange(axes?.[at] ?? at, rankOf(data)),
    start,
    end: ends[at] ?? 0,
    step: steps?.[at] ?? 1,
  }));
  const cut = ranges.filter(({ axis, step }) => step < 0 || node.outputs[0]?.type?.shape?.[axis] !== data.type?.shape?.[axis]);
  return cut.some(({ axis }) => places(axis) !== undefined) ? [sliced(data, ranges, make)] : undefined;
}
