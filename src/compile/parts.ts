/** Extracts parts of networks: fewer outputs, a trunk, a head, at one size or at every size. Used for verification and debugging. */
import { freeing, mapsOnly, tidying } from '../../passes';
import { unknownOutput } from '../diagnostics/catalogue';
import type { Model } from '../ir/model';
import { runPasses } from '../rewrite/manager';

/** Makes these values the outputs, and removes whatever only the others need. Throws CompileError UNKNOWN_OUTPUT. */
export function keepOutputs(model: Model, names: readonly string[] | undefined): void {
  if (!names) return;
  const { graph } = model;
  const results = [...graph.outputs, ...graph.nodes.flatMap((node) => node.outputs)];
  const kept = names.map((name) => {
    const output = name === '' ? undefined : results.find((candidate) => candidate.name === name);
    if (!output) throw unknownOutput(name, graph.outputs);
    return output;
  });
  // In the model's own order.
  graph.setOutputs([...new Set(results)].filter((value) => kept.includes(value)));
  runPasses(model, tidying);
}

/** A copy of the network with these values, which may be inner ones, as outputs. Throws CompileError UNKNOWN_OUTPUT. */
export function withOutputs(original: Model, names: readonly string[]): Model {
  const model = original.clone();
  keepOutputs(model, names);
  return model;
}

/** A copy that computes the same function, with maps in place of exported lists of positions: for cutting a network between trunk and head. */
export function cuttable(original: Model): Model {
  const model = original.clone();
  runPasses(model, mapsOnly);
  return model;
}

/** A copy of a part of a network, its input at the window's size, with symbolic height and width: for running a trunk on larger images. */
export function freeSizes(part: Model): Model {
  const model = part.clone();
  runPasses(model, freeing);
  return model;
}
