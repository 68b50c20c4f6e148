/**
 * Diagnostics as text for a terminal and as plain objects for machines.
 *
 *   error[CYCLIC_GRAPH]: the graph has a cycle: a -> b -> a
 *     at model.onnx, node 'a' (Add, from 'trunk/a')
 *     note: ...
 *     hint: an ONNX graph must be acyclic; export the model anew
 */
import type { Diagnostic, Location } from './compile-error';

/** How to mark words; the default leaves them as they are. */
export interface Paint {
  readonly error: (text: string) => string;
  readonly hint: (text: string) => string;
}
export const plain: Paint = { error: (text) => text, hint: (text) => text };

export function formatDiagnostic(diagnostic: Diagnostic, paint: Paint = plain, severity: 'error' | 'warning' = 'error'): string {
  const place = diagnostic.at && formatLocation(diagnostic.at);
  return [
    `${paint.error(`${severity}[${diagnostic.code}]`)}: ${printable(diagnostic.message)}`,
    ...(place ? [`  at ${place}`] : []),
    ...(diagnostic.notes ?? []).map((note) => `  note: ${printable(note)}`),
    ...(diagnostic.hint ? [`  ${paint.hint('hint')}: ${printable(diagnostic.hint)}`] : []),
  ].join('\n');
}

/** `model.onnx:3:14, graph 'body', node 'conv' (Conv, from 'trunk/conv'), value 'x'`; '' where nothing is known. */
export function formatLocation(at: Location): string {
  const parts: string[] = [];
  if (at.file !== undefined)
    parts.push(printable(at.file) + (at.line === undefined ? '' : `:${at.line}${at.column === undefined ? '' : `:${at.column}`}`));
  else if (at.line !== undefined) parts.push(`line ${at.line}${at.column === undefined ? '' : `, column ${at.column}`}`);
  if (at.offset !== undefined) parts.push(`byte ${at.offset}`);
  if (at.graph?.length) parts.push(`graph '${at.graph.map(printable).join("' / '")}'`);
  if (at.node !== undefined) parts.push(`node '${printable(at.node)}'${aside(at)}`);
  else if (at.op !== undefined) parts.push(`a node of operator ${printable(at.op)}`);
  if (at.value !== undefined) parts.push(`value '${printable(at.value)}'`);
  return parts.join(', ');
}

function aside({ node, op, origin }: Location): string {
  const sources = (origin ?? []).filter((name) => name !== node);
  const shown = sources.slice(0, 3).map((name) => `'${printable(name)}'`);
  const more = sources.length > shown.length ? ` and ${sources.length - shown.length} more` : '';
  const parts = [...(op === undefined ? [] : [printable(op)]), ...(shown.length > 0 ? [`from ${shown.join(', ')}${more}`] : [])];
  return parts.length > 0 ? ` (${parts.join(', ')})` : '';
}

/** Names in a model are any bytes: escape sequences of a terminal must not get through. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what this is about
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, (char) => {
    if (char === '\n') return '\\n';
    if (char === '\t') return '\\t';
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
