/** `inspect`: what a model consists of. One function per format. */
import { shapeText } from '../analysis/layers';
import { type ModelSummary, type Port, summarise } from '../analysis/summary';
import { settle } from '../compile';
import { printable } from '../diagnostics/format';
import type { TensorType } from '../ir/types';
import { readModelFile } from '../node';
import type { InspectArgs } from './commands';
import { type Column, grouped, rounded, table } from './table';
import type { Terminal } from './terminal';
import { inputSize } from './values';

interface Inspected {
  readonly file: string;
  readonly summary: ModelSummary;
}

const FORMATS: Readonly<Record<string, (inspected: Inspected) => string>> = {
  summary: ({ file, summary }) => summaryText(file, summary).join('\n'),
  json: ({ file, summary }) => JSON.stringify(summaryJson(file, summary), undefined, 2),
};

export async function inspectCommand(args: InspectArgs, terminal: Terminal): Promise<number> {
  const size = args.inputSize?.length ? inputSize(args.inputSize) : undefined;
  const model = readModelFile(args.model, { allowSymlinks: args.allowSymlinks, warn: (warning) => terminal.warning(warning) });
  const inspected: Inspected = { file: args.model, summary: summarise(model, size, settle) };
  const format = FORMATS[args.format ?? (args.json ? 'json' : 'summary')] ?? FORMATS.summary;
  if (format) terminal.result(format(inspected));
  return 0;
}

/** The list of layers as a table, the lecture's slides 18 and 19 with shapes and costs beside them. */
export function summaryText(file: string, summary: ModelSummary): string[] {
  const { list } = summary;
  const opsets = [...summary.opsets].map(([domain, version]) => `opset ${domain === '' ? '' : `${printable(domain)} `}${version}`);
  const producer = [summary.producer.name, summary.producer.version].filter((part) => part !== '').join(' ');
  const head = [`ONNX IR ${summary.irVersion}`, ...opsets, ...(producer ? [`made by ${printable(producer)}`] : [])];
  return [
    `${file}: ${head.join(', ')}`,
    ...table(
      [{ title: '' }, { title: '' }, { title: '' }],
      [...portRows('input', summary.inputs), ...portRows('output', summary.outputs)],
      '  ',
    ),
    ...sizeNote(summary),
    '',
    ...layerTable(summary),
    '',
    ...table(
      [
        { title: 'kind' },
        { title: 'layers', align: 'right' },
        { title: 'parameters', align: 'right' },
        { title: 'multiply-adds', align: 'right' },
      ],
      list.kinds.map((kind) => [
        printable(kind.kind),
        String(kind.layers),
        grouped(kind.parameters),
        products(kind.multiplyAdds, kind.complete),
      ]),
    ),
    ...(list.complete
      ? []
      : ['', 'Multiply-adds marked with > are lower bounds: some layer has an unknown shape, or products that are not counted.']),
    ...(list.unlisted > 0
      ? ['', `${list.unlisted} more node${list.unlisted > 1 ? 's compute' : ' computes'} on weights or shapes alone.`]
      : []),
  ];
}

function portRows(title: string, ports: readonly Port[]): string[][] {
  return ports.map(({ name, type }) => [title, printable(name), typeText(type)]);
}

const typeText = (type: TensorType | undefined): string => (type?.dtype === 'float' ? `float${shapeText(type)}` : shapeText(type));

function sizeNote({ at, list }: ModelSummary): string[] {
  if (at?.chosen)
    return [`  listed for ${at.windows.map((window) => `'${printable(window.input)}' of ${window.height}x${window.width}`).join(', ')}`];
  return !at && !list.complete ? ['  the size of the image is open: --input-size 224x224 gives numbers'] : [];
}

function layerTable({ list }: ModelSummary): string[] {
  const digits = String(list.layers.length - 1).length;
  const label = (index: number): string => `(${index})`.padStart(digits + 2);
  // Where a layer simply reads the one before it, nothing needs to be said.
  const branches = list.layers.some(({ index, reads }) => index > 0 && !(reads.length === 1 && reads[0] === index - 1));
  const from = (index: number, reads: readonly (number | string)[]): string =>
    reads.length === 1 && reads[0] === index - 1
      ? ''
      : reads.map((source) => (typeof source === 'number' ? `(${source})` : printable(source))).join(' ');
  const columns: Column[] = [
    { title: '' },
    { title: 'layer' },
    ...(branches ? [{ title: 'reads' }] : []),
    { title: 'output' },
    { title: 'parameters', align: 'right' },
    { title: 'multiply-adds', align: 'right' },
  ];
  const rows = list.layers.map((layer) => [
    label(layer.index),
    printable(layer.notation),
    ...(branches ? [from(layer.index, layer.reads)] : []),
    layer.outputs.map((output) => shapeText(output.type)).join(' '),
    layer.parameters === 0 ? '' : grouped(layer.parameters),
    layer.multiplyAdds === undefined ? '?' : layer.multiplyAdds === 0 ? '' : grouped(layer.multiplyAdds),
  ]);
  const totals = ['', 'total', ...(branches ? [''] : []), '', grouped(list.parameters), products(list.multiplyAdds, list.complete)];
  const short = ['', '', ...(branches ? [''] : []), '', rounded(list.parameters), rounded(list.multiplyAdds)];
  return table(columns, [...rows, totals, ...(list.parameters >= 1000 ? [short] : [])]);
}

const products = (count: number, complete: boolean): string => (complete ? grouped(count) : `> ${grouped(count)}`);

/** Names and numbers as in the table; null stands for what is not known. */
export function summaryJson(file: string, summary: ModelSummary): object {
  const { list } = summary;
  const port = ({ name, type }: Port): object => ({
    name,
    dtype: type?.dtype ?? null,
    shape: type?.shape?.map((dim) => dim ?? null) ?? null,
  });
  return {
    file,
    irVersion: summary.irVersion,
    opsets: Object.fromEntries(summary.opsets),
    producer: summary.producer,
    metadata: Object.fromEntries(summary.metadata),
    inputs: summary.inputs.map(port),
    outputs: summary.outputs.map(port),
    listedFor: summary.at?.windows ?? null,
    layers: list.layers.map((layer) => ({
      index: layer.index,
      name: layer.name,
      kind: layer.kind,
      notation: layer.notation,
      nodes: layer.nodes.map((node) => ({ name: node.name, op: node.op, origin: node.origin })),
      reads: layer.reads,
      outputs: layer.outputs.map(port),
      parameters: layer.parameters,
      multiplyAdds: layer.multiplyAdds ?? null,
    })),
    kinds: list.kinds,
    total: { layers: list.layers.length, parameters: list.parameters, multiplyAdds: list.multiplyAdds, complete: list.complete },
    unlisted: list.unlisted,
  };
}
