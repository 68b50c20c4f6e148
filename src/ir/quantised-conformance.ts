/**
 * ONNX's rules for the scales and zero points of a node, checked as far as constants and known shapes allow. Runtimes refuse violations without naming
 * them, or compute nonsense.
 *
 *   a zero point has as many values as its scale (its type is that of its integers: conformance.ts)
 *   a scale is a single value, or one per position along the axis given by the operator
 *   a scale is finite, and not negative (but for a DequantizeLinear alone, which has no step to go back); the scale of a result, which it is divided by,
 *   is not 0 either (a channel of zeros may have 0 as its scale)
 */
import { givenInt, intAttr } from './attrs';
import { isNode } from './match';
import { table } from './table';
import { elementCount, isKnown, readNumbers } from './tensor';
import type { Node, Value } from './types';

interface Slots {
  /** The integers: an input slot, or the result. */
  readonly integers: number | 'result';
  readonly scale: number;
  readonly zero: number;
  /** Axis of the integers that may have one scale per position; undefined if there is only a single scale. */
  readonly axis?: ((node: Node, rank: number) => number | undefined) | undefined;
}

const first = (): number => 0;
const last = (_: Node, rank: number): number => rank - 1;
const rows = (_: Node, rank: number): number => Math.max(rank - 2, 0);
/** Not for blocked quantisation, where the scale has as many axes as its data. */
const named = (node: Node, rank: number): number | undefined => {
  if ((givenInt(node, 'block_size') ?? 0) !== 0) return undefined;
  const axis = intAttr(node, 'axis');
  return axis < 0 ? axis + rank : axis;
};

/** Of a Gemm in integers, whose weight may be transposed. */
const outputs = (node: Node): number => ((givenInt(node, 'transB') ?? 0) === 0 ? 1 : 0);
const PAIR: readonly Slots[] = [
  { integers: 0, scale: 1, zero: 2 },
  { integers: 3, scale: 4, zero: 5 },
  { integers: 'result', scale: 6, zero: 7 },
];
const SINGLE: readonly Slots[] = [
  { integers: 0, scale: 1, zero: 2 },
  { integers: 'result', scale: 3, zero: 4 },
];

const SLOTS: Readonly<Record<string, readonly Slots[]>> = table({
  DequantizeLinear: [{ integers: 0, scale: 1, zero: 2, axis: named }],
  QuantizeLinear: [{ integers: 'result', scale: 1, zero: 2, axis: named }],
  QLinearConv: [
    { integers: 0, scale: 1, zero: 2 },
    { integers: 3, scale: 4, zero: 5, axis: first },
    { integers: 'result', scale: 6, zero: 7 },
  ],
  QLinearMatMul: [
    { integers: 0, scale: 1, zero: 2, axis: rows },
    { integers: 3, scale: 4, zero: 5, axis: last },
    { integers: 'result', scale: 6, zero: 7, axis: rows },
  ],
  'com.microsoft.QGemm': [
    { integers: 0, scale: 1, zero: 2 },
    { integers: 3, scale: 4, zero: 5, axis: outputs },
    { integers: 'result', scale: 7, zero: 8 },
  ],
  'com.microsoft.QLinearAdd': PAIR,
  'com.microsoft.QLinearMul': PAIR,
  'com.microsoft.QLinearAveragePool': SINGLE,
  'com.microsoft.QLinearGlobalAveragePool': SINGLE,
  'com.microsoft.QLinearLeakyRelu': SINGLE,
  'com.microsoft.QLinearSigmoid': SINGLE,
  'com.microsoft.QLinearSoftmax': SINGLE,
});

/** Description of the violation, completing the name of the node; undefined if none is found. */
export function quantisedViolation(node: Node): string | undefined {
  for (const slots of SLOTS[node.op] ?? []) {
    const found = violation(node, slots);
    if (found !== undefined) return found;
  }
  return undefined;
}

function violation(node: Node, { integers, scale: at, zero: zeroAt, axis }: Slots): string | undefined {
  const [scale, zero] = [node.inputs[at], node.inputs[zeroAt]];
  const data = integers === 'result' ? undefined : node.inputs[integers];
  const [scales, zeros] = [countOf(scale), countOf(zero)];
  const isBlocked = axis?.(node, 0) === undefined && axis !== undefined;
  if (scale && zero && scales !== undefined && zeros !== undefined && scales !== zeros)
    return `has ${scales} scale${scales === 1 ? '' : 's'} in '${scale.name}' and ${zeros} zero point${zeros === 1 ? '' : 's'} in '${zero.name}'; each scale has one`;
  if (scale && scales !== undefined && scales !== 1 && !isBlocked) {
    if (!axis) return `has ${scales} scales in '${scale.name}', where it takes one`;
    const shape = data?.type?.shape;
    const along = shape?.[axis(node, shape.length) ?? -1];
    if (typeof along === 'number' && along !== scales)
      return `has ${scales} scales in '${scale.name}' for ${along} places of '${data?.name}' [${shape?.join(', ')}]; it takes one, or one for each`;
  }
  const isDivisor = integers === 'result';
  const least = isNode(node, 'DequantizeLinear') ? Number.NEGATIVE_INFINITY : 0;
  const isRight = (number: number): boolean => Number.isFinite(number) && (isDivisor ? number > 0 : number >= least);
  const wrong = scale?.constant && isKnown(scale.constant) ? readNumbers(scale.constant).find((number) => !isRight(number)) : undefined;
  return wrong === undefined ? undefined : `has ${wrong} in its scale '${scale?.name}'`;
}

function countOf(value: Value | undefined): number | undefined {
  const shape = value?.type?.shape;
  return shape?.every((dim): dim is number => typeof dim === 'number') ? elementCount(shape) : undefined;
}
