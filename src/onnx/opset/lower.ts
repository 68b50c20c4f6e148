/**
 * Converts normal form to the spelling of a file: each node of ONNX's own domain goes through the steps of its operator's history down to the file's
 * opset. If that opset cannot express a node, the smallest one that can express all of them is used.
 */
import { opsetConflict } from '../../diagnostics/catalogue';
import { assertInvariant } from '../../diagnostics/compile-error';
import { allNodes } from '../../ir/graph';
import type { Model } from '../../ir/model';
import { irVersionFor, NEWEST_OPSET, operatorSchema } from '../../ir/operators';
import { pinnedSince } from '../../ir/pinned';
import type { Node } from '../../ir/types';
import { Editor } from './editor';
import { History, type Spelled } from './history';
import { OLDEST_WRITTEN, UPGRADED_TO } from './raise';
import { lowerBySchema, typeObjection } from './schema-step';

/** A node that needs a newer opset than the model declares, and why. */
export interface Demand {
  readonly node: string;
  readonly op: string;
  /** The oldest opset that can express the node. */
  readonly opset: number;
  readonly reason: string;
}

export interface Lowering {
  /** The model spelled for `opset`, which it declares; shares payloads with the original. */
  readonly model: Model;
  /** undefined: the model has no node of ONNX's own domain. */
  readonly opset: number | undefined;
  /** The nodes that require a newer opset than the model declared. Empty if none does. */
  readonly demands: readonly Demand[];
}

/** Like `lowerFromNormalForm`, with the reasons. */
export function spell(model: Model): Lowering {
  const own = [...allNodes(model.graph)].filter((node) => node.domain === '' || pinnedSince(node) !== undefined);
  const declared = model.opsets.get('');
  if (own.length === 0) return { model, opset: declared, demands: [] };
  const first = Math.max(declared ?? UPGRADED_TO, OLDEST_WRITTEN);
  const attempt = lowerTo(first, model);
  const opset = attempt.demands.reduce((highest, demand) => Math.max(highest, demand.opset), first);
  const stuck = own.filter((node) => opset > newestFor(node, first));
  if (stuck.length > 0) throw opsetConflict(stuck, attempt.demands, opset);
  if (opset === first) return { ...attempt, demands: [] };
  const second = lowerTo(opset, model);
  assertInvariant(second.demands.length === 0, () => `opset ${opset} was to say all nodes, but ${describe(second.demands)}`);
  return { ...second, demands: attempt.demands };
}

/**
 * The smallest opset, not below the declared one, in which the nodes have the meaning that they have in normal form: a text of the IR
 * must declare it. undefined: no node of ONNX's own domain.
 */
export function plainOpset(model: Model): number | undefined {
  const declared = model.opsets.get('') ?? OLDEST_WRITTEN;
  const { graph } = model.clone();
  const history = new History();
  const edit = new Editor(OLDEST_WRITTEN);
  const nodes = [...allNodes(graph)].filter((node) => node.domain === '');
  if (nodes.length === 0) return model.opsets.get('');
  let needed = declared;
  for (const node of nodes) {
    if (!node.graph.has(node)) continue;
    let at = history.at(node.opType, NEWEST_OPSET);
    while (at && at.since > needed) {
      const { edits } = graph;
      const step = descend(node, at, history, edit);
      if ('reason' in step || step.node !== node || graph.edits !== edits) needed = at.since;
      else at = step.at;
    }
  }
  return needed;
}

/** The newest opset in which a node that is not in normal form keeps its meaning. */
function newestFor(node: Node, declared: number): number {
  const since = pinnedSince(node);
  if (since !== undefined) {
    const next = new History().up({ op: node.opType, since });
    return next ? next.newer.since - 1 : Number.POSITIVE_INFINITY;
  }
  // No known version has this operator, so only the declared opset can define it.
  return operatorSchema(node.opType) ? Number.POSITIVE_INFINITY : declared;
}

function lowerTo(opset: number, source: Model): Lowering {
  const model = source.clone();
  const history = new History();
  const edit = new Editor(opset);
  const done = new Set<Node>();
  const demands: Demand[] = [];
  for (const node of [...allNodes(model.graph)]) {
    if (done.has(node) || !node.graph.has(node)) continue;
    const demand = lowerNode(node, opset, history, edit, done);
    if (demand) demands.push(demand);
  }
  if (source.opsets.get('') !== opset) {
    model.opsets.set('', opset);
    model.irVersion = Math.max(model.irVersion, irVersionFor(opset));
  }
  return { model, opset, demands };
}

function lowerNode(first: Node, opset: number, history: History, edit: Editor, done: Set<Node>): Demand | undefined {
  let node = first;
  const pinned = pinnedSince(node);
  if (pinned !== undefined) node.graph.respell(node, { domain: '' });
  let at = node.domain === '' ? history.at(node.opType, pinned ?? NEWEST_OPSET) : undefined;
  while (at && at.since > opset) {
    const step = descend(node, at, history, edit);
    if ('reason' in step) return { node: node.name, op: node.op, opset: at.since, reason: step.reason };
    if (step.node !== node) done.add(step.node);
    node = step.node;
    at = step.at;
  }
  return undefined;
}

/** Takes one step down; `reason`: why that is impossible. */
function descend(
  node: Node,
  at: Spelled,
  history: History,
  edit: Editor,
): { readonly node: Node; readonly at: Spelled } | { readonly reason: string } {
  const step = history.down(at);
  const older = step && operatorSchema(step.older.op, step.older.since);
  const newer = operatorSchema(at.op, at.since);
  if (!step || !older || !newer) return { reason: `${node.opType} came with opset ${at.since}` };
  const outcome = step.adapter?.lower?.(node, edit);
  if (outcome && 'refuse' in outcome) return { reason: outcome.refuse };
  const lowered = outcome?.node ?? node;
  const reason = lowerBySchema(lowered, older, newer, edit) ?? typeObjection(lowered, older);
  return reason === undefined ? { node: lowered, at: step.older } : { reason };
}

const describe = (demands: readonly Demand[]): string =>
  demands.map(({ node, op, opset, reason }) => `'${node}' (${op}) needs ${opset}: ${reason}`).join('; ');
