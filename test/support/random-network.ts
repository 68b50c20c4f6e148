/**
 * Small random networks of what convolutional classifiers are made of: convolutions of all kinds, norms, pools, pads, sums, gates, channels-last stretches,
 * with odd pads, strides, dilations and groups, pools rounded up, branches that are broadcast, weights that two layers share, values with several readers,
 * and values that are outputs.
 * The same seed gives the same network.
 */
import { float } from '../../src/ir/attrs';
import { Graph } from '../../src/ir/graph';
import { Model } from '../../src/ir/model';
import { inferShapes, type ShapeInference } from '../../src/ir/shape-inference';
import { fromNumbers, int64s } from '../../src/ir/tensor';
import type { Value } from '../../src/ir/types';
import { type Builder, builderAt } from '../../src/rewrite/builder';
import { random } from './seeded';

/** `anySize`: without views and classifiers, which take one size only. */
export function randomNetwork(seed: number, steps: number, { anySize = false }: { readonly anySize?: boolean } = {}): Model {
  const network = new Network(seed, anySize);
  for (let step = 0; step < steps; step++) network.step();
  return network.finish();
}

interface Map4 {
  readonly value: Value;
  readonly shape: readonly [number, number, number, number];
}

class Network {
  private readonly graph = new Graph('random');
  private readonly model = new Model({ graph: this.graph });
  private readonly inference: ShapeInference;
  private readonly values: Value[] = [];
  private readonly weights: Value[] = [];
  private readonly next: () => number;
  private count = 0;

  constructor(
    seed: number,
    private readonly anySize: boolean,
  ) {
    this.next = random(seed);
    const shape = [1 + this.below(2), 2 * (1 + this.below(3)), 5 + this.below(8), 5 + this.below(8)];
    this.values.push(this.graph.addInput('X', { dtype: 'float', shape }));
    this.inference = inferShapes(this.model);
  }

  private below(n: number): number {
    return Math.floor(this.next() * n);
  }
  private chance(share: number): boolean {
    return this.next() < share;
  }
  private pick<T>(items: readonly T[]): T {
    const at = this.below(items.length);
    for (const [index, item] of items.entries()) if (index === at) return item;
    throw new Error('nothing to pick from');
  }

  private get make(): Builder {
    const name = `n${this.count++}`;
    return builderAt({ graph: this.graph, before: undefined, origin: [name], root: name, inference: this.inference });
  }

  /** Numbers of the size that keeps activations near one. */
  private weight(shape: readonly number[], fan: number, around = 0): Value {
    const shared = this.weights.filter(({ type }) => type?.shape?.join() === shape.join());
    if (shared.length > 0 && this.chance(0.15)) return this.pick(shared);
    const size = shape.reduce((all, dim) => all * dim, 1);
    const numbers = Array.from({ length: size }, () => around + ((this.next() * 2 - 1) * 1.5) / Math.sqrt(fan));
    const value = this.make.constant(`w${this.count}`, fromNumbers('float', shape, numbers));
    if (around === 0) this.weights.push(value);
    return value;
  }
  private positive(size: number): Value {
    return this.make.constant(
      `p${this.count}`,
      fromNumbers(
        'float',
        [size],
        Array.from({ length: size }, () => 0.5 + this.next()),
      ),
    );
  }

  /** A map, more likely one of the last. */
  private map(): Map4 {
    const maps = this.values.filter(({ type }) => type?.shape?.length === 4);
    const value = this.chance(0.7) ? maps.at(-1) : this.pick(maps);
    const [n, c, h, w] = value?.type?.shape ?? [];
    if (!value || typeof n !== 'number' || typeof c !== 'number' || typeof h !== 'number' || typeof w !== 'number')
      throw new Error('a map without a shape');
    return { value, shape: [n, c, h, w] };
  }
  private add(value: Value): void {
    this.values.push(value);
  }

  private conv(from: Map4, kernel: readonly [number, number], options: { readonly same?: boolean; readonly outputs?: number } = {}): Value {
    const [, channels, rows, columns] = from.shape;
    const divisors = [1, 1, 1, 2, channels].filter((group) => channels % group === 0);
    const group = this.pick(divisors);
    const outputs = options.outputs ?? group * (1 + this.below(group === channels ? 2 : 3));
    const own = outputs % group === 0 ? group : 1;
    const dilations = options.same ? [1, 1] : kernel.map(() => 1 + this.below(2));
    const span = kernel.map((size, axis) => (size - 1) * (dilations[axis] ?? 1) + 1);
    const pads = options.same
      ? [...span, ...span].map((size) => (size - 1) / 2)
      : [...span, ...span].map((size, at) => Math.max(this.below(3), Math.ceil((size - (at % 2 === 0 ? rows : columns)) / 2), 0));
    const strides = options.same ? [1, 1] : kernel.map(() => 1 + this.below(2));
    const weight = this.weight([outputs, channels / own, ...kernel], (channels / own) * kernel[0] * kernel[1]);
    const bias = this.chance(0.6) ? this.weight([outputs], 4) : undefined;
    return this.make.op('Conv', [from.value, weight, bias], {
      kernel_shape: kernel,
      ...(own > 1 || this.chance(0.3) ? { group: own } : {}),
      ...(this.chance(0.9) || pads.some((pad) => pad > 0) ? { pads } : {}),
      strides,
      dilations,
    });
  }

  private norm(value: Value, channels: number): Value {
    return this.make.op(
      'BatchNormalization',
      [value, this.weight([channels], 4, 1), this.weight([channels], 4), this.weight([channels], 9), this.positive(channels)],
      this.chance(0.5) ? { epsilon: float(1e-3) } : {},
    );
  }

  private perChannel(value: Value, channels: number): Value {
    const op = this.pick(['Mul', 'Add', 'Sub', 'Div']);
    const shape = this.pick([[channels, 1, 1], [1, channels, 1, 1], [], [1]]);
    const constant = this.weight(shape, 9, op === 'Div' || op === 'Mul' ? 1.2 : 0);
    const isSwapped = (op === 'Mul' || op === 'Add' || op === 'Sub') && this.chance(0.3);
    return this.make.op(op, isSwapped ? [constant, value] : [value, constant]);
  }

  /** One more layer, or a few that belong together. */
  step(): void {
    const made = this.layer();
    if (made) this.add(made);
  }

  private layer(): Value | undefined {
    const from = this.map();
    const { value, shape } = from;
    const [batch, channels, rows, columns] = shape;
    switch (this.below(24)) {
      case 0:
      case 1:
        return this.conv(from, [1, 1]);
      case 2:
      case 3:
        return this.conv(from, [1 + this.below(3), 1 + this.below(3)]);
      case 4:
      case 5:
        return this.norm(value, channels);
      case 6:
        return this.perChannel(value, channels);
      case 7:
        return this.make.op(this.pick(['Relu', 'Sigmoid', 'LeakyRelu', 'HardSwish', 'Identity', 'Dropout', 'Tanh']), [value]);
      case 8: {
        // RepVGG: branches over one value, each with or without a norm, summed.
        const outputs = channels;
        const branches = [this.conv(from, [3, 3], { same: true, outputs })];
        if (this.chance(0.7)) branches.push(this.conv(from, [1, 1], { same: true, outputs }));
        if (this.chance(0.5)) branches.push(value);
        const normed = branches.map((branch) => (this.chance(0.5) ? this.norm(branch, outputs) : branch));
        return normed.reduce((sum, branch) => this.make.op('Add', this.chance(0.5) ? [sum, branch] : [branch, sum]));
      }
      case 9: {
        const others = this.values.filter((other) => other.type?.shape?.join() === shape.join());
        return this.make.op('Add', [value, this.pick(others)]);
      }
      case 10: {
        const kernel = [Math.min(rows, 1 + this.below(3)), Math.min(columns, 1 + this.below(3))];
        const pads = [...kernel, ...kernel].map((size) => this.below(size));
        const strides = kernel.map(() => 1 + this.below(2));
        return this.chance(0.6)
          ? this.make.op('AveragePool', [value], {
              kernel_shape: kernel,
              pads: this.chance(0.5) ? [0, 0, 0, 0] : pads,
              strides,
              count_include_pad: this.below(2),
            })
          : this.make.op('MaxPool', [value], { kernel_shape: kernel, pads, strides });
      }
      case 11: {
        // A window must hold more than padding.
        const fill = this.pick([undefined, 0, 0, 1.5, ...(Math.min(rows, columns) >= 3 ? [Number.NEGATIVE_INFINITY] : [])]);
        const amounts = [0, 0, this.below(2), this.below(3), 0, 0, this.below(3), this.below(2)];
        const make = this.make;
        const padded = make.op('Pad', [
          value,
          make.constant('amounts', int64s(amounts)),
          fill === undefined ? undefined : make.scalar('fill', 'float', fill),
        ]);
        // Minus infinity is for maxima alone: elsewhere it makes NaN of zeros.
        return fill === Number.NEGATIVE_INFINITY
          ? this.make.op('MaxPool', [padded], { kernel_shape: [Math.min(3, rows), Math.min(3, columns)] })
          : padded;
      }
      case 12: {
        // Squeeze and excitation.
        const mean = this.make.op('GlobalAveragePool', [value]);
        const gate = this.make.op('Sigmoid', [
          this.make.op('Conv', [mean, this.weight([channels, channels, 1, 1], channels)], { kernel_shape: [1, 1] }),
        ]);
        return this.make.op('Mul', [value, gate]);
      }
      case 13: {
        const first = this.make.op('Transpose', [value], { perm: [0, 2, 3, 1] });
        const product = this.make.op('MatMul', [first, this.weight([channels, 4], channels)]);
        const shifted = this.chance(0.6) ? this.make.op('Add', [product, this.weight([4], 4)]) : product;
        return this.make.op('Transpose', [this.chance(0.4) ? this.make.op('Relu', [shifted]) : shifted], { perm: [0, 3, 1, 2] });
      }
      case 14: {
        const others = this.values.filter((other) => {
          const own = other.type?.shape;
          return own?.length === 4 && own[2] === rows && own[3] === columns;
        });
        return this.make.op('Concat', [value, this.pick(others)], { axis: 1 });
      }
      case 15: {
        if (channels % 2 !== 0) return this.make.op('Neg', [value]);
        const halves = this.make.ops('Split', [value], { axis: 1, num_outputs: 2 }, 2);
        const [a, b] = halves;
        if (!a || !b) return undefined;
        this.add(a);
        return this.make.op('Concat', [b, a], { axis: 1 });
      }
      case 16: {
        const make = this.make;
        const mean = make.op('ReduceMean', [value, make.constant('axes', int64s([2, 3]))], { keepdims: 1 });
        return this.conv({ value: mean, shape: [batch, channels, 1, 1] }, [1, 1], { same: true });
      }
      case 17: {
        const kernel = this.pick([
          [1, 1],
          [2, 2],
        ]);
        const weight = this.weight([channels, 3, ...kernel], channels);
        return this.make.op('ConvTranspose', [value, weight], { kernel_shape: kernel, strides: kernel });
      }
      case 18: {
        // The same product twice, and two views.
        if (this.anySize) return this.make.op('Softsign', [value]);
        const make = this.make;
        const flat = make.op('Reshape', [value, make.constant('flat', int64s([0, -1]))]);
        return this.make.op('Reshape', [flat, this.make.constant('back', int64s([batch, channels, rows, columns]))]);
      }
      case 19: {
        // Branches that Add repeats along an axis: one channel, one row or one place beside many.
        const one = this.pick([
          () => this.conv(from, [3, 3], { same: true, outputs: 1 }),
          () => this.conv(from, [1, 1], { same: true, outputs: 1 }),
          () => this.conv(from, [rows, 1], { outputs: channels }),
          () => this.make.op('GlobalAveragePool', [value]),
          () => this.norm(this.make.op('GlobalMaxPool', [value]), channels),
        ])();
        const many = this.pick([
          () => value,
          () => this.conv(from, [3, 3], { same: true, outputs: channels }),
          () => this.conv(from, [1, 1], { same: true, outputs: channels }),
        ])();
        const fits = (one.type?.shape ?? []).every((dim, axis) => dim === 1 || dim === many.type?.shape?.[axis]);
        return fits ? this.make.op('Add', this.chance(0.5) ? [one, many] : [many, one]) : many;
      }
      case 20: {
        // A padded kernel makes many places of one, to which the one is added.
        const make = this.make;
        const place = make.op('GlobalAveragePool', [value]);
        const weight = this.weight([channels, channels, 3, 3], 9 * channels);
        const many = this.make.op('Conv', [place, weight], { kernel_shape: [3, 3], pads: [2, 1, 2, 1 + this.below(2)] });
        return this.make.op('Add', this.chance(0.5) ? [place, many] : [many, place]);
      }
      case 21:
      case 22: {
        // Pads in front of pools of all kinds, rounded up or down.
        const amounts = [0, 0, this.below(2), this.below(2), 0, 0, this.below(3), this.below(3)];
        const source = this.chance(0.7) ? this.make.op('Relu', [value]) : value;
        const make = this.make;
        const padded = this.chance(0.8)
          ? make.op('Pad', [
              source,
              make.constant('amounts', int64s(amounts)),
              this.chance(0.5) ? make.scalar('fill', 'float', 0) : undefined,
            ])
          : source;
        const kernel = [Math.min(rows, 2 + this.below(2)), Math.min(columns, 2 + this.below(2))];
        const attrs = {
          kernel_shape: kernel,
          strides: kernel.map(() => 1 + this.below(3)),
          ceil_mode: this.below(2),
          ...(this.chance(0.3) && { pads: [...kernel, ...kernel].map((size) => this.below(Math.min(size, 2))) }),
        };
        const op = this.pick(['MaxPool', 'AveragePool', 'LpPool']);
        return this.make.op(op, [padded], { ...attrs, ...(op === 'AveragePool' && { count_include_pad: this.below(2) }) });
      }
      default: {
        // Twice a linear layer in a row, as after folding.
        const middle = this.conv(from, [1, 1], { same: true });
        const [, inner] = middle.type?.shape ?? [];
        if (typeof inner !== 'number') return undefined;
        return this.conv({ value: middle, shape: [batch, inner, rows, columns] }, [1, 1], { same: true });
      }
    }
  }

  finish(): Model {
    const last = this.map();
    if (!this.anySize && this.chance(0.5)) {
      const flat = this.make.op('Flatten', [last.value], { axis: 1 });
      const features = last.shape[1] * last.shape[2] * last.shape[3];
      const hidden = this.make.op('Gemm', [flat, this.weight([6, features], features), this.weight([6], 4)], { transB: 1 });
      this.add(this.chance(0.5) ? this.make.op('Gemm', [hidden, this.weight([6, 4], 6)]) : hidden);
    }
    const end = this.values.at(-1);
    const more = this.values.filter((value) => value.producer && value !== end && this.chance(0.12));
    this.graph.setOutputs([...new Set([...(end?.producer ? [end] : [this.make.op('Relu', [last.value])]), ...more])]);
    // What nobody reads is not part of the network.
    for (const node of [...this.graph.nodes].reverse())
      if (node.outputs.every((output) => output.uses.length === 0 && !this.graph.isOutput(output))) this.graph.removeNode(node);
    for (const constant of [...this.graph.constants]) if (constant.uses.length === 0) this.graph.removeConstant(constant);
    return this.model;
  }
}
