/** Filters derived from others: block-diagonal ones for merged groups, dilated ones with zeros between their elements. */
import { computedTensor, elementCount, permuted, readNumbers, tensorBytes } from '../../ir/tensor';
import type { Tensor } from '../../ir/types';

/** [M, I, kh, kw] of `groups` groups side by side, as one filter [kh, kw, groups * I, M] that is zero outside the blocks. */
export function blockDiagonal(tensor: Tensor, groups: number): Tensor {
  const [filters = 0, inner = 0, rows = 0, columns = 0] = tensor.shape;
  if (groups === 1) return permuted(tensor, [2, 3, 1, 0]);
  const channels = groups * inner;
  const perGroup = filters / groups;
  const shape = [rows, columns, channels, filters];
  return computedTensor('float', shape, () => {
    const from = readNumbers(tensor);
    const to = new Float32Array(elementCount(shape));
    const area = rows * columns;
    for (let filter = 0; filter < filters; filter++) {
      const first = Math.floor(filter / perGroup) * inner;
      for (let channel = 0; channel < inner; channel++)
        for (let at = 0; at < area; at++)
          to[(at * channels + first + channel) * filters + filter] = from[(filter * inner + channel) * area + at] ?? 0;
    }
    return to;
  });
}

/** [M, C, kh, kw] with zeros between the elements of the kernel. */
export function stuffed(tensor: Tensor, [down = 1, across = 1]: readonly number[]): Tensor {
  const [filters = 0, channels = 0, rows = 0, columns = 0] = tensor.shape;
  const [high, wide] = [(rows - 1) * down + 1, (columns - 1) * across + 1];
  const shape = [filters, channels, high, wide];
  return computedTensor('float', shape, () => {
    const from = readNumbers(tensor);
    const to = new Float32Array(elementCount(shape));
    for (let at = 0; at < from.length; at++) {
      const column = at % columns;
      const row = Math.floor(at / columns) % rows;
      const outer = Math.floor(at / (columns * rows));
      to[(outer * high + row * down) * wide + column * across] = from[at] ?? 0;
    }
    return to;
  });
}

/** A computed weight that each part reads: its payload is computed once and kept until the last part has been read. */
export function madeOnce(tensor: Tensor, parts: number): Tensor {
  if (tensor.data.kind !== 'computed') return tensor;
  let bytes: Uint8Array | undefined;
  let asked = 0;
  const compute = (): Uint8Array => {
    const made = bytes ?? tensorBytes(tensor);
    bytes = ++asked % parts === 0 ? undefined : made;
    return made;
  };
  return { ...tensor, data: { kind: 'computed', byteLength: tensor.data.byteLength, compute } };
}
