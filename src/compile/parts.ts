/** Parts of a network: fewer outputs, a trunk, a head, at one size or at every size. Verification and debugging ask for them. */
import { freeing, mapsOnly, tidying } from '../../passes';
import { unknownOutput } from '../diagnostics/catalogue';
import type { Model } from '../ir/model';
import { runPasses } from '../rewrite/manager';

/** Makes these values the outputs, and removes what only others need. Throws CompileError UNKNOWN_OUTPUT. */
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

/** The same network with these of its values as outputs, which may lie within. Throws CompileError UNKNOWN_OUTPUT. */
export function withOutputs(original: Model, names: readonly string[]): Model {
  const model = original.clone();
  keepOutputs(model, names);
  return model;
}

/** The same function, with maps where an exporter wrote lists of places: for cutting a network between trunk and head. */
export function cuttable(original: Model): Model {
  const model = original.clone();
  runPasses(model, mapsOnly);
  return model;
}

/** A part of a network, its input at the window's size, with height and width made symbolic: for running a trunk on larger images. */
export function freeSizes(part: Model): Model {
  const model = part.clone();
  runPasses(model, freeing);
  return model;
}
