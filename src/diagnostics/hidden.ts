/**
 * Characters that must not reach the reader of a text: control characters (C0, DEL, C1), which control a terminal; marks that change the text direction;
 * line separators that are not line breaks in a file; lone surrogates; tag characters, which are invisible.
 */
const HIDDEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what this is about
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|\p{Cs}|[\u{e0000}-\u{e007f}]/gu;

/** The text with each hidden character replaced. */
export const withoutHidden = (text: string, replacement: (character: string) => string): string => text.replace(HIDDEN, replacement);

/** Replaces the hidden characters and U+FFFE and U+FFFF: XML does not allow them, escaped or not. `kept`: spaces and line breaks that stay. */
export const xmlCharacters = (text: string, kept: string): string =>
  withoutHidden(text.replace(/[\ufffe\uffff]/g, '\ufffd'), (character) => (kept.includes(character) ? character : '\ufffd'));
