/** `--stride`: maps finer than the network's own. */
import { type Head, refinement } from '../../passes';
import { cannotRefine, strideNotDivisor, strideNotFor } from '../diagnostics/catalogue';
import { assertInvariant } from '../diagnostics/compile-error';
import { gcd } from '../ir/ratio';
import { unitOf } from '../ir/spatial';
import { pixelStride, strideBySize } from '../operators/pixel-stride';
import type { PassReport, PassRunner } from '../rewrite/manager';
import type { Density } from './metadata';
import type { CompileOptions } from './options';

/** Makes the maps finer. Throws CompileError if the stride does not divide the network's own, or if a node prevents it. */
export function refine(
  runner: PassRunner,
  wanted: readonly (number | undefined)[],
  head: Head,
  passes: PassReport[],
  options: CompileOptions,
): Density {
  if (head !== 'window' && head !== 'cell') throw strideNotFor(head);
  const { model } = runner;
  const before = model.graph.outputs.map((output) => pixelStride(output));
  const own = before[0] ?? [];
  const strides = own.map((stride, axis) => wanted[axis] ?? stride);
  const isDivisor = (stride: number, axis: number): boolean => Number.isInteger(stride) && stride >= 1 && (own[axis] ?? 1) % stride === 0;
  if (!strides.every(isDivisor)) throw strideNotDivisor(strides, own.map(divisorsOf), unitOf(own.length));
  const reports = runner.run(refinement(options.dense ?? 'atrous', strides), options.onPass ? { onPass: options.onPass } : {});
  passes.push(...reports);
  const [refusal] = reports.flatMap((report) => report.refusals);
  if (refusal) throw cannotRefine(refusal.at, refusal.reason ?? '');
  return Object.fromEntries(
    model.graph.outputs.map((output, at): [string, readonly number[]] => {
      const old = before[at] ?? [];
      const density = old.map((stride, axis) => stride / gcd(stride, strides[axis] ?? 1));
      const now = strideBySize(output) ?? old.map((stride, axis) => stride / (density[axis] ?? 1));
      assertInvariant(
        now.every((stride, axis) => stride * (density[axis] ?? 1) === old[axis]),
        () => `'${output.name}' has a cell every ${now.join(', ')}`,
      );
      return [output.name, density];
    }),
  );
}

const divisorsOf = (number: number): number[] =>
  Array.from({ length: number }, (_, at) => at + 1).filter((divisor) => number % divisor === 0);
