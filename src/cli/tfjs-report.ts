/** What `convert --to tfjs` tells about the files, and about what fewer bits do to the numbers. */
import type { ArtifactReport } from '../tfjs/artifacts';
import { formatVerifyReport, type VerifyReport } from '../verify/report';
import { bytes } from './table';

export const tfjsHeadline = (input: string, output: string, { weightBytes, jsonBytes, shards, nodes }: ArtifactReport): string =>
  `${input} -> ${output} (model.json of ${bytes(jsonBytes)} with ${nodes} nodes, ${bytes(weightBytes)} of weights in ${shards} file${shards === 1 ? '' : 's'})`;

/** Weights that are stored in fewer bits, by type. */
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

/** The outputs of a model with weights in fewer bits are held to no bound but one that was given. */
export const isMeasured = ({ quantised }: ArtifactReport, { tolerance }: VerifyReport): boolean =>
  quantised.length > 0 && tolerance.from === 'options' && tolerance.relative === Number.MAX_VALUE;

/** The differences, without a verdict. */
export function measuredText(report: VerifyReport): string[] {
  const lines = formatVerifyReport({ ...report, contract: undefined })
    .split('\n')
    .filter((line) => !/^ {2}(tolerance|verdict) /.test(line))
    .map((line) => line.replace(/^( {2}\S.*?)equal: /, '$1measured: '));
  return ['difference to the original, measured', ...lines];
}
