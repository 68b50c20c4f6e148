/** Text of `inspect --for RUNTIME`: the nodes that the documented operator table of a runtime lacks. */
import type { RuntimeReport } from '../analysis/runtimes';
import { printable } from '../diagnostics/format';
import { grouped } from '../reports/table';

export function runtimeLines(path: string, { title, version, source, nodes, known, lacking, remarks }: RuntimeReport): string[] {
  const all = lacking.length === 0 ? 'all' : `${grouped(known)} of`;
  return [
    `${path}: ${all} ${grouped(nodes)} nodes are in the table of ${title}`,
    `  table: ${source} (${version})`,
    ...lacking.flatMap(({ op, nodes: names, help }) => [
      `  ${op}: ${names.length} ${names.length === 1 ? 'node is' : 'nodes are'} not (${names.slice(0, 3).join(', ')}${names.length > 3 ? ', ...' : ''})`,
      ...(help === undefined ? [] : [`    ${help}`]),
    ]),
    ...remarks.map((remark) => `  ${remark}`),
    '  A table names operators; a runtime may still refuse some of their attributes, types or ranks.',
  ].map(printable);
}
