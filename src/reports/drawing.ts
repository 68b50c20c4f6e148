/** A graph as a picture: DOT, SVG, or a page (`inspect --format dot | svg | html`). */
import { drawingTooLarge } from '../diagnostics/catalogue';
import { assertInvariant } from '../diagnostics/compile-error';
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
  /** The program of a page, which the build makes of graph-view/browser. */
  readonly viewer?: (() => string) | undefined;
}

/** Requires a model with inferred types. */
export function drawing(format: DrawingFormat, model: Model, { depth, direction, viewer, ...options }: DrawOptions): string {
  const index = new ViewIndex(buildView(model, options));
  return drawnAs(format, index, openGroups(index, depth), { direction, viewer });
}

/** Maximum number of boxes to lay out; each takes about a millisecond. */
const MOST_BOXES = 5000;

/** Throws CompileError DRAWING_TOO_LARGE if the layout would take very long. */
export function drawnAs(
  format: DrawingFormat,
  index: ViewIndex,
  open: ReadonlySet<string>,
  { direction = 'down', viewer }: Pick<DrawOptions, 'direction' | 'viewer'> = {},
): string {
  const shown = shownIn(index, open);
  if (format !== 'dot' && shown > MOST_BOXES) throw drawingTooLarge(shown, MOST_BOXES);
  switch (format) {
    case 'dot':
      return dotOf(index, open, direction);
    case 'svg':
    case 'png':
      return svgOf(index, still(index, open, direction));
    case 'html':
      assertInvariant(viewer, () => 'a page is drawn without its program');
      return pageOf(index.view, open, viewer(), direction);
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
