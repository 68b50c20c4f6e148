/** What a verification found: a plain object for machines, and as text for people. */
import { type Contract, describeContract } from '../analysis/contract';
import type { Difference } from './compare';

export interface Check {
  readonly name: 'original size' | 'windows of the map' | 'mean of the map' | 'crops of the image';
  readonly status: 'equal' | 'different' | 'informative' | 'skipped';
  /** Per output: the worst difference over all inputs of the check. */
  readonly outputs: Readonly<Record<string, Difference>>;
  /** Sizes of the images, height x width. */
  readonly sizes: readonly string[];
  readonly cells: number;
  /** Share of cells whose best class is the same, where that is not implied. */
  readonly sameBest?: number | undefined;
  /** Why it was skipped, or what a reader should know. */
  readonly note?: string | undefined;
}

export interface Tolerance {
  /** Largest difference allowed, as a share of the largest expected number. */
  readonly relative: number;
  readonly absolute: number;
  /**
   * How the original differs from itself, as a share of its largest number: between numbers of threads, when its input moves by one unit in the last
   * place, between batch sizes, and between the runtime's plain and optimised kernels (which add in other orders).
   */
  readonly noise: {
    readonly threads: number;
    readonly nudge: number;
    readonly batch: number | undefined;
    readonly kernels: number | undefined;
    /** When its weights move by one unit in the last place, where the conversion rounded weights anew. */
    readonly weights?: number | undefined;
    /** The converted model in a runtime of its own, when its sums are taken in another order. */
    readonly order?: number | undefined;
  };
  readonly from: 'noise' | 'options';
}

export interface VerifyReport {
  readonly verdict: 'equal' | 'different';
  readonly checks: readonly Check[];
  readonly tolerance: Tolerance;
  readonly contract: Contract | undefined;
  /** Set where the runtime's own graph optimisations change the original by more than its noise: a fault of the runtime. */
  readonly runtimeFault: Difference | undefined;
  readonly runtime: string;
  readonly seconds: number;
}

export function formatVerifyReport(report: VerifyReport): string {
  const { tolerance, contract } = report;
  const lines = report.checks.map(formatCheck);
  const share = (number: number): string => number.toExponential(1);
  lines.push(
    tolerance.from === 'options'
      ? `  tolerance          rtol ${share(tolerance.relative)}, atol ${share(tolerance.absolute)} as given`
      : `  tolerance          ${share(tolerance.relative)} of the largest score; the original differs from itself by ${share(noiseOf(tolerance))}${tolerance.noise.order === undefined ? '' : `, the converted model by ${share(tolerance.noise.order)} in another order of its sums`}`,
  );
  if (contract) lines.push(`  contract           ${describeContract(contract)}`);
  if (report.runtimeFault) {
    lines.push(
      `  warning            ONNX Runtime's own optimiser changes the original by ${share(report.runtimeFault.maxRel)} of the largest score: a fault of the runtime; it was not used here`,
    );
  }
  lines.push(
    `  verdict            ${report.verdict === 'equal' ? 'equal' : 'NOT EQUIVALENT'} (${report.seconds.toFixed(1)} s, ${report.runtime})`,
  );
  return lines.join('\n');
}

/** The largest of what was measured on the original itself. */
export const noiseOf = ({ noise }: Tolerance): number =>
  Math.max(noise.threads, noise.nudge, noise.batch ?? 0, noise.kernels ?? 0, noise.weights ?? 0);

function formatCheck(check: Check): string {
  const name = `  ${check.name.padEnd(19)}`;
  if (check.status === 'skipped') return `${name}skipped: ${check.note}`;
  const parts = Object.entries(check.outputs).map(([output, difference]) => `${output}: ${describe(difference)}`);
  const where = `${check.cells} cell${check.cells === 1 ? '' : 's'} at ${check.sizes.join(', ')}`;
  const agreement = check.sameBest === undefined ? '' : `, same best class in ${(100 * check.sameBest).toFixed(0)} %`;
  const status = check.status === 'informative' ? 'border effects' : check.status;
  return `${name}${status}: ${where}${agreement}; ${parts.join('; ')}${check.note ? ` (${check.note})` : ''}`;
}

function describe({ maxAbs, maxRel, broken, worst }: Difference): string {
  if (broken > 0)
    return `${broken} numbers are NaN, infinite or missing on one side${worst ? ` (expected ${worst.expected}, got ${worst.actual})` : ''}`;
  return `largest difference ${maxAbs.toPrecision(2)} (${maxRel.toExponential(1)} of the largest)`;
}
