/** Linear layers with the schema's defaults filled in: convolutions over any number of axes, and matrix products. */
import { floatAttr, intAttr, intsAttr } from '../ir/attrs';
import { isNode } from '../ir/match';
import type { Dim, Node, Value } from '../ir/types';

export interface Convolution {
  readonly weight: Value | undefined;
  readonly bias: Value | undefined;
  readonly groups: number;
  /** Lengths of the kernel along the spatial axes; empty if the weight has no known shape. */
  readonly kernel: readonly Dim[];
  /** A ConvTranspose: its weight has the inputs on axis 0, and the outputs of one group on axis 1. */
  readonly isTransposed: boolean;
}

/** A Conv or ConvTranspose; undefined for any other node. */
export function asConvolution(node: Node | undefined): Convolution | undefined {
  if (!isNode(node, 'Conv', 'ConvTranspose')) return undefined;
  const [, weight, bias] = node.inputs;
  return {
    weight,
    bias,
    groups: intAttr(node, 'group'),
    kernel: weight?.type?.shape?.slice(2) ?? [],
    isTransposed: isNode(node, 'ConvTranspose'),
  };
}

/** A Conv; undefined for any other node. */
export function asConv(node: Node | undefined): Convolution | undefined {
  const own = asConvolution(node);
  return own?.isTransposed ? undefined : own;
}

/** Lengths of the window of a Conv or a pool; undefined if there is none. */
export const kernelOf = (node: Node): readonly Dim[] | undefined =>
  asConv(node) ? node.inputs[1]?.type?.shape?.slice(2) : intsAttr(node, 'kernel_shape');

/** True for a Conv whose windows have more than one cell, as far as its kernel is known. */
export const hasKernel = (node: Node): boolean => asConv(node)?.kernel.some((size) => size !== 1) ?? false;

export interface Product {
  /** Gemm's third operand; a MatMul has none. */
  readonly addend: Value | undefined;
  readonly transA: boolean;
  readonly transB: boolean;
  readonly alpha: number;
  readonly beta: number;
  /** A Gemm, whose operands are matrices. */
  readonly isGemm: boolean;
  /** True if the left operand is not transposed, and nothing is scaled. */
  readonly isPlain: boolean;
}

const NO_FACTORS = { addend: undefined, transA: false, transB: false, alpha: 1, beta: 1, isGemm: false, isPlain: true };

/** A Gemm or MatMul; undefined for any other node. */
export function asProduct(node: Node | undefined): Product | undefined {
  if (!node) return undefined;
  if (isNode(node, 'MatMul')) return NO_FACTORS;
  if (!isNode(node, 'Gemm')) return undefined;
  const [, , addend] = node.inputs;
  const [transA, transB] = [intAttr(node, 'transA') !== 0, intAttr(node, 'transB') !== 0];
  const [alpha, beta] = [floatAttr(node, 'alpha'), floatAttr(node, 'beta')];
  return { addend, transA, transB, alpha, beta, isGemm: true, isPlain: !transA && alpha === 1 && (!addend || beta === 1) };
}
