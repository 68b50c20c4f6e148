/**
 * output-average: one prediction per image, in the shape of the original's output (`--head image`).
 *
 *   Flatten<axis=1>(M)  as an output [N,K]              M [N,K,h,w], one prediction per window
 * becomes
 *   Flatten<axis=1>(GlobalAveragePool(M))
 *
 * The average over one cell is that cell, so nothing changes at the original size; on a larger image it is the mean of the original's predictions of all
 * windows. `average-first` then moves the average in front of the affine part of the classifier.
 * Numbers: identical at the original size.
 * Left alone: outputs that are not a flattened map of one cell; labels (integers).
 */

import { isOneCell } from '../src/ir/axis-roles';
import { isFloatType } from '../src/ir/tensor';
import { flattenBehind } from '../src/ir/views';
import { isGlobalMean } from '../src/operators/pools';
import { builderAt } from '../src/rewrite/builder';
import { definePass } from '../src/rewrite/pass';

export const outputAverage = definePass({
  name: 'output-average',
  role: 'gives means',
  summary: 'average the map of predictions into one per image',
  numbers: 'identical',
  run(graph, { inference, remark }) {
    for (const output of graph.outputs) {
      const found = flattenBehind(output);
      const map = found?.map ?? output;
      const { dtype = 'float' } = map.type ?? {};
      const producer = found?.flatten ?? output.producer;
      if (!producer || !isOneCell(map, graph) || isGlobalMean(map.producer)) continue;
      const at = { node: output.producer?.name, op: output.producer?.op, value: output.name };
      if (!isFloatType(dtype)) {
        remark({ kind: 'refused', reason: `its numbers are ${dtype}: labels have no average`, at, origin: producer.origin });
        continue;
      }
      const make = builderAt({
        graph,
        before: found ? producer : undefined,
        origin: producer.origin,
        root: `${producer.name}_mean`,
        inference,
      });
      const mean = make.op('GlobalAveragePool', [map]);
      if (found) graph.replaceInput(producer, 0, mean);
      else {
        const { name, extras } = output;
        graph.rename(output, `${name}_map`);
        graph.rename(mean, name);
        graph.setExtras(mean, extras);
        graph.setOutputs(graph.outputs.map((value) => (value === output ? mean : value)));
      }
      remark({ kind: 'applied', rule: 'average', at, origin: producer.origin });
    }
  },
});
