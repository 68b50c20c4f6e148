/**
 * What may not reach who reads a text: control characters (C0, DEL, C1), which steer a terminal; marks that change the direction of text, and separators
 * of lines that are none in a file; halves of pairs; tags, which nobody sees.
 */
const HIDDEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what this is about
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|\p{Cs}|[\u{e0000}-\u{e007f}]/gu;

/** The text with something else in place of each hidden character. */
export const withoutHidden = (text: string, replacement: (character: string) => string): string => text.replace(HIDDEN, replacement);

/** Neither are they characters of XML, escaped or not, nor are two that Unicode keeps for itself. `kept`: spaces and line breaks that stay. */
export const xmlCharacters = (text: string, kept: string): string =>
  withoutHidden(text.replace(/[\ufffe\uffff]/g, '\ufffd'), (character) => (kept.includes(character) ? character : '\ufffd'));
