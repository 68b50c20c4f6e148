/**
 * Factors by which the values of a network must become finer for a given output stride: a map whose cells are c pixels apart gets cells
 * gcd(c, stride) pixels apart, so that maps that are combined stay aligned, and the outputs have the requested stride.
 */

import { AxisRoles, imageInputs } from '../../src/ir/axis-roles';
import type { Graph } from '../../src/ir/graph';
import { tellsSize } from '../../src/ir/operator-traits';
import { isSpatialRole, type Letter } from '../../src/ir/spatial';
import type { Node, Value } from '../../src/ir/types';
import { isConst } from '../../src/ir/types';
import { pixelStride } from '../../src/operators/pixel-stride';

/** One number per spatial axis, outermost first. */
export type PerAxis = readonly number[];

export const isOne = (numbers: PerAxis): boolean => numbers.every((number) => number === 1);
export const isSame = (a: PerAxis, b: PerAxis): boolean => a.length === b.length && a.every((number, axis) => number === b[axis]);
/** Maps the number of each axis. */
export const each = (like: PerAxis, of: (number: number, axis: number) => number): PerAxis => like.map(of);
/** a[axis]; lists for the same axes have one entry per axis. */
export const at = (numbers: PerAxis, axis: number): number => numbers[axis] ?? 1;
/** Whether an axis of this role runs over positions. */
export const isPlace = isSpatialRole;

export class Densities {
  readonly roles: AxisRoles;
  private readonly known = new Map<Value, PerAxis>();
  private readonly lost = new Set<Value>();

  /** For the graph in its current state: must be built before anything changes. */
  constructor(
    graph: Graph,
    /** Pixels between cells of the outputs: for all axes, or per axis. */
    private readonly stride: number | PerAxis,
  ) {
    this.roles = new AxisRoles(imageInputs(graph), graph.tied);
    for (const input of graph.inputs) this.known.set(input, this.derive(input));
    for (const node of graph.nodes) {
      const readsMaps = !tellsSize(node.op) && node.inputs.some((input) => input && this.hasPlaces(input));
      for (const output of node.outputs) {
        if (readsMaps && this.roles.of(output) === undefined) this.lost.add(output);
        this.known.set(output, this.derive(output));
      }
    }
  }

  /** New cells for each old one. */
  of(value: Value | undefined): PerAxis {
    return (value && this.known.get(value)) ?? this.ones;
  }

  /** The spatial axes. */
  get letters(): readonly Letter[] {
    return this.roles.letters;
  }
  private get ones(): PerAxis {
    return this.letters.map(() => 1);
  }

  /** Inputs of the node that have more than one position. */
  maps(node: Node): Value[] {
    return node.inputs.filter((input): input is Value => input !== undefined && !isConst(input) && this.isSpread(input));
  }

  /** Whether the node reads or writes maps whose axes could not be followed, and which would have to become finer. */
  isOutOfSight(node: Node): boolean {
    const isMissed = (value: Value | undefined): boolean => value !== undefined && this.lost.has(value) && !isOne(this.of(value));
    return node.inputs.some(isMissed) || node.outputs.some(isMissed);
  }

  /** Whether the value has more than one position. */
  isSpread(value: Value): boolean {
    return this.roles.of(value)?.some((role, axis) => isPlace(role) && value.type?.shape?.[axis] !== 1) ?? false;
  }
  private hasPlaces(value: Value): boolean {
    return this.lost.has(value) || this.isSpread(value);
  }

  private derive(value: Value): PerAxis {
    if (!this.hasPlaces(value)) return this.ones;
    const isTied = this.letters.map((letter) => this.roles.tied.has(letter));
    // Axes that do not slide stay as they are.
    const wanted = (axis: number): number => (isTied[axis] ? 0 : typeof this.stride === 'number' ? this.stride : at(this.stride, axis));
    return pixelStride(value).map((own, axis) => own / commonDivisor(own, wanted(axis)));
  }
}

/** Greatest common divisor of integers; if `a` is not one (cells less than a pixel apart), `a` itself. */
export function commonDivisor(a: number, b: number): number {
  if (!Number.isInteger(a)) return a;
  return b === 0 ? a : commonDivisor(b, a % b);
}
