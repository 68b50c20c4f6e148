/**
 * One step in the history of an operator: converts between its spelling before version `since` and the one from `since` on.
 *
 * Raising takes a node through the steps up to the newest spelling, lowering through the steps down to the version of the file. A step without
 * an adapter is judged by the schemas alone (schema-step.ts): new optional inputs and new attributes with defaults are assumed to be compatible.
 */
import type { Node } from '../../ir/types';
import type { Editor } from './editor';

export interface Adapter {
  /** The operator's name from `since` on. */
  readonly op: string;
  readonly since: number;
  /** Its previous name, if the step renamed it. */
  readonly formerly?: string;
  /** Converts the old spelling into the new one, in place. Absent: nothing to do beyond what the schemas imply. */
  readonly raise?: (node: Node, edit: Editor) => Raised;
  /** Converts the new spelling into the old one, in place. Absent: as for `raise`. */
  readonly lower?: (node: Node, edit: Editor) => Lowered;
}

/**
 * undefined: go on with the next step. `done`: the node is now in the newest spelling.
 * `pin`: the newest spelling cannot express it, for the given reason; the node is unchanged and stays as it is.
 */
export type Raised = undefined | 'done' | { readonly pin: string };

/** undefined: go on with the step below. `refuse`: why only versions from `since` on can express it. `node`: go on with that node, which replaced this one. */
export type Lowered = undefined | { readonly refuse: string } | { readonly node: Node };

export const pin = (why: string): Raised => ({ pin: why });
export const refuse = (why: string): Lowered => ({ refuse: why });
