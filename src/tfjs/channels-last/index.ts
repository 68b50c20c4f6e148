/**
 * Channels-last: rewrites the whole graph with its maps as [N, H, W, C], with Transposes only where an operator cannot work in the order that it is given.
 *
 * The result is an ordinary graph, except that operators over maps are in the domain `nhwc`. Graph inputs of four axes that reach such an operator
 * become channels-last, and so do outputs that are maps; `layouts` records which.
 */
import { mapRank } from '../../ir/axis-roles';
import { type Graph, nestedGraphs } from '../../ir/graph';
import type { Model } from '../../ir/model';
import { inferShapes } from '../../ir/shape-inference';
import type { Node, Value } from '../../ir/types';
import { demandedOrder } from './demand';
import { channelsLast, identity, type Order, sameOrder } from './order';
import { type Placed, Relayout } from './relayout';
import { isOverMaps, ruleFor } from './rules';
import { asItIs } from './rules/rule';

export type InputLayout = 'nhwc' | 'nchw';

export interface Layouts {
  /** For inputs and outputs by name: the axis of the ONNX value at each position. */
  readonly ports: ReadonlyMap<string, Order>;
  /** Current value and order of the model's values, by name, as long as they exist in one piece. */
  readonly places: ReadonlyMap<string, Pick<Placed, 'value' | 'order'>>;
}

/** Empties the model's graph and rebuilds it. The model must be in normal form; its types are inferred on the way. */
export function moveToChannelsLast(model: Model, inputLayout: InputLayout = 'nhwc'): Layouts {
  inferShapes(model);
  const copy = model.clone();
  const inference = inferShapes(copy);
  const source = copy.graph;
  const target = emptied(model.graph);
  const to = new Relayout(source, target, inference);
  const layouts = new Map<string, Order>();
  const hasMaps = source.nodes.some((node) => isOverMaps(node.op) && (node.inputs[0]?.type?.shape?.length ?? 0) >= 3);
  const mapAxes = mapRank(source);
  source.inputs.forEach((input, at) => {
    const physical = target.inputs[at];
    if (!physical) return;
    const rank = input.type?.shape?.length ?? 0;
    const wanted = inputLayout === 'nhwc' && rank === mapAxes ? demandedOrder(input) : undefined;
    const order = wanted ?? identity(rank);
    target.setType(physical, to.typeIn(input, order));
    to.put(input, { value: physical, order });
    layouts.set(input.name, order);
  });
  for (const node of source.nodes) {
    if (to.done.has(node)) continue;
    to.at(node);
    const isPlain = node.domain === '' && nestedGraphs(node).length === 0 && hasRanks(node);
    if (!(isPlain && ruleFor(node.op)?.(node, to))) asItIs(node, to);
  }
  to.at(undefined);
  finish(source, target, to, hasMaps, layouts);
  return { ports: layouts, places: to.whole() };
}

/** False if the number of axes of a value is unknown: such a value cannot be put in another order. */
const hasRanks = ({ inputs, outputs }: Node): boolean =>
  [...inputs, ...outputs].every((value) => !value || value.name === '' || value.constant !== undefined || value.type?.shape !== undefined);

/** Removes everything but the inputs. */
function emptied(graph: Graph): Graph {
  graph.setOutputs([]);
  for (const node of [...graph.nodes].reverse()) graph.removeNode(node);
  for (const constant of graph.constants) graph.removeConstant(constant);
  return graph;
}

/** Gives the outputs their own names, in order, and removes everything that nobody reads. */
function finish(source: Graph, target: Graph, to: Relayout, hasMaps: boolean, layouts: Map<string, Order>): void {
  const used = new Set<Value>(target.inputs);
  const outputs = source.outputs.map((output) => {
    const rank = output.type?.shape?.length ?? 0;
    const placed = to.placed(output);
    // A map comes out in the layout of TensorFlow.js.
    const isMap = hasMaps && rank === mapRank(source) && !placed.inner && sameOrder(placed.order, channelsLast(rank));
    const order = isMap ? placed.order : identity(rank);
    layouts.set(output.name, order);
    const value = to.inOrder(output, order);
    const isFree = value.producer !== undefined && !used.has(value);
    const own = isFree ? value : to.op('Identity', [value], {}, value.type, output.name);
    used.add(own);
    return { own, name: output.name };
  });
  target.setOutputs(outputs.map(({ own }) => own));
  const names = new Map(outputs.map(({ own, name }) => [name, own]));
  // The value that an output was made from, in another order, may have taken its name.
  for (const value of [...target.constants, ...target.nodes.flatMap((node) => node.outputs)]) {
    const own = names.get(value.name);
    if (own && own !== value) target.rename(value, `${value.name}_before`);
  }
  for (const { own, name } of outputs) target.rename(own, name);
  sweep(target);
}

function sweep(graph: Graph): void {
  for (const node of [...graph.nodes].reverse())
    if (node.outputs.every((value) => value.uses.length === 0 && !graph.isOutput(value))) graph.removeNode(node);
  for (const constant of graph.constants) if (constant.uses.length === 0 && !graph.isOutput(constant)) graph.removeConstant(constant);
}

export type { Order };
