/** Names in the textual syntax: the words for types, and when a name needs quotes. */
import { dtypeNamed } from '../../ir/dtypes';
import type { DType } from '../../ir/types';

/** The syntax has names for these, the IR represents them by number. */
const NUMBERED: ReadonlyMap<string, DType> = new Map<string, DType>([
  ['float6e2m3', 'dtype27'],
  ['float6e3m2', 'dtype28'],
]);
const OTHER_TYPES = new Set(['seq', 'map', 'optional', 'sparse_tensor', 'opaque']);

/** The element type that a word names; `dtype99`, our own extension, names one by its number. */
export function elementType(word: string): DType | undefined {
  const known = dtypeNamed(word) ?? NUMBERED.get(word);
  if (known) return known;
  const [, number] = /^dtype(\d{1,9})$/.exec(word) ?? [];
  return number === undefined ? undefined : `dtype${Number(number)}`;
}

/** Whether a word begins a type. */
export const isTypeWord = (word: string): boolean => OTHER_TYPES.has(word) || elementType(word) !== undefined;

/** Whether a word is read as a number. */
export const isFloatWord = (word: string): boolean => /^(inf|infinity|nan)$/i.test(word);

export const isIdentifier = (name: string): boolean => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name);

/** A quoted string. Line breaks are kept: the syntax has no escape for them. */
export const quoted = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`;

/** A name, quoted if it could be read as something else. */
export const nameText = (name: string): string => (isIdentifier(name) && !isTypeWord(name) && !isFloatWord(name) ? name : quoted(name));
