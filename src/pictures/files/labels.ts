/** Class names: built in, from a file, or from the model itself. */
import { existsSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { cannotRead, labelsDoNotFit } from '../../diagnostics/catalogue';
import { parseJson } from '../../formats/json';
import { readInput } from '../../output';
import { parseLabels } from '../labels';

/** Metadata keys under which tools store class names: Ultralytics, fastai and others. */
const METADATA_KEYS = [
  'convolutionize.labels',
  'names',
  'labels',
  'classes',
  'class_names',
  'class_labels',
  'categories',
  'id2label',
  'label_names',
  'class_label',
];

const LARGEST = 16 * 2 ** 20;

/**
 * Class names, one per class. `from`: 'imagenet', a file, or the names themselves; undefined: the names in or beside the model, if their number fits.
 * 'imagenet' also serves models with 'background' as class 0. Throws CompileError CANNOT_READ, LABELS_INVALID, LABELS_DO_NOT_FIT.
 */
export function labelsFor(
  from: string | readonly string[] | undefined,
  classes: number,
  metadata: ReadonlyMap<string, string>,
  model: string,
): readonly string[] | undefined {
  if (from === undefined) return inMetadata(metadata, classes, model) ?? labelsBeside(model, classes);
  if (typeof from !== 'string') {
    if (from.length !== classes) throw labelsDoNotFit('the list of labels', from.length, classes);
    return from;
  }
  const names = from === 'imagenet' ? imagenet() : parseLabels(readText(from), from);
  const background = from === 'imagenet' && classes === names.length + 1;
  if (!background && names.length !== classes) throw labelsDoNotFit(from, names.length, classes);
  return background ? ['background', ...names] : names;
}

/** The classes of ILSVRC 2012 in their usual order, from TensorFlow.js's MobileNet (Apache-2.0). */
function imagenet(): string[] {
  // Loaded only when needed, to keep startup fast.
  const {
    IMAGENET_CLASSES,
  }: typeof import('@tensorflow-models/mobilenet/dist/imagenet_classes') = require('@tensorflow-models/mobilenet/dist/imagenet_classes');
  return Object.values(IMAGENET_CLASSES);
}

function inMetadata(metadata: ReadonlyMap<string, string>, classes: number, model: string): readonly string[] | undefined {
  for (const key of METADATA_KEYS) {
    const text = metadata.get(key);
    if (text === undefined) continue;
    try {
      const names = parseLabels(text.includes('\n') || /^\s*[[{]/.test(text) ? text : text.split(',').join('\n'), model);
      if (names.length === classes) return names;
    } catch {
      // Another use of the key. The user did not ask for it, so it is ignored.
    }
  }
  return undefined;
}

/** Names that exporters write beside a model: config.json of Hugging Face and timm, labels.txt of Custom Vision. Ignored unless there is one per class. */
function labelsBeside(model: string, classes: number): readonly string[] | undefined {
  const home = statSync(model, { throwIfNoEntry: false })?.isDirectory() ? model : dirname(model);
  for (const folder of basename(home) === 'onnx' ? [home, dirname(home)] : [home])
    for (const name of ['config.json', 'labels.txt']) {
      const file = join(folder, name);
      if (!existsSync(file)) continue;
      try {
        const text = readText(file);
        const value: unknown = name === 'config.json' ? parseJson(text) : undefined;
        const own = value instanceof Object ? (Reflect.get(value, 'id2label') ?? Reflect.get(value, 'label_names')) : undefined;
        if (name === 'config.json' && own === undefined) continue;
        const names = parseLabels(own === undefined ? text : JSON.stringify(own), file);
        if (names.length === classes) return names;
      } catch {
        // Another use of the file name. The user did not ask for it, so it is ignored.
      }
    }
  return undefined;
}

function readText(path: string): string {
  try {
    const stat = statSync(path);
    if (stat.isDirectory()) throw new Error('it is a folder');
    if (stat.size > LARGEST) throw new Error(`it has ${stat.size} bytes, too many for a list of names`);
    return readInput(path).toString('utf8');
  } catch (error) {
    throw cannotRead(path, error instanceof Error ? error.message : String(error));
  }
}
