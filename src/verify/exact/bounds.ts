/**
 * Determines how far a network can be run on integers: which results are exact in float32, and how large they may be.
 *
 * Sums of integers are exact in any order as long as no partial sum can reach 2^24. Where a result grows, both models take it modulo 16, which keeps
 * its sign; an average is rounded down, at a point that no average can fall on. Both are inserted at the same values of both models. An average of
 * two, four, eight ... values needs no rounding: halves and quarters are exact too, as long as they do not become too small.
 */

import { floatAttr, givenString, intAttr, intsAttr, stringAttr } from '../../ir/attrs';
import type { Graph } from '../../ir/graph';
import { elementCount, isFloatType } from '../../ir/tensor';
import { isConst, type Node, staticShape, type Value } from '../../ir/types';
import { isPadded } from '../../ir/window-attrs';
import { isInteger, magnitudeOf, plainOp } from './substitute';

export const LIMIT = 2 ** 24;
/** Largest magnitude of an input. */
export const LARGEST_INPUT = 3;
export const MODULUS = 16;
/** Larger values are taken modulo 16. */
const COMFORT = 255;

/** Operation inserted after a value in both models. */
export type Reducer = { readonly kind: 'modulo' } | { readonly kind: 'floor'; readonly cells: number };

/** Offset added to an average before rounding down: averages are multiples of 1/cells, so none is half of 1/cells below an integer. */
export const halfPart = (cells: number): number => 1 / (2 * Math.max(1, cells));

export interface Stop {
  readonly node: Node;
  readonly reason: string;
}

/** Values of a magnitude up to `size` that are multiples of 1/`parts`; `parts` is a power of two. */
export interface Bound {
  readonly size: number;
  readonly parts: number;
}
const whole = (size: number): Bound => ({ size, parts: 1 });

export interface Exactness {
  /** Bound of every value that is exact. */
  readonly bounds: ReadonlyMap<Value, Bound>;
  /** Nodes at which exact computation ends, without the nodes behind them. */
  readonly stops: readonly Stop[];
}

export interface Setting {
  readonly input: number;
  readonly magnitudes: ReadonlyMap<Value, number>;
  readonly untraced: ReadonlySet<Value>;
  /** Chooses the operation for a value, given the preferred one; called for each float value, in order. undefined: none. */
  readonly reducer: (value: Value, wanted: Reducer | undefined) => Reducer | undefined;
}

export function exactness(graph: Graph, setting: Setting): Exactness {
  const bounds = new Map<Value, Bound>();
  const stops: Stop[] = [];
  const dead = new Set<Value>();
  for (const input of graph.inputs) bounds.set(input, whole(setting.input));
  for (const node of graph.nodes) {
    const inputs = node.inputs.filter((input): input is Value => input !== undefined);
    const behind = inputs.some((input) => dead.has(input));
    const found = behind ? undefined : boundOf(node, (value) => constantBound(value, bounds, setting), setting);
    for (const output of node.outputs) {
      if (typeof found !== 'object' && isFloat(output)) dead.add(output);
      else if (typeof found !== 'object' && behind) dead.add(output);
      else if (typeof found === 'object') bounds.set(output, settled(output, found, setting));
    }
    if (typeof found === 'string' && node.outputs.some(isFloat)) stops.push({ node, reason: found });
  }
  return { bounds, stops };
}

const isFloat = ({ type }: Value): boolean => type === undefined || isFloatType(type.dtype);

function settled(output: Value, bound: Bound, setting: Setting): Bound {
  const reduced = isFloat(output) ? setting.reducer(output, bound.size > COMFORT ? { kind: 'modulo' } : undefined) : undefined;
  if (reduced?.kind === 'floor') return whole(bound.size + 1);
  return reduced?.kind === 'modulo' ? { ...bound, size: Math.min(bound.size, MODULUS) } : bound;
}

/** Returns a string with the reason if the value is not known to be exact. */
function constantBound(value: Value | undefined, bounds: ReadonlyMap<Value, Bound>, { magnitudes, untraced }: Setting): Bound | string {
  if (!value) return whole(0);
  const known = bounds.get(value) ?? magnitudes.get(value);
  if (known !== undefined) return typeof known === 'number' ? whole(known) : known;
  if (untraced.has(value)) return `its weights '${value.name}' are neither the original's nor made of them by this conversion`;
  if (!isConst(value) || !isFloat(value)) return whole(0);
  if (value.constant.dtype !== 'float') return `'${value.name}' is ${value.constant.dtype}`;
  return isInteger(value.constant) ? whole(magnitudeOf(value.constant)) : `'${value.name}' is not an integer`;
}

type Bounded = (value: Value | undefined) => Bound | string;

/** Operators whose results are no larger than their inputs. */
const PASSING = new Set([
  'Identity',
  'Flatten',
  'Reshape',
  'Transpose',
  'Squeeze',
  'Unsqueeze',
  'Slice',
  'Gather',
  'Split',
  'Expand',
  'Tile',
  'Dropout',
  'MaxPool',
  'GlobalMaxPool',
  'ReduceMax',
  'ReduceMin',
  'Relu',
  'Concat',
  'DepthToSpace',
  'SpaceToDepth',
  'Abs',
  'Neg',
  'Floor',
  'Ceil',
  'Round',
  'Clip',
  'Pad',
  'Min',
  'Max',
  'Cast',
]);

function boundOf(node: Node, bound: Bounded, setting: Setting): Bound | string {
  // The ratio of a Dropout is unused in inference.
  const inputs = node.op === 'Dropout' ? node.inputs.slice(0, 1) : node.inputs;
  const read = inputs.filter((input): input is Value => input !== undefined && isFloat(input));
  const magnitudes: number[] = [];
  let parts = 1;
  for (const value of read) {
    const one = bound(value);
    if (typeof one === 'string') return one;
    magnitudes.push(one.size);
    parts = node.op === 'Mul' || node.op === 'MatMul' || node.op === 'PRelu' ? parts * one.parts : Math.max(parts, one.parts);
  }
  const half = [...read, ...node.outputs].find(({ type }) => type && isFloatType(type.dtype) && type.dtype !== 'float');
  if (half) return `'${half.name}' is ${half.type?.dtype}`;
  const [x = 0, w = 0, b = 0] = magnitudes;
  if (PASSING.has(node.op)) return { size: Math.max(0, ...magnitudes), parts };
  const within = (size: number): Bound | string =>
    size * parts < LIMIT ? { size, parts } : `its sums could reach ${(size * parts).toExponential(1)} units, beyond 2^24`;
  if (node.op !== plainOp(node) && (givenString(node, 'activation') ?? 'Relu') !== 'Relu') return 'its activation is not exact on integers';
  switch (plainOp(node)) {
    case 'Conv':
    case 'ConvTranspose':
    case 'MatMul':
    case 'Gemm': {
      if (plainOp(node) === 'Gemm' && [floatAttr(node, 'alpha'), floatAttr(node, 'beta')].some((factor) => !Number.isInteger(factor)))
        return 'its factors are not integers';
      const terms = termsOf(node);
      return terms === undefined ? 'how many products it adds is not known' : within(x * w * terms + b);
    }
    case 'BatchNormalization': {
      if (intAttr(node, 'training_mode') === 1) return 'it is in training mode';
      const [, scale = 0, shift = 0, mean = 0] = magnitudes;
      return within((x + mean) * scale + shift);
    }
    case 'Add':
    case 'Sub':
      return within(x + w);
    case 'Sum':
      return within(magnitudes.reduce((sum, each) => sum + each, 0));
    case 'Mul':
    case 'PRelu':
      return within(x * Math.max(1, w));
    case 'LeakyRelu':
      return within(2 * x);
    case 'ReduceSum': {
      const cells = cellsOf(node);
      return cells === undefined ? 'how many numbers it adds is not known' : within(x * cells);
    }
    case 'AveragePool':
    case 'GlobalAveragePool':
    case 'ReduceMean': {
      const [output] = node.outputs;
      const cells = node.op === 'AveragePool' ? elementCount(intsAttr(node, 'kernel_shape') ?? []) : cellsOf(node);
      const sum = within(x * (cells ?? 1));
      if (typeof sum === 'string') return sum;
      const reduced = output && setting.reducer(output, cells === undefined ? undefined : { kind: 'floor', cells: cells * parts });
      if (reduced?.kind === 'floor') return { size: x, parts };
      // Windows at the border of a padded pool have varying, smaller numbers of cells.
      const hasShortWindows = isPadded(node) && intAttr(node, 'count_include_pad') === 0;
      const halves = cells !== undefined && Number.isInteger(Math.log2(cells)) && !hasShortWindows;
      if (!halves) return 'its average has no counterpart that could be rounded as well';
      return x * parts * cells < LIMIT ? { size: x, parts: parts * cells } : 'its parts are too small';
    }
    case 'Resize':
    case 'Upsample':
      return stringAttr(node, 'mode') === 'nearest' ? { size: x, parts } : 'it interpolates';
    default:
      return read.length === 0 ? whole(0) : 'it is not exact on integers';
  }
}

/** Number of products summed for one element of the result. */
function termsOf(node: Node): number | undefined {
  const [data, weight] = [staticShape(node.inputs[0]), staticShape(node.inputs[1])];
  switch (plainOp(node)) {
    case 'Conv':
      return weight && elementCount(weight.slice(1));
    case 'ConvTranspose':
      return weight && elementCount(weight) / Math.max(1, weight[1] ?? 1);
    case 'Gemm':
      return weight && (intAttr(node, 'transB') === 1 ? weight[1] : weight[0]);
    default:
      return weight && weight.length > 1 ? weight[weight.length - 2] : data?.at(-1);
  }
}

/** Number of elements reduced to one. */
function cellsOf(node: Node): number | undefined {
  const [from, to] = [staticShape(node.inputs[0]), staticShape(node.outputs[0])];
  return from && to ? elementCount(from) / Math.max(1, elementCount(to)) : undefined;
}
