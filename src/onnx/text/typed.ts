/** Types, dimensions and data of tensors in the textual syntax. */
import { textTensor } from '../../diagnostics/catalogue';
import type { ByteSource } from '../../ir/bytes';
import { byteSize, elementCount } from '../../ir/tensor';
import type { Dim, DType, Tensor, TensorType } from '../../ir/types';
import { describe, type Token } from './lexer';
import { elementType, isTypeWord } from './names';
import type { Scanner } from './scanner';
import { elementFormat, floatBytes, integerBytes, integerLiteral, literalCount } from './tensor-text';

/** Opens the file named in `["location": "weights.bin", ...]`. */
export type OpenSource = (location: string) => ByteSource;

export interface Typed {
  /** undefined: not a tensor, or not declared. */
  readonly type: TensorType | undefined;
  /** Position for error messages. */
  readonly token: Token;
}

/** Parses the rest of a type after its first word; `type` is undefined unless it is a tensor. */
export function parseType(scan: Scanner, word: Token): { type: TensorType | undefined } {
  const dtype = elementType(word.text);
  if (dtype) return { type: { dtype, ...shapeOf(scan) } };
  if (!isTypeWord(word.text)) throw scan.unexpected(word, 'a type');
  scan.expect('(');
  if (word.text === 'opaque') {
    while (!scan.matches(')')) {
      const part = scan.next();
      if (part.kind === 'end') throw scan.unexpected(part, "')'");
    }
    return { type: undefined };
  }
  if (word.text === 'map') {
    const key = scan.word('an element type');
    if (!elementType(key.text)) throw scan.unexpected(key, 'an element type');
    scan.expect(',');
  }
  scan.deeper(word, () => parseType(scan, scan.word('a type')));
  scan.expect(')');
  return { type: undefined };
}

/** No brackets: a scalar. `[]`: unknown rank. */
function shapeOf(scan: Scanner): { shape?: Dim[] } {
  if (!scan.matches('[')) return { shape: [] };
  if (scan.matches(']')) return {};
  const shape: Dim[] = [];
  do shape.push(dimOf(scan));
  while (scan.matches(','));
  scan.expect(']');
  return { shape };
}

function dimOf(scan: Scanner): Dim {
  if (scan.matches('?')) return undefined;
  const token = scan.next();
  if (token.kind === 'string' || token.kind === 'identifier') return token.text === '' ? undefined : token.text;
  if (token.kind !== 'int') throw scan.unexpected(token, 'a dimension');
  const size = Number(token.text);
  if (!(size >= 0 && Number.isSafeInteger(size))) throw scan.error(token, `a dimension cannot be ${token.text}`);
  return size;
}

/** Parses the data of a tensor, after its type, name and optional `=`. */
export function parseTensor(scan: Scanner, { type, token }: Typed, source: OpenSource | undefined): Tensor {
  const at = scan.locate(token.offset);
  if (!type?.shape?.every((dim) => typeof dim === 'number'))
    throw textTensor('data needs a tensor type whose dimensions are all numbers', at);
  const { dtype, shape } = type;
  if (scan.sees('[')) return { dtype, shape, data: externalData(scan, dtype, shape, token, source) };
  const format = elementFormat(dtype);
  if (!format) throw scan.unsupported(token, `data of type ${dtype}`, 'save the model as .onnx');
  const elements: Token[] = [];
  scan.list('{', '}', () => elements.push(scan.next()));
  const wanted = literalCount(dtype, shape);
  if (elements.length !== Math.ceil(wanted)) {
    throw textTensor(`${dtype}[${shape.join(', ')}] holds ${wanted} elements, but ${elements.length} are given`, at);
  }
  switch (format.kind) {
    case 'string': {
      const encoder = new TextEncoder();
      return { dtype, shape, data: { kind: 'strings', values: elements.map((element) => encoder.encode(scan.stringOf(element))) } };
    }
    case 'float':
      return {
        dtype,
        shape,
        data: {
          kind: 'bytes',
          bytes: floatBytes(
            elements.map((element) => (format.width === 4 ? scan.float32(element) : scan.float64(element))),
            format,
          ),
        },
      };
    case 'int': {
      const values = elements.map((element) => {
        const value = element.kind === 'int' ? integerLiteral(element.text, format) : undefined;
        if (value === undefined) throw textTensor(`${describe(element)} is not of type ${dtype}`, scan.locate(element.offset));
        return value;
      });
      return { dtype, shape, data: { kind: 'bytes', bytes: integerBytes(values, format) } };
    }
  }
}

/** Parses `["location": "m.onnx", "offset": "3471", "length": "92928"]`. */
function externalData(scan: Scanner, dtype: DType, shape: readonly number[], token: Token, open: OpenSource | undefined): Tensor['data'] {
  const entries = new Map(scan.pairs(() => scan.string()));
  const at = scan.locate(token.offset);
  const location = entries.get('location');
  const needed = byteSize(dtype, elementCount(shape));
  if (location === undefined) throw textTensor('external data has no location', at);
  if (needed === undefined) throw textTensor(`data of type ${dtype} cannot be external`, at);
  const source = open?.(location);
  if (!source) throw scan.unsupported(token, `external data ('${location}')`, 'read the model from the .onnx file');
  const offset = wholeNumber(entries.get('offset'), 0);
  const length = wholeNumber(entries.get('length'), needed);
  if (offset === undefined || length === undefined) throw textTensor('offset and length of external data are whole numbers', at);
  if (length !== needed) throw textTensor(`${dtype}[${shape.join(', ')}] takes ${needed} bytes, but the external data has ${length}`, at);
  if (offset + length > source.size) throw textTensor(`the data ends at byte ${offset + length}, but '${location}' has ${source.size}`, at);
  return { kind: 'ranges', ranges: [{ source, offset, length }], encoding: 'raw' };
}

function wholeNumber(text: string | undefined, fallback: number): number | undefined {
  if (text === undefined) return fallback;
  const value = Number(text);
  return /^[0-9]+$/.test(text) && Number.isSafeInteger(value) ? value : undefined;
}
