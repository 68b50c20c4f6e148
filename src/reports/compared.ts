/** Two models, node by node, at one size. */
import { diffGraphs, type GraphDiff } from '../analysis/diff';
import type { SizeRequest } from '../compile/input-size';
import { declaredSize } from '../compile/metadata';
import type { Model } from '../ir/model';
import { declaredShapes } from './declared-shapes';
import { typed } from './typed';

/** Two models at the size that the original was made for; otherwise every shape would differ. */
export function compared(original: Model, converted: Model, request?: SizeRequest): Compared {
  const size = request ?? declaredSize(converted);
  const [before, after] = [typed(original, fits(original, size)), typed(converted, size)];
  return { before, after, diff: diffGraphs(before.graph, after.graph), declared: [declaredShapes(original), declaredShapes(converted)] };
}

export interface Compared {
  readonly before: Model;
  readonly after: Model;
  readonly diff: GraphDiff;
  /** Declared shapes of inputs and outputs of both files. */
  readonly declared: readonly [ReadonlyMap<string, string>, ReadonlyMap<string, string>];
}

/** The given size applies to the original only if its own size is open. */
const fits = (model: Model, size: SizeRequest | undefined): SizeRequest | undefined =>
  model.graph.inputs.some((input) => input.type?.shape?.slice(1).some((dim) => typeof dim !== 'number')) ? size : undefined;
