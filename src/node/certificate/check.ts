/**
 * Holds a certificate against the two files, without running anything: is the record whole, are these the files, are the weights the same bytes.
 * Where a file is another, it says what about it is: the graph, a weight, or only the way it is stored.
 */
import { dirname, resolve } from 'node:path';
import { certificateInvalid } from '../../diagnostics/catalogue';
import { CompileError } from '../../diagnostics/compile-error';
import type { Model } from '../../ir/model';
import { closeModel, filesBehind, type ReadFileOptions, readModelFile } from '..';
import { FileSource } from '../file-source';
import { readText } from '../read-text';
import { graphDigest, hashFile, payloadHash } from './digest';
import { type Certificate, FORMAT, type ModelRecord, type Stretch, selfHash, type WeightRecord } from './format';
import { stretches } from './make';

export interface CertificateCheck {
  readonly certificate: Certificate;
  readonly original: string;
  readonly converted: string;
  /** Empty: everything is as the certificate says. */
  readonly problems: readonly Problem[];
  /** Weights that were compared byte by byte with the original's, and those that a hash stands for. */
  readonly weights: { readonly compared: number; readonly bytes: number; readonly hashed: number };
  readonly seconds: number;
}

export interface Problem {
  readonly about: 'certificate' | 'original' | 'converted' | 'weight' | 'graph';
  readonly message: string;
}

export interface CheckOptions extends ReadFileOptions {
  /** Where the models are now; default: where the certificate says, from its own directory. */
  readonly original?: string | undefined;
  readonly converted?: string | undefined;
  readonly onProgress?: ((doing: string) => void) | undefined;
}

/** Throws CompileError where the certificate or a file cannot be read at all. */
export function checkCertificate(path: string, options: CheckOptions = {}): CertificateCheck {
  const started = performance.now();
  const { certificate, isWhole } = readCertificate(path);
  const problems: Problem[] = isWhole
    ? []
    : [{ about: 'certificate', message: 'it does not hash to what it says: it was edited, or cut short and mended' }];
  const place = (record: ModelRecord): string => resolve(dirname(path), record.files[0]?.name ?? '');
  const [original, converted] = [options.original ?? place(certificate.original), options.converted ?? place(certificate.converted)];
  options.onProgress?.('hashing the original');
  const from = openModel(original, certificate.original, 'original', options, problems);
  options.onProgress?.('hashing the converted model');
  const to = openModel(converted, certificate.converted, 'converted', options, problems);
  try {
    options.onProgress?.('comparing weights');
    const weights = from && to ? compareWeights(certificate.weights, from, to, problems) : { compared: 0, bytes: 0, hashed: 0 };
    return { certificate, original, converted, problems, weights, seconds: (performance.now() - started) / 1000 };
  } finally {
    if (from) closeModel(from);
    if (to) closeModel(to);
  }
}

/** Throws CompileError CANNOT_READ, CERTIFICATE_INVALID. */
export function readCertificate(path: string): { readonly certificate: Certificate; readonly isWhole: boolean } {
  let value: unknown;
  try {
    value = JSON.parse(readText(path));
  } catch (error) {
    if (error instanceof CompileError) throw error;
    throw certificateInvalid(path, 'it is no JSON');
  }
  if (!isCertificate(value)) throw certificateInvalid(path, `it is no ${FORMAT} of version 1`);
  return { certificate: value, isWhole: selfHash(value) === value.sha256 };
}

function isCertificate(value: unknown): value is Certificate {
  if (typeof value !== 'object' || value === null) return false;
  const fields: Readonly<Record<string, unknown>> = { ...value };
  const isRecord = (model: unknown): boolean =>
    typeof model === 'object' &&
    model !== null &&
    'files' in model &&
    Array.isArray(model.files) &&
    model.files.length > 0 &&
    'graph' in model;
  return (
    fields.format === FORMAT &&
    fields.version === 1 &&
    typeof fields.sha256 === 'string' &&
    isRecord(fields.original) &&
    isRecord(fields.converted) &&
    Array.isArray(fields.weights) &&
    Array.isArray(fields.rewrites)
  );
}

/** Hashes all files of a model; where they differ, says in what. undefined: it cannot be read as a model. */
function openModel(
  path: string,
  record: ModelRecord,
  about: 'original' | 'converted',
  options: CheckOptions,
  problems: Problem[],
): Model | undefined {
  const role = about === 'original' ? 'original' : 'converted model';
  let model: Model;
  try {
    model = readModelFile(path, options);
  } catch (error) {
    if (!(error instanceof CompileError) || error.code === 'CANNOT_READ') throw error;
    problems.push({ about, message: `the ${role} is no readable model any more: ${error.diagnostic.message}` });
    return undefined;
  }
  const files = filesBehind(model);
  const changed = record.files.filter(({ bytes, sha256 }, at) => {
    const file = files[at];
    if (file === undefined) return true;
    const found = hashFile(file, '');
    return found.bytes !== bytes || found.sha256 !== sha256;
  });
  for (const { name, bytes, sha256 } of changed)
    problems.push({
      about,
      message: `'${name}' of the ${role} is not the file that was recorded (${bytes} bytes, sha256 ${sha256.slice(0, 16)}...)`,
    });
  if (files.length > record.files.length) problems.push({ about, message: `the ${role} has weights in more files than were recorded` });
  if (changed.length > 0 && graphDigest(model) !== record.graph)
    problems.push({ about: 'graph', message: `the graph of the ${role} is another` });
  return model;
}

function compareWeights(records: readonly WeightRecord[], from: Model, to: Model, problems: Problem[]): CertificateCheck['weights'] {
  const found = new Map(to.graph.constants.map((constant) => [constant.name, constant.constant]));
  const [sources, targets] = [new Files(filesBehind(from)), new Files(filesBehind(to))];
  let [compared, bytes, hashed] = [0, 0, 0];
  try {
    for (const record of records) {
      const tensor = found.get(record.name);
      if (!tensor) {
        problems.push({ about: 'weight', message: `weight '${record.name}' is gone from the converted model` });
        continue;
      }
      const at = stretches(tensor, filesBehind(to)) ?? [];
      if (record.kind === 'same' && record.from && record.from.length > 0) {
        const length = record.from.reduce((sum, stretch) => sum + stretch.length, 0);
        compared++;
        bytes += length;
        if (!sameBytes(sources, record.from, targets, at))
          problems.push({ about: 'weight', message: `weight '${record.name}' has other bytes than the original` });
      } else {
        hashed++;
        if (payloadHash(tensor) !== record.sha256)
          problems.push({ about: 'weight', message: `weight '${record.name}' has other bytes than were recorded` });
      }
    }
    const known = new Set(records.map(({ name }) => name));
    for (const name of found.keys()) if (!known.has(name)) problems.push({ about: 'weight', message: `weight '${name}' was not recorded` });
  } finally {
    sources.close();
    targets.close();
  }
  return { compared, bytes, hashed };
}

const STRETCH = 4 << 20;

/** The files of a model, each opened once. */
class Files {
  private readonly open = new Map<number, FileSource>();
  private readonly buffer = Buffer.allocUnsafeSlow(STRETCH);
  constructor(private readonly paths: readonly string[]) {}

  /** undefined: the stretch is not there. */
  read(file: number, offset: number, length: number): Uint8Array | undefined {
    const path = this.paths[file];
    if (path === undefined) return undefined;
    const source = this.open.get(file) ?? FileSource.open(path);
    this.open.set(file, source);
    if (offset + length > source.size) return undefined;
    const bytes = this.buffer.subarray(0, length);
    source.readInto(bytes, offset, length);
    return bytes;
  }
  close(): void {
    for (const source of this.open.values()) source.close();
  }
}

/** Both lists of stretches, joined, hold the same bytes. */
function sameBytes(a: Files, from: readonly Stretch[], b: Files, to: readonly Stretch[]): boolean {
  const total = (list: readonly Stretch[]): number => list.reduce((sum, { length }) => sum + length, 0);
  if (total(from) !== total(to)) return false;
  const [left, right] = [new Walk(from), new Walk(to)];
  for (;;) {
    const [one, other] = [left.here(), right.here()];
    if (!one || !other) return true;
    const length = Math.min(one.length, other.length, STRETCH);
    const [x, y] = [a.read(one.file, one.offset, length), b.read(other.file, other.offset, length)];
    if (!x || !y || Buffer.compare(x, y) !== 0) return false;
    left.step(length);
    right.step(length);
  }
}

/** A place in a list of stretches. */
class Walk {
  private at = 0;
  private done = 0;
  constructor(private readonly list: readonly Stretch[]) {}

  here(): Stretch | undefined {
    while (this.done >= (this.list[this.at]?.length ?? Number.POSITIVE_INFINITY)) {
      this.at++;
      this.done = 0;
    }
    const stretch = this.list[this.at];
    return stretch && { file: stretch.file, offset: stretch.offset + this.done, length: stretch.length - this.done };
  }
  step(length: number): void {
    this.done += length;
  }
}
