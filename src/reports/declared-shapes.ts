/** What a file says of its inputs and outputs. */
import { shapeText } from '../analysis/layers';
import type { Model } from '../ir/model';

/** Shapes of inputs and outputs as stored in the file, before a size is chosen. */
export const declaredShapes = ({ graph }: Model): ReadonlyMap<string, string> =>
  new Map([...graph.inputs, ...graph.outputs].map(({ name, type }) => [name, shapeText(type)]));
