/** Output format of `inspect`: chosen by option or by file name, and printed or written. */
import { badOption } from '../diagnostics/catalogue';
import { writeOutput, writeTextFile } from '../output';
import { drawingBytes } from '../pictures/files/pictures';
import type { InspectArgs } from './commands';
import type { Terminal } from './terminal';
import { inputSize } from './values';

export type Format = NonNullable<InspectArgs['format']>;

/** The requested format, or the one that the file name implies; a summary if there is neither, or the name has no extension. Throws CompileError BAD_OPTION. */
export function formatOf({ format, json, output }: InspectArgs): Format {
  if (format || json) return format ?? 'json';
  const [, ending] = /\.(\w+)$/.exec(output?.toLowerCase() ?? '') ?? [];
  if (output === undefined || ending === undefined) return 'summary';
  const known = ENDINGS.get(ending);
  if (!known)
    throw badOption(
      'output',
      output,
      `a name in ${[...ENDINGS.keys()].map((name) => `.${name}`).join(', ')}, or --format to say what is to be written`,
    );
  return known;
}
const ENDINGS: ReadonlyMap<string, Format> = new Map([
  ['txt', 'summary'],
  ['log', 'summary'],
  ['json', 'json'],
  ['onnxtxt', 'text'],
  ['onnxtext', 'text'],
  ['html', 'html'],
  ['htm', 'html'],
  ['svg', 'svg'],
  ['png', 'png'],
  ['dot', 'dot'],
  ['gv', 'dot'],
]);

/** Prints the output. --quiet suppresses the default summary, but not a format that was requested. */
export function show(format: Format, text: string, { format: asked }: InspectArgs, terminal: Terminal): void {
  if (format === 'summary' && asked === undefined) terminal.report(text.split('\n'));
  else terminal.result(text);
}

/** Writes the output: text, or a rasterised drawing. */
export async function writeFormat(format: Format, text: string, output: string, inputs: readonly string[], force: boolean): Promise<void> {
  if (format === 'png') writeOutput(output, await drawingBytes(text), { inputs, force });
  else writeTextFile(output, text.endsWith('\n') ? text : `${text}\n`, inputs, force);
}

export const sizeOf = ({ inputSize: size }: InspectArgs) => (size?.length ? inputSize(size) : undefined);
