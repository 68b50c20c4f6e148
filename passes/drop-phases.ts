/**
 * drop-phases: in a map of predictions, keep only the cells that see the image in the same phase as the original did.
 *
 *   M [N,K,h,w], a cell every s pixels, that repeats only when the image moves by p * s pixels
 * becomes
 *   Slice<steps = [p, p]>(M)
 *
 * A trunk that goes down and up again (a strided Conv, then Resize, ConvTranspose or DepthToSpace) has a cell for every pixel, but repeats only when the
 * image moves by the stride of the way down: the cells in between see another phase of that stride, and are not the original's predictions of their windows.
 * Numbers: identical at the original size, where M has one cell.
 * Left alone: maps that repeat with every cell; axes that are read as a whole.
 */
import { motionOf, type Track } from '../src/analysis/motion';
import { hasPhases } from '../src/analysis/motion/track';
import { isOneCell } from '../src/ir/axis-roles';
import { absolute, toNumber } from '../src/ir/ratio';
import { flattenBehind } from '../src/ir/views';
import { builderAt } from '../src/rewrite/builder';
import { definePass } from '../src/rewrite/pass';

/** Larger than any map. */
const TO_THE_END = 2 ** 31 - 1;

export const dropPhases = definePass({
  name: 'drop-phases',
  summary: 'keep the cells of a map that see the image in the phase of the original, where a trunk goes down and up again',
  numbers: 'identical',
  run(graph, { inference, remark }) {
    const motion = motionOf(graph);
    for (const output of graph.outputs) {
      const found = flattenBehind(output);
      const map = found?.map ?? output;
      const steps = map.producer && isOneCell(map, graph) ? stepsOf(motion.of(map)) : [];
      const { producer } = output;
      if (!producer || steps.length === 0) continue;
      const make = builderAt({
        graph,
        before: found?.flatten,
        origin: producer.origin,
        root: `${producer.name}_phases`,
        inference,
      });
      const kept = make.op('Slice', [
        map,
        make.int64s(
          'starts',
          steps.map(() => 0),
        ),
        make.int64s(
          'ends',
          steps.map(() => TO_THE_END),
        ),
        make.int64s(
          'axes',
          steps.map(({ axis }) => axis),
        ),
        make.int64s(
          'steps',
          steps.map(({ step }) => step),
        ),
      ]);
      if (found) graph.replaceInput(found.flatten, 0, kept);
      else {
        const { name, extras } = output;
        graph.rename(output, `${name}_map`);
        graph.rename(kept, name);
        graph.setExtras(kept, extras);
        graph.setOutputs(graph.outputs.map((value) => (value === output ? kept : value)));
      }
      remark({
        kind: 'applied',
        rule: 'phases',
        at: { node: producer.name, op: producer.op, value: output.name },
        origin: producer.origin,
      });
    }
  },
});

/** Axes of a map along which only every `step`-th cell is kept. */
function stepsOf(state: ReturnType<ReturnType<typeof motionOf>['of']>): { readonly axis: number; readonly step: number }[] {
  if (state.kind !== 'moving') return [];
  return [...state.tracks].flatMap(([letter, track]) => {
    const axis = state.axes.findIndex((digits) => digits.some((digit) => digit.letter === letter));
    return axis >= 2 && isPhased(track) ? [{ axis, step: track.period / toNumber(absolute(track.stride)) }] : [];
  });
}

const isPhased = (track: Track): boolean => !track.whole && !track.pooled && hasPhases(track);
