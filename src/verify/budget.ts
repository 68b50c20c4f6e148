/**
 * How long a verification may take. What has to run for a verdict runs in any case; what only reaches further is planned from what it will cost by the
 * network's products, not by the clock: the same models are looked at in the same way on every machine.
 */
import { intsAttr } from '../ir/attrs';
import { evaluateDim, namesOf } from '../ir/dims';
import type { Graph } from '../ir/graph';
import { table } from '../ir/table';
import { elementCount } from '../ir/tensor';
import type { Dim, Node } from '../ir/types';

export interface Allowance {
  /** Whether so many seconds are left, which are then spent. */
  spend(seconds: number): boolean;
  /** Whether so many are left. */
  has(seconds: number): boolean;
}

export interface Budget {
  readonly seconds: number;
  allowance(share: number): Allowance;
}

/** Seconds. */
export const USUAL_BUDGET = 30;

export const makeBudget = (seconds = USUAL_BUDGET): Budget => ({
  seconds,
  allowance(share) {
    let left = share * seconds;
    return {
      spend(needed) {
        if (needed > left) return false;
        left -= needed;
        return true;
      },
      has: (needed) => needed <= left,
    };
  },
});

/** Products per second of convolutions and matrix products, on a processor of a few cores. */
const PRODUCTS_PER_SECOND = 5e9;
/** Numbers per second that a pool or an activation looks at. */
const NUMBERS_PER_SECOND = 5e8;
/** What one node costs by itself. */
const SECONDS_PER_NODE = 10e-6;
/** To make up one number and hand it over. */
const SECONDS_PER_NUMBER = 50e-9;

/** To make up numbers for inputs. */
export const secondsToFeed = (numbers: number): number => numbers * SECONDS_PER_NUMBER;

/** What one run of a graph takes, by the sizes of its values. `sizes`: of its symbols; those that are not named are 1. */
export function secondsOf(graph: Graph, sizes: Readonly<Record<string, number>> = table({})): number {
  let seconds = 0;
  for (const node of graph.nodes) {
    const [output] = node.outputs;
    const shape = output?.type?.shape;
    const elements = shape?.reduce<number>((product, dim) => product * (lengthOf(dim, sizes) ?? 1), 1) ?? 0;
    seconds += SECONDS_PER_NODE + elements * secondsPerElement(node);
  }
  return seconds;
}

function lengthOf(dim: Dim, sizes: Readonly<Record<string, number>>): number | undefined {
  if (typeof dim !== 'string') return dim;
  return evaluateDim(dim, { ...Object.fromEntries([...namesOf(dim)].map((name) => [name, 1])), ...sizes });
}

/** Of the output. */
function secondsPerElement(node: Node): number {
  const weight = node.inputs[1]?.constant?.shape;
  switch (node.op) {
    case 'Conv':
      return elementCount(weight?.slice(1) ?? []) / PRODUCTS_PER_SECOND;
    case 'ConvTranspose':
    case 'Gemm':
    case 'MatMul':
      return elementCount(weight ?? [1]) / Math.max(1, weight?.at(1) ?? 1) / PRODUCTS_PER_SECOND;
    case 'AveragePool':
    case 'MaxPool':
    case 'LpPool':
      return elementCount(intsAttr(node, 'kernel_shape') ?? []) / NUMBERS_PER_SECOND;
    default:
      return 1 / NUMBERS_PER_SECOND;
  }
}
