/**
 * Single nodes in PyTorch's notation: `Conv2d(3, 64, kernel_size=(11, 11), stride=(4, 4), padding=(2, 2))`.
 * A node without a PyTorch module keeps its ONNX name and attributes. Each operator's module is in its row (src/operators). For layers made of several
 * nodes, see layers.ts.
 */

import type { Attr, Dim, Node } from '../ir/types';
import { operatorOf } from '../operators';
import { decimal, elementCountOf, type Notation, numbersOf, short, tuple } from '../operators/notation';

export const spell = ({ kind, args }: Notation): string => `${kind}(${args.join(', ')})`;

export function notationOf(node: Node): Notation {
  return (node.domain === '' ? operatorOf(node).torch?.(node) : undefined) ?? generic(node);
}

/** `Linear(in -> out)`, as the lecture spells it. */
export const linear = (inputs: Dim, outputs: Dim, bias: boolean): Notation => ({
  kind: 'Linear',
  args: [`${inputs ?? '?'} -> ${outputs ?? '?'}`, ...(bias ? [] : ['bias=False'])],
});

/** The ONNX name, attributes, and small constants among the inputs: `Reshape(1, 9216)`, `Div(2.0)`, `Transpose(perm=(0, 2, 3, 1))`. */
function generic(node: Node): Notation {
  const constants = node.inputs.flatMap((value) => {
    const integers = value?.type?.dtype.startsWith('int') ?? false;
    // Anything with more than one float is a weight, however few there are.
    if (!integers && elementCountOf(value) !== 1) return [];
    const numbers = numbersOf(value);
    if (!numbers) return [];
    const text = numbers.map(integers ? String : decimal);
    return text.length === 1 ? text : [`(${text.join(', ')})`];
  });
  const attrs = [...node.attrs].flatMap(([name, attr]) => {
    const text = attrText(attr);
    return text === undefined ? [] : [`${name}=${text}`];
  });
  return { kind: node.op, args: [...constants, ...attrs] };
}

function attrText(attr: Attr): string | undefined {
  switch (attr.kind) {
    case 'int':
      return String(attr.value);
    case 'float':
      return short(attr.value);
    case 'ints':
      return attr.value.length > 8 ? undefined : tuple(attr.value.map(Number));
    case 'floats':
      return attr.value.length > 8 ? undefined : `(${attr.value.map(short).join(', ')})`;
    case 'string':
      return typeof attr.value === 'string' && attr.value.length <= 40 ? `'${attr.value}'` : undefined;
    default:
      return undefined;
  }
}
