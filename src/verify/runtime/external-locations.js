// @ts-check
/**
 * Finds the files that contain a model's weights by walking the bytes of the .onnx file: they must be passed to the WebAssembly runtime.
 * Paths outside the model's own directory are omitted, and the runtime then reports them as missing.
 */

/** Fields that can contain tensors, by message (onnx.proto): of the model, a graph, a node, an attribute, a function, a sparse tensor. */
const WITHIN = {
  model: { 7: 'graph', 25: 'function' },
  graph: { 1: 'node', 5: 'tensor', 15: 'sparse' },
  function: { 7: 'node' },
  node: { 5: 'attribute' },
  attribute: { 5: 'tensor', 6: 'graph', 10: 'tensor', 11: 'graph', 22: 'sparse', 23: 'sparse' },
  sparse: { 1: 'tensor', 2: 'tensor' },
  tensor: { 13: 'entry' },
};

/**
 * @param {Uint8Array} bytes
 * @returns {string[]}
 */
function externalLocations(bytes) {
  /** @type {Set<string>} */
  const found = new Set();
  /** @param {string} message @param {number} start @param {number} end */
  const walk = (message, start, end) => {
    /** @type {Readonly<Record<number, string>>} */
    const inner = message in WITHIN ? WITHIN[/** @type {keyof typeof WITHIN} */ (message)] : {};
    /** @type {Record<number, string>} */
    const texts = {};
    for (const { field, from, to } of fieldsOf(bytes, start, end)) {
      if (message === 'entry') texts[field] = new TextDecoder().decode(bytes.subarray(from, to));
      else if (inner[field] !== undefined) walk(inner[field], from, to);
    }
    const { 1: key, 2: value } = texts;
    if (key === 'location' && value && isBelow(value)) found.add(value);
  };
  walk('model', 0, bytes.length);
  return [...found];
}

/** @param {string} path */
const isBelow = (path) => !/^([/\\]|[A-Za-z]:)/.test(path) && !path.split(/[/\\]/).includes('..') && !path.includes('\0');

/**
 * Yields length-delimited fields. Stops at invalid protobuf, which the runtime reports better.
 * @param {Uint8Array} bytes
 * @param {number} start
 * @param {number} end
 */
function* fieldsOf(bytes, start, end) {
  let at = start;
  const varint = () => {
    let [value, factor] = [0, 1];
    while (at < end) {
      const byte = bytes[at++] ?? 0;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) break;
      factor *= 128;
    }
    return value;
  };
  while (at < end) {
    const tag = varint();
    const kind = tag & 7;
    if (kind === 0) varint();
    else if (kind === 1) at += 8;
    else if (kind === 5) at += 4;
    else if (kind !== 2) return;
    else {
      const length = varint();
      if (at + length > end) return;
      yield { field: Math.floor(tag / 8), from: at, to: at + length };
      at += length;
    }
  }
}

module.exports = { externalLocations };
