/** Length of a map after a window slides along it. Uses ONNX's formulas, or ONNX Runtime's where the two differ (measured with 1.30). */
import { shapeMismatch } from '../../diagnostics/catalogue';
import { intsAttr, stringAttr } from '../attrs';
import { addDims, floorDivideDim, minDims, subtractDims } from '../dims';
import type { Dim, Node } from '../types';

export interface Window {
  readonly kernel: Dim;
  readonly stride: number;
  readonly dilation: number;
  readonly padBefore: number;
  readonly padAfter: number;
  readonly autoPad: string;
  readonly ceil: boolean;
}

/** Lengths along all axes after the first two. */
export function slide(node: Node, shape: readonly Dim[], kernel: readonly Dim[], ceil: boolean): Dim[] {
  const rank = kernel.length;
  if (shape.length !== rank + 2) throw shapeMismatch(node, `a window over ${rank} axes slides over a map of ${shape.length - 2}`);
  const [strides, dilations, pads] = [intsAttr(node, 'strides'), intsAttr(node, 'dilations'), intsAttr(node, 'pads')];
  const autoPad = stringAttr(node, 'auto_pad');
  requireList(node, 'kernel_shape', kernel, rank, 1);
  requireList(node, 'strides', strides, rank, 1);
  requireList(node, 'dilations', dilations, rank, 1);
  requireList(node, 'pads', pads, 2 * rank, 0);
  return kernel.map((size, axis) => {
    const length = windowed(shape[axis + 2], {
      kernel: size,
      stride: strides?.[axis] ?? 1,
      dilation: dilations?.[axis] ?? 1,
      padBefore: autoPad === 'VALID' ? 0 : (pads?.[axis] ?? 0),
      padAfter: autoPad === 'VALID' ? 0 : (pads?.[axis + rank] ?? 0),
      autoPad,
      ceil,
    });
    if (typeof length === 'number' && length < 1)
      throw shapeMismatch(node, `a window of ${size} does not fit into ${shape[axis + 2]} places`);
    return length;
  });
}

/** Checks a list attribute: ONNX's own inference and the runtime refuse anything else. */
function requireList(node: Node, name: string, list: readonly Dim[] | undefined, length: number, least: number): void {
  if (list && list.length !== length) throw shapeMismatch(node, `${name} has ${list.length} numbers in place of ${length}`);
  const wrong = list?.find((number) => typeof number === 'number' && number < least);
  if (wrong !== undefined) throw shapeMismatch(node, `${name} has ${wrong}, which is less than ${least}`);
}

function windowed(length: Dim, { kernel, stride, dilation, padBefore, padAfter, autoPad, ceil }: Window): Dim {
  if (length === undefined || typeof kernel !== 'number') return undefined;
  if (autoPad.startsWith('SAME')) {
    const windows = addDims(floorDivideDim(subtractDims(length, 1), stride), 1);
    // For a dilated pool, the runtime computes the padding as if it were not dilated, so there are fewer windows. (It refuses such a Conv.)
    const missing = ((kernel - 1) * (dilation - 1)) / stride;
    return subtractDims(windows, ceil ? Math.floor(missing) : Math.ceil(missing));
  }
  const span = (kernel - 1) * dilation + 1;
  const room = subtractDims(addDims(length, padBefore + padAfter), span);
  if (!ceil) return addDims(floorDivideDim(room, stride), 1);
  // A window may extend beyond the end, but must not begin beyond the map and its front padding.
  const hanging = addDims(floorDivideDim(addDims(room, stride - 1), stride), 1);
  const beginning = addDims(floorDivideDim(subtractDims(addDims(length, padBefore), 1), stride), 1);
  return minDims(hanging, beginning);
}
