/**
 * dense-stride: a finer map of the same predictions (`--stride N`), by the a trous algorithm.
 *
 *   Y = Op<strides = t, dilations = e, pads = p>(X)
 * becomes, if X has d cells for each original cell and Y is to have d',
 *   Y = Op<strides = t d / d', dilations = e d, pads = p d>(X)
 *
 * Every d-th cell of X is a cell of the original X, so every d'-th cell of Y reads exactly the values that the original Y read: every d'-th cell of the finer
 * map gives the coarser one, border included, at every size. This requires the following, which holds at each step:
 * - A map of m cells becomes one of m', ceil(m' / d) = m. With Q = m + pads - span, the new Op has floor((d Q + r) / (t d / d')) + 1 cells, 0 <= r < d, and
 *   every d'-th of them are floor(Q / t) + 1: the same number as before. So none is lost at the end, and none is added.
 * - Padding begins at m' <= d m, behind the last old cell and not behind the first old padding cell: an old window finds padding where it found it before.
 * - A map whose cells are c pixels apart gets cells gcd(c, N) pixels apart (passes/finer-maps/density.ts), so branches that are combined stay aligned; the
 *   longer one is cut to the shorter one, which has all old cells.
 * - Rounded-up sizes and SAME padding become pads that give the same windows (passes/finer-maps/window.ts); those of SAME depend on the old number of cells.
 * - Operators that read the whole map (squeeze-and-excitation) continue to read only every d-th cell; so does a Resize to a map that does not become finer.
 *   A Resize to a map that does is applied phase by phase (passes/finer-maps/phases.ts).
 * - Averages never count cells added by rounding up; those that exclude padding become sums divided by counts if the runtime has no dilated average (before
 *   opset 19) or requires less padding than window; maxima with more padding than window get it from a Pad of minus infinity.
 * Numbers: reordered.
 * Left alone (all of it, with the node in the way): norms over positions, pads that repeat the border, positions counted from the end, layers that mix
 * positions in other ways.
 */

import { attributes, givenInt, intAttr } from '../../src/ir/attrs';
import { mapRank, type Roles } from '../../src/ir/axis-roles';
import { minDims, sameDim, subtractDims } from '../../src/ir/dims';
import type { Graph } from '../../src/ir/graph';
import { isNode } from '../../src/ir/match';
import { isBroadcasting } from '../../src/ir/operator-traits';
import { int64s, isFloatType, readNumbers } from '../../src/ir/tensor';
import type { Dim, Node, Value } from '../../src/ir/types';
import { isConst } from '../../src/ir/types';
import { kernelOf } from '../../src/operators/layers';
import { asPool } from '../../src/operators/pools';
import { type Builder, builderAt } from '../../src/rewrite/builder';
import { definePass, type Pass, type PassContext } from '../../src/rewrite/pass';
import { averageOver, channelsOf, onesOf } from './average';
import { at, each, isOne, type PerAxis } from './density';
import { because, type Refusal, type Task } from './kinds';
import { liesAlike, resized, split, woven } from './phases';
import { FAR, factorOf, placesCut, readersOfSizes } from './places';
import { type Action, makeFiner } from './run';
import { noPads, padded, samePadding, timesPads, type Window, windowOf } from './window';

/** `stride`: pixels between neighbouring cells of the outputs, along all axes or per axis; it must divide the current stride. Sizes may be symbolic. */
export const denseStride = (stride: number | PerAxis): Pass =>
  definePass({
    name: 'dense-stride',
    summary: 'make the map of predictions finer (--stride)',
    numbers: 'reordered',
    run(graph, context) {
      const finer = new Finer(graph, context);
      if (!makeFiner(graph, stride, context, (node, task, { roles }) => finer.actionFor(node, task, roles.of(task.x) ?? [], roles.letters)))
        return;
      align(graph, context);
      context.inference.inferAll();
    },
  });

class Finer {
  constructor(
    private readonly graph: Graph,
    private readonly context: PassContext,
  ) {}

  actionFor(node: Node, task: Task, roles: Roles, letters: Letters): Action | Refusal | undefined {
    switch (task.kind) {
      case 'everywhere':
        return undefined;
      case 'whole':
        return this.everyOther(node, task, roles, letters);
      case 'resize':
        return isOne(task.after) ? this.everyOther(node, task, roles, letters) : this.resize(node, task);
      case 'pad':
        return this.pad(node, task, roles, letters);
      case 'slice':
        return this.slice(node, task, roles, letters);
      case 'sizes':
        return this.sizes(node, task, roles, letters);
      case 'window':
        return this.window(node, task);
    }
  }

  private window(node: Node, task: Task): Action | Refusal {
    const { before, after } = task;
    const window = windowOf(node, kernelOf(node));
    if (typeof window === 'string') return because(window);
    const strides = each(window.strides, (stride, axis) => (stride * at(before, axis)) / at(after, axis));
    if (!strides.every(Number.isInteger)) return because('its stride cannot be divided so');
    const finer: Window = {
      ...window,
      strides,
      dilations: each(window.dilations, (gap, axis) => gap * at(before, axis)),
      pads: window.pads && timesPads(window.pads, before),
      hanging: each(window.hanging, (cells, axis) => cells * at(before, axis)),
    };
    const amounts: Amounts = (make, x) => samePadding(make, x, window, before).amounts;
    const pool = asPool(node);
    if (!pool) return this.conv(node, finer, amounts);
    return pool.mode === 'max' ? this.maxPool(node, task.x, finer, amounts) : this.averagePool(node, task.x, finer, amounts);
  }

  private conv(node: Node, { strides, dilations, pads }: Window, amounts: Amounts): Action {
    return (make, x) => {
      const attrs = { strides, dilations, pads: pads ?? noPads(strides), auto_pad: 'NOTSET' };
      this.spell(node, attrs, pads ? undefined : padded(make, x, amounts(make, x), 0));
    };
  }

  private maxPool(node: Node, map: Value, { kernel, strides, dilations, pads }: Window, amounts: Amounts): Action | Refusal {
    if (node.outputs.length > 1) return because('its indices are read');
    // The runtime requires less padding than window.
    const fits = pads?.every((amount, index) => amount < (kernel[index % kernel.length] ?? 1)) ?? false;
    if (!fits && !isFloatType(map.type?.dtype ?? 'float')) return because('integers have no minus infinity to pad with');
    return (make, x) => {
      const attrs = { strides, dilations, auto_pad: 'NOTSET', ceil_mode: 0 };
      if (fits) return this.spell(node, { ...attrs, pads });
      return this.spell(node, { ...attrs, pads: noPads(strides) }, padded(make, x, pads ?? amounts(make, x), Number.NEGATIVE_INFINITY));
    };
  }

  private averagePool(node: Node, map: Value, window: Window, amounts: Amounts): Action | Refusal {
    const channels = channelsOf(map);
    if (typeof channels === 'object') return channels;
    const dilates = (this.context.model.opsets.get('') ?? 0) >= 19;
    const [output] = node.outputs;
    return (make, x) => {
      const now = { x, channels, ones: onesOf, hasGaps: false, dilates };
      const average = averageOver(make, node, now, { ...window, pads: window.pads ?? amounts(make, x) });
      if (output) this.graph.replaceAllUses(output, average);
      this.graph.removeNode(node);
    };
  }

  /** Operators that read the whole map continue to read the original cells. */
  private everyOther(node: Node, { x, before }: Task, roles: Roles, letters: Letters): Action | Refusal {
    const axes = letters.map((letter) => roles.indexOf(letter));
    if (axes.some((axis) => axis < 0)) return because('it is not known which of its axes are spatial');
    const slots = [...node.inputs.keys()].filter((slot) => node.inputs[slot] === x);
    if (isOne(before)) return () => undefined;
    return (make, now) => {
      const coarse = make.op('Slice', [
        now,
        make.constant('first', int64s(axes.map(() => 0))),
        make.constant('last', int64s(axes.map(() => TO_THE_END))),
        make.constant('places', int64s(axes)),
        make.constant('density', int64s(before)),
      ]);
      for (const slot of slots) this.graph.replaceInput(node, slot, coarse);
    };
  }

  /** Interpolates between the cells of each phase separately, as between the original cells: cells of another phase are not neighbours. */
  private resize(node: Node, { x, before, after }: Task): Action | Refusal {
    const [output] = node.outputs;
    const keepsPixels = output && liesAlike(x, before, output, after);
    if (!keepsPixels) return because('it interpolates a map that would have to become finer by another factor');
    return (make, now) => {
      const maps = resized(make, node, split(make, now, after, before));
      this.graph.replaceAllUses(output, woven(make, maps, [after]));
      this.graph.removeNode(node);
    };
  }

  /** Also crops: of d cells for each old one, the last d are removed with it. */
  private pad(node: Node, { before }: Task, roles: Roles, letters: Letters): Action | Refusal {
    const [, amounts, , axes] = node.inputs;
    if (!amounts || (axes && !isConst(axes))) return because('which axes it pads is computed');
    const named = axes ? [...readNumbers(axes.constant)].map((axis) => (axis < 0 ? axis + roles.length : axis)) : [...roles.keys()];
    const factors = [...named, ...named].map((axis) => factorOf(roles[axis] ?? '', before, letters));
    return (make) => {
      const factor = make.constant('density', int64s(factors));
      const now = isConst(amounts)
        ? make.constant('amounts', int64s([...readNumbers(amounts.constant)].map((amount, index) => amount * (factors[index] ?? 1))))
        : make.op('Mul', [amounts, factor]);
      this.graph.replaceInput(node, 1, now);
    };
  }

  /** Old cell a + i t is new cell d a + i t d: every d'-th of those that are t d / d' apart. */
  private slice(node: Node, { before, after }: Task, roles: Roles, letters: Letters): Action | Refusal | undefined {
    const cut = placesCut(node, roles, letters);
    if ('because' in cut) return cut;
    if (cut.places.length === 0) return undefined;
    const { starts, ends, steps } = cut;
    for (const { at: place, axis } of cut.places) {
      const [d, finer] = [at(before, axis), at(after, axis)];
      const step = ((steps[place] ?? 1) * d) / finer;
      if (!Number.isInteger(step)) return because('its step cannot be divided so');
      starts[place] = (starts[place] ?? 0) * d;
      steps[place] = step;
      const end = ends[place] ?? 0;
      ends[place] = Math.abs(end) >= FAR ? end : end * d;
    }
    return (make) => {
      this.graph.replaceInput(node, 1, make.constant('starts', int64s(starts)));
      this.graph.replaceInput(node, 2, make.constant('ends', int64s(ends)));
      if (!node.inputs[3]) this.graph.respell(node, { inputs: [...node.inputs.slice(0, 3), make.constant('axes', int64s(cut.axes))] });
      if (node.inputs[4]) this.graph.replaceInput(node, 4, make.constant('steps', int64s(steps)));
      else if (steps.some((step) => step !== 1))
        this.graph.respell(node, { inputs: [...node.inputs.slice(0, 4), make.constant('steps', int64s(steps))] });
    };
  }

  /** Converts sizes. Padding amounts and Resize targets count old cells; targets of views, and ends of slices, count new ones. */
  private sizes(node: Node, { before }: Task, roles: Roles, letters: Letters): Action | Refusal | undefined {
    const [output] = node.outputs;
    if (!isNode(node, 'Shape') || !output) return because('it counts places');
    if (isOne(before)) return undefined;
    const readers = readersOfSizes(output);
    const inOld = readers.filter(({ user, slot }) => (isNode(user, 'Pad') && slot === 1) || (isNode(user, 'Resize') && slot > 0));
    if (inOld.length === 0) return undefined;
    if (inOld.length < readers.length) return because('what reads the size of its map counts in different cells');
    const [start, end] = [intAttr(node, 'start'), givenInt(node, 'end') ?? roles.length];
    const factors = roles.map((role) => factorOf(role, before, letters)).slice(start, end);
    const uses = [...output.uses];
    return (make) => {
      // A second Shape in front of this node, which stays in place.
      const now = make.op('Shape', [node.inputs[0]], node.attrs);
      const more = make.op('Add', [now, make.constant('round_up', int64s(factors.map((factor) => factor - 1)))]);
      const old = make.op('Div', [more, make.constant('density', int64s(factors))]);
      for (const { user, slot } of uses) this.graph.replaceInput(user, slot, old);
    };
  }

  private spell(node: Node, attrs: Parameters<typeof attributes>[0], x?: Value): void {
    this.graph.respell(node, {
      attrs: new Map([...node.attrs, ...attributes(attrs)]),
      ...(x && { inputs: [x, ...node.inputs.slice(1)] }),
    });
  }
}

/** The spatial axes. */
type Letters = readonly string[];
type Amounts = (make: Builder, x: Value) => Value;

/**
 * Cuts maps that are combined to the same length. With d new cells for each old one, the last old cell may be followed by up to d - 1 more, and branches may
 * differ in their number. They are cut to the smallest one, which removes none of the old cells.
 */
function align(graph: Graph, { inference }: PassContext): void {
  const rank = mapRank(graph);
  const places = Array.from({ length: rank - 2 }, (_, axis) => axis + 2);
  for (const node of graph.nodes) {
    const maps = isNode(node, 'Concat') || isBroadcasting(node.op) ? node.inputs.filter((input): input is Value => isMap(input, rank)) : [];
    const [first] = maps;
    const differ = first && maps.some((map) => places.some((axis) => !sameDim(map.type?.shape?.[axis], first.type?.shape?.[axis])));
    if (differ) {
      const make = builderAt({ graph, before: node, origin: node.origin, root: node.name, inference });
      const sizeOf = (map: Value): Value => make.op('Shape', [map], { start: 2, end: rank });
      const smallest = maps.find((map) => maps.every((other) => isWithin(map, other, places)));
      const fewest = smallest ? sizeOf(smallest) : make.op('Min', maps.map(sizeOf));
      const dims = places.map((axis) => maps.map((map) => map.type?.shape?.[axis]).reduce((a, b) => minDims(a, b)));
      const [start, axes] = [make.constant('first', int64s(places.map(() => 0))), make.constant('places', int64s(places))];
      node.inputs.forEach((input, slot) => {
        if (!isMap(input, rank) || input === smallest || !input.type) return;
        const cut = make.op('Slice', [input, start, fewest, axes]);
        graph.setType(cut, { ...input.type, shape: [...(input.type.shape ?? []).slice(0, 2), ...dims] });
        graph.replaceInput(node, slot, cut);
      });
    }
    inference.inferNode(node).forEach((type, index) => {
      const output = node.outputs[index];
      if (output) graph.setType(output, type);
    });
  }
}

/** Whether the map has no more cells than the other along any axis, at every size. */
const isWithin = (map: Value, other: Value, places: readonly number[]): boolean =>
  places.every((axis) => {
    const difference = subtractDims(other.type?.shape?.[axis], map.type?.shape?.[axis]);
    return typeof difference === 'number' && difference >= 0;
  });

/** Whether the value is [N, C, ...] with more than one cell, or with a size that grows. */
const isMap = (value: Value | undefined, rank: number): value is Value =>
  value !== undefined && !isConst(value) && value.type?.shape?.length === rank && value.type.shape.slice(2).some((dim: Dim) => dim !== 1);

const TO_THE_END = Number.MAX_SAFE_INTEGER;
