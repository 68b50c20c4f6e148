/** Cast: in opsets 1 to 5 the type is given by name, `to = "FLOAT"`. */
import { givenString, int } from '../../../ir/attrs';
import type { Adapter } from '../adapter';
import { pin } from '../adapter';

/** TensorProto.DataType, in order. */
const TYPES = [
  'UNDEFINED',
  'FLOAT',
  'UINT8',
  'INT8',
  'UINT16',
  'INT16',
  'INT32',
  'INT64',
  'STRING',
  'BOOL',
  'FLOAT16',
  'DOUBLE',
  'UINT32',
  'UINT64',
  'COMPLEX64',
  'COMPLEX128',
];

export const castAdapters: readonly Adapter[] = [
  {
    op: 'Cast',
    since: 6,
    raise: (node, edit) => {
      const name = givenString(node, 'to') ?? '';
      const type = TYPES.indexOf(name.toUpperCase());
      if (type < 1) return pin(`it casts to '${name}'`);
      edit.setAttrs(node, { to: int(type) });
      return undefined;
    },
  },
];
