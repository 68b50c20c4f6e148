/** `inspect`: prints or writes a description of a model in one of several formats. */
import { basename, dirname } from 'node:path';
import { shapeText } from '../analysis/layers';
import { type RuntimeName, runtimeReport } from '../analysis/runtimes';
import { summarise } from '../analysis/summary';
import { settle } from '../compile';
import { declaredSize } from '../compile/metadata';
import { usage } from '../diagnostics/catalogue';
import { printable } from '../diagnostics/format';
import { filesBehind, readModelFile } from '../files';
import { modelText } from '../files/text';
import type { Model } from '../ir/model';
import { inferShapes } from '../ir/shape-inference';
import { checkOutput } from '../output';
import { declaredShapes } from '../reports/declared-shapes';
import { type DrawingFormat, drawing } from '../reports/drawing';
import { summaryJson } from '../reports/summary-json';
import { summaryText } from '../reports/summary-table';
import { typed } from '../reports/typed';
import { tfjsModelPath } from '../verify/tfjs/files';
import type { InspectArgs } from './commands';
import { depthOf, directionOf, viewer } from './drawing';
import { runtimeLines } from './inspect-for';
import { type Format, formatOf, show, sizeOf, writeFormat } from './inspect-format';
import { missingWeights } from './missing-weights';
import type { Terminal } from './terminal';

const FORMATS: Readonly<Record<Format, (model: Model, args: InspectArgs, columns: number | undefined) => string>> = {
  summary: (model, args, columns) => summaryText(args.model, summaryOf(model, args), columns).map(printable).join('\n'),
  json: (model, args) => JSON.stringify(summaryJson(args.model, summaryOf(model, args)), undefined, 2),
  text: (model, args) =>
    modelText(model, {
      path: args.model,
      home: args.output === undefined ? undefined : dirname(args.output),
      weights: args.weights,
      title: `${basename(args.model)} in ONNX's textual syntax`,
    }),
  dot: (model, args) => drawn('dot', model, args),
  svg: (model, args) => drawn('svg', model, args),
  html: (model, args) => drawn('html', model, args),
  png: (model, args) => drawn('png', model, args),
};

/** Uses the size that a converted model was made for, as the layer list does, so that shapes are numeric. */
function drawn(format: DrawingFormat, model: Model, args: InspectArgs): string {
  const size = sizeOf(args) ?? declaredSize(model);
  const declared = declaredShapes(model);
  const shown = typed(model, size);
  const images = size ? shown.graph.inputs.map(({ name, type }): [string, string] => [name, shapeText(type)]) : [];
  return drawing(format, shown, {
    title: basename(args.model),
    facts: images,
    declared,
    depth: depthOf(args.depth),
    direction: directionOf(args),
    viewer,
  });
}

export async function inspectCommand(args: InspectArgs, terminal: Terminal): Promise<number> {
  if (args.diff || args.other !== undefined) return (await import('./diff')).diffCommand(args, terminal);
  const tfjs = tfjsModelPath(args.model);
  if (tfjs !== undefined) return (await import('./inspect-tfjs')).inspectTfjsCommand(args, tfjs, terminal);
  if (args.for !== undefined) return runtimeCommand(args, args.for, terminal);
  const { output } = args;
  if (output !== undefined) checkOutput(output, [args.model], args.force);
  const format = formatOf(args);
  const missing = missingWeights(args.model, terminal);
  const model = readModelFile(args.model, {
    allowSymlinks: args.allowSymlinks,
    warn: (warning) => terminal.warning(warning),
    onMissing: missing.onMissing,
  });
  missing.report();
  const text = FORMATS[format](model, args, output === undefined ? terminal.columns : undefined);
  if (output === undefined && format === 'png') throw usage('a picture is written to a file: -o model.png', 'inspect');
  if (output === undefined) show(format, text, args, terminal);
  else await writeFormat(format, text, output, filesBehind(model), args.force);
  return 0;
}

function runtimeCommand(args: InspectArgs, runtime: RuntimeName, terminal: Terminal): number {
  if (args.output !== undefined || args.format !== undefined) throw usage('--for prints a list: leave -o and --format away', 'inspect');
  const missing = missingWeights(args.model, terminal);
  const model = readModelFile(args.model, {
    allowSymlinks: args.allowSymlinks,
    warn: (warning) => terminal.warning(warning),
    onMissing: missing.onMissing,
  });
  inferShapes(model);
  const facts = runtimeReport(model, runtime);
  if (args.json) terminal.result(JSON.stringify({ model: args.model, ...facts }, undefined, 2));
  else terminal.result(runtimeLines(args.model, facts).join('\n'));
  return 0;
}

const summaryOf = (model: Model, args: InspectArgs) => summarise(model, sizeOf(args), settle);
