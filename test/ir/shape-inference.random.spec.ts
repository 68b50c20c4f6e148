import { parseGraph } from '../support/expect-pass';
import { random } from '../support/seeded';
import { wrongShapes } from '../support/shapes';

const GRAPHS = 120;
const SIZES = [
  { N: 1, H: 23, W: 31 },
  { N: 3, H: 40, W: 29 },
] as const;

/** A chain of operators over X [N, C, H, W], every size of which is known to the generator only by its rank and channels. */
class Chain {
  readonly lines: string[] = [];
  readonly weights: string[] = [];
  private value = 'X';
  private channels = 4;
  private count = 0;
  private readonly next: () => number;

  constructor(seed: number) {
    this.next = random(seed);
  }

  private below(n: number): number {
    return Math.floor(this.next() * n);
  }
  private pick<T>(items: readonly [T, ...T[]]): T {
    return items[this.below(items.length)] ?? items[0];
  }
  private ints(values: readonly number[]): string {
    const name = `c${this.weights.length}`;
    this.weights.push(`int64[${values.length}] ${name} = {${values.join(', ')}}`);
    return name;
  }
  private node(text: string): string {
    const name = `v${this.count++}`;
    this.lines.push(`${name} = ${text}`);
    return name;
  }

  private window(): string {
    const [a, b] = [1 + this.below(3), 1 + this.below(3)];
    const autoPad = this.pick(['NOTSET', 'NOTSET', 'SAME_UPPER', 'SAME_LOWER', 'VALID']);
    // ONNX Runtime has no SAME padding for dilated windows, nor for those that leave gaps.
    const isSame = autoPad.startsWith('SAME');
    const strides = `strides = [${1 + this.below(isSame ? a : 3)}, ${1 + this.below(isSame ? b : 2)}]`;
    const dilation = [1 + this.below(2), 1 + this.below(2)];
    // A pad is less than its window, which ONNX Runtime demands of pools.
    const pads = [a, b, a, b].map((size) => this.below(size));
    const padding = autoPad === 'NOTSET' ? `pads = [${pads.join(', ')}]` : `auto_pad = "${autoPad}"`;
    const dilations = isSame ? '' : `, dilations = [${dilation.join(', ')}]`;
    return `kernel_shape = [${a}, ${b}], ${strides}, ${padding}${dilations}|${a}|${b}`;
  }

  step(): void {
    const { value, channels } = this;
    switch (this.below(10)) {
      case 0:
      case 1: {
        const [attrs = '', a, b] = this.window().split('|');
        const outputs = 2 * (1 + this.below(3));
        this.weights.push(`float[${outputs}, ${channels / 2}, ${a}, ${b}] c${this.weights.length}`);
        this.value = this.node(`Conv <${attrs}, group = 2> (${value}, c${this.weights.length - 1})`);
        this.channels = outputs;
        break;
      }
      case 2: {
        const [attrs = ''] = this.window().split('|');
        const ceil = attrs.includes('auto_pad') ? '' : `, ceil_mode = ${this.below(2)}`;
        this.value = this.node(`${this.pick(['MaxPool', 'AveragePool'])} <${attrs}${ceil}> (${value})`);
        break;
      }
      case 3:
        this.value = this.node(`Pad (${value}, ${this.ints([0, 0, this.below(3), this.below(3), 0, 0, this.below(3), this.below(3)])})`);
        break;
      case 4: {
        const [start, end, step] = [this.below(3), this.pick([-1, -2, 2 ** 31 - 1]), 1 + this.below(2)];
        const axis = 2 + this.below(2);
        this.value = this.node(
          `Slice (${value}, ${this.ints([start])}, ${this.ints([end])}, ${this.ints([axis - 4 * this.below(2)])}, ${this.ints([step])})`,
        );
        break;
      }
      case 5: {
        const left = this.node(`Slice (${value}, ${this.ints([-3])}, ${this.ints([9999999999])}, ${this.ints([3])})`);
        this.value = this.node(`Concat <axis = 3> (${left}, ${value}, ${left})`);
        break;
      }
      case 6: {
        // Rows and columns become one axis and come apart again, by Shape.
        const shape = this.node(`Shape (${value})`);
        const flat = this.node(`Reshape (${value}, ${this.ints([0, channels, -1])})`);
        this.value = this.node(`Reshape (${flat}, ${shape})`);
        break;
      }
      case 7: {
        // Half the channels, as ShuffleNet and ghost modules do.
        const [a, b] = [`v${this.count++}`, `v${this.count++}`];
        this.lines.push(`${a}, ${b} = Split <axis = 1, num_outputs = 2> (${value})`);
        this.value = this.node(`Concat <axis = 1> (${b}, ${a})`);
        break;
      }
      case 8: {
        const mean = this.node(`ReduceMean (${value}, ${this.ints([-2, -1])})`);
        this.value = this.node(`${this.pick(['Mul', 'Add'])} (${this.pick([`${mean}, ${value}`, `${value}, ${mean}`])})`);
        break;
      }
      default: {
        const size = this.node(`Shape <start = 2> (${value})`);
        const doubled = this.node(`Mul (${size}, ${this.ints([2])})`);
        const shrunk = this.node(`Div (${doubled}, ${this.ints([3])})`);
        this.value = this.node(`Resize <mode = "nearest", axes = [2, 3]> (${value}, , , ${shrunk})`);
      }
    }
  }

  get text(): string {
    const body = [...this.lines, `Y = Relu (${this.value})`].join('\n');
    return `<ir_version: 10, opset_import: ["" : 20]> g (float[N, 4, H, W] X) => (float[A, B, C, D] Y) <${this.weights.join(', ')}> { ${body} }`;
  }
}

describe('shapes of random graphs, symbolic and static, judged by runs', () => {
  test.each(Array.from({ length: 8 }, (_, part) => part))('part %i', async (part) => {
    for (let at = 0; at < GRAPHS / 8; at++) {
      const chain = new Chain(1000 * part + at);
      for (let step = 0; step < 5; step++) chain.step();
      const model = parseGraph(chain.text);
      for (const sizes of SIZES) expect([chain.text, await wrongShapes(model, sizes)]).toEqual([chain.text, []]);
      const fixed = chain.text.replace('[N, 4, H, W]', '[3, 4, 38, 45]');
      expect([fixed, await wrongShapes(parseGraph(fixed))]).toEqual([fixed, []]);
    }
  });
});
