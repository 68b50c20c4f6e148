/**
 * output-average: one prediction per image, in the shape of the original's output (`--head image`).
 *
 *   Flatten<axis=1>(M)  as an output [N,K]              M [N,K,h,w], one prediction per window
 * becomes
 *   Flatten<axis=1>(GlobalAveragePool(M))
 *
 * The average over one cell is that cell, so nothing changes at the original size; on a larger image it is the mean of what the original says of each
 * window. `average-first` then moves the average in front of what is affine in the classifier.
 * Numbers: identical at the original size.
 * Left alone: outputs that are no flattened map of one cell.
 */
import { intAttr } from '../src/ir/attrs';
import { definePass } from '../src/pass/pass';
import { builderAt } from '../src/rewrite/builder';

export const outputAverage = definePass({
  name: 'output-average',
  summary: 'average the map of predictions into one per image',
  numbers: 'identical',
  run(graph, { inference, remark }) {
    for (const output of graph.outputs) {
      const producer = output.producer;
      const flat = producer?.op === 'Flatten' && intAttr(producer, 'axis', 1) === 1;
      const map = flat ? producer.inputs[0] : output;
      const shape = map?.type?.shape;
      if (!producer || !map || shape?.length !== 4 || shape[2] !== 1 || shape[3] !== 1 || map.producer?.op === 'GlobalAveragePool')
        continue;
      const make = builderAt({
        graph,
        before: flat ? producer : undefined,
        origin: producer.origin,
        root: `${producer.name}_mean`,
        inference,
      });
      const mean = make.op('GlobalAveragePool', [map]);
      if (flat) graph.replaceInput(producer, 0, mean);
      else {
        const { name, extras } = output;
        graph.rename(output, `${name}_map`);
        graph.rename(mean, name);
        graph.setExtras(mean, extras);
        graph.setOutputs(graph.outputs.map((value) => (value === output ? mean : value)));
      }
      remark({ kind: 'applied', rule: 'average', at: { node: producer.name, value: output.name }, origin: producer.origin });
    }
  },
});
