/** `inspect`: what a model consists of, in one of several formats, on stdout or in a file. */
import { basename, dirname } from 'node:path';
import { summarise } from '../analysis/summary';
import { settle } from '../compile';
import type { Model } from '../ir/model';
import { filesBehind, readModelFile } from '../node';
import { modelText } from '../node/text';
import type { InspectArgs } from './commands';
import { type DrawingFormat, depthOf, drawing } from './drawing';
import { checkOutput, writeTextFile } from './staging';
import { summaryJson } from './summary-json';
import { summaryText } from './summary-table';
import type { Terminal } from './terminal';
import { inputSize } from './values';

type Format = NonNullable<InspectArgs['format']>;

const FORMATS: Readonly<Record<Format, (model: Model, args: InspectArgs, columns: number | undefined) => string>> = {
  summary: (model, args, columns) => summaryText(args.model, summaryOf(model, args), columns).join('\n'),
  json: (model, args) => JSON.stringify(summaryJson(args.model, summaryOf(model, args)), undefined, 2),
  text: (model, args) =>
    modelText(model, {
      path: args.model,
      home: args.output === undefined ? undefined : dirname(args.output),
      weights: args.weights,
      title: `${args.model} in ONNX's textual syntax`,
    }),
  dot: (model, args) => drawn('dot', model, args),
  svg: (model, args) => drawn('svg', model, args),
  html: (model, args) => drawn('html', model, args),
};

const drawn = (format: DrawingFormat, model: Model, args: InspectArgs): string =>
  drawing(format, model, { title: basename(args.model), size: sizeOf(args), depth: depthOf(args.depth) });

export async function inspectCommand(args: InspectArgs, terminal: Terminal): Promise<number> {
  const { output } = args;
  if (output !== undefined) checkOutput(output, [args.model], args.force);
  const format = args.format ?? (args.json ? 'json' : formatOf(output));
  const model = readModelFile(args.model, { allowSymlinks: args.allowSymlinks, warn: (warning) => terminal.warning(warning) });
  const text = FORMATS[format](model, args, output === undefined ? terminal.columns : undefined);
  if (output === undefined) terminal.result(text);
  else writeTextFile(output, text.endsWith('\n') ? text : `${text}\n`, filesBehind(model), args.force);
  return 0;
}

/** As the name of the file says; a summary where it does not. */
function formatOf(output: string | undefined): Format {
  const [, extension = ''] = /\.(\w+)$/.exec(output?.toLowerCase() ?? '') ?? [];
  return EXTENSIONS.get(extension) ?? 'summary';
}
const EXTENSIONS: ReadonlyMap<string, Format> = new Map([
  ['json', 'json'],
  ['onnxtxt', 'text'],
  ['onnxtext', 'text'],
  ['dot', 'dot'],
  ['gv', 'dot'],
  ['svg', 'svg'],
  ['html', 'html'],
  ['htm', 'html'],
]);

const sizeOf = ({ inputSize: size }: InspectArgs) => (size?.length ? inputSize(size) : undefined);
const summaryOf = (model: Model, args: InspectArgs) => summarise(model, sizeOf(args), settle);
