/** Precision of floating-point types: the distance between neighbouring values. */
import type { Model } from '../ir/model';
import { table } from '../ir/table';

/** Relative size of one unit in the last place. */
export const EPSILON: Readonly<Record<string, number>> = table({ float: 2 ** -23, double: 2 ** -52, float16: 2 ** -10, bfloat16: 2 ** -7 });

/**
 * The coarsest type that the network computes in: half precision between two Casts still counts as half precision. Stored weights that are cast to a
 * finer type do not count.
 */
export function coarsestType(model: Model): string {
  const computed = model.graph.nodes
    .flatMap((node) => node.outputs)
    .filter(({ producer }) => producer?.inputs.some((input) => input && !input.constant))
    .map((output) => output.type?.dtype ?? 'float');
  return computed.reduce((coarsest, dtype) => ((EPSILON[dtype] ?? 0) > (EPSILON[coarsest] ?? 0) ? dtype : coarsest), 'float');
}
