/**
 * Diagnostics as text for a terminal and as plain objects for machines.
 *
 *   error[CYCLIC_GRAPH]: the graph has a cycle: a -> b -> a
 *     at model.onnx, node 'a' (Add, from 'trunk/a')
 *     note: ...
 *     hint: an ONNX graph must be acyclic; export the model anew
 */
import type { Diagnostic, Location } from './compile-error';
import { withoutHidden } from './hidden';

/** Functions that highlight words; by default they are left unchanged. */
export interface Paint {
  readonly error: (text: string) => string;
  readonly hint: (text: string) => string;
}
export const plain: Paint = { error: (text) => text, hint: (text) => text };

export function formatDiagnostic(diagnostic: Diagnostic, paint: Paint = plain, severity: 'error' | 'warning' = 'error'): string {
  const place = diagnostic.at && formatLocation(diagnostic.at);
  const line = (text: string): string => harmless(printable(text));
  return [
    `${paint.error(`${severity}[${diagnostic.code}]`)}: ${line(diagnostic.message)}`,
    ...(place ? [`  at ${line(place)}`] : []),
    ...(diagnostic.notes ?? []).map((note) => `  note: ${line(note)}`),
    ...(diagnostic.hint ? [`  ${paint.hint('hint')}: ${line(diagnostic.hint)}`] : []),
  ].join('\n');
}

/** `model.onnx:3:14, graph 'body', node 'conv' (Conv, from 'trunk/conv'), value 'x'`; '' if nothing is known. */
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

/** Makes text printable, since names in a model may be any bytes: one line, without terminal control sequences. */
export const printable = (text: string): string =>
  withoutHidden(text, (char) => (char === '\n' ? '\\n' : char === '\t' ? '\\t' : codeText(char)));

const codeText = (char: string): string =>
  Array.from({ length: char.length }, (_, at) => `\\u${char.charCodeAt(at).toString(16).padStart(4, '0')}`).join('');

/**
 * Makes a multi-line text safe for a terminal or a CI log: no terminal control sequences, and no line is a GitHub Actions command (`::error::`, `##[group]`).
 * Within JSON the escapes denote the same characters.
 */
export function harmless(text: string): string {
  return withoutHidden(text, (char) => (char === '\n' || char === '\t' ? char : codeText(char)))
    .replace(/^([ \t\u00a0\u3000\u1680\u2000-\u200a\u202f\u205f]*):(?=:)/gm, '$1\\u003a')
    .replace(/##(?=\[)/g, '\\u0023#');
}
