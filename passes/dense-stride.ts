/**
 * dense-stride: a finer map of the same predictions (`--stride N`), by the a trous algorithm.
 *
 *   Y = Op<strides = t, dilations = e, pads = p>(X)
 * becomes, where X has d cells for each one that it had before and Y is to have d',
 *   Y = Op<strides = t d / d', dilations = e d, pads = p d>(X)
 *
 * Every d-th cell of X is what X was, so every d'-th cell of Y reads the very numbers that Y read: taking every k-th cell of the finer map gives the
 * coarser one, border included. A map whose cells lie c pixels apart gets cells gcd(c, N) pixels apart, hence branches that meet stay aligned.
 * What looks at the whole map (squeeze-and-excitation) goes on looking at every d-th cell only; averages that leave out padding are sums over counts;
 * maxima over more padding than their window get it from a Pad of minus infinity.
 * Numbers: reordered.
 * Left alone (all of it, with the node in the way): SAME padding of strided layers, averages of rounded-up size, resized maps, layers that mix places in
 * other ways.
 */
import { attributes, intAttr, intsAttr, stringAttr } from '../src/ir/attrs';
import { AxisRoles, imageInputs, type Roles } from '../src/ir/axis-roles';
import { sameDim, subtractDims } from '../src/ir/dims';
import type { Graph } from '../src/ir/graph';
import { isBroadcasting, isReduction, isUnaryElementwise } from '../src/ir/operator-traits';
import { pixelStride } from '../src/ir/pixel-stride';
import { computedTensor, fromNumbers, int64s, readNumbers } from '../src/ir/tensor';
import type { Node, Value } from '../src/ir/types';
import { isConst } from '../src/ir/types';
import { definePass, type Pass, type PassContext } from '../src/pass/pass';
import { type Builder, builderAt } from '../src/rewrite/builder';

type Pair = readonly [number, number];
/** What is to be done with a node; undefined: nothing. */
type Action = (make: Builder) => void;

/** `stride`: pixels between neighbouring cells of the outputs; it must divide what they are now. Sizes may be symbolic. */
export const denseStride = (stride: number): Pass =>
  definePass({
    name: 'dense-stride',
    summary: 'make the map of predictions finer (--stride)',
    numbers: 'reordered',
    run(graph, context) {
      const plan = new Plan(graph, stride, context);
      const actions: [Node, Action][] = [];
      for (const node of graph.nodes) {
        const action = plan.actionFor(node);
        const at = { node: node.name, op: node.op, origin: node.origin };
        if (typeof action === 'string') {
          context.remark({ kind: 'refused', rule: 'dense', reason: action, at, origin: node.origin });
          return;
        }
        if (action) actions.push([node, action]);
      }
      for (const [node, action] of actions) {
        action(builderAt({ graph, before: node, origin: node.origin, root: node.name, inference: context.inference }));
        context.remark({
          kind: 'applied',
          rule: node.op,
          at: { node: node.name, op: node.op, origin: node.origin },
          origin: node.origin,
        });
      }
      align(graph, context);
      context.inference.inferAll();
    },
  });

/**
 * Of d new cells for each old one, the last old one may be followed by up to d - 1 more: branches that meet need not have as many of them. They are cut to
 * the fewest, which takes away none of the old.
 */
function align(graph: Graph, { inference }: PassContext): void {
  for (const node of graph.nodes) {
    const maps = node.op === 'Concat' || isBroadcasting(node.op) ? node.inputs.filter((input): input is Value => isMap(input)) : [];
    const [first] = maps;
    const differ = first && maps.some((map) => [2, 3].some((axis) => !sameDim(map.type?.shape?.[axis], first.type?.shape?.[axis])));
    if (differ) {
      const make = builderAt({ graph, before: node, origin: node.origin, root: node.name, inference });
      const sizeOf = (map: Value): Value => make.op('Shape', [map], { start: 2, end: 4 });
      const smallest = maps.find((map) => maps.every((other) => isWithin(map, other)));
      const fewest = smallest ? sizeOf(smallest) : make.op('Min', maps.map(sizeOf));
      const [start, axes] = [make.constant('first', int64s([0, 0])), make.constant('places', int64s([2, 3]))];
      node.inputs.forEach((input, slot) => {
        if (isMap(input) && input !== smallest) graph.replaceInput(node, slot, make.op('Slice', [input, start, fewest, axes]));
      });
    }
    inference.inferNode(node).forEach((type, index) => {
      const output = node.outputs[index];
      if (output) graph.setType(output, type);
    });
  }
}

/** Whether it has no more rows and columns than the other, at every size. */
const isWithin = (map: Value, other: Value): boolean =>
  [2, 3].every((axis) => {
    const difference = subtractDims(other.type?.shape?.[axis], map.type?.shape?.[axis]);
    return typeof difference === 'number' && difference >= 0;
  });

/** [N, C, H, W] with more than one cell, or of a size that grows. */
const isMap = (value: Value | undefined): boolean =>
  value !== undefined && !isConst(value) && value.type?.shape?.length === 4 && value.type.shape.slice(2).some((dim) => dim !== 1);

/** Whether the operator treats every place alike, whatever lies beside it. Axes are looked at by the caller. */
const isPlacewise = (op: string): boolean =>
  isUnaryElementwise(op) ||
  isBroadcasting(op) ||
  [
    'BatchNormalization',
    'LRN',
    'Concat',
    'Split',
    'Slice',
    'Gather',
    'Transpose',
    'Reshape',
    'Dropout',
    'Shape',
    'LayerNormalization',
  ].includes(op) ||
  ['RMSNormalization', 'Softmax', 'LogSoftmax', 'MatMul', 'Squeeze', 'Unsqueeze', 'Flatten', 'Size'].includes(op);

class Plan {
  private readonly roles: AxisRoles;
  private readonly densities = new Map<Value, Pair>();

  constructor(
    private readonly graph: Graph,
    private readonly stride: number,
    private readonly context: PassContext,
  ) {
    this.roles = new AxisRoles(imageInputs(graph));
    // Asked before anything changes.
    for (const node of graph.nodes) for (const output of node.outputs) this.densities.set(output, this.densityOf(output));
  }

  /** New cells for each old one, along rows and columns. */
  private densityOf(value: Value): Pair {
    if (!this.isSpread(value)) return [1, 1];
    const [y, x] = pixelStride(value);
    return [y / commonDivisor(y, this.stride), x / commonDivisor(x, this.stride)];
  }
  private density(value: Value | undefined): Pair {
    return (value && this.densities.get(value)) ?? [1, 1];
  }

  /** Whether the value has more than one place. */
  private isSpread(value: Value): boolean {
    return this.roles.of(value)?.some((role, axis) => isPlace(role) && value.type?.shape?.[axis] !== 1) ?? false;
  }

  actionFor(node: Node): Action | string | undefined {
    const data = node.inputs.filter((input): input is Value => input !== undefined && !isConst(input) && this.isSpread(input));
    const [x] = data;
    const [output] = node.outputs;
    if (!x || !output) return undefined;
    const [before, after] = [this.density(x), this.density(output)];
    if (isOne(before) && isOne(after) && data.every((input) => isOne(this.density(input)))) return undefined;
    if (!data.every((input) => same(this.density(input), before))) return 'it brings maps of different strides together';
    if (![...before, ...after].every(Number.isInteger)) return 'its map lies on no whole number of pixels';
    switch (node.op) {
      case 'Conv':
        return this.conv(node, before, after);
      case 'MaxPool':
        return this.maxPool(node, before, after);
      case 'AveragePool':
        return this.averagePool(node, x, before, after);
      case 'GlobalAveragePool':
      case 'GlobalMaxPool':
        return this.everyOther(node, x, before);
      case 'Pad':
        return this.pad(node, x, before);
      default:
        return this.placewise(node, x, before, after);
    }
  }

  private placewise(node: Node, x: Value, before: Pair, after: Pair): Action | string | undefined {
    const roles = this.roles.of(x);
    if (!roles) return 'it is not known which of its axes are rows and columns';
    if (isReduction(node.op)) {
      const axes = node.inputs[1]?.constant;
      if (!axes) return 'the axes that it takes together are not known';
      const reduced = [...readNumbers(axes)].map((axis) => roles[axis < 0 ? axis + roles.length : axis] ?? '');
      return reduced.some(isPlace) ? this.everyOther(node, x, before) : undefined;
    }
    const along = (fallback: number): string => {
      const axis = intAttr(node, 'axis', fallback);
      return roles[axis < 0 ? axis + roles.length : axis] ?? '';
    };
    switch (node.op) {
      case 'Concat':
      case 'Split':
      case 'Gather':
        return isPlace(along(0)) ? 'it puts places together or takes them apart' : undefined;
      case 'Softmax':
      case 'LogSoftmax':
        return isPlace(along(-1)) ? 'it compares places with each other' : undefined;
      case 'LayerNormalization':
      case 'RMSNormalization':
        return roles.slice(intAttr(node, 'axis', -1)).some(isPlace) ? 'it normalises over places' : undefined;
      case 'Slice':
        return isOne(before) && same(before, after) ? undefined : this.slice(node, roles);
      case 'MatMul':
        return isConst(node.inputs[1]) && !isPlace(roles.at(-1) ?? '') ? undefined : 'it mixes places';
      case 'Reshape':
      case 'Flatten':
      case 'Squeeze':
      case 'Unsqueeze': {
        const [output] = node.outputs;
        const own = output && this.roles.of(output);
        return own?.includes('H') && own.includes('W') ? undefined : 'it does not keep rows and columns apart';
      }
      default:
        return isPlacewise(node.op) ? undefined : 'it is not known how it grows with the map';
    }
  }

  /** Channels may be cut; places may not. */
  private slice(node: Node, roles: Roles): string | undefined {
    const axes = node.inputs[3]?.constant;
    const cut = axes ? [...readNumbers(axes)].map((axis) => roles[axis < 0 ? axis + roles.length : axis] ?? '') : roles;
    return cut.some(isPlace) ? 'it cuts places out of the map' : undefined;
  }

  private conv(node: Node, before: Pair, after: Pair): Action | string {
    const facts = this.facts(node, before, after, node.inputs[1]?.type?.shape?.slice(2));
    if (typeof facts === 'string') return facts;
    return () => this.spell(node, { pads: facts.pads, strides: facts.strides, dilations: facts.dilations, auto_pad: 'NOTSET' });
  }

  private maxPool(node: Node, before: Pair, after: Pair): Action | string {
    const facts = this.facts(node, before, after, intsAttr(node, 'kernel_shape'));
    if (typeof facts === 'string') return facts;
    if (node.outputs.length > 1) return 'its indices are read';
    const { kernel, strides, dilations } = facts;
    const isRoundedUp = intAttr(node, 'ceil_mode', 0) !== 0;
    // Rounding up is padding behind by what a stride can miss.
    const behind = isRoundedUp ? facts.own.strides.map((step) => step - 1) : [0, 0];
    if (
      isRoundedUp &&
      kernel.some(
        (size, axis) => (facts.own.pads[axis + 2] ?? 0) + (behind[axis] ?? 0) >= (size - 1) * (facts.own.dilations[axis] ?? 1) + 1,
      )
    )
      return 'its last window can lie in the padding alone';
    const pads = facts.pads.map((amount, at) => amount + (at < 2 ? 0 : (behind[at - 2] ?? 0) * (before[at - 2] ?? 1)));
    // The runtime wants less padding than window.
    const fits = pads.every((amount, at) => amount < (kernel[at % 2] ?? 1));
    return (make) => {
      const attrs = { strides, dilations, auto_pad: 'NOTSET', ceil_mode: 0 };
      if (fits) return this.spell(node, { ...attrs, pads });
      return this.spell(node, { ...attrs, pads: [0, 0, 0, 0] }, [padded(make, node.inputs[0], pads, Number.NEGATIVE_INFINITY)]);
    };
  }

  private averagePool(node: Node, x: Value, before: Pair, after: Pair): Action | string {
    const facts = this.facts(node, before, after, intsAttr(node, 'kernel_shape'));
    if (typeof facts === 'string') return facts;
    if (intAttr(node, 'ceil_mode', 0) !== 0) return 'its size is rounded up, where cells of padding count otherwise';
    const { kernel, strides, dilations, pads } = facts;
    const channels = x.type?.shape?.[1];
    if (typeof channels !== 'number') return 'its number of channels is not known';
    const isPadded = pads.some((amount) => amount > 0);
    if (isOne(before)) return () => this.spell(node, { strides, pads, auto_pad: 'NOTSET' });
    const dtype = x.type?.dtype ?? 'float';
    const size = (kernel[0] ?? 1) * (kernel[1] ?? 1);
    const counts = intAttr(node, 'count_include_pad', 0) !== 0;
    return (make) => {
      if (!isPadded && (this.context.model.opsets.get('') ?? 0) >= 19)
        return this.spell(node, { strides, dilations, pads, auto_pad: 'NOTSET' });
      const weight = (outputs: number, share: number): Value =>
        make.constant(
          'window',
          computedTensor(dtype, [outputs, 1, ...kernel], () => new Float64Array(outputs * size).fill(share)),
        );
      const attrs = { kernel_shape: kernel, strides, dilations, pads };
      const mean = make.op('Conv', [node.inputs[0], weight(channels, isPadded && !counts ? 1 : 1 / size)], { ...attrs, group: channels });
      if (!isPadded || counts) return this.replace(node, mean);
      const places = make.op('Shape', [node.inputs[0]], { start: 2, end: 4 });
      const shape = make.op('Concat', [make.constant('one_map', int64s([1, 1])), places], { axis: 0 });
      const ones = make.op('Expand', [make.constant('one', fromNumbers(dtype, [1, 1, 1, 1], [1])), shape]);
      this.replace(node, make.op('Div', [mean, make.op('Conv', [ones, weight(1, 1)], attrs)]));
    };
  }

  /** What looks at the whole map looks at the cells that it has always had. */
  private everyOther(node: Node, x: Value, before: Pair): Action | string {
    const roles = this.roles.of(x);
    const axes = ['H', 'W'].map((role) => roles?.indexOf(role) ?? -1);
    if (axes.some((axis) => axis < 0)) return 'it is not known which of its axes are rows and columns';
    const slots = [...node.inputs.keys()].filter((slot) => node.inputs[slot] === x);
    return (make) => {
      const coarse = make.op('Slice', [
        node.inputs[slots[0] ?? 0],
        make.constant('first', int64s([0, 0])),
        make.constant('last', int64s([Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER])),
        make.constant('places', int64s(axes)),
        make.constant('density', int64s(before)),
      ]);
      for (const slot of slots) this.graph.replaceInput(node, slot, coarse);
    };
  }

  private pad(node: Node, x: Value, before: Pair): Action | string {
    const [, amounts, fill, axes] = node.inputs;
    if (stringAttr(node, 'mode', 'constant') !== 'constant') return 'it pads with what lies at the border';
    if (!isConst(amounts) || (axes && !isConst(axes)) || (fill && !isConst(fill))) return 'what it pads is computed';
    const roles = this.roles.of(x);
    if (!roles) return 'it is not known which of its axes are rows and columns';
    const named = axes ? [...readNumbers(axes.constant)].map((axis) => (axis < 0 ? axis + roles.length : axis)) : [...roles.keys()];
    const numbers = [...readNumbers(amounts.constant)];
    if (numbers.some((amount) => amount < 0)) return 'it crops';
    const factor = (at: number): number => ({ H: before[0], W: before[1] })[roles[named[at % named.length] ?? 0] ?? ''] ?? 1;
    return (make) => this.graph.replaceInput(node, 1, make.constant('amounts', int64s(numbers.map((amount, at) => amount * factor(at)))));
  }

  /** Attributes of a window, old and new. */
  private facts(node: Node, before: Pair, after: Pair, shape: readonly unknown[] | undefined): WindowFacts | string {
    const kernel = shape?.filter((size): size is number => typeof size === 'number');
    if (kernel?.length !== 2) return 'its window is not known, or not of two axes';
    const own = {
      strides: intsAttr(node, 'strides') ?? [1, 1],
      dilations: intsAttr(node, 'dilations') ?? [1, 1],
      pads: explicitPads(node, kernel),
    };
    if (!own.pads) return 'its SAME padding depends on the size of the map';
    const strides = own.strides.map((step, axis) => (step * (before[axis] ?? 1)) / (after[axis] ?? 1));
    if (!strides.every(Number.isInteger)) return 'its stride cannot be divided so';
    return {
      kernel,
      strides,
      dilations: own.dilations.map((gap, axis) => gap * (before[axis] ?? 1)),
      pads: own.pads.map((amount, at) => amount * (before[at % 2] ?? 1)),
      own: { ...own, pads: own.pads },
    };
  }

  private spell(node: Node, attrs: Parameters<typeof attributes>[0], data?: readonly Value[]): void {
    this.graph.respell(node, {
      attrs: new Map([...node.attrs, ...attributes(attrs)]),
      ...(data && { inputs: [...data, ...node.inputs.slice(data.length)] }),
    });
  }

  private replace(node: Node, value: Value): void {
    const [output] = node.outputs;
    if (!output) return;
    this.graph.replaceAllUses(output, value);
    this.graph.removeNode(node);
  }
}

interface WindowFacts {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly pads: readonly number[];
  readonly own: { readonly strides: readonly number[]; readonly dilations: readonly number[]; readonly pads: readonly number[] };
}

/** [top, left, bottom, right], also of SAME padding where the stride is one; undefined where it depends on the size. */
function explicitPads(node: Node, kernel: readonly number[]): readonly number[] | undefined {
  const mode = stringAttr(node, 'auto_pad', 'NOTSET');
  if (mode === 'NOTSET') return intsAttr(node, 'pads') ?? [0, 0, 0, 0];
  if (mode === 'VALID') return [0, 0, 0, 0];
  if ((intsAttr(node, 'strides') ?? []).some((step) => step !== 1)) return undefined;
  const total = kernel.map((size, axis) => (size - 1) * (intsAttr(node, 'dilations')?.[axis] ?? 1));
  const small = total.map((amount) => Math.floor(amount / 2));
  const large = total.map((amount) => Math.ceil(amount / 2));
  return mode === 'SAME_UPPER' ? [...small, ...large] : [...large, ...small];
}

function padded(make: Builder, x: Value | undefined, [top = 0, left = 0, bottom = 0, right = 0]: readonly number[], fill: number): Value {
  const amounts = make.constant('amounts', int64s([0, 0, top, left, 0, 0, bottom, right]));
  return make.op('Pad', [x, amounts, make.scalar('fill', x?.type?.dtype ?? 'float', fill)]);
}

const isPlace = (role: string): boolean => /[HW]/.test(role);
const isOne = ([y, x]: Pair): boolean => y === 1 && x === 1;
const same = (a: Pair, b: Pair): boolean => a[0] === b[0] && a[1] === b[1];
/** Of whole numbers; what lies closer than a pixel stays as it is. */
function commonDivisor(a: number, b: number): number {
  if (!Number.isInteger(a)) return a;
  return b === 0 ? a : commonDivisor(b, a % b);
}
