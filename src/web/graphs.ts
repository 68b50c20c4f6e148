/** Pictures of graphs, as in `inspect` and `inspect --diff`. */
import { shapeText } from '../analysis/layers';
import type { SizeRequest } from '../compile/input-size';
import { declaredSize } from '../compile/metadata';
import type { Model } from '../ir/model';
import { compared } from '../reports/compared';
import { declaredShapes } from '../reports/declared-shapes';
import { diffDrawing } from '../reports/diff';
import { drawing } from '../reports/drawing';
import { typed } from '../reports/typed';
import viewerText from './viewer';

const viewer = (): string => viewerText;

export interface GraphOptions {
  /** Default: `model`. */
  readonly title?: string | undefined;
  /** Image size at which shapes are told. Default: the one that the model declares. */
  readonly inputSize?: SizeRequest | undefined;
  /** Number of group levels that are open. Default: as many as fit a page. */
  readonly depth?: number | 'auto' | undefined;
  readonly direction?: 'down' | 'right' | undefined;
}

export type GraphFormat = 'svg' | 'html' | 'dot';

export function graphOf(
  model: Model,
  format: GraphFormat,
  { title = 'model', inputSize, depth = 'auto', direction }: GraphOptions,
): string {
  const size = inputSize ?? declaredSize(model);
  const shown = typed(model, size);
  const facts = size ? shown.graph.inputs.map(({ name, type }): [string, string] => [name, shapeText(type)]) : [];
  return drawing(format, shown, { title, facts, declared: declaredShapes(model), depth, direction, viewer });
}

export interface DiffGraphOptions extends GraphOptions {
  readonly titles?: readonly [string, string] | undefined;
  /** Both graphs beside each other, instead of one in which removed nodes are drawn as well. */
  readonly sideBySide?: boolean | undefined;
}

export function diffGraphOf(before: Model, after: Model, format: GraphFormat, options: DiffGraphOptions): string {
  const { titles = ['before', 'after'], inputSize, depth = 'auto', direction, sideBySide } = options;
  return diffDrawing({ ...compared(before, after, inputSize), format, names: titles, how: { depth, direction, sideBySide, viewer } });
}
