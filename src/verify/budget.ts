/**
 * Time budget of a verification. Everything that a verdict requires runs in any case; checks that only extend the coverage are planned by their
 * estimated cost, which is derived from the network's multiply-adds and not from the clock: the same models are checked in the same way on every
 * machine.
 */
import { intsAttr } from '../ir/attrs';
import { evaluateDim, namesOf } from '../ir/dims';
import type { Graph } from '../ir/graph';
import { table } from '../ir/table';
import { elementCount } from '../ir/tensor';
import type { Dim, Node } from '../ir/types';
import { multiplyAdds } from '../operators';

export interface Allowance {
  /** Spends that many seconds and returns true, or returns false if fewer are left. */
  spend(seconds: number): boolean;
  /** True if that many seconds are left. */
  has(seconds: number): boolean;
}

export interface Budget {
  readonly seconds: number;
  allowance(share: number): Allowance;
}

/** Default budget in seconds. */
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

/** Multiply-adds per second of convolutions and matrix products, on a processor with a few cores. */
const PRODUCTS_PER_SECOND = 5e9;
/** Elements per second that a pool or an activation processes. */
const NUMBERS_PER_SECOND = 5e8;
/** Overhead of one node. */
const SECONDS_PER_NODE = 10e-6;
/** Time to generate one input element and pass it to the runtime. */
const SECONDS_PER_NUMBER = 50e-9;

/** Estimated seconds to generate that many input elements and pass them to the runtime. */
export const secondsToFeed = (numbers: number): number => numbers * SECONDS_PER_NUMBER;

/** Estimated seconds of one run of a graph, from the sizes of its values. `sizes`: values of its symbols; symbols not listed count as 1. */
export function secondsOf(graph: Graph, sizes: Readonly<Record<string, number>> = table({})): number {
  const count = (dims: readonly Dim[] | undefined): number | undefined =>
    dims?.reduce<number>((product, dim) => product * (lengthOf(dim, sizes) ?? 1), 1);
  let seconds = 0;
  for (const node of graph.nodes) {
    const products = multiplyAdds(node, count);
    const results = count(node.outputs[0]?.type?.shape) ?? 0;
    seconds += SECONDS_PER_NODE + (products ? products / PRODUCTS_PER_SECOND : (results * numbersRead(node)) / NUMBERS_PER_SECOND);
  }
  return seconds;
}

function lengthOf(dim: Dim, sizes: Readonly<Record<string, number>>): number | undefined {
  if (typeof dim !== 'string') return dim;
  return evaluateDim(dim, { ...Object.fromEntries([...namesOf(dim)].map((name) => [name, 1])), ...sizes });
}

/** Numbers that a pool reads for one element of its result; 1 for other operators. */
const numbersRead = (node: Node): number => elementCount(intsAttr(node, 'kernel_shape') ?? []);
