/**
 * Converts the spelling of a file to normal form: each node of ONNX's own domain goes through the steps of its operator's history, up to the newest.
 */
import { missingOpset, operatorTooOld, twoOpsets } from '../../diagnostics/catalogue';
import { allNodes } from '../../ir/graph';
import type { Model } from '../../ir/model';
import { irVersionFor, NEWEST_OPSET, operatorSchema } from '../../ir/operators';
import { pinnedDomain, pinnedSince } from '../../ir/pinned';
import type { Node } from '../../ir/types';
import { Editor } from './editor';
import { History } from './history';
import { raiseBySchema } from './schema-step';

/** Oldest opset that ONNX Runtime accepts. */
export const OLDEST_WRITTEN = 7;
/** Opset declared for older models; most operators that raising produces exist in it. */
export const UPGRADED_TO = 13;

/**
 * Rewrites the model in place into normal form; `model.opsets` keeps the declared opset, so that the writer can return to it.
 * A model older than opset 7 is declared as opset 13 from then on.
 * Throws CompileError MISSING_OPSET, TWO_OPSETS, OPERATOR_TOO_OLD.
 */
export function raiseToNormalForm(model: Model): void {
  mergeAliases(model);
  const nodes = [...allNodes(model.graph)].filter((node) => node.domain === '');
  const declared = model.opsets.get('') ?? (model.irVersion < 3 ? 1 : undefined);
  if (declared === undefined) {
    if (nodes[0]) throw missingOpset(nodes[0]);
    return;
  }
  raiseNodes(nodes, declared);
  if (declared >= OLDEST_WRITTEN) return;
  const stuck = [...allNodes(model.graph)].filter((node) => !survives(node, UPGRADED_TO));
  if (stuck[0]) throw operatorTooOld(stuck, declared);
  model.opsets.set('', UPGRADED_TO);
  model.upgradedFrom = declared;
  model.irVersion = Math.max(model.irVersion, irVersionFor(UPGRADED_TO));
}

/**
 * Raises nodes of ONNX's own domain that are spelled for `opset`, in the given order, which must be topological. Local functions can declare
 * another opset than their model: the reader calls this for their nodes. A node that cannot be raised is moved to a pinned domain.
 */
export function raiseNodes(nodes: Iterable<Node>, opset: number): void {
  const history = new History();
  const edit = new Editor(NEWEST_OPSET);
  for (const node of nodes) raiseNode(node, opset, history, edit);
}

function raiseNode(node: Node, opset: number, history: History, edit: Editor): void {
  let at = history.at(node.opType, opset);
  for (let step = at && history.up(at); step; step = history.up(at)) {
    const outcome = step.adapter?.raise?.(node, edit);
    if (outcome === 'done') return;
    if (outcome) {
      node.graph.respell(node, { domain: pinnedDomain(step.older.since) });
      return;
    }
    const older = operatorSchema(step.older.op, step.older.since);
    const newer = operatorSchema(step.newer.op, step.newer.since);
    if (older && newer) raiseBySchema(node, older, newer, edit);
    at = step.newer;
  }
}

/** Whether the node, pinned or unknown, has the same meaning in that opset. */
function survives(node: Node, opset: number): boolean {
  const since = pinnedSince(node);
  if (since !== undefined) return new History().at(node.opType, opset)?.since === since;
  return node.domain !== '' || operatorSchema(node.opType) !== undefined;
}

/** Merges 'ai.onnx', an alias of ONNX's own domain, into ''. */
function mergeAliases(model: Model): void {
  const alias = model.opsets.get('ai.onnx');
  if (alias !== undefined) {
    const own = model.opsets.get('');
    if (own !== undefined && own !== alias) throw twoOpsets(own, alias);
    model.opsets.delete('ai.onnx');
    model.opsets.set('', alias);
  }
  for (const node of allNodes(model.graph)) if (node.domain === 'ai.onnx') node.graph.respell(node, { domain: '' });
}
