/**
 * The original with every value in front of a quantiser moved by a few units in the last place, at random per channel. Another runtime adds in another
 * order, so its sums end as far from exact ones. A value on the boundary between two steps (an average of integers often is one) then ends on the other
 * side, and the results show what that does to the network. Operators that
 * compute in integers are opened, but for layers: these scale exact sums, which every runtime does alike.
 */
import type { Graph } from '../ir/graph';
import { type Form, formOf } from '../ir/integer-forms';
import type { Model } from '../ir/model';
import { inferShapes } from '../ir/shape-inference';
import { fromNumbers } from '../ir/tensor';
import type { Node, Value } from '../ir/types';
import type { Bench } from './bench';
import { seededRandom } from './inputs';
import { each, type Results } from './results';
import type { Sample } from './samples';

/** Units in the last place by which values are moved: the error of a sum of some dozens of numbers. */
const UNITS = 8;
/** Each run moves other channels in other directions. */
const RUNS = 2;

/** The results of each run on all samples; undefined if the network has no quantisers of computed values. */
export async function withMovedRoundings(
  bench: Bench,
  original: Model,
  samples: readonly Sample[],
): Promise<readonly (readonly Results[])[] | undefined> {
  const runs: (readonly Results[])[] = [];
  for (let run = 0; run < RUNS; run++) {
    const model = movedRoundings(original, bench.seed + run, UNITS * bench.epsilon);
    if (!model) return undefined;
    const source = bench.place(model, `roundings-${run}`);
    runs.push(
      await bench.within(source, 'the original, its values moved in front of quantisers,', {}, (session) =>
        each(samples, ({ feeds }) => session.run(feeds)),
      ),
    );
  }
  return runs;
}

/** undefined if there is nothing to move. */
export function movedRoundings(original: Model, seed: number, unit: number): Model | undefined {
  const model = original.clone();
  const { graph } = model;
  const random = seededRandom(seed);
  let count = 0;
  for (const node of graph.nodes) {
    const form = formOf(node);
    if (form && !SCALED_ONCE.has(form.means)) openNode(node, form);
  }
  inferShapes(model);
  for (const node of graph.nodes) {
    const [x] = node.inputs;
    if (node.opType !== 'QuantizeLinear' || !x?.producer || x.type?.dtype !== 'float') continue;
    const moved = graph.addNode({ op: 'Mul', inputs: [x, factors(graph, x, unit, random)], before: node }).outputs[0];
    graph.replaceInput(node, 0, moved);
    count++;
  }
  if (count === 0) return undefined;
  inferShapes(model);
  return model;
}

/** Integer operators that scale exact sums once, which every runtime rounds alike. */
const SCALED_ONCE: ReadonlySet<string> = new Set(['Conv', 'MatMul', 'Gemm']);

/** Writes an integer operator as what it stands for, so that there is a value in front of its rounding. */
function openNode(node: Node, { means, operands, scale, zero }: Form): void {
  const { graph } = node;
  const add = (op: string, inputs: readonly (Value | undefined)[], attrs?: Node['attrs']): Value | undefined =>
    graph.addNode({ op, inputs, attrs, before: node }).outputs[0];
  const real = operands.map((operand) => add('DequantizeLinear', [operand.integers, operand.scale, operand.zero]));
  const attrs = new Map([...node.attrs].filter(([name]) => name !== 'opset' && name !== 'channels_last'));
  const result = add('QuantizeLinear', [add(means, real, attrs), scale, zero]);
  const [output] = node.outputs;
  if (!output || !result || !graph.canReplace(output, result)) return;
  graph.replaceAllUses(output, result);
  graph.removeNode(node);
}

/** One factor per channel of a map, or per number of a vector. */
function factors(graph: Graph, { type }: Value, unit: number, random: () => number): Value {
  const [, channels, ...rest] = type?.shape ?? [];
  const count = typeof channels === 'number' ? channels : 1;
  const numbers = Array.from({ length: count }, () => 1 + (random() < 0.5 ? -unit : unit));
  return graph.addConstant('moved', fromNumbers('float', [count, ...rest.map(() => 1)], numbers));
}
