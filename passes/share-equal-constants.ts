/**
 * share-equal-constants: store byte-identical constants once.
 *
 *   A, B with the same type, shape and bytes -> A for both
 *
 * Payloads are compared only if type and shape agree; those at the same position of the source file are equal without reading them.
 * Numbers: identical.
 * Left alone: constants that are graph outputs, strings, and values that are computed while writing (unless by the same computation).
 */
import { type Graph, nestedGraphs } from '../src/ir/graph';
import { samePayload } from '../src/ir/payload';
import { tensorByteLength } from '../src/ir/tensor';
import type { ConstValue, Tensor } from '../src/ir/types';
import { definePass } from '../src/rewrite/pass';

export const shareEqualConstants = definePass({
  name: 'share-equal-constants',
  summary: 'store byte-identical constants once',
  numbers: 'identical',
  run: (graph) => share(graph),
});

function share(graph: Graph): void {
  const groups = new Map<string, ConstValue[]>();
  for (const constant of graph.constants) {
    const { dtype, shape, data } = constant.constant;
    if (data.kind === 'strings' || graph.isOutput(constant)) continue;
    const key = `${dtype}[${shape}]${tensorByteLength(constant.constant)}`;
    const group = groups.get(key);
    if (group) group.push(constant);
    else groups.set(key, [constant]);
  }
  for (const group of groups.values()) if (group.length > 1) mergeEqual(graph, group);
  for (const node of graph.nodes) for (const nested of nestedGraphs(node)) share(nested);
}

function mergeEqual(graph: Graph, group: readonly ConstValue[]): void {
  const kept = new Map<string | Tensor['data'], ConstValue>();
  for (const constant of group) {
    const fingerprint = fingerprintOf(constant.constant);
    const before = kept.get(fingerprint);
    if (!before) kept.set(fingerprint, constant);
    else if (sameBytes(before.constant, constant.constant)) {
      graph.replaceAllUses(constant, before);
      graph.removeConstant(constant);
    }
  }
}

/** Equal payloads have equal fingerprints. A computed payload equals only itself: computing it to compare would cost as much as writing it. */
function fingerprintOf({ data }: Tensor): string | Tensor['data'] {
  if (data.kind === 'computed' || data.kind === 'strings') return data;
  const head = data.kind === 'bytes' ? data.bytes.subarray(0, SAMPLE) : readHead(data);
  return String.fromCharCode(...head);
}

const SAMPLE = 64;

function readHead(data: Extract<Tensor['data'], { kind: 'ranges' }>): Uint8Array {
  const [range] = data.ranges;
  return range && data.encoding === 'raw' ? range.source.read(range.offset, Math.min(SAMPLE, range.length)) : new Uint8Array();
}

/** Computed payloads are not evaluated for the comparison. */
const sameBytes = (a: Tensor, b: Tensor): boolean =>
  a.data === b.data || (a.data.kind !== 'computed' && b.data.kind !== 'computed' && samePayload(a, b));
