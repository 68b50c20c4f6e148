/**
 * Branches of a classifier that meet have as many cells as windows fit into the image.
 *
 *   A + B                                               A, B of one cell at the original size, cell (i, j) of both from pixel (i*S, j*S) on
 * becomes
 *   A[: n] + B[: n]                                     n = (L - window) / S + 1, rounded down
 *
 * A branch that leaves rows of the window over (its strides do not divide it) has a cell more than another at some sizes. Each branch has at least n: a map
 * with stride s grows by floor((L - window) / s) places or more, whatever it rounds, and every s divides S.
 */
import { intAttr } from '../../src/ir/attrs';
import { imageInputs } from '../../src/ir/axis-roles';
import { evaluateDim, namesOf, sameDim } from '../../src/ir/dims';
import { isBroadcasting } from '../../src/ir/operator-traits';
import { type Dim, isConst, type Node, type Value } from '../../src/ir/types';
import type { Builder } from '../../src/rewrite/builder';
import { axisLength, type FreeEnvironment, type Stuck, stuck } from './environment';

/** A multiple of all strides that networks have. */
const MANY = 2 ** 12 * 3 ** 4 * 5 ** 2 * 7;

export function alignBranches(node: Node, env: FreeEnvironment): boolean | Stuck {
  if (!isBroadcasting(node.op) && node.op !== 'Concat') return false;
  const cropped = [...node.inputs];
  const make = env.builder(node);
  let changed = false;
  for (const role of ['H', 'W']) {
    const branches = node.inputs.flatMap((value, slot) => branchAlong(value, slot, role, env) ?? []);
    const [first, ...others] = branches;
    if (!first || others.every((other) => sameDim(other.dim, first.dim))) continue;
    if (node.op === 'Concat' && branches.some(({ axis, value }) => axis === inRange(intAttr(node, 'axis', 0), value))) continue;
    const stride = strideOf(first.dim);
    if (stride === undefined || !others.every((other) => strideOf(other.dim) === stride))
      return stuck('the maps that meet in it have different strides');
    const length = cells(role, stride, env, make);
    if (!length) return stuck('the maps that meet in it have different sizes');
    for (const { slot, axis } of branches) {
      cropped[slot] = make.op('Slice', [cropped[slot], make.int64s('first', [0]), length, make.int64s('along', [axis])]);
      changed = true;
    }
  }
  if (changed) env.replace(node, make.op(node.op, cropped, node.attrs));
  return changed;
}

interface Branch {
  readonly value: Value;
  readonly slot: number;
  readonly axis: number;
  readonly dim: string;
}

/** An operand that has one cell along rows (or columns) at the original size, and more on larger images. */
function branchAlong(value: Value | undefined, slot: number, role: string, env: FreeEnvironment): Branch | undefined {
  if (!value || isConst(value)) return undefined;
  const axis = env.roles(value)?.indexOf(role) ?? -1;
  const dim = value.type?.shape?.[axis];
  return axis >= 0 && typeof dim === 'string' && env.window(value)?.[axis] === 1 ? { value, slot, axis, dim } : undefined;
}

function strideOf(dim: Dim): number | undefined {
  const [name, ...others] = namesOf(dim);
  if (name === undefined || others.length > 0) return undefined;
  const [few, many] = [evaluateDim(dim, { [name]: MANY }), evaluateDim(dim, { [name]: 2 * MANY })];
  return few !== undefined && many !== undefined && many > few ? MANY / (many - few) : undefined;
}

/** How many windows fit into the image. */
function cells(role: string, stride: number, env: FreeEnvironment, make: Builder): Value | undefined {
  const [[image, roles] = []] = imageInputs(env.graph);
  const axis = roles?.indexOf(role) ?? -1;
  const window = image && env.window(image)?.[axis];
  const dim = image?.type?.shape?.[axis];
  if (!image || typeof window !== 'number' || !Number.isInteger(stride)) return undefined;
  const beyond = make.op('Sub', [axisLength({ value: image, axis, size: window, dim }, make), make.int64s('window', [window])]);
  return make.op('Add', [make.op('Div', [beyond, make.int64s('stride', [stride])]), make.int64s('one', [1])]);
}

const inRange = (axis: number, value: Value): number => (axis < 0 ? axis + (value.type?.shape?.length ?? 0) : axis);
