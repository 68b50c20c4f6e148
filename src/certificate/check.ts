/**
 * Checks a certificate against the two files without running anything: is the record intact, are these the recorded files, are the weights the same
 * bytes.
 * If a file has changed, reports what changed: the graph, a weight, or only the way it is stored.
 */
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { certificateInvalid } from '../diagnostics/catalogue';
import { CompileError } from '../diagnostics/compile-error';
import type { ReadFileOptions } from '../files';
import { readText } from '../files/read-text';
import { parseJson } from '../formats/json';
import { fits, misfit } from '../formats/schemas';
import { Files, holdsPermuted, sameBytes, total } from './bytes';
import { hashFile } from './digest';
import { type Certificate, FORMAT, type ModelRecord, selfHash, type WeightRecord } from './format';
import { openRecorded, type Recorded } from './recorded';

export interface CertificateCheck {
  readonly certificate: Certificate;
  readonly original: string;
  readonly converted: string;
  /** Empty if everything matches the certificate. */
  readonly problems: readonly Problem[];
  /** Weights compared byte by byte with the original, and weights checked by hash only. */
  readonly weights: Compared;
  readonly seconds: number;
}

interface Compared {
  /** Number of identical weights, and their total bytes. */
  readonly compared: number;
  readonly bytes: number;
  /** Number of weights that are identical up to the order of their axes, and their total bytes. */
  readonly permuted: number;
  readonly permutedBytes: number;
  readonly hashed: number;
}
const NONE: Compared = { compared: 0, bytes: 0, permuted: 0, permutedBytes: 0, hashed: 0 };

export interface Problem {
  readonly about: 'certificate' | 'original' | 'converted' | 'weight' | 'graph';
  readonly message: string;
}

export interface CheckOptions extends ReadFileOptions {
  /** Current paths of the models. Default: the paths in the certificate, relative to its directory. */
  readonly original?: string | undefined;
  readonly converted?: string | undefined;
  readonly onProgress?: ((doing: string) => void) | undefined;
}

/** Throws CompileError if the certificate or a file cannot be read at all. */
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
    const weights = from && to ? compareWeights(certificate.weights, from, to, problems) : NONE;
    return { certificate, original, converted, problems, weights, seconds: (performance.now() - started) / 1000 };
  } finally {
    from?.close();
    to?.close();
  }
}

/** Throws CompileError CANNOT_READ, CERTIFICATE_INVALID. */
export function readCertificate(path: string): { readonly certificate: Certificate; readonly isWhole: boolean } {
  let value: unknown;
  try {
    value = parseJson(readText(path));
  } catch (error) {
    if (error instanceof CompileError) throw error;
    throw certificateInvalid(path, 'it is not valid JSON');
  }
  if (!isOfVersion(value)) throw certificateInvalid(path, `it is not a ${FORMAT} of version 1`);
  if (!fits<Certificate>('certificate', value)) throw certificateInvalid(path, misfit('certificate', value)?.message ?? 'it is damaged');
  return { certificate: value, isWhole: selfHash(value) === value.sha256 };
}

const isOfVersion = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && 'format' in value && value.format === FORMAT && 'version' in value && value.version === 1;

/** Hashes all files of a model and records how they differ. Returns undefined if it cannot be read as a model. */
function openModel(
  path: string,
  record: ModelRecord,
  about: 'original' | 'converted',
  options: CheckOptions,
  problems: Problem[],
): Recorded | undefined {
  const role = about === 'original' ? 'original' : 'converted model';
  let model: Recorded;
  try {
    model = openRecorded(path, options);
  } catch (error) {
    if (!(error instanceof CompileError) || error.code === 'CANNOT_READ') throw error;
    problems.push({ about, message: `the ${role} is not a readable model any more: ${error.diagnostic.message}` });
    return undefined;
  }
  const { files } = model;
  const changed = record.files.filter(({ bytes, sha256 }, at) => {
    const file = files[at];
    if (file === undefined || !existsSync(file)) return true;
    const found = hashFile(file, '');
    return found.bytes !== bytes || found.sha256 !== sha256;
  });
  for (const { name, bytes, sha256 } of changed)
    problems.push({
      about,
      message: `'${name}' of the ${role} is not the file that was recorded (${bytes} bytes, sha256 ${sha256.slice(0, 16)}...)`,
    });
  if (files.length > record.files.length) problems.push({ about, message: `the ${role} has weights in more files than were recorded` });
  if (changed.length > 0 && model.graph() !== record.graph)
    problems.push({ about: 'graph', message: `the graph of the ${role} is another` });
  return model;
}

function compareWeights(records: readonly WeightRecord[], from: Recorded, to: Recorded, problems: Problem[]): Compared {
  const [sources, targets] = [new Files(from.files), new Files(to.files)];
  let { compared, bytes, permuted, permutedBytes, hashed } = NONE;
  const wrong = (name: string, how: string): void => void problems.push({ about: 'weight', message: `weight '${name}' has ${how}` });
  try {
    for (const record of records) {
      const weight = to.weights.get(record.name);
      const { name, kind, from: places = [], permutation } = record;
      const length = total(places);
      if (!weight) problems.push({ about: 'weight', message: `weight '${name}' is gone from the converted model` });
      else if (kind === 'same' && places.length > 0) {
        compared++;
        bytes += length;
        if (!sameBytes(sources, places, targets, weight.at)) wrong(name, 'other bytes than the original');
      } else if (kind === 'permuted' && permutation) {
        permuted++;
        permutedBytes += length;
        if (!holdsPermuted(sources, places, permutation, targets, weight.at))
          wrong(name, 'other bytes than the original in that order of axes');
      } else {
        hashed++;
        if (weight.hash() !== record.sha256) wrong(name, 'other bytes than were recorded');
      }
    }
    const known = new Set(records.map(({ name }) => name));
    for (const name of to.weights.keys())
      if (!known.has(name)) problems.push({ about: 'weight', message: `weight '${name}' was not recorded` });
  } finally {
    sources.close();
    targets.close();
  }
  return { compared, bytes, permuted, permutedBytes, hashed };
}
