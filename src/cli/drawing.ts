/** Options of pictures of graphs (`inspect --format dot | svg | html | png`), and the program of a page. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { badOption } from '../diagnostics/catalogue';
import type { Direction } from '../graph-view/layout';

/** The build puts it beside the program. */
export const viewer = (): string => readFileSync(join(__dirname, 'viewer.js'), 'utf8');

/** `--landscape`. */
export const directionOf = ({ landscape }: { readonly landscape: boolean }): Direction => (landscape ? 'right' : 'down');

/** `--depth`: number of group levels that are open. */
export function depthOf(text: string | undefined): number | 'auto' {
  if (text === undefined || text === 'auto') return 'auto';
  if (text === 'all') return Number.POSITIVE_INFINITY;
  if (!/^\d{1,3}$/.test(text)) throw badOption('depth', text, 'a number of levels, all, or auto');
  return Number(text);
}
