/** Writes down what a conversion did, from the two files as they lie on the disk. */
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
  /** What was written as the weights, by name, in terms of the original's bytes where they are that. */
  readonly made: ReadonlyMap<string, Tensor>;
  readonly verification: VerifyReport | undefined;
  readonly original: string;
  /** Where the converted model lies now, and where it will. */
  readonly converted: { readonly path: string; readonly home: string };
  /** Where the certificate will lie: names in it are relative to that. */
  readonly certificate: string;
  readonly reading: ReadFileOptions;
}

/** Both files are read once, a stretch at a time. Throws CompileError where they cannot be. */
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

/** As it will be found from where the certificate will lie; files beside the staged model will lie beside the final one. */
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

/** What became of every weight: as the compiler has it, in terms of the original's bytes; as the file has it, in terms of its own. */
function weightsOf(made: CertificateRequest['made'], from: Recorded, to: Recorded): readonly WeightRecord[] {
  const sameAs = new Set([...from.weights.values()].filter(({ isInline }) => isInline).map((weight) => weight.hash()));
  return [...to.weights].map(([name, weight]): WeightRecord => {
    const { dtype, shape, at } = weight;
    const record = { name, dtype, shape, at };
    const tensor = made.get(name);
    // In fewer bits it is another.
    const source = at.length > 0 && tensor && total(at) === tensorByteLength(tensor) ? sourceOf(tensor, from.files) : undefined;
    if (source) return { ...record, ...source };
    const sha256 = weight.hash();
    // Those that lie within other fields have no stretch of bytes.
    return sameAs.has(sha256) ? { ...record, kind: 'same', from: [], sha256 } : { ...record, kind: 'computed', sha256 };
  });
}

/** The bytes of the original that a tensor is, in their order or in another. */
function sourceOf(tensor: Tensor, files: readonly string[]): Pick<WeightRecord, 'kind' | 'from' | 'permutation'> | undefined {
  const from = stretches(tensor, files);
  if (from && from.length > 0) return { kind: 'same', from };
  const permutation = tensor.data.kind === 'computed' ? tensor.data.permutation : undefined;
  const moved = permutation && stretches(permutation.of, files);
  if (!permutation || !moved || moved.length === 0) return undefined;
  const { dtype, shape } = permutation.of;
  return { kind: 'permuted', from: moved, permutation: { dtype, shape, perm: permutation.perm } };
}
