/**
 * Two kinds of failure. A `CompileError` concerns the user's model, files or options: they can act on it.
 * An `InvariantError` is a bug of ours: they can only report it.
 */
import type { Code } from './codes';

export interface Location {
  readonly file?: string | undefined;
  /** Byte offset in a binary file. */
  readonly offset?: number | undefined;
  /** One-based, for the text format. */
  readonly line?: number | undefined;
  readonly column?: number | undefined;
  /** Path of graph names from the main graph to the nested one. */
  readonly graph?: readonly string[] | undefined;
  readonly node?: string | undefined;
  readonly op?: string | undefined;
  readonly value?: string | undefined;
  readonly origin?: readonly string[] | undefined;
}

export interface Diagnostic {
  /** Each code has one meaning; see catalogue.ts. */
  readonly code: Code;
  readonly message: string;
  readonly at?: Location | undefined;
  /** Advice for the user. */
  readonly hint?: string | undefined;
  readonly notes?: readonly string[] | undefined;
}

export class CompileError extends Error {
  override readonly name: string = 'CompileError';
  readonly diagnostic: Diagnostic;
  constructor(diagnostic: Diagnostic, options?: { cause?: unknown }) {
    super(diagnostic.message, options);
    this.diagnostic = diagnostic;
  }
  get code(): Code {
    return this.diagnostic.code;
  }
}

export class InvariantError extends Error {
  override readonly name: string = 'InvariantError';
}

/** Throws InvariantError if `condition` is false: a bug of ours, not of the model. */
export function assertInvariant(condition: unknown, message: () => string): asserts condition {
  if (!condition) throw new InvariantError(message());
}
