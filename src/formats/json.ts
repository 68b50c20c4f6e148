/** The door for JSON: whatever is read as JSON, from a file or from the metadata of a model, comes in here. */

/** Levels of lists and objects within each other. What is deeper was made to exhaust a stack: no format that is read needs twenty. */
const DEEPEST = 200;

/** Throws SyntaxError where it is no JSON, or nested too deeply. */
export function parseJson(text: string): unknown {
  if (nesting(text) > DEEPEST) throw new SyntaxError(`it is nested more than ${DEEPEST} levels deep`);
  return JSON.parse(text.replace(/^\ufeff/, ''));
}

/** The same; undefined where it is none. */
export function jsonIn(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

/** How deep brackets are nested, outside of strings. */
function nesting(text: string): number {
  let [depth, deepest] = [0, 0];
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (char === 0x22) {
      for (at++; at < text.length && text.charCodeAt(at) !== 0x22; at++) if (text.charCodeAt(at) === 0x5c) at++;
    } else if (char === 0x5b || char === 0x7b) deepest = Math.max(deepest, ++depth);
    else if (char === 0x5d || char === 0x7d) depth--;
  }
  return deepest;
}
