/** View -> Graphviz's DOT: open groups are clusters, closed ones boxes; `dot -Tsvg` lays it out. */
import { printable } from '../diagnostics/format';
import { type ViewIndex, visible } from './fold';
import { type Direction, faceOf } from './layout';
import { PALETTE } from './svg';
import type { Box } from './view';

/** A quoted DOT string: backslashes are escaped too, since labels have escapes of their own. */
const quoted = (text: string): string =>
  `"${text
    .split(/\r?\n/)
    .map((line) => printable(line).replace(/[\\"]/g, '\\$&'))
    .join('\\n')}"`;

export function dotOf(index: ViewIndex, open: ReadonlySet<string>, direction: Direction = 'down'): string {
  const colour = (family: string): string => new RegExp(`--${family}:(#[0-9a-f]{6})`).exec(PALETTE)?.[1] ?? '#ffffff';
  const node = (id: string): string => {
    const box: Box | undefined = index.boxes.get(id);
    const { label, lines } = faceOf(index, id);
    const style = box ? `fillcolor="${colour(box.family)}"` : 'style="rounded,dashed,filled" fillcolor="#ffffff"';
    const tip = box ? box.details.map(([key, value]) => `${key}: ${value}`).join('\n') : (index.groups.get(id)?.label ?? '');
    return `${quoted(id)} [label=${quoted([label, ...lines].join('\n'))} ${style} tooltip=${quoted(tip)}];`;
  };
  const lines: string[] = [];
  const members = (group: string | undefined, indent: string): void => {
    for (const id of index.membersOf(group)) {
      if (!open.has(id)) {
        lines.push(indent + node(id));
        continue;
      }
      lines.push(`${indent}subgraph ${quoted(`cluster_${id}`)} {`, `${indent}  label=${quoted(index.groups.get(id)?.label ?? '')};`);
      members(id, `${indent}  `);
      lines.push(`${indent}}`);
    }
  };
  members(undefined, '  ');
  const edges = new Map<string, string>();
  for (const { from, to, label } of index.view.edges) {
    const [a, b] = [visible(index, open, from), visible(index, open, to)];
    if (a !== b) edges.set(`${quoted(a)} -> ${quoted(b)}`, label);
  }
  return [
    `digraph ${quoted(index.view.title)} {`,
    `  rankdir=${direction === 'down' ? 'TB' : 'LR'}; node [shape=box style="rounded,filled" fontname="Helvetica" fontsize=11]; edge [fontname="Helvetica" fontsize=9];`,
    '  compound=true; graph [fontname="Helvetica" fontsize=11 labeljust=l style=rounded color="#b4bccb"];',
    ...lines,
    ...[...edges].map(([ends, label]) => `  ${ends} [tooltip=${quoted(label)}];`),
    '}',
    '',
  ].join('\n');
}
