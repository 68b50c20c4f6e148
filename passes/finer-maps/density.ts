/**
 * How much finer each value of a network is to become for a map with a cell every so many pixels: a map whose cells lie c pixels apart gets cells
 * gcd(c, stride) pixels apart, so that what meets stays aligned, and the outputs have what was asked for.
 */
import { AxisRoles, imageInputs } from '../../src/ir/axis-roles';
import type { Graph } from '../../src/ir/graph';
import type { Node, Value } from '../../src/ir/types';
import { isConst } from '../../src/ir/types';
import { pixelStride } from '../../src/operators/pixel-stride';

/** [rows, columns]. */
export type Pair = readonly [number, number];

export const isOne = ([y, x]: Pair): boolean => y === 1 && x === 1;
export const samePair = (a: Pair, b: Pair): boolean => a[0] === b[0] && a[1] === b[1];
/** Whether an axis of this role runs over rows or columns. */
export const isPlace = (role: string | undefined): boolean => /[HW]/.test(role ?? '');

export class Densities {
  readonly roles: AxisRoles;
  private readonly known = new Map<Value, Pair>();
  private readonly lost = new Set<Value>();

  /** Of the graph as it is now: asked before anything changes. */
  constructor(
    graph: Graph,
    private readonly stride: number,
  ) {
    this.roles = new AxisRoles(imageInputs(graph));
    for (const input of graph.inputs) this.known.set(input, this.derive(input));
    for (const node of graph.nodes) {
      const readsMaps = node.op !== 'Shape' && node.op !== 'Size' && node.inputs.some((input) => input && this.hasPlaces(input));
      for (const output of node.outputs) {
        if (readsMaps && this.roles.of(output) === undefined) this.lost.add(output);
        this.known.set(output, this.derive(output));
      }
    }
  }

  /** New cells for each old one. */
  of(value: Value | undefined): Pair {
    return (value && this.known.get(value)) ?? [1, 1];
  }

  /** Inputs of the node that have more than one place. */
  maps(node: Node): Value[] {
    return node.inputs.filter((input): input is Value => input !== undefined && !isConst(input) && this.isSpread(input));
  }

  /** Whether the node has to do with maps whose axes could not be followed, and which would have to become finer. */
  isOutOfSight(node: Node): boolean {
    const isMissed = (value: Value | undefined): boolean => value !== undefined && this.lost.has(value) && !isOne(this.of(value));
    return node.inputs.some(isMissed) || node.outputs.some(isMissed);
  }

  /** Whether the value has more than one place. */
  isSpread(value: Value): boolean {
    return this.roles.of(value)?.some((role, axis) => isPlace(role) && value.type?.shape?.[axis] !== 1) ?? false;
  }
  private hasPlaces(value: Value): boolean {
    return this.lost.has(value) || this.isSpread(value);
  }

  private derive(value: Value): Pair {
    if (!this.hasPlaces(value)) return [1, 1];
    const [y, x] = pixelStride(value);
    return [y / commonDivisor(y, this.stride), x / commonDivisor(x, this.stride)];
  }
}

/** Of whole numbers; what lies closer than a pixel stays as it is. */
export function commonDivisor(a: number, b: number): number {
  if (!Number.isInteger(a)) return a;
  return b === 0 ? a : commonDivisor(b, a % b);
}
