/** A model with all types that can be inferred, its own nodes unchanged. */
import { settle } from '../compile';
import { resolveWindows, type SizeRequest } from '../compile/input-size';
import type { Model } from '../ir/model';
import { inferShapes } from '../ir/shape-inference';

/** Infers types as if constant parts of the graph were folded, without folding them. `size`: image size, if it differs from the file's. */
export function typed(source: Model, size: SizeRequest | undefined): Model {
  const [model, settled] = [source.clone(), source.clone()];
  for (const each of size ? [model, settled] : []) resolveWindows(each, size);
  settle(settled);
  inferShapes(model);
  const types = new Map(settled.graph.nodes.flatMap((node) => node.outputs).map(({ name, type }) => [name, type]));
  for (const node of model.graph.nodes)
    for (const output of node.outputs) {
      const type = types.get(output.name);
      if (type && output.type?.shape?.every((dim) => typeof dim === 'number') !== true) model.graph.setType(output, type);
    }
  return model;
}
