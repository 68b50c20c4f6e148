/** Reports the files written by `convert --to tfjs`, and the largest error of weights stored with reduced precision. */

import { bytes } from '../reports/table';
import type { ArtifactReport } from '../tfjs/artifacts';

export const tfjsHeadline = (input: string, output: string, { weightBytes, jsonBytes, shards, nodes }: ArtifactReport): string =>
  `${input} -> ${output} (model.json of ${bytes(jsonBytes)} with ${nodes} nodes, ${bytes(weightBytes)} of weights in ${shards} file${shards === 1 ? '' : 's'})`;

/** Weights stored with reduced precision, by type. */
export function tfjsText({ quantised }: ArtifactReport): string[] {
  if (quantised.length === 0) return [];
  const types = [...new Set(quantised.map(({ type }) => type))];
  const lines = types.map((type) => {
    const own = quantised.filter((weight) => weight.type === type);
    const worst = own.reduce((a, b) => (b.error > a.error ? b : a));
    return `  ${type.padEnd(19)}${own.length} weight${own.length === 1 ? '' : 's'}, largest error of a number ${worst.error.toPrecision(2)} ('${worst.name}')`;
  });
  return ['weights in fewer bits', ...lines, ''];
}
