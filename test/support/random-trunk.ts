/**
 * Small random fully convolutional networks over [N, 2, height, width] of any size, of what trunks are made of where strides are: convolutions plain, grouped,
 * depthwise, dilated and patchifying; pools with kernels smaller and larger than their strides, rounded up, SAME, dilated; residual blocks and inception
 * blocks with strides; gates, channel shuffles, pads and crops, Focus stems. The same seed gives the same network.
 */
import { Graph } from '../../src/ir/graph';
import { Model } from '../../src/ir/model';
import { inferShapes, type ShapeInference } from '../../src/ir/shape-inference';
import { fromNumbers, int64s } from '../../src/ir/tensor';
import type { Value } from '../../src/ir/types';
import { pixelStride } from '../../src/operators/pixel-stride';
import { type Builder, builderAt } from '../../src/rewrite/builder';
import { random } from './seeded';

export interface TrunkOptions {
  readonly layers: number;
  /** Without any padding: every cell is the network on its crop. */
  readonly unpadded?: boolean;
  readonly opset?: number;
  /** Strides differ along rows and columns. */
  readonly rectangular?: boolean;
}

export function randomTrunk(seed: number, options: TrunkOptions): Model {
  const trunk = new Trunk(seed, options);
  for (let layer = 0; layer < options.layers; layer++) trunk.layer();
  return trunk.finish();
}

class Trunk {
  private readonly graph = new Graph('trunk');
  private readonly model: Model;
  private readonly inference: ShapeInference;
  private readonly next: () => number;
  private at: Value;
  private count = 0;

  constructor(
    seed: number,
    private readonly options: TrunkOptions,
  ) {
    this.next = random(seed);
    this.model = new Model({ graph: this.graph, opsets: new Map([['', options.opset ?? this.pick([13, 17, 20])]]) });
    this.at = this.graph.addInput('X', { dtype: 'float', shape: ['N', 2, 'height', 'width'] });
    this.inference = inferShapes(this.model);
  }

  private below(n: number): number {
    return Math.floor(this.next() * n);
  }
  private chance(share: number): boolean {
    return this.next() < share;
  }
  private pick<T>(items: readonly [T, ...T[]]): T {
    return items[this.below(items.length)] ?? items[0];
  }
  private get make(): Builder {
    const name = `n${this.count++}`;
    return builderAt({ graph: this.graph, before: undefined, origin: [name], root: name, inference: this.inference });
  }
  private get channels(): number {
    const channels = this.at.type?.shape?.[1];
    if (typeof channels !== 'number') throw new Error('a map without channels');
    return channels;
  }
  private weight(shape: readonly number[], fan: number): Value {
    const size = shape.reduce((all, dim) => all * dim, 1);
    const numbers = Array.from({ length: size }, () => ((this.next() * 2 - 1) * 1.6) / Math.sqrt(fan));
    return this.make.constant(`w${this.count}`, fromNumbers('float', shape, numbers));
  }

  private stride(): number {
    const [y = 1] = pixelStride(this.at);
    return y >= 8 ? 1 : this.pick([1, 1, 2, 2, 3]);
  }
  private pads(kernel: readonly number[], most = 2): number[] {
    return [...kernel, ...kernel].map((size) => (this.options.unpadded ? 0 : this.below(Math.min(size, most + 1))));
  }
  private strides(stride: number): number[] {
    return this.options.rectangular && stride > 1 ? [stride, this.pick([1, stride, 2 * stride])] : [stride, stride];
  }

  private conv(kernel: readonly [number, number], stride: number, outputs = 2 * (1 + this.below(2)), from = this.at): Value {
    const channels = Number(from.type?.shape?.[1]);
    const group = this.pick([1, 1, 2, channels]);
    const filters = group === channels ? channels : outputs;
    const strides = this.strides(stride);
    const isSame = !this.options.unpadded && this.chance(0.3) && fits(kernel, strides);
    const dilation = isSame ? 1 : this.pick([1, 1, 2]);
    return this.make.op(
      'Conv',
      [from, this.weight([filters, channels / group, ...kernel], (channels / group) * kernel[0] * kernel[1]), this.weight([filters], 4)],
      {
        kernel_shape: kernel,
        strides,
        dilations: [dilation, dilation],
        group,
        ...(isSame ? { auto_pad: this.pick(['SAME_UPPER', 'SAME_LOWER']) } : { pads: this.pads(kernel) }),
      },
    );
  }

  private pool(op: 'MaxPool' | 'AveragePool', stride: number): Value {
    const kernel = [1 + this.below(3), 1 + this.below(3)];
    const strides = this.strides(stride);
    const isSame = !this.options.unpadded && this.chance(0.25) && fits(kernel, strides);
    const dilation = op === 'MaxPool' && !isSame && this.chance(0.25) ? 2 : 1;
    return this.make.op(op, [this.at], {
      kernel_shape: kernel,
      strides,
      ...(isSame
        ? { auto_pad: this.pick(['SAME_UPPER', 'SAME_LOWER']) }
        : { pads: this.pads(kernel), ceil_mode: this.options.unpadded ? 0 : this.below(2) }),
      ...(dilation > 1 && { dilations: [dilation, dilation] }),
      ...(op === 'AveragePool' && { count_include_pad: this.below(2) }),
    });
  }

  layer(): void {
    const { channels, at } = this;
    const unpadded = this.options.unpadded ?? false;
    switch (this.below(15)) {
      case 0:
      case 1:
      case 2:
        this.at = this.conv([1 + this.below(3), 1 + this.below(3)], this.stride());
        return;
      case 3:
        this.at = this.pool('MaxPool', this.stride());
        return;
      case 4:
        this.at = this.pool('AveragePool', this.stride());
        return;
      case 5:
        this.at = this.make.op(this.pick(['Relu', 'Sigmoid', 'HardSwish', 'Tanh']), [at]);
        return;
      case 6: {
        // A residual block: a strided shortcut beside a strided convolution, with sizes that always agree.
        const stride = this.stride();
        const strides = this.strides(stride);
        if (unpadded) return;
        const inner = this.make.op('Conv', [at, this.weight([4, channels, 3, 3], 9 * channels)], {
          kernel_shape: [3, 3],
          strides,
          pads: [1, 1, 1, 1],
        });
        const outer = this.make.op('Conv', [this.make.op('Relu', [inner]), this.weight([4, 4, 3, 3], 36)], {
          kernel_shape: [3, 3],
          pads: [1, 1, 1, 1],
        });
        const short = this.chance(0.5)
          ? this.make.op('Conv', [at, this.weight([4, channels, 1, 1], channels)], { kernel_shape: [1, 1], strides })
          : this.make.op(
              'Conv',
              [
                this.make.op('AveragePool', [at], { kernel_shape: strides, strides, ceil_mode: 1, count_include_pad: 0 }),
                this.weight([4, channels, 1, 1], channels),
              ],
              {
                kernel_shape: [1, 1],
              },
            );
        this.at = this.make.op('Add', [outer, short]);
        return;
      }
      case 7: {
        // An inception block that halves: a padded convolution beside a rounded-up pool, whose finer maps differ in length.
        if (unpadded) return;
        const stride = this.stride() > 1 ? 2 : 1;
        const strides = [stride, stride];
        const branch = this.make.op('Conv', [at, this.weight([2, channels, 3, 3], 9 * channels)], {
          kernel_shape: [3, 3],
          strides,
          pads: [1, 1, 1, 1],
        });
        const pooled =
          stride === 1
            ? this.make.op('MaxPool', [at], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] })
            : this.make.op('MaxPool', [at], { kernel_shape: [2, 2], strides, ceil_mode: 1 });
        this.at = this.make.op('Concat', [branch, pooled], { axis: 1 });
        return;
      }
      case 8: {
        // Squeeze and excitation.
        if (unpadded) return;
        const mean = this.chance(0.5)
          ? this.make.op('GlobalAveragePool', [at])
          : this.make.op('ReduceMean', [at, this.make.constant('axes', int64s([2, 3]))], { keepdims: 1 });
        const gate = this.make.op('Sigmoid', [
          this.make.op('Conv', [mean, this.weight([channels, channels, 1, 1], channels)], { kernel_shape: [1, 1] }),
        ]);
        this.at = this.make.op('Mul', this.chance(0.5) ? [at, gate] : [gate, at]);
        return;
      }
      case 9: {
        // A channel shuffle, as exporters write it.
        const tail = this.make.op('Shape', [at], { start: 2, end: 4 });
        const split = this.make.op('Concat', [this.make.constant('split', int64s([0, 2, channels / 2])), tail], { axis: 0 });
        const groups = this.make.op('Transpose', [this.make.op('Reshape', [at, split])], { perm: [0, 2, 1, 3, 4] });
        const whole = this.make.op('Concat', [this.make.constant('whole', int64s([0, channels])), tail], { axis: 0 });
        this.at = this.make.op('Reshape', [groups, whole]);
        return;
      }
      case 10: {
        const amounts = [this.below(3), this.below(2), this.below(2), this.below(3)].map((amount) =>
          unpadded ? 0 : amount - (this.chance(0.3) ? 1 : 0),
        );
        const [top = 0, left = 0, bottom = 0, right = 0] = amounts;
        const make = this.make;
        this.at = make.op('Pad', [
          at,
          make.constant('amounts', int64s([0, 0, top, left, 0, 0, bottom, right])),
          make.scalar('fill', 'float', this.pick([0, 0.5])),
        ]);
        return;
      }
      case 11: {
        // A Focus stem, or a subsampled map.
        if (this.stride() === 1) return;
        const from = (y: number, x: number): Value => {
          const make = this.make;
          const ends = [2 ** 40, 2 ** 40];
          return make.op('Slice', [
            at,
            make.constant('s', int64s([y, x])),
            make.constant('e', int64s(ends)),
            make.constant('a', int64s([2, 3])),
            make.constant('t', int64s([2, 2])),
          ]);
        };
        this.at =
          this.chance(0.6) && !unpadded
            ? this.make.op('Concat', [from(0, 0), from(1, 0), from(0, 1), from(1, 1)], { axis: 1 })
            : from(this.below(2), this.below(2));
        return;
      }
      case 13: {
        // HRNet: a branch at half the resolution, back by interpolation, onto the map that it came from.
        const [stride = 1] = pixelStride(at);
        if (unpadded || stride > 4) return;
        const half = this.make.op('Conv', [at, this.weight([channels, channels, 3, 3], 9 * channels)], {
          kernel_shape: [3, 3],
          strides: [2, 2],
          pads: [1, 1, 1, 1],
        });
        const make = this.make;
        const sizes = make.op('Concat', [make.op('Shape', [half], { start: 0, end: 2 }), make.op('Shape', [at], { start: 2, end: 4 })], {
          axis: 0,
        });
        const attrs = this.chance(0.5)
          ? { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' }
          : { mode: 'linear', coordinate_transformation_mode: 'half_pixel' };
        const back = make.op('Resize', [half, undefined, undefined, sizes], attrs);
        this.at = make.op('Add', [at, back]);
        return;
      }
      case 12: {
        // A patchifying stem, or the stage between two of ConvNeXt.
        const stride = this.stride();
        this.at = this.make.op('Conv', [at, this.weight([4, channels, stride, stride], channels * stride * stride)], {
          kernel_shape: [stride, stride],
          strides: [stride, stride],
        });
        return;
      }
      default: {
        // A depthwise layer between two Transposes' worth of channels-last arithmetic.
        const last = this.make.op('Transpose', [at], { perm: [0, 2, 3, 1] });
        const product = this.make.op('MatMul', [last, this.weight([channels, channels], channels)]);
        this.at = this.make.op('Transpose', [product], { perm: [0, 3, 1, 2] });
      }
    }
  }

  finish(): Model {
    const end = this.at.producer ? this.at : this.make.op('Relu', [this.at]);
    this.graph.setOutputs([end]);
    this.graph.rename(end, 'Y');
    for (const constant of [...this.graph.constants]) if (constant.uses.length === 0) this.graph.removeConstant(constant);
    return this.model;
  }
}

/** SAME padding of windows smaller than their strides is no two runtimes' same. */
const fits = (kernel: readonly number[], strides: readonly number[]): boolean => kernel.every((size, axis) => size >= (strides[axis] ?? 1));
