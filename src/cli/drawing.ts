/** `inspect --format dot | svg | html | png`: the graph as a picture. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { shapeText } from '../analysis/layers';
import { badOption, drawingTooLarge } from '../diagnostics/catalogue';
import { type BuildOptions, buildView } from '../graph-view/build';
import { dotOf } from '../graph-view/dot';
import { openGroups, ViewIndex } from '../graph-view/fold';
import { type Direction, type Layout, layoutView } from '../graph-view/layout';
import { pageOf } from '../graph-view/page';
import { inRows } from '../graph-view/rows';
import { svgOf } from '../graph-view/svg';
import type { Model } from '../ir/model';

/** png: drawn as SVG and rasterised when it is written. */
export type DrawingFormat = 'dot' | 'svg' | 'html' | 'png';

export interface DrawOptions extends BuildOptions {
  /** Number of group levels that are open; auto: as many as fit a page. */
  readonly depth: number | 'auto';
  /** Default: downwards. */
  readonly direction?: Direction | undefined;
}

/** Requires a model with inferred types. */
export function drawing(format: DrawingFormat, model: Model, { depth, direction, ...options }: DrawOptions): string {
  const index = new ViewIndex(buildView(model, options));
  return drawnAs(format, index, openGroups(index, depth), direction);
}

/** Maximum number of boxes to lay out; each takes about a millisecond. */
const MOST_BOXES = 5000;

/** Throws CompileError DRAWING_TOO_LARGE if the layout would take very long. */
export function drawnAs(format: DrawingFormat, index: ViewIndex, open: ReadonlySet<string>, direction: Direction = 'down'): string {
  const shown = shownIn(index, open);
  if (format !== 'dot' && shown > MOST_BOXES) throw drawingTooLarge(shown, MOST_BOXES);
  switch (format) {
    case 'dot':
      return dotOf(index, open, direction);
    case 'svg':
    case 'png':
      return svgOf(index, still(index, open, direction));
    case 'html':
      // The build puts it beside the program.
      return pageOf(index.view, open, readFileSync(join(__dirname, 'viewer.js'), 'utf8'), direction);
  }
}

/** Number of visible boxes and closed groups. */
function shownIn(index: ViewIndex, open: ReadonlySet<string>): number {
  const seen = [...index.membersOf(undefined)];
  let count = 0;
  for (const id of seen)
    if (open.has(id)) for (const member of index.membersOf(id)) seen.push(member);
    else count++;
  return count;
}

/** Layout for formats that cannot be scrolled (print, slides): a graph that runs to the right is broken into rows. */
const still = (index: ViewIndex, open: ReadonlySet<string>, direction: Direction): Layout =>
  direction === 'right' ? inRows(index, layoutView(index, open, direction)) : layoutView(index, open);

/** Shapes of inputs and outputs as stored in the file, before a size is chosen. */
export const declaredShapes = ({ graph }: Model): ReadonlyMap<string, string> =>
  new Map([...graph.inputs, ...graph.outputs].map(({ name, type }) => [name, shapeText(type)]));

/** `--landscape`. */
export const directionOf = ({ landscape }: { readonly landscape: boolean }): Direction => (landscape ? 'right' : 'down');

/** `--depth`: number of group levels that are open. */
export function depthOf(text: string | undefined): number | 'auto' {
  if (text === undefined || text === 'auto') return 'auto';
  if (text === 'all') return Number.POSITIVE_INFINITY;
  if (!/^\d{1,3}$/.test(text)) throw badOption('depth', text, 'a number of levels, all, or auto');
  return Number(text);
}
