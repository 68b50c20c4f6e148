/** Small graphs of one operator with attributes by chance: convolutions, pools, Resize, Pad, Slice, reductions, on maps of known and of open sizes. */

export interface RandomCase {
  readonly title: string;
  readonly text: string;
  /** Sizes of the symbols, one run each. */
  readonly sizes: readonly Readonly<Record<string, number>>[];
  /** About how large the terms are of which a sum may cancel: what is left is not exact to more digits than they are. */
  readonly least: number;
}

type Random = () => number;

/** One of the kinds in turn. */
export function randomCase(number: number, random: Random): RandomCase {
  const kinds = Object.keys(KINDS);
  const kind = kinds[number % kinds.length] ?? 'Conv';
  const isOpen = random() < 0.6;
  const axes = kind === 'Conv' || kind.endsWith('Pool') ? pick(random, [1, 2, 2, 2, 3]) : 2;
  const channels = pick(random, [1, 3, 4, 6]);
  const letters = ['D', 'H', 'W'].slice(3 - axes);
  const lengths = letters.map(() => whole(random, 3, 12));
  const dims = [
    isOpen ? 'N' : whole(random, 1, 2),
    channels,
    ...letters.map((letter, at) => (isOpen && random() < 0.85 ? letter : (lengths[at] ?? 1))),
  ];
  const sizes = isOpen
    ? [0, 1].map(() => Object.fromEntries([['N', whole(random, 1, 2)], ...letters.map((letter) => [letter, whole(random, 3, 13)])]))
    : [{}];
  // Behind a convolution maps are channels-last.
  const isBehind = random() < 0.5;
  const map: Map = { random, axes, channels, lengths, name: isBehind ? 'A' : 'X' };
  const made = (KINDS[kind] ?? conv)(map);
  const before = isBehind ? `A = Conv (X, before)` : '';
  const constants = [...(isBehind ? [`float[${channels}, ${channels}, ${letters.map(() => 1)}] before`] : []), ...made.constants];
  const rank = made.rank ?? axes + 2;
  const output = Array.from({ length: rank }, (_, at) => `d${at}`);
  return {
    title: `${number} ${kind}`,
    text: `<ir_version: 9, opset_import: ["" : ${made.opset ?? 19}]> g (float[${dims}] X) => (float[${output}] Y)
      ${constants.length > 0 ? `<${constants.join(', ')}>` : ''} { ${before} ${made.body} }`,
    sizes,
    least: kind === 'Reduce' ? 0.1 : 0,
  };
}

interface Map {
  readonly random: Random;
  readonly axes: number;
  readonly channels: number;
  readonly lengths: readonly number[];
  readonly name: string;
}
interface Made {
  readonly body: string;
  readonly constants: readonly string[];
  readonly rank?: number;
  readonly opset?: number;
}

const whole = (random: Random, least: number, most: number): number => least + Math.floor(random() * (most - least + 1));
function pick<T>(random: Random, items: readonly [T, ...T[]]): T {
  return items[Math.floor(random() * items.length)] ?? items[0];
}
const several = <T>(count: number, make: (at: number) => T): T[] => Array.from({ length: count }, (_, at) => make(at));
const attributes = (list: readonly (string | undefined)[]): string => {
  const given = list.filter((each) => each !== undefined);
  return given.length > 0 ? `<${given.join(', ')}>` : '';
};

/** Strides, dilations, pads or auto_pad. */
function window({ random, axes }: Map, kernel: readonly number[], mayDilate: boolean): (string | undefined)[] {
  const auto = pick(random, [undefined, undefined, undefined, 'SAME_UPPER', 'SAME_LOWER', 'VALID']);
  const pads = several(2 * axes, (at) => Math.min(whole(random, 0, 2), (kernel[at % axes] ?? 1) - 1));
  return [
    random() < 0.6 ? `strides = [${several(axes, () => whole(random, 1, 3))}]` : undefined,
    mayDilate && random() < 0.3 ? `dilations = [${several(axes, () => whole(random, 1, 2))}]` : undefined,
    auto ? `auto_pad = "${auto}"` : random() < 0.7 ? `pads = [${pads}]` : undefined,
  ];
}

function conv(map: Map): Made {
  const { random, axes, channels, name } = map;
  const kernel = several(axes, () => whole(random, 1, 3));
  const groups = pick(random, [1, 1, channels, channels % 2 === 0 ? 2 : 1]);
  const filters = groups * whole(random, 1, 3);
  const bias = random() < 0.5;
  const after = pick(random, ['', '', 'Relu', 'LeakyRelu <alpha = 0.1>', 'Sigmoid']);
  const attrs = attributes([...window(map, kernel, true), groups > 1 ? `group = ${groups}` : undefined]);
  return {
    body: `${after ? 'C' : 'Y'} = Conv ${attrs} (${name}, K${bias ? ', B' : ''}) ${after ? `Y = ${after} (C)` : ''}`,
    constants: [`float[${filters}, ${channels / groups}, ${kernel}] K`, ...(bias ? [`float[${filters}] B`] : [])],
  };
}

function convTranspose(map: Map): Made {
  const { random, axes, channels, name } = map;
  const kernel = several(axes, () => whole(random, 1, 3));
  const strides = several(axes, () => whole(random, 1, 2));
  const pads = several(2 * axes, (at) => Math.min(whole(random, 0, 1), (kernel[at % axes] ?? 1) - 1));
  const attrs = attributes([
    `strides = [${strides}]`,
    random() < 0.5 ? `pads = [${pads}]` : undefined,
    random() < 0.3 ? `output_padding = [${strides.map((stride) => whole(random, 0, stride - 1))}]` : undefined,
  ]);
  return { body: `Y = ConvTranspose ${attrs} (${name}, K)`, constants: [`float[${channels}, ${whole(random, 1, 3)}, ${kernel}] K`] };
}

const pool =
  (op: 'MaxPool' | 'AveragePool' | 'LpPool') =>
  (map: Map): Made => {
    const { random, axes, name } = map;
    const kernel = several(axes, () => whole(random, 1, 3));
    const attrs = attributes([
      `kernel_shape = [${kernel}]`,
      ...window(map, kernel, random() < 0.5),
      random() < 0.4 ? 'ceil_mode = 1' : undefined,
      op === 'AveragePool' && random() < 0.5 ? 'count_include_pad = 1' : undefined,
    ]);
    return { body: `Y = ${op} ${attrs} (${name})`, constants: [] };
  };

function resize({ random, name }: Map): Made {
  const mode = pick(random, ['nearest', 'linear', 'cubic']);
  const coordinates = pick(random, ['half_pixel', 'half_pixel_symmetric', 'pytorch_half_pixel', 'align_corners', 'asymmetric']);
  const attrs = attributes([
    `mode = "${mode}"`,
    `coordinate_transformation_mode = "${coordinates}"`,
    mode === 'nearest' ? `nearest_mode = "${pick(random, ['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil'])}"` : undefined,
    mode === 'cubic' && random() < 0.3 ? 'exclude_outside = 1' : undefined,
    mode !== 'nearest' && random() < 0.15 ? 'antialias = 1' : undefined,
    mode === 'cubic' && random() < 0.3 ? 'cubic_coeff_a = -0.5' : undefined,
  ]);
  const factor = (): number => pick(random, [1, 2, 3, 0.5, 1.5, 0.7, 1.3, 2.6, 0.34]);
  if (random() < 0.25)
    return {
      body: `Y = Resize ${attrs} (${name}, , , sizes)`,
      constants: [`int64[4] sizes = {2, 3, ${whole(random, 1, 9)}, ${whole(random, 1, 9)}}`],
      rank: 4,
    };
  return {
    body: `Y = Resize ${attrs} (${name}, , scales)`,
    constants: [`float[4] scales = {1.0, 1.0, ${decimal(factor())}, ${decimal(factor())}}`],
  };
}
const decimal = (number: number): string => (Number.isInteger(number) ? `${number}.0` : String(number));

function pad({ random, name }: Map): Made {
  const mode = pick(random, ['constant', 'edge', 'reflect', 'wrap']);
  // ONNX Runtime reads beyond the map where it wraps around more than once.
  const most = mode === 'reflect' || mode === 'wrap' ? 2 : 4;
  const amount = (): number => (random() < 0.2 && mode === 'constant' ? -1 : whole(random, 0, most));
  if (random() < 0.3)
    return {
      body: `Y = Pad <mode = "${mode}"> (${name}, pads, , axes)`,
      constants: [`int64[2] pads = {${amount()}, ${amount()}}`, `int64[1] axes = {${pick(random, [2, 3, -1])}}`],
    };
  const value = random() < 0.5 ? ', value' : '';
  return {
    body: `Y = Pad <mode = "${mode}"> (${name}, pads${value})`,
    constants: [
      `int64[8] pads = {0, ${whole(random, 0, 1)}, ${amount()}, ${amount()}, 0, 0, ${amount()}, ${amount()}}`,
      ...(value ? ['float value = {1.5}'] : []),
    ],
  };
}

function slice({ random, name }: Map): Made {
  const axes = pick(random, [[2], [3], [2, 3], [1, 3], [-1, -2]]);
  const steps = axes.map(() => pick(random, [1, 1, 2, -1, -2, 3]));
  const starts = steps.map((step) => (step > 0 ? pick(random, [0, 1, 2, -3, -100]) : pick(random, [-1, -2, 5, 100])));
  const ends = steps.map((step) => (step > 0 ? pick(random, [2, 100, -1, 2147483647]) : pick(random, [0, 1, -100, -2147483648])));
  const list = (numbers: readonly number[], called: string): string => `int64[${numbers.length}] ${called} = {${numbers}}`;
  return {
    body: `Y = Slice (${name}, starts, ends, axes, steps)`,
    constants: [list(starts, 'starts'), list(ends, 'ends'), list(axes, 'axes'), list(steps, 'steps')],
  };
}

function reduce({ random, name, axes: spatial }: Map): Made {
  const op = pick(random, [
    'ReduceMean',
    'ReduceSum',
    'ReduceMax',
    'ReduceMin',
    'ReduceProd',
    'ReduceL1',
    'ReduceL2',
    'ReduceLogSumExp',
    'ReduceSumSquare',
  ]);
  const axes = pick(random, [[1], [2], [3], [2, 3], [1, 2, 3], [0], [-1], [-2, 1]]);
  const keeps = random() < 0.5;
  return {
    body: `Y = ${op} <keepdims = ${keeps ? 1 : 0}> (${name}, axes)`,
    constants: [`int64[${axes.length}] axes = {${axes}}`],
    rank: keeps ? spatial + 2 : spatial + 2 - axes.length,
  };
}

const KINDS: Readonly<Record<string, (map: Map) => Made>> = Object.assign(Object.create(null), {
  Conv: conv,
  MaxPool: pool('MaxPool'),
  AveragePool: pool('AveragePool'),
  LpPool: pool('LpPool'),
  Resize: resize,
  Pad: pad,
  Slice: slice,
  Reduce: reduce,
  ConvTranspose: convTranspose,
});
