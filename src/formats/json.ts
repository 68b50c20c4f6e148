/** Entry point for JSON: all JSON, from files or from the metadata of a model, is parsed here. */

/** Maximum nesting of lists and objects. Deeper nesting is made to exhaust the stack: none of our formats needs twenty levels. */
const DEEPEST = 200;

/** Throws SyntaxError if the text is not JSON, or nested too deeply. */
export function parseJson(text: string): unknown {
  if (nesting(text) > DEEPEST) throw new SyntaxError(`it is nested more than ${DEEPEST} levels deep`);
  return JSON.parse(text.replace(/^\ufeff/, ''));
}

/** The same, but returns undefined instead of throwing. */
export function jsonIn(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

/** Nesting depth of brackets, outside strings. */
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
