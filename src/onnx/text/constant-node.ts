/** A Constant node is one way to write a constant; the IR has only one. */
import { fromNumbers } from '../../ir/tensor';
import type { Attr, AttrInt, AttrString, Tensor } from '../../ir/types';

/** The constant that a Constant node defines; undefined if the text cannot express it. */
export function constantTensor(attrs: ReadonlyMap<string, Attr>): Tensor | undefined {
  const [[name, attr] = [], more] = attrs;
  if (!attr || more || !name?.startsWith('value')) return undefined;
  switch (attr.kind) {
    case 'tensor':
      return attr.value;
    case 'float':
      return fromNumbers('float', [], [attr.value]);
    case 'floats':
      return fromNumbers('float', [attr.value.length], attr.value);
    case 'int':
      return int64Tensor([], [attr.value]);
    case 'ints':
      return int64Tensor([attr.value.length], attr.value);
    case 'string':
      return stringTensor([], [attr.value]);
    case 'strings':
      return stringTensor([attr.value.length], attr.value);
    default:
      return undefined;
  }
}

const int64Tensor = (shape: readonly number[], values: readonly AttrInt[]): Tensor => ({
  dtype: 'int64',
  shape,
  data: { kind: 'bytes', bytes: new Uint8Array(BigInt64Array.from(values, BigInt).buffer) },
});
const stringTensor = (shape: readonly number[], values: readonly AttrString[]): Tensor => ({
  dtype: 'string',
  shape,
  data: { kind: 'strings', values: values.map((value) => (typeof value === 'string' ? new TextEncoder().encode(value) : value)) },
});
