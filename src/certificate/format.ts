/**
 * Record of a conversion: its files, its rewrites, and which weights have the same bytes. The format is described by
 * docs/schemas/certificate.schema.json.
 *
 * It contains a hash of itself, which detects accidental damage. It is not a signature: anyone who can write the file can write a different one.
 */
import { createHash } from 'node:crypto';
import type { Verdict } from '../verify/report';

export const FORMAT = 'convolutionize certificate';

export interface Certificate {
  readonly format: typeof FORMAT;
  /** Format version. */
  readonly version: 1;
  readonly program: string;
  readonly original: ModelRecord;
  readonly converted: ModelRecord;
  /** Per image input: height and width of the window of one prediction. */
  readonly windows: Readonly<Record<string, readonly number[]>>;
  readonly head: string;
  /** Contract between the two models: `everywhere`, `border`, `whole-image`, `original`. */
  readonly contract: string;
  readonly axes?: Readonly<Record<string, string>> | undefined;
  /** In the order in which they were applied. */
  readonly rewrites: readonly RewriteRecord[];
  readonly weights: readonly WeightRecord[];
  /** Verdict of running both models; null if they were not run. */
  readonly verification: VerificationRecord | null;
  /** Hash of all other fields, as JSON with sorted keys and no spaces. */
  readonly sha256: string;
}

export interface ModelRecord {
  /** `tfjs`: a TensorFlow.js graph model; its model.json is listed first, then its shards. Absent: ONNX. */
  readonly format?: 'tfjs';
  /** The model first, then its external data; names are relative to the certificate. */
  readonly files: readonly FileRecord[];
  /** Hash of the graph without the bytes of its weights: nodes, attributes, types, names. */
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
  /** Nodes of the original that the rewrite touched. */
  readonly nodes: readonly string[];
  /** `identical`: the same operations on the same values; `reordered`: sums in a different order; `rounding`: recomputed values. */
  readonly numbers: string;
}

/** Byte range in one of a model's files (`file` is an index into them). */
export interface Stretch {
  readonly file: number;
  readonly offset: number;
  readonly length: number;
}

export interface WeightRecord {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Byte ranges in the converted model; empty if the weight is inside a field that is not stored as plain bytes. */
  readonly at: readonly Stretch[];
  /**
   * `same`: the bytes at `from` in the original. `permuted`: those bytes with their axes in a different order. `computed`: made by the conversion, or
   * stored differently.
   */
  readonly kind: 'same' | 'permuted' | 'computed';
  readonly from?: readonly Stretch[];
  /** Type and shape of the data at `from`, and the axis of it that ends up at each position. */
  readonly permutation?: { readonly dtype: string; readonly shape: readonly number[]; readonly perm: readonly number[] };
  /** Hash of the bytes, for weights without ranges in the original. */
  readonly sha256?: string;
}

export interface VerificationRecord {
  readonly verdict: Verdict;
  readonly checks: readonly { readonly name: string; readonly status: string }[];
  /** Largest difference allowed, as a share of the largest value. */
  readonly tolerance: number;
}

/** The hash that a valid certificate contains. */
export function selfHash(certificate: Readonly<Record<string, unknown>> | Omit<Certificate, 'sha256'>): string {
  const { sha256: _, ...rest } = { sha256: undefined, ...certificate };
  return createHash('sha256').update(canonical(rest)).digest('hex');
}

/** Canonical JSON: sorted keys, no spaces. */
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
