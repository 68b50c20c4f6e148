/**
 * Models as text: files in ONNX's textual syntax (.onnxtxt, as in Python's onnx), whose weights stay in the original file.
 *
 * References are relative to the directory of the text, so a text must be next to its source or above it.
 */
import { dirname, relative, resolve, sep } from 'node:path';
import { referenceOutside } from '../diagnostics/catalogue';
import type { Model } from '../ir/model';
import { parseModel } from '../onnx/text/parser';
import { placeInSource, printModel } from '../onnx/text/printer';
import type { ExternalFiles } from './external-data';
import type { FileSource } from './file-source';
import { limitsFactor } from './limits';

export const isTextFile = (path: string): boolean => /\.onnxte?xt$/i.test(path);

/** Reads a model from text. Throws CompileError TEXT_*, or BAD_EXTERNAL_DATA. */
export function readText(source: FileSource, external: ExternalFiles, keepOpset: boolean | undefined): Model {
  const text = new TextDecoder().decode(source.read(0, source.size));
  return parseModel(text, {
    file: source.name,
    source: (location) => external.source(location, location),
    asWritten: keepOpset,
    limits: limitsFactor(),
  });
}

export interface TextOptions {
  /** The file that the model was read from. */
  readonly path: string;
  /** Final directory of the text. Default: that of the file. */
  readonly home?: string | undefined;
  /** Constants of more than 16 elements: their location in the file (default), the values themselves, or nothing. */
  readonly weights?: 'reference' | 'inline' | 'none' | undefined;
  /** Comment at the top. */
  readonly title?: string | undefined;
}

/** The model as text that onnx.parser and `readModel` can read. Throws CompileError REFERENCE_OUTSIDE if it cannot refer to its source. */
export function modelText(model: Model, options: TextOptions): string {
  const { path, home = dirname(path), weights = 'reference' } = options;
  const text = printModel(model, {
    weights: weights === 'none' ? 'elide' : weights,
    place: (tensor) =>
      placeInSource(tensor, ({ name }) => {
        const location = locationBelow(home, name);
        if (location === undefined) throw referenceOutside(name, home);
        return location;
      }),
    types: 'both',
    origins: true,
    beyond: true,
  });
  const title = options.title ?? `${relative(home, path)} in ONNX's textual syntax`;
  const note = weights === 'reference' ? ': keep it beside the files that it refers to' : '';
  return `# ${title.replace(/\s+/g, ' ')}${note}\n${text}`;
}

/** Location by which a model in `home` refers to a file, with slashes; undefined if the file is not below it. */
export function locationBelow(home: string, path: string): string | undefined {
  const location = relative(resolve(home), resolve(path));
  return location.startsWith('..') || location.includes(`..${sep}`) || resolve(location) === location
    ? undefined
    : location.split(sep).join('/');
}
