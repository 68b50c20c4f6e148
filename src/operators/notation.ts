/** Nodes in PyTorch's notation: the modules that rows of the registry name. */

import { floatAttr, intAttr, intsAttr, stringAttr } from '../ir/attrs';
import { elementCount, isKnown, readNumbers } from '../ir/tensor';
import type { Dim, Node, Value } from '../ir/types';
import { rankOf } from '../ir/types';
import { dilationsOf, stridesOf } from '../ir/window-attrs';
import { asResize } from './resize';

/** A module: its name (which is its kind) and its arguments as printed. */
export interface Notation {
  readonly kind: string;
  readonly args: readonly string[];
}

export const torch = (kind: string, ...args: readonly (string | false | undefined)[]): Notation => ({
  kind,
  args: args.filter((arg): arg is string => typeof arg === 'string'),
});

/** A module without arguments. */
export const named = (kind: string) => (): Notation => torch(kind);

/** A transposed convolution has its input channels first among the axes of its weight. */
export const convolutionModule =
  (transposed: boolean) =>
  (node: Node): Notation | undefined => {
    const weight = node.inputs[1]?.type?.shape;
    if (!weight) return undefined;
    const groups = intAttr(node, 'group');
    const [first, second] = weight;
    const times = (dim: Dim): Dim => (typeof dim === 'number' ? dim * groups : dim);
    const kernel = intsAttr(node, 'kernel_shape') ?? weight.slice(2);
    const dilation = dilationsOf(node, kernel.length);
    const outputPadding = intsAttr(node, 'output_padding');
    return torch(
      `${transposed ? 'ConvTranspose' : 'Conv'}${kernel.length}d`,
      String((transposed ? first : times(second)) ?? '?'),
      String((transposed ? times(second) : first) ?? '?'),
      `kernel_size=${tuple(kernel)}`,
      `stride=${tuple(stridesOf(node, kernel.length))}`,
      pads(node, kernel.length),
      outputPadding?.some((pad) => pad !== 0) && `output_padding=${tuple(outputPadding)}`,
      dilation.some((step) => step !== 1) && `dilation=${tuple(dilation)}`,
      groups !== 1 && `groups=${groups}`,
      node.inputs[2] === undefined && 'bias=False',
    );
  };

/** Maxima always print their dilation, averages whether they count padding. */
interface PoolArguments {
  readonly dilates?: boolean;
  readonly counts?: boolean;
  readonly first?: (node: Node) => string;
}

/** The lecture writes `MaxPool2d(size=(3, 3), stride=(2, 2), dilation=(1, 1))`. */
export const poolModule =
  (kind: string, { dilates = false, counts = false, first }: PoolArguments = {}) =>
  (node: Node): Notation | undefined => {
    const kernel = intsAttr(node, 'kernel_shape');
    if (!kernel) return undefined;
    const dilation = dilationsOf(node, kernel.length);
    const padded = pads(node, kernel.length);
    return torch(
      `${kind}${kernel.length}d`,
      first?.(node),
      `size=${tuple(kernel)}`,
      `stride=${tuple(stridesOf(node, kernel.length))}`,
      padded,
      (dilates || dilation.some((step) => step !== 1)) && `dilation=${tuple(dilation)}`,
      intAttr(node, 'ceil_mode') !== 0 && 'ceil_mode=True',
      counts && padded !== undefined && `count_include_pad=${intAttr(node, 'count_include_pad') !== 0 ? 'True' : 'False'}`,
    );
  };

/** One value per axis if both sides agree, as in PyTorch; otherwise all values (begins, then ends). */
function pads(node: Node, rank: number): string | undefined {
  const auto = stringAttr(node, 'auto_pad');
  if (auto.startsWith('SAME')) return `padding='${auto.toLowerCase()}'`;
  const all = auto === 'VALID' ? undefined : intsAttr(node, 'pads');
  if (!all || all.every((pad) => pad === 0)) return undefined;
  const begins = all.slice(0, rank);
  const symmetric = begins.every((pad, axis) => pad === all[rank + axis]);
  return symmetric ? `padding=${tuple(begins)}` : `padding=${tuple(begins)}+${tuple(all.slice(rank))}`;
}

/** Mean over the whole map, which PyTorch users write as AdaptiveAvgPool. */
export function meanOverMap(node: Node): Notation {
  const rank = rankOf(node.inputs[0]);
  const axes = numbersOf(node.inputs[1])?.map((axis) => (axis < 0 && rank !== undefined ? axis + rank : axis));
  const keep = intAttr(node, 'keepdims') !== 0;
  const wholeMap = rank !== undefined && rank > 2 && axes?.length === rank - 2 && axes.every((axis) => axis >= 2);
  if (wholeMap && keep) return torch(`AdaptiveAvgPool${rank - 2}d`, `output_size=${tuple(axes.map(() => 1))}`);
  return torch('Mean', axes && `dim=${tuple(axes)}`, keep && 'keepdim=True');
}

export function clipModule(node: Node): Notation | undefined {
  const [, low, high] = node.inputs;
  const [min, max] = [scalarOf(low), scalarOf(high)];
  if ((low && min === undefined) || (high && max === undefined)) return undefined;
  if (min === 0 && max === 6) return torch('ReLU6');
  if (min === 0 && max === undefined) return torch('ReLU');
  if (min === undefined || max === undefined)
    return torch('Clamp', min !== undefined && `min=${decimal(min)}`, max !== undefined && `max=${decimal(max)}`);
  return torch('Hardtanh', `min_val=${decimal(min)}`, `max_val=${decimal(max)}`);
}

export function padModule(node: Node): Notation | undefined {
  const all = numbersOf(node.inputs[1]);
  const rank = rankOf(node.inputs[0]);
  if (!all || all.length !== 2 * (rank ?? 0) || rank === undefined || rank < 3 || node.inputs[3]) return undefined;
  if (all.some((pad, at) => at % rank < 2 && pad !== 0)) return undefined;
  const spatial = rank - 2;
  // PyTorch lists the last axis first: (left, right, top, bottom).
  const amounts = Array.from({ length: spatial }, (_, at) => rank - 1 - at).flatMap((axis) => [all[axis] ?? 0, all[rank + axis] ?? 0]);
  const value = node.inputs[2] ? scalarOf(node.inputs[2]) : 0;
  const mode = stringAttr(node, 'mode');
  if (mode === 'constant') {
    if (value === undefined) return undefined;
    return value === 0
      ? torch(`ZeroPad${spatial}d`, tuple(amounts))
      : torch(`ConstantPad${spatial}d`, tuple(amounts), `value=${decimal(value)}`);
  }
  const kind = { reflect: 'ReflectionPad', edge: 'ReplicationPad', wrap: 'CircularPad' }[mode];
  return kind ? torch(`${kind}${spatial}d`, tuple(amounts)) : undefined;
}

/** A pool over the whole map. */
export const adaptiveModule =
  (kind: string) =>
  (node: Node): Notation =>
    torch(ranked(node, kind), `output_size=${tuple(spatialAxes(node).map(() => 1))}`);

/** A norm with trained values per channel. */
export const channelNorm =
  (kind: string) =>
  (node: Node): Notation =>
    torch(ranked(node, kind), channels(node), eps(node));
/** A norm over the last axes. */
export const layerNorm =
  (kind: string) =>
  (node: Node): Notation =>
    torch(kind, tuple(node.inputs[1]?.type?.shape ?? []), eps(node));
export const groupNorm = (node: Node): Notation => torch('GroupNorm', String(intAttr(node, 'num_groups')), channels(node), eps(node));
export const localNorm = (node: Node): Notation =>
  torch(
    'LocalResponseNorm',
    String(intAttr(node, 'size')),
    `alpha=${short(floatAttr(node, 'alpha'))}`,
    `beta=${short(floatAttr(node, 'beta'))}`,
    `k=${decimal(floatAttr(node, 'bias'))}`,
  );

/** A module with the node's axis as its only argument. */
export const alongAxis =
  (kind: string) =>
  (node: Node): Notation =>
    torch(kind, `dim=${intAttr(node, 'axis')}`);

/** An activation with a float as its argument, printed with or without a decimal point. */
export const withAlpha =
  (kind: string, name = 'alpha', print = decimal) =>
  (node: Node): Notation =>
    torch(kind, `${name}=${print(floatAttr(node, 'alpha'))}`);

export const preluModule = (node: Node): Notation => torch('PReLU', `num_parameters=${elementCountOf(node.inputs[1]) ?? '?'}`);
export const swishModule = (node: Node): Notation | undefined => (floatAttr(node, 'alpha') === 1 ? torch('SiLU') : undefined);
/** PyTorch's Hardsigmoid is x/6 + 1/2; ONNX's default slope is 0.2. */
export const hardSigmoidModule = (node: Node): Notation | undefined =>
  Math.abs(floatAttr(node, 'alpha') - 1 / 6) < 1e-6 && Math.abs(floatAttr(node, 'beta') - 0.5) < 1e-6 ? torch('Hardsigmoid') : undefined;
export const geluModule = (node: Node): Notation => torch('GELU', `approximate='${stringAttr(node, 'approximate')}'`);
export const dropoutModule = (node: Node): Notation => torch('Dropout', `p=${short(scalarOf(node.inputs[1]) ?? 0.5)}`);
export const flattenModule = (node: Node): Notation | undefined =>
  intAttr(node, 'axis') === 1 ? torch('Flatten', 'start_dim=1', 'end_dim=-1') : undefined;
export const shuffleModule = (node: Node): Notation | undefined =>
  stringAttr(node, 'mode') === 'CRD' ? torch('PixelShuffle', String(intAttr(node, 'blocksize'))) : undefined;

export function resizeModule(node: Node): Notation | undefined {
  const axes = asResize(node)?.axes;
  const [scales, sizes] = [numbersOf(node.inputs[2]), numbersOf(node.inputs[3])];
  const given = scales?.length ? scales : sizes;
  if (!axes || !given?.length) return undefined;
  const own = node.inputs[0]?.type?.shape;
  // Channels last: the axis behind the batch changes, and the last one does not.
  const changes = (axis: number | undefined): boolean => {
    const at = axes.indexOf(axis ?? -1);
    return at >= 0 && given[at] !== (scales?.length ? 1 : own?.[axis ?? 0]);
  };
  const isChannelsLast = changes(1) && !changes((own?.length ?? 0) - 1);
  const isSpatial = (axis: number): boolean => axis >= (isChannelsLast ? 1 : 2) && !(isChannelsLast && axis === (own?.length ?? 0) - 1);
  const spatial = given.filter((_, at) => isSpatial(axes[at] ?? 0));
  const how = scales?.length ? `scale_factor=(${spatial.map(decimal).join(', ')})` : `size=${tuple(spatial)}`;
  return torch('Upsample', how, `mode='${stringAttr(node, 'mode')}'`);
}

const ranked = (node: Node, kind: string): string => `${kind}${Math.max(1, (rankOf(node.inputs[0]) ?? 4) - 2)}d`;
const spatialAxes = (node: Node): readonly Dim[] => node.inputs[0]?.type?.shape?.slice(2) ?? [undefined, undefined];
const channels = (node: Node): string => String(elementCountOf(node.inputs[1]) ?? '?');
const eps = (node: Node): string => `eps=${short(floatAttr(node, 'epsilon'))}`;

export function elementCountOf(value: Value | undefined): number | undefined {
  return value?.constant ? elementCount(value.constant.shape) : undefined;
}

/** Python's tuple: a single element keeps its comma. */
export function tuple(values: readonly Dim[]): string {
  const text = values.map((value) => String(value ?? '?'));
  return text.length === 1 ? `(${text[0]},)` : `(${text.join(', ')})`;
}

export function numbersOf(value: Value | undefined): number[] | undefined {
  const constant = value?.constant;
  // Only settings are read here, never weights: printing a network must not touch its payload.
  if (!constant || !isKnown(constant) || constant.shape.length > 1 || elementCount(constant.shape) > 8) return undefined;
  return [...readNumbers(constant)];
}

function scalarOf(value: Value | undefined): number | undefined {
  const numbers = numbersOf(value);
  return numbers?.length === 1 ? numbers[0] : undefined;
}

/** A float32 in the fewest digits that identify it, as Python prints it: 1e-05, 0.1, 0.5. */
export function short(value: number): string {
  for (let digits = 1; digits <= 9; digits++) {
    const text = Number(value.toPrecision(digits));
    if (Math.fround(text) === Math.fround(value)) return pythonExponent(String(text));
  }
  return pythonExponent(String(value));
}

/** Like `short`, but always with a decimal point: 1.0. */
export const decimal = (value: number): string => {
  const text = short(value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
};

/** JavaScript switches to exponents at 1e-7, Python at 1e-5. */
function pythonExponent(text: string): string {
  const value = Number(text);
  if (value !== 0 && Math.abs(value) < 1e-4 && !text.includes('e')) return pythonExponent(value.toExponential());
  return text.replace(/e([+-])(\d)$/, 'e$10$2');
}
