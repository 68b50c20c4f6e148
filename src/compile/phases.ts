/** Maps whose cells repeat only if the image moves by several cells (the trunk goes down and up again): a stride must be a multiple of that period. */
import { leadingTo } from '../analysis/fixed-positions';
import type { Motion } from '../analysis/motion';
import { hasPhases } from '../analysis/motion/track';
import { cannotRefine } from '../diagnostics/catalogue';
import type { Location } from '../diagnostics/compile-error';
import { imageInputs, lettersOf } from '../ir/axis-roles';
import type { Graph } from '../ir/graph';
import { unitOf } from '../ir/spatial';

export interface Phased {
  readonly at: Location;
  /** Spatial axis, counted from the outermost. */
  readonly axis: number;
  /** Pixels by which the image must move along the axis for the cells to repeat. */
  readonly period: number;
}

/** Finds the phased values among those on which an output depends; sizes must be static. */
export function phasesIn(graph: Graph, motion: Motion): readonly Phased[] {
  const leading = leadingTo(graph.outputs);
  const letters = lettersOf(imageInputs(graph));
  return graph.nodes.flatMap((node) => {
    const state = leading.has(node) && node.outputs[0] ? motion.of(node.outputs[0]) : undefined;
    if (state?.kind !== 'moving') return [];
    return letters.flatMap((letter, axis): Phased[] => {
      const track = state.tracks.get(letter);
      if (!track || track.whole || !hasPhases(track)) return [];
      return [{ at: { node: node.name, op: node.op, origin: node.origin }, axis, period: track.period }];
    });
  });
}

/** Throws CompileError CANNOT_REFINE if a map would have cells that see the image in another phase. */
export function requireInPhase(phased: readonly Phased[], strides: readonly (number | undefined)[]): void {
  const found = phased.find(({ axis, period }) => (strides[axis] ?? 1) % period !== 0);
  const count = strides.length;
  if (found)
    throw cannotRefine(
      found.at,
      `${found.at.op} '${found.at.node}' gives a map that was downsampled and upsampled again, so it repeats only every ${found.period} ${unitOf(count)}: cells in between would see the image at another phase`,
    );
}
