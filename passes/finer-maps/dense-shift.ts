/**
 * dense-shift: a finer map of the same predictions by shift-and-stitch (`--stride N --dense shift`), for runtimes without dilated pools and convolutions.
 *
 *   Y = Op<strides = t>(X), where Y is to have q cells for each original cell
 * becomes
 *   Y' = Op<strides = t / q>(X),  Y = Concat of Y'[a : : q, b : : q] over 0 <= a, b < q, on the batch axis
 *
 * and the layers behind it run on all phases as they did on the original map, with their own windows, pads and dilations. If a later stride is also
 * undone, its phases are split again. At the end the phases are interleaved: cell q i + a is cell i of phase a. This is OverFeat's dense pooling:
 * because the shift happens where a stride is undone and not at the image, everything in front of it is computed once.
 *
 * The map equals that of dense-stride, cell for cell. In a finer map with d cells for each original cell, a layer whose strides, windows and pads span d times
 * as many cells reads cells of one phase only, and zeros where that phase has no more of them: it is the original layer, applied to each phase separately.
 * The phases differ in length, though: of m' cells, ceil((m' - a) / d) belong to phase a. In the batch all are as long as the first, which is the original map
 * and has no gaps, and shorter ones end in a gap. In front of a layer that reads beyond the end of its map, the gap is filled with the layer's padding value;
 * what other layers compute from a gap is in a gap again, and is cut off at the end.
 * Numbers: reordered.
 * Left alone (all of it, with the node in the way): whatever dense-stride leaves alone; a stride that is undone only in part behind another one (strides 4
 * and 3 at 3 pixels); branches that undo their strides in different steps.
 */

import { attributes, intAttr } from '../../src/ir/attrs';
import { sameDim } from '../../src/ir/dims';
import type { Graph } from '../../src/ir/graph';
import { isNode } from '../../src/ir/match';
import { isBroadcasting, isReduction } from '../../src/ir/operator-traits';
import { isFloatType, readNumbers } from '../../src/ir/tensor';
import type { Node, Value } from '../../src/ir/types';
import { isConst } from '../../src/ir/types';
import { kernelOf } from '../../src/operators/layers';
import { asPool } from '../../src/operators/pools';
import { type Builder, builderAt } from '../../src/rewrite/builder';
import { definePass, type Pass, type PassContext } from '../../src/rewrite/pass';
import { averageOver, channelsOf, onesOf } from './average';
import { at, type Densities, each, isOne, isSame, type PerAxis } from './density';
import { because, NOT_CHANNELS_FIRST, type Refusal, type Task } from './kinds';
import { fineBehind, fineBehindSlice, times, undo } from './lengths';
import {
  cells,
  countOf,
  densityOf,
  filled,
  firstPhases,
  liesAlike,
  type Phases,
  repeated,
  resized,
  split,
  stitch,
  withAnyBatch,
} from './phases';
import { placesCut } from './places';
import { type Action, makeFiner } from './run';
import { lengthsOf, noPads, type Pads, padded, samePadding, sideOf, type Window, windowOf } from './window';

/** `stride`: pixels between neighbouring cells of the outputs, along all axes or per axis; it must divide the current stride. Sizes may be symbolic. */
export const denseShift = (stride: number | PerAxis): Pass =>
  definePass({
    name: 'dense-shift',
    summary: 'make the map of predictions finer by shifting and stitching (--dense shift)',
    numbers: 'reordered',
    run(graph, context) {
      const shifter = new Shifter(graph, context);
      if (!makeFiner(graph, stride, context, (node, task, densities) => shifter.actionFor(node, task, densities))) return;
      context.inference.inferAll();
      shifter.stitchOutputs();
    },
  });

type Splits = readonly PerAxis[];

class Shifter {
  /** Splits of the values, as far as planned. */
  private readonly planned = new Map<Value, Splits>();
  /** Values that hold phases by now. */
  private readonly phases = new Map<Value, Phases>();
  /** Maps with a one at each cell and zeros in gaps. */
  private readonly ones = new Map<Phases, Value>();

  constructor(
    private readonly graph: Graph,
    private readonly context: PassContext,
  ) {}

  actionFor(node: Node, task: Task, densities: Densities): Action | Refusal | undefined {
    const all = densities.maps(node).map((map) => this.planned.get(map) ?? []);
    const [splits = []] = all;
    if (all.some((other) => other.join() !== splits.join())) return because('its branches undo their strides in different steps');
    const isMap = isStitchable(task.x, densities);
    const moves = movesBatch(node, densities);
    if (moves && splits.length > 0) return because('it does not leave the batch where it is');
    if (node.outputs.some((output) => this.graph.isOutput(output) && !isOne(densities.of(output)) && !isStitchable(output, densities)))
      return because(NOT_CHANNELS_FIRST.replace('its map', 'the output that it makes'));
    switch (task.kind) {
      case 'sizes':
        return isNode(node, 'Shape') ? undefined : because('it counts places');
      case 'resize':
        return this.resize(node, task, splits);
      case 'whole':
        return this.firstOnly(node, task.x);
      case 'everywhere':
        return this.everywhere(node, splits, densities);
      case 'pad':
        if (!isMap) return because(NOT_CHANNELS_FIRST);
        return this.pad(node, splits);
      case 'slice':
        return this.slice(node, task, splits, densities);
      case 'window':
        return this.window(node, task, splits);
    }
  }

  /** Turns the outputs into maps again. */
  stitchOutputs(): void {
    const { graph } = this;
    const outputs = graph.outputs.map((output) => {
      const phases = this.phases.get(output);
      if (!phases) return output;
      const root = output.producer?.name ?? output.name;
      const make = builderAt({
        graph,
        before: undefined,
        origin: output.producer?.origin ?? [root],
        root,
        inference: this.context.inference,
      });
      const map = stitch(make, output, phases);
      const lengths = this.context.inference.intsOf(phases.fine) ?? densityOf(phases).map(() => undefined);
      // Shape inference cannot tell that the phases have at least as many cells as the map.
      if (map.type) graph.setType(map, { ...map.type, shape: [...(map.type.shape ?? []).slice(0, 2), ...lengths] });
      return map;
    });
    const before = graph.outputs;
    graph.setOutputs(outputs);
    outputs.forEach((output, at) => {
      const old = before[at];
      if (!old || old === output) return;
      const { name } = old;
      graph.rename(old, `${name}_phases`);
      graph.rename(output, name);
    });
  }

  // ---- operators that keep positions ----

  private everywhere(node: Node, splits: Splits, densities: Densities): Action | Refusal {
    for (const output of node.outputs) this.planned.set(output, splits);
    const isView = isNode(node, 'Reshape');
    const batch = [node.inputs[0], node.outputs[0]].map((value) => value?.type?.shape?.[0]);
    if (isView && (batch[0] === undefined || batch[0] !== batch[1] || intAttr(node, 'allowzero') !== 0))
      return because('it does not leave the batch where it is');
    // Operands shared by all phases: gates over the original map.
    const shared = isBroadcasting(node.op)
      ? node.inputs.flatMap((input, slot) =>
          input && !isConst(input) && !densities.isSpread(input) && densities.roles.of(input)?.[0] === 'N' && input.type?.shape?.[0] !== 1
            ? [slot]
            : [],
        )
      : [];
    return (make) => {
      const phases = this.joined(make, node);
      if (!phases) return;
      for (const output of node.outputs) this.phases.set(output, phases);
      for (const slot of shared) {
        const gate = node.inputs[slot];
        if (gate) this.graph.replaceInput(node, slot, repeated(make, gate, phases));
      }
      const target = isView ? node.inputs[1] : undefined;
      if (target) this.graph.replaceInput(node, 1, withAnyBatch(make, target));
      this.infer(node);
    };
  }

  /** Where maps are combined, finer ones are cut to the shortest: gaps begin where the first map has one. */
  private joined(make: Builder, node: Node): Phases | undefined {
    const all = [...new Set(node.inputs.flatMap((input) => (input && this.phases.get(input)) ?? []))];
    const [first, ...others] = all;
    if (!first) return undefined;
    const sizes = (of: Phases): readonly unknown[] | undefined => this.context.inference.intsOf(of.fine);
    const differ = others.filter((other) => {
      const [a, b] = [this.context.inference.intsOf(first.fine), this.context.inference.intsOf(other.fine)];
      return !a || !b || a.some((dim, axis) => !sameDim(dim, b[axis])) || sizes(other) === undefined;
    });
    return differ.length === 0 ? first : { ...first, fine: make.op('Min', [first.fine, ...differ.map(({ fine }) => fine)]) };
  }

  private firstOnly(node: Node, map: Value): Action {
    const slots = [...node.inputs.keys()].filter((slot) => node.inputs[slot] === map);
    return (make, x) => {
      const phases = this.phases.get(x);
      if (!phases) return;
      const first = firstPhases(make, x, phases);
      for (const slot of slots) this.graph.replaceInput(node, slot, first);
    };
  }

  /** Computes each phase of the result from the corresponding phase of the map, which are its first ones. */
  private resize(node: Node, { x: map, before, after }: Task, splits: Splits): Action | Refusal {
    const [output] = node.outputs;
    const kept = splits.filter((_, at) => fitsInto(densityOf({ splits: splits.slice(0, at + 1) }), after));
    const isFollowed =
      (kept.length === 0 ? isOne(after) : isSame(densityOf({ splits: kept }), after)) &&
      (isOne(after) || (output !== undefined && liesAlike(map, before, output, after)));
    if (!output || !isFollowed) return because('it interpolates a map that would have to become finer by another factor');
    this.planned.set(output, kept);
    return (make, x) => {
      const phases = this.phases.get(x);
      if (!phases) return;
      const first = firstPhases(make, isOne(after) ? x : this.withoutGaps(make, x, phases, 0), phases, kept);
      const result = resized(make, node, first);
      if (!isOne(after)) this.phases.set(result, { splits: kept, fine: times(make, lengthsOf(make, result, after), after) });
      this.graph.replaceAllUses(output, result);
      this.graph.removeNode(node);
    };
  }

  /** Nodes built later need the new length of the batch. */
  private infer(node: Node): void {
    this.context.inference.inferNode(node).forEach((type, index) => {
      const output = node.outputs[index];
      if (output) this.graph.setType(output, type);
    });
  }

  // ---- operators that move positions ----

  private pad(node: Node, splits: Splits): Action | Refusal {
    const [, amounts, fill, axes] = node.inputs;
    const [output] = node.outputs;
    if (!output || axes || !amounts || (fill && !isConst(fill))) return because('what it pads, or with what, is computed');
    this.planned.set(output, splits);
    const number = fill?.constant ? (readNumbers(fill.constant)[0] ?? 0) : 0;
    return (make, x) => {
      const phases = this.phases.get(x);
      if (!phases) return;
      const known = isConst(amounts) ? [...readNumbers(amounts.constant)] : undefined;
      const count = densityOf(phases).length;
      const behind = 2 + count + 2;
      const crops = known?.slice(behind).every((amount) => amount <= 0) ?? false;
      if (!crops) this.graph.replaceInput(node, 0, this.withoutGaps(make, x, phases, number));
      const side = (from: number): Value =>
        make.op('Slice', [amounts, make.int64s('from', [from]), make.int64s('to', [from + count]), make.int64s('axis', [0])]);
      const more = known
        ? make.int64s(
            'more',
            densityOf(phases).map((_, axis) => (known[axis + 2] ?? 0) + (known[axis + behind] ?? 0)),
          )
        : make.op('Add', [side(2), side(behind)]);
      this.phases.set(output, { ...phases, fine: make.op('Add', [phases.fine, times(make, more, densityOf(phases))]) });
      this.infer(node);
    };
  }

  private slice(node: Node, { before, after }: Task, splits: Splits, densities: Densities): Action | Refusal {
    const [output] = node.outputs;
    const [first] = densities.maps(node);
    const roles = (first && densities.roles.of(first)) ?? [];
    const cut = placesCut(node, roles, densities.letters);
    if ('because' in cut) return cut;
    if (!output) return because('it has no output');
    if (cut.places.length === 0) return this.everywhere(node, splits, densities);
    if (!first || !isStitchable(first, densities)) return because(NOT_CHANNELS_FIRST);
    const undone = undo(
      each(before, (_, axis) => stepAlong(axis)),
      before,
      after,
    );
    if ('because' in undone) return undone;
    this.planned.set(output, isOne(undone.by) ? splits : [...splits, undone.by]);
    const { starts, ends, steps, axes } = cut;
    return (make, x) => {
      for (const { at: place, axis } of cut.places) steps[place] = at(undone.strides, axis);
      const shape = axes.length;
      const parts = [starts, ends, axes, steps].map((numbers) => make.int64s('part', numbers.slice(0, shape)));
      const phases = this.phases.get(x);
      const taken = make.op('Slice', [x, ...parts]);
      const fine = phases && fineBehindSlice(make, phases, cut, undone.strides);
      this.finish(make, node, taken, phases, fine, undone.by);
    };

    function stepAlong(axis: number): number {
      const place = 'because' in cut ? undefined : cut.places.find((candidate) => candidate.axis === axis);
      return place && !('because' in cut) ? (cut.steps[place.at] ?? 1) : 1;
    }
  }

  private window(node: Node, { x: map, before, after }: Task, splits: Splits): Action | Refusal {
    const [output] = node.outputs;
    const window = windowOf(node, kernelOf(node));
    const mode = asPool(node)?.mode;
    if (typeof window === 'string') return because(window);
    if (!output) return because('it has no output');
    if (node.outputs.length > 1) return because('its indices are read');
    const undone = undo(window.strides, before, after);
    if ('because' in undone) return undone;
    const isPadded = window.pads?.slice(window.kernel.length).some((amount) => amount > 0) ?? true;
    if (mode === 'max' && isPadded && !isFloatType(map.type?.dtype ?? 'float'))
      return because('integers have no minus infinity to pad with');
    const channels = channelsOf(map);
    if (typeof channels === 'object' && mode === 'mean') return channels;
    this.planned.set(output, isOne(undone.by) ? splits : [...splits, undone.by]);
    return (make, x) => {
      const phases = this.phases.get(x);
      const same = window.pads
        ? undefined
        : samePadding(
            make,
            x,
            window,
            each(window.kernel, () => 1),
          );
      const filler = mode === 'max' ? Number.NEGATIVE_INFINITY : 0;
      const whole = phases && isPadded ? this.withoutGaps(make, x, phases, filler) : x;
      const now = { ...window, strides: undone.strides };
      const result =
        mode === 'mean'
          ? this.average(
              make,
              node,
              { x: whole, channels: typeof channels === 'number' ? channels : 0 },
              now,
              same?.amounts,
              isPadded ? phases : undefined,
            )
          : plain(make, node, whole, now, same?.amounts, filler);
      const fine = phases && fineBehind(make, phases, now, same?.missing);
      this.finish(make, node, result, phases, fine, undone.by);
    };
  }

  private average(
    make: Builder,
    node: Node,
    { x, channels }: { readonly x: Value; readonly channels: number },
    window: Window,
    amounts: Value | undefined,
    phases: Phases | undefined,
  ): Value {
    const ones = (builder: Builder, map: Value, pads: Pads | undefined): Value => {
      if (phases && !pads) return this.onesOf(builder, map, phases);
      if (!phases || !pads) return onesOf(builder, map);
      const more = each(window.kernel, (_, axis) => sideOf(pads, axis, 'front') + sideOf(pads, axis, 'back'));
      const fine = builder.op('Add', [phases.fine, times(builder, builder.int64s('more', more), densityOf(phases))]);
      return cells(builder, map, { ...phases, fine });
    };
    const dilates = (this.context.model.opsets.get('') ?? 0) >= 19;
    return averageOver(
      make,
      node,
      { x, channels, ones, hasGaps: phases !== undefined, dilates },
      { ...window, pads: amounts ?? window.pads ?? noPads(window.kernel) },
    );
  }

  /** Replaces the node by `result`, which is split once more if a stride was undone. */
  private finish(make: Builder, node: Node, result: Value, phases: Phases | undefined, fine: Value | undefined, by: PerAxis): void {
    const [output] = node.outputs;
    const isSplit = !isOne(by);
    const value = isSplit ? split(make, result, by) : result;
    const size = fine ?? (isSplit ? lengthsOf(make, result, by) : undefined);
    if (size) this.phases.set(value, { splits: [...(phases?.splits ?? []), ...(isSplit ? [by] : [])], fine: size });
    if (output) this.graph.replaceAllUses(output, value);
    this.graph.removeNode(node);
  }

  private withoutGaps(make: Builder, x: Value, phases: Phases, fill: number): Value {
    return countOf(phases) === 1 ? x : filled(make, x, this.onesOf(make, x, phases), fill);
  }

  private onesOf(make: Builder, x: Value, phases: Phases): Value {
    const known = this.ones.get(phases) ?? cells(make, x, phases);
    this.ones.set(phases, known);
    return known;
  }
}

/** A Conv or MaxPool with the given window. */
function plain(make: Builder, node: Node, x: Value, window: Window, amounts: Value | undefined, fill: number): Value {
  const { strides, pads, kernel } = window;
  // The runtime requires pools to have less padding than window.
  const pool = asPool(node);
  const fits = !pool || (pads?.every((amount, index) => amount < (kernel[index % kernel.length] ?? 1)) ?? false);
  const own = pads && fits;
  const attrs = attributes({
    strides,
    pads: own ? pads : noPads(kernel),
    auto_pad: 'NOTSET',
    ...(pool?.mode === 'max' && { ceil_mode: 0 }),
  });
  const data = own ? x : padded(make, x, amounts ?? pads ?? noPads(kernel), fill);
  return make.op(node.op, [data, ...node.inputs.slice(1)], new Map([...node.attrs, ...attrs]));
}

/** Whether the axes are batch, channels, and the spatial axes in order. */
function isStitchable(value: Value, { roles, letters }: Densities): boolean {
  const own = roles.of(value);
  return own?.length === 2 + letters.length && letters.every((letter, axis) => own[axis + 2] === letter);
}

/** Whether the node moves or combines the images of a batch, which hold the phases. */
function movesBatch(node: Node, { roles }: Densities): boolean {
  if (!node.outputs.every((output) => roles.of(output) === undefined || roles.of(output)?.[0] === 'N')) return true;
  const rank = node.inputs[0]?.type?.shape?.length ?? 4;
  const isFirst = (axis: number): boolean => axis === 0 || axis === -rank;
  if (isReduction(node.op)) return node.inputs[1]?.constant !== undefined && [...readNumbers(node.inputs[1].constant)].some(isFirst);
  if (isNode(node, 'Slice')) return node.inputs[3]?.constant !== undefined && [...readNumbers(node.inputs[3].constant)].some(isFirst);
  return BY_AXIS.has(node.op) && isFirst(intAttr(node, 'axis'));
}
const BY_AXIS = new Set(['Concat', 'Split', 'Gather', 'Softmax', 'LogSoftmax', 'Hardmax', 'LpNormalization']);

const fitsInto = (a: PerAxis, b: PerAxis): boolean => a.every((cells, axis) => cells <= at(b, axis));
