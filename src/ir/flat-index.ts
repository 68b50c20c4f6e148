/**
 * Index arithmetic over a batch of any size, as exporters write `as_strided`:
 *
 *   Gather(Reshape<[-1]>(X), Range(0, N, 1) * K + (0 ... K-1))      X [N, ...], K values each
 *
 * reads every value from its own position, for any N.
 */

import { multiplyDims, sameDim } from './dims';
import { readNumbers } from './tensor';
import type { Node, Value } from './types';

/** index[n, ...] = step * n + base[...]; the base has the shape of the value, with 1 for the batch. */
interface Affine {
  readonly step: number;
  readonly shape: readonly number[];
  readonly base: readonly number[];
}

/** True if the indices [N, ...] are 0 to N * K - 1 in order, over data [N * K]. */
export function takesInOrder(indices: Value, data: Value): boolean {
  const [batch, ...rest] = indices.type?.shape ?? [];
  if (typeof batch !== 'string' || !rest.every((dim): dim is number => typeof dim === 'number')) return false;
  const count = rest.reduce((product, dim) => product * dim, 1);
  if (!sameDim(data.type?.shape?.[0], multiplyDims(batch, count))) return false;
  const affine = affineOf(indices);
  if (affine?.step !== count) return false;
  const whole = broadcast(affine, [1, ...rest]);
  return whole?.every((index, at) => index === at) ?? false;
}

function affineOf(value: Value): Affine | undefined {
  if (value.constant) {
    const base = [...readNumbers(value.constant)];
    return { step: 0, shape: value.constant.shape, base };
  }
  const { producer } = value;
  const [a, b] = producer?.inputs ?? [];
  switch (producer?.op) {
    case 'Range':
      return range(producer);
    case 'Cast':
    case 'Identity':
      return a && affineOf(a);
    case 'Unsqueeze':
    case 'Reshape':
      return a && viewed(affineOf(a), value);
    case 'Add':
      return a && b && sum(affineOf(a), affineOf(b));
    case 'Mul':
      return a && b && product(affineOf(a), affineOf(b));
    default:
      return undefined;
  }
}

/** A range from 0 in steps of 1: its length is that of the batch axis, as shape inference determined. */
function range({ inputs }: Node): Affine | undefined {
  const [start, , delta] = inputs.map((input) => (input?.constant ? readNumbers(input.constant)[0] : undefined));
  return start === 0 && delta === 1 ? { step: 1, shape: [1], base: [0] } : undefined;
}

/** The batch stays first, and the other axes are all ones or already in row-major order. */
function viewed(affine: Affine | undefined, value: Value): Affine | undefined {
  const [, ...rest] = value.type?.shape ?? [];
  if (!affine || affine.step === 0 || !rest.every((dim): dim is number => typeof dim === 'number')) return undefined;
  return rest.reduce((all, dim) => all * dim, 1) === affine.base.length ? { ...affine, shape: [1, ...rest] } : undefined;
}

function sum(a: Affine | undefined, b: Affine | undefined): Affine | undefined {
  if (!a || !b) return undefined;
  const rank = Math.max(a.shape.length, b.shape.length);
  const shape = Array.from({ length: rank }, (_, at) =>
    Math.max(a.shape[at - rank + a.shape.length] ?? 1, b.shape[at - rank + b.shape.length] ?? 1),
  );
  const [x, y] = [broadcast(a, shape), broadcast(b, shape)];
  // If another operand shifts the batch to a later axis, it is no longer a batch.
  const keeps = [a, b].every(({ step, shape: own }) => step === 0 || (own.length === rank && own[0] === 1));
  return x && y && keeps && (shape[0] === 1 || (a.step === 0 && b.step === 0))
    ? { step: a.step + b.step, shape, base: x.map((index, at) => index + (y[at] ?? 0)) }
    : undefined;
}

function product(a: Affine | undefined, b: Affine | undefined): Affine | undefined {
  const [factor, other] = a?.step === 0 && a.base.length === 1 ? [a, b] : [b, a];
  const by = factor?.step === 0 && factor.base.length === 1 ? factor.base[0] : undefined;
  return other && by !== undefined && (factor?.shape.length ?? 0) <= other.shape.length
    ? { step: other.step * by, shape: other.shape, base: other.base.map((index) => index * by) }
    : undefined;
}

/** Broadcasts like numpy; undefined if the shapes are incompatible. */
function broadcast({ shape, base }: Affine, to: readonly number[]): number[] | undefined {
  const lead = to.length - shape.length;
  if (lead < 0 || shape.some((dim, at) => dim !== 1 && dim !== to[at + lead])) return undefined;
  const count = to.reduce((all, dim) => all * dim, 1);
  return Array.from({ length: count }, (_, flat) => {
    let [rest, at, step] = [flat, 0, 1];
    for (let axis = to.length - 1; axis >= 0; axis--) {
      const index = rest % (to[axis] ?? 1);
      rest = Math.floor(rest / (to[axis] ?? 1));
      const own = shape[axis - lead] ?? 1;
      if (own !== 1) at += index * step;
      step *= own;
    }
    return base[at] ?? 0;
  });
}
