/** The history of an operator as a chain of steps, each with its adapter if one is needed. */
import { operatorSchema, sinceVersions } from '../../ir/operators';
import type { Adapter } from './adapter';
import { adapters } from './operators';

/** An operator in the spelling introduced by version `since`. */
export interface Spelled {
  readonly op: string;
  readonly since: number;
}

/** A step from one spelling to the next. */
export interface Step {
  readonly older: Spelled;
  readonly newer: Spelled;
  readonly adapter: Adapter | undefined;
}

export class History {
  private readonly byStep = new Map<string, Adapter>();
  private readonly renamed = new Map<string, Adapter>();

  constructor(known: readonly Adapter[] = adapters) {
    for (const adapter of known) {
      this.byStep.set(key(adapter.op, adapter.since), adapter);
      if (adapter.formerly !== undefined) this.renamed.set(adapter.formerly, adapter);
    }
  }

  /** The spelling in force at an opset, or the first one if the operator came later. undefined: not a known operator of ONNX. */
  at(op: string, opset: number): Spelled | undefined {
    const versions = this.versions(op);
    const since = versions.findLast((version) => version <= opset) ?? versions[0];
    return since === undefined ? undefined : { op, since };
  }

  up(from: Spelled): Step | undefined {
    const since = this.versions(from.op).find((version) => version > from.since);
    if (since !== undefined) return { older: from, newer: { op: from.op, since }, adapter: this.byStep.get(key(from.op, since)) };
    const adapter = this.renamed.get(from.op);
    return adapter && { older: from, newer: { op: adapter.op, since: adapter.since }, adapter };
  }

  down(from: Spelled): Step | undefined {
    const adapter = this.byStep.get(key(from.op, from.since));
    const op = adapter?.formerly ?? from.op;
    const since = this.versions(op).findLast((version) => version < from.since);
    return since === undefined ? undefined : { older: { op, since }, newer: from, adapter };
  }

  /** Versions of the operator; a name that was replaced loses its last version, which only deprecates it. */
  private versions(op: string): readonly number[] {
    const versions = sinceVersions(op);
    return this.renamed.has(op) ? versions.filter((version) => !operatorSchema(op, version)?.deprecated) : versions;
  }
}

const key = (op: string, since: number): string => `${op}@${since}`;
