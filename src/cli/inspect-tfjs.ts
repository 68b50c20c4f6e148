/** `inspect web_model/`: the nodes and weights of a TensorFlow.js graph model, as text, JSON or a picture. */
import { basename } from 'node:path';
import { attrText } from '../analysis/attr-text';
import { shapeText } from '../analysis/layers';
import { badOption } from '../diagnostics/catalogue';
import { printable } from '../diagnostics/format';
import { readTfjsView, type TfjsView } from '../files/tfjs-view';
import { jsonIn } from '../formats/json';
import { elementCount } from '../ir/tensor';
import type { Node } from '../ir/types';
import { checkOutput } from '../output';
import { drawing } from '../reports/drawing';
import { bytes, cut, grouped, table } from '../reports/table';
import type { InspectArgs } from './commands';
import { depthOf, directionOf, viewer } from './drawing';
import { formatOf, show, writeFormat } from './inspect-format';
import type { Terminal } from './terminal';

export const TFJS_SCHEMA = 'convolutionize/inspect-tfjs/1';

export async function inspectTfjsCommand(args: InspectArgs, modelJson: string, terminal: Terminal): Promise<number> {
  const { output } = args;
  const format = formatOf(args);
  if (format === 'text') throw badOption('format', format, 'summary, json, html, svg or dot for a TensorFlow.js model');
  if (output !== undefined) checkOutput(output, [modelJson], args.force);
  const view = readTfjsView(modelJson);
  const text =
    format === 'summary'
      ? tfjsText(args.model, view, output === undefined ? terminal.columns : undefined)
          .map(printable)
          .join('\n')
      : format === 'json'
        ? JSON.stringify(tfjsJson(args.model, view), undefined, 2)
        : drawing(format, view.model, { title: basename(args.model), depth: depthOf(args.depth), direction: directionOf(args), viewer });
  if (output === undefined) show(format, text, args, terminal);
  else await writeFormat(format, text, output, [modelJson], args.force);
  return 0;
}

/** Attributes that distinguish nodes of one kind; the JSON has the rest. */
const TOLD = ['fused_ops', 'padding', 'strides', 'ksize', 'dilations', 'axis', 'keep_dims', 'data_format'];

function tfjsText(file: string, { model, weights, bytes: stored, shards, madeBy }: TfjsView, columns: number | undefined): string[] {
  const { graph } = model;
  const source = sourceOf(model.metadata.get('source'));
  const index = new Map(graph.nodes.map((node, at) => [node, at]));
  const label = (at: number): string => `(${at})`.padStart(String(graph.nodeCount - 1).length + 2);
  const reads = (node: Node): string =>
    node.inputs
      .flatMap((input) => (!input || input.constant ? [] : [input.producer ? `(${index.get(input.producer)})` : printable(input.name)]))
      .join(' ');
  const rows = graph.nodes.map((node, at) => [
    label(at),
    printable(node.opType),
    reads(node) === (at === 0 ? '' : `(${at - 1})`) ? '' : reads(node),
    node.inputs.flatMap((input) => (input?.constant ? [input.constant.shape.join('x') || 'scalar'] : [])).join(', '),
    TOLD.flatMap((name) => {
      const attr = node.attrs.get(name);
      const text = attr && attrText(attr);
      return text === undefined || ['VALID', '[1, 1, 1, 1]', 'NHWC', ''].includes(text) ? [] : [`${name} ${text}`];
    }).join(', '),
  ]);
  const kinds = new Map<string, number>();
  for (const { opType } of graph.nodes) kinds.set(opType, (kinds.get(opType) ?? 0) + 1);
  const types = [...new Set(weights.map(({ dtype, quantization }) => (quantization ? `${dtype} stored as ${quantization.dtype}` : dtype)))];
  const lines = [
    `${printable(file)}: TensorFlow.js graph model${madeBy ? `, made by ${printable(madeBy)}` : ''}${source ? `, from ${printable(source)}` : ''}`,
    ...table(
      [{ title: '' }, { title: '' }, { title: '' }],
      [
        ...graph.inputs.map(({ name, type }) => ['input', printable(name), shapeText(type)]),
        ...graph.outputs.map(({ name, type }) => ['output', printable(name), type ? shapeText(type) : '']),
      ],
      '  ',
    ),
    '',
    ...table([{ title: '' }, { title: 'node' }, { title: 'reads' }, { title: 'weights' }, { title: 'attributes' }], rows),
    '',
    ...table(
      [{ title: 'kind' }, { title: 'nodes', align: 'right' }],
      [...kinds].map(([kind, count]) => [printable(kind), String(count)]),
    ),
    '',
    `${weights.length} weights of ${grouped(weights.reduce((sum, { shape }) => sum + elementCount(shape), 0))} numbers (${types.join(', ')}): ${bytes(stored)} in ${shards} file${shards === 1 ? '' : 's'}`,
  ];
  return columns === undefined ? lines : lines.map((line) => cut(line, columns));
}

/** The result conforms to docs/schemas/inspect-tfjs.schema.json. */
export function tfjsJson(file: string, { model, weights, bytes: stored, shards, madeBy }: TfjsView): object {
  const { graph } = model;
  const port = ({ name, type }: { name: string; type: TfjsView['model']['graph']['inputs'][number]['type'] }): object => ({
    name,
    dtype: type?.dtype ?? null,
    shape: type?.shape?.map((dim) => dim ?? null) ?? null,
  });
  return {
    schema: TFJS_SCHEMA,
    file,
    madeBy,
    metadata: Object.fromEntries(model.metadata),
    inputs: graph.inputs.map(port),
    outputs: graph.outputs.map(port),
    nodes: graph.nodes.map((node) => ({
      name: node.name,
      op: node.opType,
      inputs: node.inputs.flatMap((input) => (input ? [input.name] : [])),
      attributes: Object.fromEntries([...node.attrs].map(([name, attr]) => [name, attrText(attr)])),
      ...(standsForOthers(node) && { origin: node.origin }),
    })),
    weights: weights.map(({ name, dtype, shape, quantization }) => ({ name, dtype, shape, storedAs: quantization?.dtype ?? dtype })),
    bytes: stored,
    shards,
  };
}

const standsForOthers = ({ name, origin }: Node): boolean => origin.length > 1 || (origin.length === 1 && origin[0] !== name);

function sourceOf(text: string | undefined): string | undefined {
  const parsed = jsonIn(text);
  return typeof parsed === 'object' && parsed !== null && 'file' in parsed && typeof parsed.file === 'string' ? parsed.file : undefined;
}
