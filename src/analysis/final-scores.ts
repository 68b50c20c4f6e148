/** The scores behind each output of a network, and which outputs are maps. */
import type { Graph } from '../ir/graph';
import { type Scores, scoresOf } from './maps/scores';
import { motionOf } from './motion';
import { hasPlaces } from './motion/positions';

/** The scores of each output. An output that is a map already is its own scores: no average is taken from it, so its activation stays. */
export function finalScores(graph: Graph): readonly Scores[] {
  const motion = motionOf(graph);
  return graph.outputs.map((output) => (hasPlaces(output, motion) ? { value: output } : scoresOf(output)));
}
