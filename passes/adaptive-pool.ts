/**
 * adaptive-pool: turn an average over windows from a table into a pool. Exporters write adaptive pools that do not divide the map in this way.
 *
 *   ReduceMean<k and l>(X at rows r(i) + k, columns c(j) + l)         GatherND of a constant table, between two Transposes
 * becomes
 *   AveragePool<kernel, strides>(X)                       if the windows are a stride apart
 *   Gather<rows r, columns c>(AveragePool<kernel>(X))     if they are not (14 rows to 4: 0, 3, 7, 10)
 *
 * The selection of rows and columns is then moved back: pointwise operators come before it, and a fully connected layer on the flattened selection is one
 * on the whole map, with zeros for whatever was not selected:
 *
 *   Gemm(Flatten(Gather(X)), W)   ->   Gemm(Flatten(X), W')
 *
 * Numbers: reordered.
 * Left alone: windows of different sizes; selections that have another reader.
 */

import { affineOperand } from '../src/analysis/maps/affine';
import { intAttr } from '../src/ir/attrs';
import { isNode, producedBy } from '../src/ir/match';
import { unaryElementwiseOps } from '../src/ir/operator-traits';
import { computedTensor, readNumbers } from '../src/ir/tensor';
import type { Node, Value } from '../src/ir/types';
import { defineRulePass } from '../src/rewrite/pass';
import { constant, node, optional, value } from '../src/rewrite/pattern';
import { defineRule } from '../src/rewrite/rule';

const table = defineRule({
  name: 'table',
  match: node(
    'ReduceMean',
    [
      node(
        'Transpose',
        [
          node('GatherND', [node('Transpose', [value('x')], { attrs: { perm: [2, 3, 0, 1] }, shared: true }), constant('index')], {
            as: 'gather',
          }),
        ],
        { attrs: { perm: [4, 5, 0, 1, 2, 3] } },
      ),
      constant('axes'),
    ],
    { as: 'mean', attrs: { keepdims: 0 } },
  ),
  when({ x, index, axes, gather }) {
    const [outRows = 0, rows = 0, outColumns = 0, columns = 0, pair] = index.constant.shape;
    if (x.type?.shape?.length !== 4 || index.constant.shape.length !== 5 || pair !== 2 || intAttr(gather, 'batch_dims') !== 0)
      return undefined;
    const reduced = [...readNumbers(axes.constant)].map((axis) => (axis < 0 ? axis + 6 : axis)).sort();
    if (reduced.join() !== '3,5') return undefined;
    const numbers = readNumbers(index.constant);
    const at = (i: number, k: number, j: number, l: number): readonly [number, number] => {
      const first = (((i * rows + k) * outColumns + j) * columns + l) * 2;
      return [numbers[first] ?? -1, numbers[first + 1] ?? -1];
    };
    const top = Array.from({ length: outRows }, (_, i) => at(i, 0, 0, 0)[0]);
    const left = Array.from({ length: outColumns }, (_, j) => at(0, 0, j, 0)[1]);
    for (let i = 0; i < outRows; i++)
      for (let k = 0; k < rows; k++)
        for (let j = 0; j < outColumns; j++)
          for (let l = 0; l < columns; l++) {
            const [row, column] = at(i, k, j, l);
            if (row !== (top[i] ?? 0) + k || column !== (left[j] ?? 0) + l) return undefined;
          }
    return { kernel: [rows, columns], starts: [top, left] as const };
  },
  build({ x, mean }, make, { kernel, starts }) {
    const strides = starts.map(strideOf);
    const pooled = make.op('AveragePool', [x], { kernel_shape: kernel, strides: strides.map((stride) => stride ?? 1) });
    return starts.reduce<Value>(
      (map, list, axis) =>
        strides[axis] === undefined ? make.op('Gather', [map, make.int64s(`${mean.name}_picked`, list)], { axis: axis + 2 }) : map,
      pooled,
    );
  },
});

/** Distance between windows if they start at the edge and are evenly spaced. */
function strideOf(starts: readonly number[]): number | undefined {
  const stride = Math.max(1, (starts[1] ?? 1) - (starts[0] ?? 0));
  return starts.every((start, at) => start === at * stride) ? stride : undefined;
}

/** The Gather that selects rows or columns of a map by a list. */
const picked = (input: Value | undefined): Node | undefined => {
  const producer = input?.producer;
  const [map, list] = producer?.inputs ?? [];
  const isPick = isNode(producer, 'Gather') && [2, 3].includes(intAttr(producer, 'axis'));
  return isPick && map?.type?.shape?.length === 4 && list?.constant?.shape.length === 1 ? producer : undefined;
};

const pickLater = defineRule({
  name: 'pick-later',
  match: node(['Conv', 'BatchNormalization', 'Add', 'Sub', 'Mul', 'Div', ...unaryElementwiseOps], [], { as: 'op', moreInputs: true }),
  when({ op }) {
    // A cheap test first, because this rule is tried at every layer.
    if (!op.inputs.some((input) => producedBy(input, 'Gather'))) return undefined;
    const slot = unaryElementwiseOps.includes(op.op) ? 0 : affineOperand(op)?.slot;
    const pick = slot === undefined ? undefined : picked(op.inputs[slot]);
    return pick && pick.outputs[0]?.uses.length === 1 ? { pick, slot } : undefined;
  },
  build({ op }, make, { pick, slot }) {
    const inputs = op.inputs.map((input, at) => (at === slot ? pick.inputs[0] : input));
    return make.op('Gather', [make.op(op.op, inputs, op.attrs), pick.inputs[1]], pick.attrs);
  },
});

const pickedGemm = defineRule({
  name: 'picked-gemm',
  match: node('Gemm', [node('Flatten', [value('x')], { as: 'flatten', attrs: { axis: 1 } }), constant('w'), optional(constant('b'))], {
    as: 'gemm',
    attrs: { alpha: 1, beta: 1, transA: 0 },
  }),
  when({ x }) {
    const picks: Node[] = [];
    let map = x;
    for (let pick = picked(map); pick; pick = picked(map)) {
      const [source] = pick.inputs;
      if (!source || pick.outputs[0]?.uses.length !== 1) break;
      picks.push(pick);
      map = source;
    }
    const [, channels, rows, columns] = map.type?.shape ?? [];
    if (picks.length === 0 || typeof channels !== 'number' || typeof rows !== 'number' || typeof columns !== 'number') return undefined;
    const listed = (axis: number, size: number): number[] =>
      picks
        .filter((pick) => intAttr(pick, 'axis') === axis)
        .reduceRight(
          (places, pick) => [...(pick.inputs[1]?.constant ? readNumbers(pick.inputs[1].constant) : [])].map((at) => places.at(at) ?? 0),
          Array.from({ length: size }, (_, at) => at),
        );
    return { map, sizes: [channels, rows, columns] as const, rowsOf: listed(2, rows), columnsOf: listed(3, columns) };
  },
  build({ w, b, gemm }, make, { map, sizes: [channels, rows, columns], rowsOf, columnsOf }) {
    const transB = intAttr(gemm, 'transB') !== 0;
    const outputs = w.constant.shape[transB ? 0 : 1] ?? 0;
    const [height, width] = [rowsOf.length, columnsOf.length];
    const features = channels * height * width;
    const spread = computedTensor(w.constant.dtype, [outputs, channels * rows * columns], () => {
      const [from, to] = [readNumbers(w.constant), new Float64Array(outputs * channels * rows * columns)];
      for (let o = 0; o < outputs; o++)
        for (let c = 0; c < channels; c++)
          for (let i = 0; i < height; i++)
            for (let j = 0; j < width; j++) {
              const feature = (c * height + i) * width + j;
              const place = ((o * channels + c) * rows + (rowsOf[i] ?? 0)) * columns + (columnsOf[j] ?? 0);
              to[place] = (to[place] ?? 0) + (from[transB ? o * features + feature : feature * outputs + o] ?? 0);
            }
      return to;
    });
    return make.op('Gemm', [make.op('Flatten', [map], { axis: 1 }), make.constant(`${w.name}_spread`, spread), b], { transB: 1 });
  },
});

export const adaptivePool = defineRulePass({
  name: 'adaptive-pool',
  summary: 'write averages over windows from a table as pools',
  numbers: 'reordered',
  rules: [table, pickLater, pickedGemm],
});
