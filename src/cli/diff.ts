/** `inspect --diff`: the changes of each node between two models, as text, JSON or a picture. */
import { basename } from 'node:path';
import { badOption, usage } from '../diagnostics/catalogue';
import { printable } from '../diagnostics/format';
import { filesBehind, readModelFile } from '../files';
import type { Model } from '../ir/model';
import { checkOutput } from '../output';
import { compared } from '../reports/compared';
import { diffDrawing, diffJson, diffText } from '../reports/diff';
import type { InspectArgs } from './commands';
import { depthOf, directionOf, viewer } from './drawing';
import { formatOf, show, sizeOf, writeFormat } from './inspect-format';
import { missingWeights } from './missing-weights';
import type { Terminal } from './terminal';

export async function diffCommand(args: InspectArgs, terminal: Terminal): Promise<number> {
  const { model: first, other: second, output } = args;
  if (second === undefined) throw usage('--diff compares two models; the second is missing', 'inspect');
  if (!args.diff) throw usage(`two models are compared with --diff: inspect --diff ${first} ${second}`, 'inspect');
  const format = formatOf(args);
  if (format === 'text') throw badOption('format', format, 'summary, json, html, svg or dot, with --diff');
  if (output !== undefined) checkOutput(output, [first, second], args.force);
  const read = (path: string): Model => {
    const missing = missingWeights(path, terminal);
    const model = readModelFile(path, {
      allowSymlinks: args.allowSymlinks,
      warn: (warning) => terminal.warning(warning),
      onMissing: missing.onMissing,
    });
    missing.report();
    return model;
  };
  const [original, converted] = [read(first), read(second)];
  const pair = compared(original, converted, sizeOf(args));
  const text =
    format === 'summary'
      ? diffText(first, second, pair.diff, output === undefined ? terminal.columns : undefined)
          .map(printable)
          .join('\n')
      : format === 'json'
        ? JSON.stringify(diffJson(first, second, pair.diff), undefined, 2)
        : diffDrawing({
            ...pair,
            format,
            names: [basename(first), basename(second)],
            how: { depth: depthOf(args.depth), direction: directionOf(args), sideBySide: args.sideBySide, viewer },
          });
  if (output === undefined) show(format, text, args, terminal);
  else await writeFormat(format, text, output, [...filesBehind(original), ...filesBehind(converted)], args.force);
  return 0;
}
