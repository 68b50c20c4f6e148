/**
 * Orientation of a value's spatial axes relative to the image: whether they run backwards after a flip, and in which order they are.
 *
 * A branch may read the mirrored image, or its transpose, and have its scores averaged with those of the straight one (test-time augmentation). Over a
 * larger image its cells come out in mirrored order, and must be turned back before they are combined with the others.
 */

import { intAttr } from '../../ir/attrs';
import { type AxisRoles, axisRolesOf } from '../../ir/axis-roles';
import type { Graph } from '../../ir/graph';
import { byOperator } from '../../ir/match';
import { axisRule, isBroadcasting, isReduction } from '../../ir/operator-traits';
import type { Letter } from '../../ir/spatial';
import { isKnown, readNumbers } from '../../ir/tensor';
import { isConst, type Node, type Value } from '../../ir/types';

/** True for each spatial axis that runs backwards. */
export type Orientation = Readonly<Record<Letter, boolean>>;
const STRAIGHT: Orientation = { T: false, D: false, H: false, W: false };

/** True if some node may reverse an axis of a map, or put its axes in another order; otherwise all maps have the orientation of the image. */
export const mayTurn = (graph: Graph): boolean =>
  graph.nodes.some((node) => {
    const rule = axisRule(node.op);
    return rule === 'transposed' || rule === 'unknown' || rule === 'product' || (turnsBack(node)?.(node, () => true) ?? false);
  });

export class Orientations {
  private readonly known = new Map<Value, Orientation>();
  readonly roles: AxisRoles;

  /** Types must be inferred, at the original size. */
  constructor(graph: Graph) {
    this.roles = axisRolesOf(graph);
    for (const node of graph.nodes) this.follow(node);
  }

  of(value: Value): Orientation {
    return this.known.get(value) ?? STRAIGHT;
  }

  /** Updates a node after its inputs were turned. */
  follow(node: Node): void {
    const along = (letter: Letter): boolean => {
      if (forgets(node, letter, this)) return false;
      const [first] = this.meeting(node, letter);
      const isBackwards = first !== undefined && this.of(first)[letter];
      return reverses(node, letter, this) ? !isBackwards : isBackwards;
    };
    const backwards = this.letters.filter(along);
    const orientation = { ...STRAIGHT, ...Object.fromEntries(backwards.map((letter) => [letter, true])) };
    for (const output of node.outputs) if (backwards.length > 0 || this.known.has(output)) this.known.set(output, orientation);
  }

  /** The spatial axes along which windows slide. */
  get letters(): readonly Letter[] {
    return this.roles.sliding;
  }

  /** The axis that holds the positions of one spatial axis and nothing else. */
  axisOf(value: Value, letter: Letter): number | undefined {
    const at = this.roles.of(value)?.indexOf(letter) ?? -1;
    return at < 0 ? undefined : at;
  }

  /** The inputs whose positions along an axis are combined in the node. A single position broadcast over many does not count. */
  meeting(node: Node, letter: Letter): Value[] {
    const length = (value: Value): number | undefined => {
      const dim = value.type?.shape?.[this.axisOf(value, letter) ?? -1];
      return typeof dim === 'number' ? dim : undefined;
    };
    const inputs = node.inputs.filter(
      (input): input is Value => input !== undefined && !isConst(input) && this.axisOf(input, letter) !== undefined,
    );
    const isSpread = inputs.some((input) => length(input) !== 1);
    return inputs.filter((input) => !isSpread || length(input) !== 1);
  }

  /** True if spatial axes are swapped: columns before rows. */
  isTurned(value: Value): boolean {
    const axes = this.letters.flatMap((letter) => this.axisOf(value, letter) ?? []);
    return axes.some((axis, at) => at > 0 && axis < (axes[at - 1] ?? 0));
  }
}

export interface Opposed {
  readonly node: Node;
  /** Completes "this network cannot slide because ...". */
  readonly reason: string;
}

/** Nodes that combine maps of opposite orientations: no map over a larger image has the windows of both. */
export function opposedMaps(graph: Graph): Opposed[] {
  if (!mayTurn(graph)) return [];
  const orientations = new Orientations(graph);
  return graph.nodes.flatMap((node): Opposed[] => {
    if (!isBroadcasting(node.op) && axisRule(node.op) !== 'joined') return [];
    const spread = (value: Value, letter: Letter): boolean => value.type?.shape?.[orientations.axisOf(value, letter) ?? -1] !== 1;
    const { letters } = orientations;
    const backwards = letters.some((letter) => {
      const met = orientations.meeting(node, letter).filter((value) => spread(value, letter));
      return new Set(met.map((value) => orientations.of(value)[letter])).size > 1;
    });
    if (backwards) return [{ node, reason: 'it combines a map with its mirror image' }];
    const met = [...new Set(letters.slice(0, -1).flatMap((letter) => orientations.meeting(node, letter)))].filter((value) =>
      letters.some((letter) => spread(value, letter)),
    );
    return new Set(met.map((value) => orientations.isTurned(value))).size > 1
      ? [{ node, reason: 'it combines a map with its transpose: rows meet columns' }]
      : [];
  });
}

/** True if the node reduces everything along the axis to one value. */
function forgets(node: Node, letter: Letter, orientations: Orientations): boolean {
  const [data] = node.inputs;
  const axis = data && orientations.axisOf(data, letter);
  if (axis === undefined) return false;
  if (/^Global\w+Pool$/.test(node.op)) return true;
  if (!isReduction(node.op)) return false;
  const axes = numbersIn(node.inputs[1]);
  const rank = data?.type?.shape?.length ?? 0;
  return axes === undefined ? node.inputs[1] === undefined : axes.map((at) => (at < 0 ? at + rank : at)).includes(axis);
}

function reverses(node: Node, letter: Letter, orientations: Orientations): boolean {
  const [data] = node.inputs;
  const axis = data && orientations.axisOf(data, letter);
  const rank = data?.type?.shape?.length ?? 0;
  if (axis === undefined) return false;
  const isAxis = (at: number | undefined): boolean => at !== undefined && (at < 0 ? at + rank : at) === axis;
  return turnsBack(node)?.(node, isAxis) ?? false;
}

/** Operators that may reverse an axis of their data. */
const turnsBack = byOperator<(node: Node, isAxis: (at: number | undefined) => boolean) => boolean>({
  Gather: (node, isAxis) => {
    const indices = numbersIn(node.inputs[1]);
    return isAxis(intAttr(node, 'axis')) && indices !== undefined && indices.length > 1 && (indices[1] ?? 0) < (indices[0] ?? 0);
  },
  ReverseSequence: (node, isAxis) => isAxis(intAttr(node, 'time_axis')),
  Slice: (node, isAxis) => {
    const [axes, steps] = [numbersIn(node.inputs[3]), numbersIn(node.inputs[4])];
    return steps?.some((step, at) => step < 0 && isAxis(axes ? axes[at] : at)) ?? false;
  },
});

const numbersIn = (value: Value | undefined): number[] | undefined =>
  value?.constant && isKnown(value.constant) ? [...readNumbers(value.constant)] : undefined;
