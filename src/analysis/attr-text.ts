/** An attribute as readable text, on one line. */
import type { Attr, AttrString } from '../ir/types';

export function attrText(attr: Attr): string {
  switch (attr.kind) {
    case 'int':
      return String(attr.value);
    case 'float':
      return String(Number(attr.value.toPrecision(7)));
    case 'ints':
      return `[${attr.value.join(', ')}]`;
    case 'floats':
      return `[${attr.value.map((value) => Number(value.toPrecision(7))).join(', ')}]`;
    case 'string':
      return stringText(attr.value);
    case 'strings':
      return attr.value.map(stringText).join(', ');
    case 'tensor':
      return `${attr.value.dtype} [${attr.value.shape.join(', ')}]`;
    case 'graph':
      return `a graph of ${attr.value.nodeCount} nodes`;
    default:
      return attr.kind;
  }
}

const stringText = (value: AttrString): string => (typeof value === 'string' ? value : `${value.length} bytes`);
