/** `inspect --format dot | svg | html`: the graph as a picture. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { settle } from '../compile';
import { badOption } from '../diagnostics/catalogue';
import { type BuildOptions, buildView } from '../graph-view/build';
import { dotOf } from '../graph-view/dot';
import { openGroups, ViewIndex } from '../graph-view/fold';
import { layoutView } from '../graph-view/layout';
import { pageOf } from '../graph-view/page';
import { svgOf } from '../graph-view/svg';
import { resolveWindows, type SizeRequest } from '../input-size';
import type { Model } from '../ir/model';
import { inferShapes } from '../ir/shape-inference';

export type DrawingFormat = 'dot' | 'svg' | 'html';

export interface DrawOptions extends BuildOptions {
  readonly size: SizeRequest | undefined;
  /** Levels of groups that are open; as many as fit a page where it is not said. */
  readonly depth: number | 'auto';
}

export function drawing(format: DrawingFormat, source: Model, { size, depth, ...options }: DrawOptions): string {
  const index = new ViewIndex(buildView(typed(source, size), options));
  const open = openGroups(index, depth);
  switch (format) {
    case 'dot':
      return dotOf(index, open);
    case 'svg':
      return svgOf(index, layoutView(index, open));
    case 'html':
      // Built beside the program.
      return pageOf(index.view, open, readFileSync(join(__dirname, 'viewer.js'), 'utf8'));
  }
}

/** The model's own nodes, with types that are as good as those after its constant parts were folded. */
function typed(source: Model, size: SizeRequest | undefined): Model {
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

/** `--depth`: how many levels of groups are open. */
export function depthOf(text: string | undefined): number | 'auto' {
  if (text === undefined || text === 'auto') return 'auto';
  if (text === 'all') return Number.POSITIVE_INFINITY;
  if (!/^\d{1,3}$/.test(text)) throw badOption('depth', text, 'a number of levels, all, or auto');
  return Number(text);
}
