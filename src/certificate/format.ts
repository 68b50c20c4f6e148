/**
 * The record of a conversion: which files, which rewrites, which weights are the same bytes. docs/schemas/certificate.schema.json describes it.
 *
 * It holds a hash of itself, which tells an accident from a whole record. It is no signature: who can write the file can write another.
 */
import { createHash } from 'node:crypto';
import type { Verdict } from '../verify/report';

export const FORMAT = 'convolutionize certificate';

export interface Certificate {
  readonly format: typeof FORMAT;
  /** Of the format. */
  readonly version: 1;
  readonly program: string;
  readonly original: ModelRecord;
  readonly converted: ModelRecord;
  /** Per image input: height and width of what one prediction is about. */
  readonly windows: Readonly<Record<string, readonly number[]>>;
  readonly head: string;
  /** What holds between the two models: `everywhere`, `border`, `whole-image`, `original`. */
  readonly contract: string;
  readonly axes?: Readonly<Record<string, string>> | undefined;
  /** In the order in which they were made. */
  readonly rewrites: readonly RewriteRecord[];
  readonly weights: readonly WeightRecord[];
  /** The verdict of running both; null: they were not run. */
  readonly verification: VerificationRecord | null;
  /** Of everything else, as JSON with sorted keys and no spaces. */
  readonly sha256: string;
}

export interface ModelRecord {
  /** `tfjs`: a TensorFlow.js graph model, its model.json first and then its shards. Absent: ONNX. */
  readonly format?: 'tfjs';
  /** The model first, then its external data; names are relative to the certificate. */
  readonly files: readonly FileRecord[];
  /** Of the graph without the bytes of its weights: nodes, attributes, types, names. */
  readonly graph: string;
}

export interface FileRecord {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}

export interface RewriteRecord {
  readonly pass: string;
  readonly rule: string;
  /** The nodes of the original that it touched. */
  readonly nodes: readonly string[];
  /** `identical`: the same operations on the same numbers; `reordered`: sums in another order; `rounding`: numbers computed anew. */
  readonly numbers: string;
}

/** A stretch of one of the files of a model. */
export interface Stretch {
  readonly file: number;
  readonly offset: number;
  readonly length: number;
}

export interface WeightRecord {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Where its bytes are in the converted model; empty: within a field that is not stored as plain bytes. */
  readonly at: readonly Stretch[];
  /**
   * `same`: the bytes at `from` in the original. `permuted`: these with their axes in another order. `computed`: made by the conversion, or stored in
   * another way.
   */
  readonly kind: 'same' | 'permuted' | 'computed';
  readonly from?: readonly Stretch[];
  /** Of what is at `from`: its type and shape, and which of its axes lies at each place. */
  readonly permutation?: { readonly dtype: string; readonly shape: readonly number[]; readonly perm: readonly number[] };
  /** Of the bytes, where they are computed. */
  readonly sha256?: string;
}

export interface VerificationRecord {
  readonly verdict: Verdict;
  readonly checks: readonly { readonly name: string; readonly status: string }[];
  /** Allowed, as a share of the largest number. */
  readonly tolerance: number;
}

/** The hash that a certificate has to hold. */
export function selfHash(certificate: Readonly<Record<string, unknown>> | Omit<Certificate, 'sha256'>): string {
  const { sha256: _, ...rest } = { sha256: undefined, ...certificate };
  return createHash('sha256').update(canonical(rest)).digest('hex');
}

/** JSON in one spelling: keys sorted, no spaces. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).filter(([, each]) => each !== undefined);
    return `{${entries
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, each]) => `${JSON.stringify(key)}:${canonical(each)}`)
      .join(',')}}`;
  }
  return JSON.stringify(value) ?? 'null';
}
