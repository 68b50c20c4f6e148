/**
 * Replaces floats with integers, equal floats with equal integers: f(-x) = -f(x); f(0) = 0 and f(1) = 1, because adding 0 and multiplying by 1 have
 * no effect and one of the models may omit them; all others become one of -3, -2, -1, 1, 2, 3, chosen by a hash of their bits.
 *
 * Two models with the same values, in any order and shape, thus have the same integers, and weights need not be matched by position.
 * Neighbouring floats get different integers in five of six rounds.
 */
import { aligned } from '../../ir/bytes';
import { elementCount, tensorBytes } from '../../ir/tensor';
import type { Tensor } from '../../ir/types';
import type { WeightRole } from '../../operators/on-integers';

/**
 * Role of a constant in a node.
 * `weight`: any of the six. `scale` of a norm: 2 or -2; `variance`: 1 or 4, so that its root, and a scale divided by the root, are exact.
 */
export type Role = WeightRole;

/** Largest magnitude in each role. */
export const LARGEST: Readonly<Record<Role, number>> = { weight: 3, scale: 2, variance: 4 };

const SIGN = 0x80000000;
/** Bit pattern of 1. */
const ONE = 0x3f800000;

/** Finaliser of MurmurHash3. */
function mixed(bits: number, seed: number): number {
  let state = (bits ^ seed) >>> 0;
  state = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
  state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35);
  return (state ^ (state >>> 16)) >>> 0;
}

/** Converts a float, given as its bits, to its integer. */
export function integerOf(bits: number, seed: number, role: Role): number {
  const magnitude = (bits & ~SIGN) >>> 0;
  const hash = mixed(magnitude, Math.imul(seed, 0x9e3779b9));
  if (role === 'variance') return hash & 1 ? 4 : 1;
  if (magnitude === 0) return 0;
  const isNegative = bits >>> 31;
  if (role === 'weight' && magnitude === ONE) return isNegative ? -1 : 1;
  const sign = (isNegative ^ (hash & 1)) === 0 ? 1 : -1;
  return role === 'scale' ? 2 * sign : sign * (1 + ((hash >>> 1) % 3));
}

/** A float tensor with every element replaced, computed when its bytes are requested. */
export function integerTensor(tensor: Tensor, seed: number, role: Role): Tensor {
  return elementwise(tensor, (bits) => integerOf(bits, seed, role));
}

/** A float tensor whose elements are computed from the bits of another's. Only one stretch of the source and the result are in memory. */
export function elementwise(tensor: Tensor, apply: (bits: number) => number): Tensor {
  const count = elementCount(tensor.shape);
  return {
    dtype: 'float',
    shape: tensor.shape,
    data: {
      kind: 'computed',
      byteLength: 4 * count,
      compute: () => {
        const made = new Float32Array(count);
        let at = 0;
        eachStretch(tensor, (bits) => {
          for (const each of bits) made[at++] = apply(each);
        });
        return new Uint8Array(made.buffer);
      },
    },
  };
}

/** Passes the bits of a float tensor to `use`, a few megabytes at a time. */
export function eachStretch(tensor: Tensor, use: (bits: Uint32Array) => void): void {
  const { data } = tensor;
  const isAligned = data.kind === 'ranges' && data.encoding === 'raw' && data.ranges.every(({ length }) => length % 4 === 0);
  if (!isAligned) {
    const bytes = tensorBytes(tensor);
    use(new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4));
    return;
  }
  const step = 4 << 20;
  for (const { source, offset, length } of data.ranges) {
    for (let at = 0; at < length; at += step) {
      const { buffer, byteOffset, byteLength } = aligned(source.read(offset + at, Math.min(step, length - at)));
      use(new Uint32Array(buffer, byteOffset, byteLength / 4));
    }
  }
}

/** Hash that is the same for the same values in any order, whatever their signs. */
export function fingerprint(tensor: Tensor): string {
  let [a, b, count] = [0, 0, 0];
  eachStretch(tensor, (bits) => {
    count += bits.length;
    for (const each of bits) {
      const magnitude = (each & ~SIGN) >>> 0;
      a = (a + mixed(magnitude, 0x243f6a88)) >>> 0;
      b = (b + mixed(magnitude, 0x85a308d3)) >>> 0;
    }
  });
  return `${count}:${a}:${b}`;
}
