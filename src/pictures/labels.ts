/** Class names: the file formats in which they are distributed, and the lookup of a class that a user names. */
import { labelsInvalid, unknownClass } from '../diagnostics/catalogue';
import { parseJson } from '../formats/json';

/**
 * Parses a list of names, by index: JSON (an array, or an object from index to name or to [id, name] as in Keras), a Python dictionary from index to name
 * (imagenet1000_clsid_to_human.txt, YOLO metadata), or one name per line, optionally preceded by the WordNet id.
 * `file` is used in messages. Throws CompileError LABELS_INVALID.
 */
export function parseLabels(text: string, file: string): string[] {
  const trimmed = text.replace(/^\ufeff/, '').trim();
  if (trimmed === '') throw labelsInvalid(file, 'it is empty');
  if (trimmed.includes('\0')) throw labelsInvalid(file, 'it is not text');
  const json = fromJson(trimmed, file);
  if (json) return json;
  if (trimmed.startsWith('{')) return fromPython(trimmed, file);
  return trimmed.split(/\r?\n/).map((line) => line.trim().replace(/^n\d{8}\s+/, ''));
}

function fromJson(text: string, file: string): string[] | undefined {
  if (!/^[[{]/.test(text)) return undefined;
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    // A Python dictionary starts the same way.
    if (/^\{\s*\d/.test(text)) return undefined;
    throw labelsInvalid(file, `it is not valid JSON: ${error instanceof Error ? error.message : error}`);
  }
  const entries: [string, unknown][] = Array.isArray(value) ? value.map((name, at) => [String(at), name]) : Object.entries(value ?? {});
  return byIndex(
    entries.map(([index, name]): [string, unknown] => [index, Array.isArray(name) ? name.at(-1) : name]),
    file,
  );
}

function fromPython(text: string, file: string): string[] {
  const entry = /\s*(\d+)\s*:\s*(?:'((?:\\.|[^'\\])*)'|"((?:\\.|[^"\\])*)")\s*(?:,|(?=\}))/y;
  const entries: [string, string][] = [];
  entry.lastIndex = 1;
  for (let end = 1; ; end = entry.lastIndex) {
    const found = entry.exec(text);
    if (!found) {
      if (text.slice(end).trim() === '}') return byIndex(entries, file);
      throw labelsInvalid(file, `the dictionary cannot be read from '${text.slice(end, end + 30)}' on`);
    }
    entries.push([found[1] ?? '', (found[2] ?? found[3] ?? '').replace(/\\(.)/g, '$1')]);
  }
}

function byIndex(entries: readonly (readonly [string, unknown])[], file: string): string[] {
  const names = new Map<number, string>();
  for (const [index, name] of entries) {
    if (typeof name !== 'string' || !/^\d+$/.test(index)) throw labelsInvalid(file, `'${index}' is not an index with a name`);
    names.set(Number(index), name);
  }
  return Array.from({ length: names.size }, (_, at) => {
    const name = names.get(at);
    if (name === undefined) throw labelsInvalid(file, `there are ${names.size} names, but none for class ${at}`);
    return name;
  });
}

/** The first of several synonyms: 'tench' of 'tench, Tinca tinca'. */
export const shortName = (label: string): string => label.split(',')[0]?.trim() ?? label;

/** Label of a class, or `class N` if it has none. */
export const labelOf = (labels: readonly string[] | undefined, index: number): string => labels?.[index] ?? `class ${index}`;

/** Finds a class by index, by whole label, by a synonym, or by an unambiguous part of its label. Throws CompileError UNKNOWN_CLASS. */
export function findClass(wanted: string, labels: readonly string[] | undefined, classes: number): number {
  const text = wanted.trim().toLowerCase();
  if (/^\d+$/.test(text)) {
    if (Number(text) < classes) return Number(text);
    throw unknownClass(wanted, `classes are numbered from 0 to ${classes - 1}`);
  }
  if (!labels) throw unknownClass(wanted, `this model has no names of classes: give them with --labels, or the index, 0 to ${classes - 1}`);
  const having = (test: (label: string) => boolean): number[] => labels.flatMap((label, at) => (test(label.toLowerCase()) ? [at] : []));
  for (const found of [
    having((label) => label === text),
    having((label) => label.split(',').some((name) => name.trim() === text)),
    having((label) => label.includes(text)),
  ]) {
    const [first] = found;
    if (first !== undefined && found.length === 1) return first;
    if (found.length > 1) throw unknownClass(wanted, `several are called so: ${listed(found, labels)}`);
  }
  const words = text.split(/[^\p{L}\p{N}]+/u).filter((word) => word.length > 2);
  const near = having((label) => words.some((word) => label.includes(word)));
  throw unknownClass(wanted, near.length > 0 ? `did you mean ${listed(near, labels)}?` : `names are such as ${listed([0, 1, 2], labels)}`);
}

const listed = (classes: readonly number[], labels: readonly string[]): string =>
  classes
    .slice(0, 6)
    .flatMap((at) => (labels[at] === undefined ? [] : [`${at} '${labels[at]}'`]))
    .join(', ') + (classes.length > 6 ? ', ...' : '');
