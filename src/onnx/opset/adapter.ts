/**
 * One step in the history of an operator: how the spelling before version `since` and the one from `since` on say the same.
 *
 * Raising walks a node's steps upwards to the newest spelling, lowering downwards to the version of the file. A step of which there is
 * no adapter is judged by the schemas alone (schema-step.ts): new optional inputs and new attributes with defaults are taken for compatible.
 */
import type { Node } from '../../ir/types';
import type { Editor } from './editor';

export interface Adapter {
  /** The operator's name from `since` on. */
  readonly op: string;
  readonly since: number;
  /** Its name before, where the step renamed it. */
  readonly formerly?: string;
  /** Old spelling into new, in place. Absent: nothing to do beyond what the schemas say. */
  readonly raise?: (node: Node, edit: Editor) => Raised;
  /** New spelling into old, in place. Absent: likewise. */
  readonly lower?: (node: Node, edit: Editor) => Lowered;
}

/**
 * Nothing: go on with the next step. `done`: what stands there now is in the newest spelling.
 * `pin`: the newest spelling has no word for it; the node is untouched and stays as it is.
 */
export type Raised = undefined | 'done' | { readonly pin: string };

/** Nothing: go on with the step below. `refuse`: only from `since` on can this be said. `node`: go on with that node, which took the place of this one. */
export type Lowered = undefined | { readonly refuse: string } | { readonly node: Node };

export const pin = (why: string): Raised => ({ pin: why });
export const refuse = (why: string): Lowered => ({ refuse: why });
