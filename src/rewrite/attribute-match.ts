/** Compares the attributes of a node, or the defaults of its operator, with the literals of a pattern. */
import { attrDefault } from '../ir/operators';
import type { Attr, Node } from '../ir/types';

/** Describes the first mismatch, to be used in a sentence: `axis = 2, not 1`. Undefined if all attributes match. */
export function attributeMismatch(node: Node, wantedAttrs: ReadonlyMap<string, Attr>): string | undefined {
  for (const [name, wanted] of wantedAttrs) {
    const actual = node.attrs.get(name) ?? attrDefault(node.op, name);
    if (!actual) return `no attribute '${name}'`;
    if (!equals(actual, wanted)) return `${name} = ${text(actual)}, not ${text(wanted)}`;
  }
  return undefined;
}

/** An integer in a pattern matches both an int and a float; floats are compared as ONNX stores them. */
function equals(actual: Attr, wanted: Attr): boolean {
  if (actual.kind === 'int' && wanted.kind === 'int') return Number(actual.value) === Number(wanted.value);
  const a = numbersOf(actual);
  const b = numbersOf(wanted);
  if (a && b) {
    if (isList(actual) !== isList(wanted) || a.length !== b.length) return false;
    const isFloat = actual.kind === 'float' || actual.kind === 'floats';
    return a.every((number, index) => number === (isFloat ? Math.fround(b[index] ?? Number.NaN) : b[index]));
  }
  return actual.kind === 'string' && wanted.kind === 'string' && actual.value === wanted.value;
}

function numbersOf(attr: Attr): readonly number[] | undefined {
  switch (attr.kind) {
    case 'int':
    case 'float':
      return [Number(attr.value)];
    case 'ints':
    case 'floats':
      return attr.value.map(Number);
    default:
      return undefined;
  }
}

const isList = (attr: Attr): boolean => attr.kind === 'ints' || attr.kind === 'floats';

function text(attr: Attr): string {
  const numbers = numbersOf(attr);
  if (numbers) return isList(attr) ? `[${numbers.join(', ')}]` : `${numbers[0]}`;
  return attr.kind === 'string' ? `'${attr.value}'` : `(${attr.kind})`;
}
