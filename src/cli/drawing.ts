/** `inspect --format dot | svg | html`: the graph as a picture. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { badOption } from '../diagnostics/catalogue';
import { type BuildOptions, buildView } from '../graph-view/build';
import { dotOf } from '../graph-view/dot';
import { openGroups, ViewIndex } from '../graph-view/fold';
import { layoutView } from '../graph-view/layout';
import { pageOf } from '../graph-view/page';
import { svgOf } from '../graph-view/svg';
import type { Model } from '../ir/model';

/** png: drawn as SVG, which becomes pixels when it is written. */
export type DrawingFormat = 'dot' | 'svg' | 'html' | 'png';

export interface DrawOptions extends BuildOptions {
  /** Levels of groups that are open; as many as fit a page where it is not said. */
  readonly depth: number | 'auto';
}

/** The types of the model must be inferred. */
export function drawing(format: DrawingFormat, model: Model, { depth, ...options }: DrawOptions): string {
  const index = new ViewIndex(buildView(model, options));
  const open = openGroups(index, depth);
  switch (format) {
    case 'dot':
      return dotOf(index, open);
    case 'svg':
    case 'png':
      return svgOf(index, layoutView(index, open));
    case 'html':
      // Built beside the program.
      return pageOf(index.view, open, readFileSync(join(__dirname, 'viewer.js'), 'utf8'));
  }
}

/** `--depth`: how many levels of groups are open. */
export function depthOf(text: string | undefined): number | 'auto' {
  if (text === undefined || text === 'auto') return 'auto';
  if (text === 'all') return Number.POSITIVE_INFINITY;
  if (!/^\d{1,3}$/.test(text)) throw badOption('depth', text, 'a number of levels, all, or auto');
  return Number(text);
}
