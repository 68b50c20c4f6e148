/** Maps that repeat less often than they have cells: where a trunk goes down and up again, no stride may come between. */
import { leadingTo } from '../analysis/fixed-positions';
import type { Motion } from '../analysis/motion';
import { hasPhases } from '../analysis/motion/track';
import { cannotRefine } from '../diagnostics/catalogue';
import type { Location } from '../diagnostics/compile-error';
import type { Graph } from '../ir/graph';

export interface Phased {
  readonly at: Location;
  /** Pixels by which the image must move for the cells to repeat. */
  readonly period: number;
}

/** Of the values that an output depends on, while sizes are static. */
export function phasesIn(graph: Graph, motion: Motion): readonly Phased[] {
  const leading = leadingTo(graph.outputs);
  return graph.nodes.flatMap((node) => {
    const state = leading.has(node) && node.outputs[0] ? motion.of(node.outputs[0]) : undefined;
    if (state?.kind !== 'moving') return [];
    return [...state.tracks.values()]
      .filter((track) => !track.whole && hasPhases(track))
      .map(({ period }) => ({ at: { node: node.name, op: node.op, origin: node.origin }, period }));
  });
}

/** Throws CompileError CANNOT_REFINE where a map would have cells that see the image in another phase. */
export function requireInPhase(phased: readonly Phased[], stride: number): void {
  const found = phased.find(({ period }) => stride % period !== 0);
  if (found)
    throw cannotRefine(
      found.at,
      `${found.at.op} '${found.at.node}' gives a map that was made coarse and fine again, and repeats only every ${found.period} pixels: cells between would see the image in another phase`,
    );
}
