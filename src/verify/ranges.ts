/** Measures the largest magnitude of every float32 value of a model on inputs, in ONNX Runtime: each value gets a node that reduces it to that number. */
import { attributes } from '../ir/attrs';
import type { Model } from '../ir/model';
import { inferShapes } from '../ir/shape-inference';
import type { Bench } from './bench';
import type { Sample } from './samples';

/** By the names of values. Integers and values of nested graphs are not measured. Shapes must be inferred. */
export async function measureRanges(bench: Bench, of: Model, samples: readonly Sample[]): Promise<ReadonlyMap<string, number>> {
  const model = of.clone();
  const { graph } = model;
  const measured = new Map<string, string>();
  for (const value of graph.nodes.flatMap(({ outputs }) => outputs)) {
    if (value.type?.dtype !== 'float' || value.name === '') continue;
    const [size] = graph.addNode({ op: 'Abs', inputs: [value] }).outputs;
    const [largest] = graph.addNode({ op: 'ReduceMax', inputs: [size], attrs: attributes({ keepdims: 0 }) }).outputs;
    if (largest) measured.set(largest.name, value.name);
  }
  graph.setOutputs(graph.nodes.flatMap(({ outputs }) => outputs.filter(({ name }) => measured.has(name))));
  inferShapes(model);
  const ranges = new Map<string, number>();
  const see = (name: string, numbers: ArrayLike<number>): void => {
    let largest = ranges.get(name) ?? 0;
    for (let at = 0; at < numbers.length; at++) {
      const size = Math.abs(numbers[at] ?? 0);
      // NaN is not a range either.
      if (!(size <= largest)) largest = Number.isNaN(size) ? Number.POSITIVE_INFINITY : size;
    }
    ranges.set(name, largest);
  };
  await bench.within(bench.place(model, 'ranges'), 'the model with the range of every value', {}, async (session) => {
    for (const { feeds } of samples) {
      for (const [name, { data }] of feeds) see(name, data);
      for (const [name, { data }] of await session.run(feeds)) see(measured.get(name) ?? name, data);
    }
  });
  return ranges;
}
