/** Writes down what a conversion did, from the two files as they lie on the disk. */
import { dirname, relative, sep } from 'node:path';
import type { Compiled } from '../../compile';
import { assertInvariant } from '../../diagnostics/compile-error';
import type { ByteRange } from '../../ir/bytes';
import type { Model } from '../../ir/model';
import type { ConstValue, Tensor } from '../../ir/types';
import type { VerifyReport } from '../../verify/report';
import { version } from '../../version';
import { closeModel, filesBehind, type ReadFileOptions, readModelFile } from '..';
import { graphDigest, hashFile, payloadHash } from './digest';
import { type Certificate, FORMAT, type ModelRecord, type RewriteRecord, type Stretch, selfHash, type WeightRecord } from './format';

export interface CertificateRequest {
  readonly compiled: Compiled;
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
  const { compiled, verification, converted, reading } = request;
  const [from, to] = [readModelFile(request.original, reading), readModelFile(converted.path, reading)];
  try {
    const name = (path: string): string => named(path, request);
    const [original, result] = [recordOf(from, name), recordOf(to, name)];
    const { report } = compiled;
    const rest = {
      format: FORMAT,
      version: 1,
      program: version,
      original,
      converted: result,
      windows: Object.fromEntries(report.windows.map(({ input, height, width }) => [input, [height, width] as const])),
      head: report.head,
      contract: report.contract.kind,
      rewrites: rewritesOf(compiled),
      weights: weightsOf(compiled.model, from, to),
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
    closeModel(from);
    closeModel(to);
  }
}

/** As it will be found from where the certificate will lie; files beside the staged model will lie beside the final one. */
function named(path: string, { converted, certificate }: CertificateRequest): string {
  const home =
    path === converted.path
      ? converted.home
      : path.startsWith(`${converted.path}.`)
        ? converted.home + path.slice(converted.path.length)
        : path;
  return relative(dirname(certificate), home).split(sep).join('/');
}

const recordOf = (model: Model, name: (path: string) => string): ModelRecord => ({
  files: filesBehind(model).map((path) => hashFile(path, name(path))),
  graph: graphDigest(model),
});

function rewritesOf({ report }: Compiled): readonly RewriteRecord[] {
  const numbers = new Map(report.passes.map((pass) => [pass.pass, pass.numbers]));
  return report.remarks
    .filter(({ kind }) => kind === 'applied')
    .map(({ pass, rule, origin }) => ({ pass, rule: rule ?? pass, nodes: origin, numbers: numbers.get(pass) ?? 'rounding' }));
}

/** What became of every weight: as the compiler has it, in terms of the original's bytes; as the file has it, in terms of its own. */
function weightsOf(compiled: Model, from: Model, to: Model): readonly WeightRecord[] {
  const known = new Map(compiled.graph.constants.map((constant) => [constant.name, constant.constant]));
  const [sources, targets] = [filesBehind(from), filesBehind(to)];
  const sameAs = smallOnes(from);
  return to.graph.constants.map((constant): WeightRecord => {
    const { name, constant: written } = constant;
    const { dtype, shape } = written;
    const at = stretches(written, targets) ?? [];
    const record = { name, dtype, shape, at };
    const made = known.get(name);
    const ranges = made && stretches(made, sources);
    const small = at.length > 0 ? undefined : sameAs.get(payloadHash(written));
    if (ranges && ranges.length > 0 && at.length > 0) return { ...record, kind: 'same', from: ranges };
    if (small) return { ...record, kind: 'same', from: [], sha256: payloadHash(written) };
    return { ...record, kind: 'computed', sha256: payloadHash(written) };
  });
}

/** Weights that the file holds within other fields have no stretch of bytes; those of the original, by their hash. */
function smallOnes(model: Model): ReadonlyMap<string, ConstValue> {
  const small = model.graph.constants.filter(({ constant }) => constant.data.kind === 'bytes');
  return new Map(small.map((constant) => [payloadHash(constant.constant), constant]));
}

/** Where in the files a payload lies; undefined: not as plain bytes. */
export function stretches({ data }: Tensor, files: readonly string[]): readonly Stretch[] | undefined {
  if (data.kind !== 'ranges' || data.encoding !== 'raw') return undefined;
  return data.ranges.map(({ source, offset, length }: ByteRange): Stretch => {
    const file = files.indexOf(source.name);
    assertInvariant(file >= 0, () => `a weight lies in '${source.name}', which is no file of the model`);
    return { file, offset, length };
  });
}
