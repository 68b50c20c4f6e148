/** All or nothing: first a plan for every node, then the edits, or the node that prevents them. */
import { assertInvariant } from '../../src/diagnostics/compile-error';
import type { Graph } from '../../src/ir/graph';
import type { Node, Value } from '../../src/ir/types';
import { type Builder, builderAt } from '../../src/rewrite/builder';
import type { PassContext } from '../../src/rewrite/pass';
import { Densities, type PerAxis } from './density';
import { type Refusal, type Task, taskOf } from './kinds';

/** The edits of one node; new nodes are inserted in front of it. `x`: the map that it reads by now. */
export type Action = (make: Builder, x: Value) => void;

interface Planned {
  readonly node: Node;
  /** Input slot of its map. */
  readonly slot: number;
  readonly action: Action;
}

/** Returns whether the graph was made finer. If a node prevents it, the graph stays unchanged and the reason is reported as a remark. */
export function makeFiner(
  graph: Graph,
  stride: number | PerAxis,
  context: PassContext,
  rule: (node: Node, task: Task, densities: Densities) => Action | Refusal | undefined,
): boolean {
  const densities = new Densities(graph, stride);
  const plan: Planned[] = [];
  for (const node of graph.nodes) {
    const planned = planFor(node, densities, rule);
    if (planned && 'because' in planned) {
      context.remark({ kind: 'refused', rule: 'dense', reason: planned.because, at: placeOf(node), origin: node.origin });
      return false;
    }
    if (planned) plan.push(planned);
  }
  for (const { node, slot, action } of plan) {
    const at = placeOf(node);
    const x = node.inputs[slot];
    assertInvariant(x, () => `'${node.name}' has lost its map`);
    action(builderAt({ graph, before: node, origin: node.origin, root: node.name, inference: context.inference }), x);
    context.remark({ kind: 'applied', rule: at.op, at, origin: at.origin });
  }
  return plan.length > 0;
}

function planFor(node: Node, densities: Densities, rule: Parameters<typeof makeFiner>[3]): Planned | Refusal | undefined {
  const task = taskOf(node, densities);
  if (!task || 'because' in task) return task;
  const action = rule(node, task, densities);
  return typeof action === 'function' ? { node, slot: node.inputs.indexOf(task.x), action } : action;
}

const placeOf = ({ name, op, origin }: Node): { readonly node: string; readonly op: string; readonly origin: readonly string[] } => ({
  node: name,
  op,
  origin,
});
