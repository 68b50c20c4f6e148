/**
 * Determines how far a network can be run on integers: which results are exact in float32, and how large they may be.
 *
 * Sums of integers are exact in any order as long as no partial sum can reach 2^24. Where a result grows, both models take it modulo 16, which keeps
 * its sign; an average is rounded down, at a point that no average can fall on. Both are inserted at the same values of both models. An average of
 * two, four, eight ... values needs no rounding: halves and quarters are exact too, as long as they do not become too small.
 */

import { givenFloat, givenString, intAttr, stringAttr } from '../../ir/attrs';
import type { Graph } from '../../ir/graph';
import { isFloatType } from '../../ir/tensor';
import { isConst, type Node, type Value } from '../../ir/types';
import { isPadded } from '../../ir/window-attrs';
import { onIntegers } from '../../operators';
import type { OnIntegers } from '../../operators/on-integers';
import { isInteger, magnitudeOf } from './substitute';

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

function boundOf(node: Node, bound: Bounded, setting: Setting): Bound | string {
  const own = onIntegers(node);
  const inputs = own?.operands ? own.operands.map((slot) => node.inputs[slot]) : node.inputs;
  const read = inputs.filter((input): input is Value => input !== undefined && isFloat(input));
  const bounds: Bound[] = [];
  for (const value of read) {
    const one = bound(value);
    if (typeof one === 'string') return one;
    bounds.push(one);
  }
  const half = [...read, ...node.outputs].find(({ type }) => type && isFloatType(type.dtype) && type.dtype !== 'float');
  if (half) return `'${half.name}' is ${half.type?.dtype}`;
  if (!own) return read.length === 0 ? whole(0) : 'it is not exact on integers';
  const magnitudes = bounds.map(({ size }) => size);
  const parts = partsOf(own, bounds);
  const [x = 0, w = 0, b = 0] = magnitudes;
  const within = (size: number): Bound | string =>
    size * parts < LIMIT ? { size, parts } : `its sums could reach ${(size * parts).toExponential(1)} units, beyond 2^24`;
  // ONNX Runtime's optimiser fuses activations into layers.
  if ((givenString(node, 'activation') ?? 'Relu') !== 'Relu') return 'its activation is not exact on integers';
  switch (own.kind) {
    case 'kept':
      return { size: Math.max(0, ...magnitudes), parts };
    case 'products': {
      const factors = ['alpha', 'beta'].map((name) => givenFloat(node, name) ?? 1);
      if (!factors.every(Number.isInteger)) return 'its factors are not integers';
      const terms = own.terms?.(node);
      return terms === undefined ? 'how many products it adds is not known' : within(x * w * terms + b);
    }
    case 'affine': {
      if (intAttr(node, 'training_mode') === 1) return 'it is in training mode';
      const [, scale = 0, shift = 0, mean = 0] = magnitudes;
      return within((x + mean) * scale + shift);
    }
    case 'sum':
      return within(magnitudes.reduce((sum, each) => sum + each, 0));
    case 'product':
      return within(x * Math.max(1, w));
    case 'slope':
      return within(2 * x);
    case 'total': {
      const terms = own.terms?.(node);
      return terms === undefined ? 'how many numbers it adds is not known' : within(x * terms);
    }
    case 'average':
      return average(node, { size: x, parts }, own.terms?.(node), within, setting);
    case 'sampled':
      return stringAttr(node, 'mode') === 'nearest' ? { size: x, parts } : 'it interpolates';
  }
}

/** A product of multiples of 1/a and 1/b is a multiple of 1/(a b). */
function partsOf({ kind }: OnIntegers, bounds: readonly Bound[]): number {
  const [a = 1, b = 1, ...others] = bounds.map(({ parts }) => parts);
  return Math.max(kind === 'products' || kind === 'product' ? a * b : Math.max(a, b), ...others);
}

function average(
  node: Node,
  { size, parts }: Bound,
  cells: number | undefined,
  within: (size: number) => Bound | string,
  setting: Setting,
): Bound | string {
  const [output] = node.outputs;
  const sum = within(size * (cells ?? 1));
  if (typeof sum === 'string') return sum;
  const reduced = output && setting.reducer(output, cells === undefined ? undefined : { kind: 'floor', cells: cells * parts });
  if (reduced?.kind === 'floor') return { size, parts };
  // Windows at the border of a padded pool have varying, smaller numbers of cells.
  const hasShortWindows = isPadded(node) && intAttr(node, 'count_include_pad') === 0;
  const halves = cells !== undefined && Number.isInteger(Math.log2(cells)) && !hasShortWindows;
  if (!halves) return 'its average has no counterpart that could be rounded as well';
  return size * parts * cells < LIMIT ? { size, parts: parts * cells } : 'its parts are too small';
}
