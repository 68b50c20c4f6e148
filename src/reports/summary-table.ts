/** Text summary of a model: layers in PyTorch's notation as a table that fits the terminal, totals, and totals per kind. */
import { shapeText } from '../analysis/layers';
import type { ModelSummary, Port, SummaryLayer } from '../analysis/summary';
import { windowLengths } from '../compile/input-size';
import { printable } from '../diagnostics/format';
import { listOf, sizeText, unitOf } from '../ir/spatial';
import type { TensorType } from '../ir/types';
import { type Column, cut, grouped, rounded, table, width } from './table';

/** `columns`: width of the terminal; undefined: unlimited. */
export function summaryText(file: string, summary: ModelSummary, columns?: number): string[] {
  const { list } = summary;
  const opsets = [...summary.opsets].map(([domain, version]) => `opset ${domain === '' ? '' : `${printable(domain)} `}${version}`);
  const producer = [summary.producer.name, summary.producer.version].filter((part) => part !== '').join(' ');
  const head = [`ONNX IR ${summary.irVersion}`, ...opsets, ...(producer ? [`made by ${printable(producer)}`] : [])];
  const layers = layerTable(summary, columns);
  const lines = [
    `${printable(file)}: ${head.join(', ')}`,
    ...table(
      [{ title: '' }, { title: '' }, { title: '' }],
      [...portRows('input', summary.inputs), ...portRows('output', summary.outputs)],
      '  ',
    ),
    ...sizeNote(summary),
    '',
    ...layers,
    // Explains the receptive field columns, if they are shown.
    ...(layers[0]?.includes('offset')
      ? ['', `Cell i of an output looks at the ${placesIn(summary)} from offset + i * stride on,`, 'as many as field says.']
      : []),
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
      : ['', 'Multiply-adds marked with > are lower bounds: some layer has an unknown shape,', 'or products that are not counted.']),
    ...(list.unlisted > 0
      ? ['', `${list.unlisted} more node${list.unlisted > 1 ? 's compute' : ' computes'} on weights or shapes alone.`]
      : []),
  ];
  return columns === undefined ? lines : lines.map((line) => cut(line, columns));
}

/** Pixels, samples or voxels, by the axes of the receptive fields. */
const placesIn = ({ list }: ModelSummary): string =>
  unitOf(Math.max(...list.layers.map(({ field }) => (field ? listOf(field).length : 0))));

const portRows = (title: string, ports: readonly Port[]): string[][] =>
  ports.map(({ name, type }) => [title, printable(name), typeText(type)]);

const typeText = (type: TensorType | undefined): string => (type?.dtype === 'float' ? `float${shapeText(type)}` : shapeText(type));

function sizeNote({ at, list }: ModelSummary): string[] {
  if (at?.chosen)
    return [`  listed for ${at.windows.map((window) => `'${printable(window.input)}' of ${sizeText(windowLengths(window))}`).join(', ')}`];
  return !at && !list.complete ? ['  the size of the image is open: --input-size 224x224 gives numbers'] : [];
}

// ---- layers ----

/** Simplifications of a table that is too wide, applied in this order, least important information first. */
const NARROWER = ['short notation', 'short numbers', 'offset', 'stride', 'reads', 'field'] as const;
type Narrower = (typeof NARROWER)[number];

function layerTable(summary: ModelSummary, columns: number | undefined): string[] {
  const widest = (lines: readonly string[]): number => lines.reduce((most, line) => Math.max(most, width(line)), 0);
  for (let steps = 0; ; steps++) {
    const less = new Set(NARROWER.slice(0, steps));
    const lines = layerTableWithout(summary, less);
    if (columns === undefined || widest(lines) <= columns) return lines;
    if (steps < NARROWER.length) continue;
    // Last resort: cut the ends of the notations.
    const layers = Math.max(...summary.list.layers.map(({ notation }) => width(shortNotation(notation))));
    return layerTableWithout(summary, less, Math.max(12, layers - (widest(lines) - columns)));
  }
}

/** `most`: maximum width of a notation. */
function layerTableWithout({ list }: ModelSummary, less: ReadonlySet<Narrower>, most = Number.POSITIVE_INFINITY): string[] {
  const { layers } = list;
  const digits = String(layers.length - 1).length;
  // A layer that simply reads the one before it needs no entry.
  const branches = layers.some(({ index, reads }) => index > 0 && !(reads.length === 1 && reads[0] === index - 1));
  const number = less.has('short numbers') ? rounded : grouped;
  const all: readonly (Cells | false)[] = [
    { title: '', cell: ({ index }) => `(${index})`.padStart(digits + 2) },
    {
      title: 'layer',
      cell: ({ notation }) => {
        return cut(printable(less.has('short notation') ? shortNotation(notation) : notation), most);
      },
      total: 'total',
    },
    branches && !less.has('reads') && { title: 'reads', cell: readsText },
    { title: 'output', cell: ({ outputs }) => outputs.map((output) => shapeText(output.type)).join(' ') },
    !less.has('field') && { title: 'field', align: 'right', cell: ({ field }) => fieldText(field, 'window') },
    !less.has('stride') && { title: 'stride', align: 'right', cell: ({ field }) => fieldText(field, 'stride') },
    !less.has('offset') && { title: 'offset', align: 'right', cell: ({ field }) => fieldText(field, 'offset') },
    {
      title: less.has('short numbers') ? 'params' : 'parameters',
      align: 'right',
      cell: ({ parameters }) => (parameters === 0 ? '' : number(parameters)),
      total: number(list.parameters),
      short: rounded(list.parameters),
    },
    {
      title: less.has('short numbers') ? 'madds' : 'multiply-adds',
      align: 'right',
      cell: ({ multiplyAdds }) => (multiplyAdds === undefined ? '?' : multiplyAdds === 0 ? '' : number(multiplyAdds)),
      total: `${list.complete ? '' : '> '}${number(list.multiplyAdds)}`,
      short: rounded(list.multiplyAdds),
    },
  ];
  const shown = all
    .filter((column): column is Cells => column !== false)
    .filter(({ title, cell }) =>
      title !== 'field' && title !== 'stride' && title !== 'offset' ? true : layers.some((layer) => cell(layer) !== ''),
    );
  const rows = layers.map((layer) => shown.map(({ cell }) => cell(layer)));
  const totals = shown.map(({ total = '' }) => total);
  const short = list.parameters >= 1000 && !less.has('short numbers') ? [shown.map((column) => column.short ?? '')] : [];
  return table(shown, [...rows, totals, ...short]);
}

interface Cells extends Column {
  readonly cell: (layer: SummaryLayer) => string;
  readonly total?: string;
  readonly short?: string;
}

const readsText = ({ index, reads }: SummaryLayer): string =>
  reads.length === 1 && reads[0] === index - 1
    ? ''
    : reads.map((source) => (typeof source === 'number' ? `(${source})` : printable(source))).join(' ');

/** `11`, or `11x3` if the axes differ; `all` along an axis that is reduced as a whole. */
function fieldText(field: SummaryLayer['field'], key: 'window' | 'stride' | 'offset'): string {
  if (!field) return '';
  const texts = listOf(field).map((axis) => (axis === 'whole' ? (key === 'window' ? 'all' : '') : decimals(axis[key])));
  return new Set(texts).size === 1 ? (texts[0] ?? '') : texts.join('x');
}
const decimals = (value: number): string => String(Number(value.toFixed(2)));

/** Conv2d(3, 64, kernel_size=(11, 11), stride=(4, 4), padding=(2, 2)) -> Conv2d(3, 64, 11x11, stride=4, padding=2) */
export function shortNotation(notation: string): string {
  return notation
    .replace(/(\w+)=\((\d+(?:, \d+)+|\d+,)\)/g, (_, key: string, numbers: string) => {
      const each = numbers.replace(/,$/, '').split(', ');
      const all = each.join('x');
      return key === 'kernel_size' || key === 'size' ? all : `${key}=${new Set(each).size === 1 ? each[0] : all}`;
    })
    .replace(/, (stride=1|dilation=1|groups=1|bias=False)(?=[,)])/g, '');
}

const products = (count: number, complete: boolean): string => (complete ? grouped(count) : `> ${grouped(count)}`);
