/** Header of NumPy's single-array file format (.npy): element type, shape and data offset. Nothing in it is evaluated. */
import { ELEMENTS, type Element } from './element';

export interface NpyHeader {
  readonly element: Element;
  readonly little: boolean;
  readonly shape: readonly number[];
  /** Fortran order: the first axis is the fastest. */
  readonly fortran: boolean;
  /** Byte offset of the data. */
  readonly offset: number;
}

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
/** Maximum header size in bytes; headers of arrays without named fields have less than 200. */
const LONGEST = 65_536;
/** Number of bytes up to the end of the header's length field. */
const FIXED = 12;

/** Whether the bytes start with the .npy signature. */
export const isNpy = (start: Uint8Array): boolean => MAGIC.every((byte, at) => start[at] === byte);

/** Parses the header. `read`: reads bytes of the file. `length`: size of the file in bytes. `fail`: throws with the reason. */
export function npyHeader(
  read: (offset: number, length: number) => Uint8Array,
  length: number,
  fail: (reason: string) => never,
): NpyHeader {
  const start = read(0, Math.min(FIXED, length));
  if (start.length < FIXED || !isNpy(start)) fail('it does not begin as a .npy file');
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength);
  const long = (start[6] ?? 0) >= 2;
  const begin = long ? 12 : 10;
  const size = long ? view.getUint32(8, true) : view.getUint16(8, true);
  if (size > LONGEST) fail(`its header claims to have ${size} bytes`);
  if (begin + size > length) fail('it is cut short within its header');
  const header = new TextDecoder('latin1').decode(read(begin, size));
  const [, order = '', kind = ''] = /'descr':\s*'([<>|=]?)([A-Za-z]\d*)[^']*'/.exec(header) ?? [];
  if (/^[OV]/.test(kind) || /'descr':\s*\[/.test(header))
    fail('its elements are Python objects or records of several fields: save an array of plain numbers (array.astype(float32))');
  if (/^c\d/.test(kind)) fail('its numbers are complex: save their real parts, or magnitudes (numpy.abs)');
  const element =
    ELEMENTS[kind === 'i3' ? '' : kind] ??
    fail(
      `its header ${JSON.stringify(header.trim().slice(0, 80))} has no type of number that is known: save it as array.astype('float32')`,
    );
  const [, dims] = /'shape':\s*\(([^)]*)\)/.exec(header) ?? [];
  if (dims === undefined) return fail('its header has no shape');
  const parts = dims.split(',').map((dim) => dim.trim().replace(/L$/, ''));
  const shape = parts.filter((dim) => dim !== '').map((dim) => (/^\d+$/.test(dim) ? Number(dim) : Number.NaN));
  const count = shape.reduce((all, dim) => all * dim, 1);
  if (!Number.isSafeInteger(count * element.bytes)) fail(`its shape (${dims}) is none`);
  const have = length - begin - size;
  if (have !== count * element.bytes) fail(`it has ${have} bytes of numbers where shape (${dims}) needs ${count * element.bytes}`);
  return { element, little: order !== '>', shape, fortran: /'fortran_order':\s*True/.test(header), offset: begin + size };
}
