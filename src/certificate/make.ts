/** Writes the certificate of a conversion from the two files on disk. */
import { dirname, relative, sep } from 'node:path';
import { unequalAxes } from '../analysis/contract';
import type { Compiled } from '../compile';
import { windowLengths } from '../compile/input-size';
import type { ReadFileOptions } from '../files';
import { tensorByteLength } from '../ir/tensor';
import type { Tensor } from '../ir/types';
import type { VerifyReport } from '../verify/report';
import { version } from '../version';
import { total } from './bytes';
import { hashFile } from './digest';
import { type Certificate, FORMAT, type ModelRecord, type RewriteRecord, selfHash, type WeightRecord } from './format';
import { openRecorded, type Recorded, stretches } from './recorded';

export interface CertificateRequest {
  readonly compiled: Compiled;
  /** Weights as written, by name, expressed as byte ranges of the original where they are copied from it. */
  readonly made: ReadonlyMap<string, Tensor>;
  readonly verification: VerifyReport | undefined;
  readonly original: string;
  /** Current path of the converted model, and its final path. */
  readonly converted: { readonly path: string; readonly home: string };
  /** Path of the certificate; file names in it are relative to its directory. */
  readonly certificate: string;
  readonly reading: ReadFileOptions;
}

/** Reads both files once, one stretch at a time. Throws CompileError if they cannot be read. */
export function makeCertificate(request: CertificateRequest): Certificate {
  const { compiled, made, verification, converted, reading } = request;
  const [from, to] = [openRecorded(request.original, reading), openRecorded(converted.path, reading)];
  try {
    const name = (path: string): string => named(path, request);
    const [original, result] = [recordOf(from, name), recordOf(to, name)];
    const { report } = compiled;
    const axes = unequalAxes(report.contract);
    const rest = {
      format: FORMAT,
      version: 1,
      program: version,
      original,
      converted: result,
      windows: Object.fromEntries(report.windows.map((window) => [window.input, windowLengths(window)])),
      head: report.head,
      contract: report.contract.kind,
      ...(axes && { axes }),
      rewrites: rewritesOf(compiled),
      weights: weightsOf(made, from, to),
      verification: verification
        ? {
            verdict: verification.verdict,
            checks: verification.checks.map((check) => ({ name: check.name, status: check.status })),
            tolerance: verification.tolerance.relative,
          }
        : null,
    } as const;
    return { ...rest, sha256: selfHash(rest) };
  } finally {
    from.close();
    to.close();
  }
}

/** Path relative to the certificate's final location; files next to the staged model will be next to the final one. */
function named(path: string, { converted, certificate }: CertificateRequest): string {
  const home =
    path === converted.path
      ? converted.home
      : [`${converted.path}.`, `${converted.path}${sep}`].some((start) => path.startsWith(start))
        ? converted.home + path.slice(converted.path.length)
        : path;
  return relative(dirname(certificate), home).split(sep).join('/');
}

const recordOf = (model: Recorded, name: (path: string) => string): ModelRecord => ({
  ...(model.isTfjs && { format: 'tfjs' }),
  files: model.files.map((path) => hashFile(path, name(path))),
  graph: model.graph(),
});

function rewritesOf({ report }: Compiled): readonly RewriteRecord[] {
  const numbers = new Map(report.passes.map((pass) => [pass.pass, pass.numbers]));
  return report.remarks
    .filter(({ kind }) => kind === 'applied')
    .map(({ pass, rule, origin }) => ({ pass, rule: rule ?? pass, nodes: origin, numbers: numbers.get(pass) ?? 'rounding' }));
}

/** Origin of every weight: the compiler knows it as byte ranges of the original, the file as byte ranges of the converted model. */
function weightsOf(made: CertificateRequest['made'], from: Recorded, to: Recorded): readonly WeightRecord[] {
  const sameAs = new Set([...from.weights.values()].filter(({ isInline }) => isInline).map((weight) => weight.hash()));
  return [...to.weights].map(([name, weight]): WeightRecord => {
    const { dtype, shape, at } = weight;
    const record = { name, dtype, shape, at };
    const tensor = made.get(name);
    // A weight stored in fewer bits is not the same weight.
    const source = at.length > 0 && tensor && total(at) === tensorByteLength(tensor) ? sourceOf(tensor, from.files) : undefined;
    if (source) return { ...record, ...source };
    const sha256 = weight.hash();
    // Weights inside other fields have no byte ranges of their own.
    return sameAs.has(sha256) ? { ...record, kind: 'same', from: [], sha256 } : { ...record, kind: 'computed', sha256 };
  });
}

/** The bytes of the original that make up a tensor, in the same order or permuted. */
function sourceOf(tensor: Tensor, files: readonly string[]): Pick<WeightRecord, 'kind' | 'from' | 'permutation'> | undefined {
  const from = stretches(tensor, files);
  if (from && from.length > 0) return { kind: 'same', from };
  const permutation = tensor.data.kind === 'computed' ? tensor.data.permutation : undefined;
  const moved = permutation && stretches(permutation.of, files);
  if (!permutation || !moved || moved.length === 0) return undefined;
  const { dtype, shape } = permutation.of;
  return { kind: 'permuted', from: moved, permutation: { dtype, shape, perm: permutation.perm } };
}
