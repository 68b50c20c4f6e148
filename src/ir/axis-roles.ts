/**
 * The role of each axis of a value relative to the image input: batch (N), channels (C), or a spatial axis (spatial.ts), as in [N, C, H, W].
 *
 * A role is a word over these letters in row-major order: a flattened map [N, C*H*W] has the roles `N`, `CHW`; an axis of length one that corresponds
 * to nothing has the role ''. Roles identify channels-last sections, flattened heads and token sequences, without guessing from sizes.
 * Roles follow data, not weights: a value that does not depend on an image has none, and neither does one after an unknown operator.
 */

import { intAttr } from './attrs';
import { permOf, wrapAxis } from './axis';
import { evaluateDim, namesOf } from './dims';
import type { Graph } from './graph';
import { layoutByUse } from './image-layout';
import { meaningOf, weightSlotOf } from './integer-operators';
import { isNode } from './match';
import { type AxisRule, axisRule } from './operator-traits';
import { isLetter, isSpatialRole, LETTERS, type Letter, lettersFor } from './spatial';
import { isKnown, readNumbers } from './tensor';
import type { Dim, Node, Value } from './types';
import { rankOf } from './types';

export type Roles = readonly string[];

const NONE: ReadonlySet<Letter> = new Set();

export class AxisRoles {
  private readonly known = new Map<Value, Roles | undefined>();

  /** The spatial axes of the images, outermost first. */
  readonly letters: readonly Letter[];

  /** `images`: roles of the graph inputs that are images; no other input has roles. `tied`: spatial axes along which nothing slides. */
  constructor(
    images: ReadonlyMap<Value, Roles>,
    readonly tied: ReadonlySet<Letter> = NONE,
  ) {
    this.letters = lettersOf(images);
    for (const [value, roles] of images) this.known.set(value, roles);
  }

  /** The spatial axes along which windows slide. */
  get sliding(): readonly Letter[] {
    return this.tied.size === 0 ? this.letters : this.letters.filter((letter) => !this.tied.has(letter));
  }
  /** True if an axis with this role runs over positions that windows slide over, possibly of several axes combined. */
  slides(role: string | undefined): boolean {
    return role !== undefined && (this.tied.size === 0 ? isSpatialRole(role) : this.sliding.some((letter) => role.includes(letter)));
  }

  /** Roles of the value, one per axis; undefined if unknown. Walks producers iteratively, since graphs are deep. */
  of(value: Value): Roles | undefined {
    const stack: Value[] = [value];
    while (stack.length > 0) {
      const top = stack[stack.length - 1];
      if (!top || this.known.has(top)) {
        stack.pop();
        continue;
      }
      if (!top.producer) {
        this.known.set(top, undefined);
        continue;
      }
      const missing = top.producer.inputs.filter((input): input is Value => input !== undefined && !this.known.has(input));
      if (missing.length > 0) stack.push(...missing);
      else this.known.set(top, this.fits(top, this.derive(top.producer, top)));
    }
    return this.known.get(value);
  }

  /** Forgets the roles of values that a rewrite removed or changed. */
  forget(value: Value): void {
    this.known.delete(value);
  }

  private fits(value: Value, roles: Roles | undefined): Roles | undefined {
    const rank = rankOf(value);
    return roles !== undefined && (rank === undefined || rank === roles.length) ? roles : undefined;
  }

  private derive(node: Node, output: Value): Roles | undefined {
    const [first] = node.inputs;
    const roles = first && this.known.get(first);
    const rule = axisRule(meaningOf(node));
    if (rule === 'broadcast' || rule === 'joined') return this.merge(node);
    if (rule === 'product') return this.matMul(node);
    if (rule === 'recurrent') return roles && recurrent(node, output, roles);
    return roles && this.follow(node, rule, roles);
  }

  /** The roles of a result that follow from those of its first input. */
  private follow(node: Node, rule: Exclude<AxisRule, 'broadcast' | 'joined' | 'product' | 'recurrent'>, roles: Roles): Roles | undefined {
    switch (rule) {
      case 'unary':
      case 'in place':
      case 'same':
        return roles;
      case 'filtered':
        return roles.map((role, axis) => (axis === 1 ? 'C' : axis === 0 ? role || 'N' : role));
      case 'gathered':
        return gather(node, roles);
      case 'reduced':
        return reduce(node, roles);
      case 'picked': {
        const axis = wrapAxis(intAttr(node, 'axis'), roles.length);
        return intAttr(node, 'keepdims') === 0 ? roles.filter((_, at) => at !== axis) : roles;
      }
      case 'linear':
        return intAttr(node, 'transA') === 0 ? [roles[0] ?? '', 'C'] : undefined;
      case 'transposed':
        return permOf(node, roles.length).map((axis) => roles[axis] ?? '');
      case 'view':
        return this.returning(node) ?? flattened(node, roles) ?? view(node, roles);
      case 'size':
      case 'unknown':
        return undefined;
    }
  }

  /**
   * A view that restores an earlier shape of the data: exporters write group normalisation as
   * `Reshape([0, G, -1]) > InstanceNormalization > Reshape(shape of X)`. The nodes in between keep every value at its position, so the axes are those of X.
   */
  private returning(node: Node): Roles | undefined {
    const shape = node.outputs[0]?.type?.shape;
    if (!shape) return undefined;
    for (let at = node.inputs[0], steps = 0; at?.producer && steps < MAX_DETOUR; steps++) {
      const before = keptInPlace(at.producer);
      const own = before?.type?.shape;
      if (!before || !own || !this.known.get(before)) return undefined;
      if (own.length === shape.length && own.every((dim, axis) => dim !== undefined && dim === shape[axis])) return this.known.get(before);
      at = before;
    }
    return undefined;
  }

  /** Broadcasting aligns axes from the right; an axis takes the role of the first operand that has one there. */
  private merge(node: Node): Roles | undefined {
    let merged: string[] | undefined;
    for (const input of node.inputs) {
      const roles = input && this.known.get(input);
      if (!roles) continue;
      if (!merged) {
        merged = [...roles];
        continue;
      }
      while (merged.length < roles.length) merged.unshift('');
      const shift = merged.length - roles.length;
      merged = merged.map((role, axis) => role || roles[axis - shift] || '');
    }
    const rank = rankOf(node.outputs[0]);
    if (merged && rank !== undefined) while (merged.length < rank) merged.unshift('');
    return merged;
  }

  /** [.., rows, k] x [.., k, columns]: rows from the left operand, columns from the right one, or new channels if the right one is a weight. */
  private matMul(node: Node): Roles | undefined {
    const [left, right] = [node.inputs[0], node.inputs[weightSlotOf(node)]];
    const a = left && this.known.get(left);
    const b = right && this.known.get(right);
    if (a && a.length >= 2) return [...a.slice(0, -1), b ? (b[b.length - 1] ?? '') : 'C'];
    return undefined;
  }
}

/** Roles per graph, valid until it is edited: rules query every node, and each query would repeat the same long walk. */
const derived = new WeakMap<Graph, { readonly edits: number; readonly roles: AxisRoles }>();

/** The roles in a main graph whose images are identified by `imageInputs`. */
export function axisRolesOf(graph: Graph): AxisRoles {
  const known = derived.get(graph);
  if (known?.edits === graph.edits) return known.roles;
  const roles = new AxisRoles(imageInputs(graph), graph.tied);
  derived.set(graph, { edits: graph.edits, roles });
  return roles;
}

function gather(node: Node, roles: Roles): Roles | undefined {
  const indices = node.inputs[1];
  const rank = rankOf(indices);
  if (rank === undefined) return undefined;
  const axis = wrapAxis(intAttr(node, 'axis'), roles.length);
  return roles.flatMap((role, at) => (at === axis ? (rank === 0 ? [] : Array.from({ length: rank }, () => role)) : [role]));
}

/** The sequence is [steps, directions, batch, hidden], the last state [directions, batch, hidden]; the batch is first with layout 1. */
function recurrent(node: Node, output: Value, [first = '', second = '']: Roles): Roles {
  const isSequence = output === node.outputs[0];
  if (intAttr(node, 'layout') === 1) return isSequence ? [first, second, '', 'C'] : [first, '', 'C'];
  return isSequence ? [first, '', second, 'C'] : ['', second, 'C'];
}

function reduce(node: Node, roles: Roles): Roles | undefined {
  const axes = constantInts(node.inputs[1]);
  if (node.inputs[1] && !axes) return undefined;
  const reduced = new Set((axes ?? roles.map((_, axis) => axis)).map((axis) => wrapAxis(axis, roles.length)));
  return intAttr(node, 'keepdims') === 0 ? roles.filter((_, axis) => !reduced.has(axis)) : roles;
}

/** Maximum number of nodes searched backwards for a shape that is restored. */
const MAX_DETOUR = 16;

/** The operand whose values keep their positions in the node's output: for a broadcasting operator, the one with the full shape. */
function keptInPlace(node: Node): Value | undefined {
  const rule = axisRule(node.op);
  if (rule === 'unary' || rule === 'in place' || rule === 'view') return node.inputs[0];
  if (rule !== 'broadcast') return undefined;
  const shape = node.outputs[0]?.type?.shape;
  return node.inputs.find(
    (input) =>
      input &&
      !input.constant &&
      input.type?.shape?.length === shape?.length &&
      input.type?.shape?.every((dim, axis) => dim === shape?.[axis]),
  );
}

/** Stand-in for symbolic image sizes: larger than any number of channels, and a multiple of the strides of networks. */
const LARGE = 2 ** 20;

/** A Flatten states which axes it joins, which its sizes leave open if some are one; undefined for other views. */
function flattened(node: Node, roles: Roles): Roles | undefined {
  const from = node.inputs[0]?.type?.shape;
  if (!isNode(node, 'Flatten') || !from) return undefined;
  const axis = wrapAxis(intAttr(node, 'axis'), from.length);
  const rest = regrouped(from.slice(axis), node.outputs[0]?.type?.shape?.slice(1), roles.slice(axis));
  return rest && [roles.slice(0, axis).reduce(joinedRoles, ''), ...rest];
}

/** Row-major regrouping: walks both shapes until their products agree. If an axis is split, each part takes its role. */
const view = ({ inputs: [input], outputs: [output] }: Node, roles: Roles): Roles | undefined =>
  regrouped(input?.type?.shape, output?.type?.shape, roles);

function regrouped(from: readonly Dim[] | undefined, to: readonly Dim[] | undefined, roles: Roles): Roles | undefined {
  if (!from || !to) return undefined;
  // A leading symbolic batch stays where it is. Other symbolic sizes are matched at one sample size.
  const bindings = new Map([...new Set([...from, ...to].flatMap((dim) => [...namesOf(dim)]))].map((name, at) => [name, LARGE + 1024 * at]));
  const sizes = (shape: readonly Dim[]): number[] | undefined => {
    const result: number[] = [];
    for (const [axis, dim] of shape.entries()) {
      const size = axis === 0 && from[0] === to[0] && typeof dim === 'string' ? 1 : evaluateDim(dim, bindings);
      if (size === undefined) return undefined;
      result.push(size);
    }
    return result;
  };
  const a = sizes(from);
  const b = sizes(to);
  if (!a || !b || from.length === 0 || to.length === 0) return undefined;
  const result: string[] = [];
  let i = 0;
  let j = 0;
  while (j < b.length) {
    let left = a[i] ?? 1;
    let right = b[j] ?? 1;
    let role = roles[i] ?? '';
    const start = j;
    // Unit axes are matched one to one if both sides have one here; otherwise the shorter side absorbs its unit axes.
    if (left === 1 && right === 1 && i < a.length) {
      result.push(role);
      i++;
      j++;
      continue;
    }
    if (right === 1) {
      result.push('');
      j++;
      continue;
    }
    i++;
    j++;
    while (left !== right) {
      if (left < right) {
        if (i >= a.length) return undefined;
        left *= a[i] ?? 1;
        role = joinedRoles(role, roles[i] ?? '');
        i++;
      } else {
        if (j >= b.length) return undefined;
        right *= b[j] ?? 1;
        j++;
      }
    }
    const parts = b.slice(start, j).filter((size) => size !== 1).length;
    let letter = 0;
    // An axis that was merged from several letters splits back into them, in the order in which they were merged; a batch of one that was merged counts.
    const isWhole = role.startsWith('N') && role.length === j - start;
    for (let at = start; at < j; at++)
      result.push(isWhole ? (role[letter++] ?? '') : b[at] === 1 ? '' : parts === role.length ? (role[letter++] ?? '') : role);
  }
  return result;
}

/** Keeps each letter once: an axis that was split and merged repeatedly still runs over the same axes. */
const joinedRoles = (a: string, b: string): string => a + [...b].filter((letter) => !a.includes(letter)).join('');

function constantInts(value: Value | undefined): readonly number[] | undefined {
  return value?.constant && isKnown(value.constant) ? [...readNumbers(value.constant)] : undefined;
}

/**
 * Roles of the graph inputs that are images. Their readers determine which axes are batch and channels (image-layout.ts); the others are spatial. If no
 * reader does, an input of rank 4 is [N, C, H, W] or [N, H, W, C] depending on its sizes: at most 4 channels, and last only if the second axis is longer.
 * All images have the same number of spatial axes. If there are several kinds, 2D images come first, then volumes; the rest are inputs besides the image.
 */
export function imageInputs(graph: Graph): Map<Value, Roles> {
  const found = graph.inputs.flatMap((input): (readonly [Value, Roles])[] => {
    const roles = rolesOfInput(input);
    return roles ? [[input, roles]] : [];
  });
  for (const count of [2, 3, 1]) {
    const images = found.filter(([, roles]) => roles.filter(isLetter).length === count);
    if (images.length > 0) return new Map(images);
  }
  return new Map();
}

function rolesOfInput(input: Value): Roles | undefined {
  const shape = input.type?.shape;
  if (!shape) return undefined;
  const layout = layoutByUse(input) ?? (shape.length === 4 ? { batch: 0, channels: channelsBySize(shape) } : undefined);
  if (!layout) return undefined;
  const letters = lettersFor(shape.filter((_, axis) => axis !== layout.batch && axis !== layout.channels).length);
  if (letters.length === 0) return undefined;
  let next = 0;
  return shape.map((_, axis) => (axis === layout.batch ? 'N' : axis === layout.channels ? 'C' : (letters[next++] ?? '')));
}

function channelsBySize(shape: readonly Dim[]): number {
  const few = (dim: unknown): boolean => typeof dim === 'number' && dim <= 4;
  return !few(shape[1]) && few(shape[3]) ? 3 : 1;
}

/** The spatial axes of the images, outermost first; a map must have them as well. */
export const lettersOf = (images: ReadonlyMap<Value, Roles>): readonly Letter[] =>
  LETTERS.filter((letter) => [...images.values()].some((roles) => roles.includes(letter)));

/** The spatial axes along which windows slide. */
export const slidingLetters = (graph: Graph): readonly Letter[] =>
  lettersOf(imageInputs(graph.root)).filter((letter) => !graph.tied.has(letter));

/** Number of axes of a map in this graph: batch, channels and the spatial axes of its images. 4 if it has no images. */
export const mapRank = (graph: Graph): number => 2 + (axisRolesOf(graph.root).letters.length || 2);

/** True if the value, whether computed or an input, has as many axes as a map. */
export const hasMapRank = (value: Value | undefined, graph: Graph): boolean => value?.type?.shape?.length === mapRank(graph);

/** A map with a single cell, channels first. */
export const isOneCell = (value: Value | undefined, graph: Graph): boolean =>
  hasMapRank(value, graph) && (value?.type?.shape ?? []).slice(2).every((dim) => dim === 1);

/** The static shape of a map whose roles are N, C and all spatial axes in any order, with the position of each axis. */
export interface MapAxes {
  readonly channels: number;
  /** The spatial axes, in the order of the channels-first layout. */
  readonly places: readonly number[];
  /** Transpose that brings the value to [N, C, ...places]. */
  readonly toChannelsFirst: readonly number[];
  /** Static sizes, at the window's size. */
  readonly shape: { readonly channels: number; readonly places: readonly number[] };
}

/** Number of cells of the map. */
export const cellsIn = ({ shape }: MapAxes): number => shape.places.reduce((product, length) => product * length, 1);
/** True if the map already is [N, C, ...places]. */
export const isChannelsFirst = ({ toChannelsFirst }: MapAxes): boolean => toChannelsFirst.every((axis, at) => axis === at);
/** The Transpose that undoes `toChannelsFirst`. */
export const fromChannelsFirst = ({ toChannelsFirst }: MapAxes): readonly number[] =>
  toChannelsFirst.map((_, axis) => toChannelsFirst.indexOf(axis));
/** Sizes of the axes after the batch, in the value's own order. */
export const sizesIn = ({ channels, places, shape }: MapAxes): readonly number[] =>
  [channels, ...places]
    .map((axis, at): readonly [number, number] => [axis, at === 0 ? shape.channels : (shape.places[at - 1] ?? 1)])
    .sort(([a], [b]) => a - b)
    .map(([, size]) => size);

/** Axes of a map; undefined if the value is not a map with static sizes. */
export function mapAxes(value: Value, roles: AxisRoles): MapAxes | undefined {
  const own = roles.of(value);
  const shape = value.type?.shape;
  if (!own || !shape || own[0] !== 'N' || own.length !== 2 + roles.letters.length || roles.letters.length === 0) return undefined;
  const channels = own.indexOf('C');
  const places = roles.letters.map((letter) => own.indexOf(letter));
  if (channels < 0 || places.some((axis) => axis < 0)) return undefined;
  const count = shape[channels];
  const lengths = places.map((axis) => shape[axis]);
  if (typeof count !== 'number' || !lengths.every((length): length is number => typeof length === 'number')) return undefined;
  return { channels, places, toChannelsFirst: [0, channels, ...places], shape: { channels: count, places: lengths } };
}
