/** Reports the form of the model that `convert` writes: its sizes, and the nodes that remain at them. */
import { type End, endText } from '../compile/ends';
import { type Formed, formText, type HalfReport } from '../compile/form';
import { printable } from '../diagnostics/format';
import type { Dim } from '../ir/types';
import { grouped } from '../reports/table';

export interface FormFacts {
  readonly size: Readonly<Record<string, readonly number[]>> | undefined;
  readonly batch: number | undefined;
  readonly ends: Readonly<Record<string, End & { readonly text: string }>> | undefined;
  readonly inputs: Readonly<Record<string, readonly Dim[]>>;
  readonly outputs: Readonly<Record<string, readonly Dim[]>>;
  readonly nodes: Formed['nodes'];
  readonly half: HalfReport | undefined;
}

export function formFacts({ model, form, nodes, half }: Formed): FormFacts {
  const shapes = (values: Formed['model']['graph']['inputs']): Readonly<Record<string, readonly Dim[]>> =>
    Object.fromEntries(values.map(({ name, type }) => [name, type?.shape ?? []]));
  return {
    size: form.size && Object.fromEntries(form.size),
    batch: form.batch,
    ends: form.ends && Object.fromEntries(Object.entries(form.ends).map(([output, end]) => [output, { ...end, text: endText(end) }])),
    inputs: shapes(model.graph.inputs),
    outputs: shapes(model.graph.outputs),
    nodes,
    half,
  };
}

export function formLines(formed: Formed): string[] {
  const { form, nodes, model } = formed;
  const ports = (values: Formed['model']['graph']['inputs']): string =>
    values.map(({ name, type }) => `${name} [${type?.shape?.map((dim) => dim ?? '?').join(', ') ?? '?'}]`).join(', ');
  return [
    'form',
    `  ${form.size || form.batch !== undefined ? `takes ${formText(form)} alone: ` : ''}${printable(ports(model.graph.inputs))} -> ${printable(ports(model.graph.outputs))}`,
    ...Object.entries(form.ends ?? {}).map(([output, end]) => printable(`  ${output}: ${endText(end)}`)),
    `  nodes: ${grouped(nodes.before)} -> ${grouped(nodes.after)}`,
    ...halfLines(formed),
  ];
}

/** Nodes with the same reason share a line. */
function halfLines({ half }: Formed): string[] {
  if (!half) return [];
  const reasons = new Map<string, string[]>();
  for (const { node, op, text } of half.kept) reasons.set(text, [...(reasons.get(text) ?? []), `${op} '${node}'`]);
  return [
    `  half precision: ${grouped(half.halves)} nodes compute in float16, ${grouped(half.kept.length)} stay in float32; ranges measured on ${half.measuredOn}`,
    ...[...reasons].map(
      ([text, nodes]) => `    ${nodes.slice(0, 3).join(', ')}${nodes.length > 3 ? ` and ${nodes.length - 3} more` : ''}: ${text}`,
    ),
  ].map(printable);
}
