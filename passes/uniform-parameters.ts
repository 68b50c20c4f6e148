/**
 * uniform-parameters: reduce a parameter that is the same at every position of the map to one value per channel.
 *
 *   PRelu(X, slope [C,H,W])                           ->  PRelu(X, slope [C,1,1])             also Add, Sub, Mul, Div, Where, Pow, Min, Max ...
 *   LayerNormalization<axis = 1>(X, scale [C,H,W])    ->  (X - mean) / sqrt(variance + epsilon) * scale [C,1,1] + shift
 *   RMSNormalization<axis = 1>(X, scale [C,H,W])      ->  X / sqrt(mean of squares + epsilon) * scale [C,1,1]
 *
 * Numbers: reordered (the norms are written out; the others do not change).
 * Left alone: parameters that differ from position to position, each axis by itself; parameters that determine the size of the result.
 */

import { floatAttr, intAttr } from '../src/ir/attrs';
import { type AxisRoles, axisRolesOf } from '../src/ir/axis-roles';
import { isNode } from '../src/ir/match';
import { isBroadcasting } from '../src/ir/operator-traits';
import { isOnlySpatial } from '../src/ir/spatial';
import { elementCount, isFloatType, isNumeric, readNumbers, slicedAlong } from '../src/ir/tensor';
import { type DType, isConst, type Node, type Tensor, type Value } from '../src/ir/types';
import { type Builder, builderAt } from '../src/rewrite/builder';
import { definePass } from '../src/rewrite/pass';

export const uniformParameters = definePass({
  name: 'uniform-parameters',
  summary: 'keep parameters that are the same at every place of the map once per channel',
  numbers: 'reordered',
  run(graph, { inference, remark }) {
    for (const node of graph.nodes) {
      const make = builderAt({ graph, before: node, origin: node.origin, root: node.name, inference });
      const place = { at: { node: node.name, op: node.op, origin: node.origin }, origin: node.origin };
      if (isBroadcasting(node.op)) {
        for (const [slot, input] of node.inputs.entries()) {
          const narrow = input && narrowed(node, input, make);
          if (!narrow) continue;
          graph.replaceInput(node, slot, narrow);
          remark({ kind: 'applied', rule: 'operand', ...place });
        }
        continue;
      }
      const result = norm(node, make);
      const [output] = node.outputs;
      if (!result || !output || !graph.canReplace(output, result)) continue;
      graph.replaceAllUses(output, result);
      graph.removeNode(node);
      remark({ kind: 'applied', rule: 'norm', ...place });
    }
  },
});

/** A constant operand reduced to length one along the axes where it is uniform and where another operand has the length of the result. */
function narrowed(node: Node, input: Value, make: Builder): Value | undefined {
  const [output] = node.outputs;
  const shape = output?.type?.shape;
  if (!isConst(input) || !output || !shape || input.constant.shape.every((length) => length === 1)) return undefined;
  const others = node.inputs.filter((other): other is Value => other !== undefined && other !== input);
  const isCovered = (axis: number): boolean =>
    others.some(
      (other) => shape[axis] !== 1 && other.type?.shape?.[axis - shape.length + other.type.shape.length] === shape[axis] && !isConst(other),
    );
  const known = axisRolesOf(node.graph);
  const roles = known.of(output);
  const lead = shape.length - input.constant.shape.length;
  const axes = input.constant.shape.flatMap((length, axis) =>
    length > 1 && isSliding(roles?.[axis + lead], known) && isCovered(axis + lead) ? [axis] : [],
  );
  const tensor = alongOnce(input.constant, axes);
  return tensor === input.constant ? undefined : make.constant(`${input.name}_per_channel`, tensor);
}

/** Whether an axis of this role runs over positions only, along axes that all slide. */
const isSliding = (role: string | undefined, roles: AxisRoles): boolean =>
  isOnlySpatial(role) && [...(role ?? '')].every((letter) => roles.slides(letter));

/** Reduces each of these axes to length one if the values do not change along it. */
function alongOnce(tensor: Tensor, axes: readonly number[]): Tensor {
  return axes.reduce((narrow, axis) => (isUniformAlong(narrow, axis) ? slicedAlong(narrow, axis, 0, 1) : narrow), tensor);
}

function isUniformAlong(tensor: Tensor, axis: number): boolean {
  if (!isNumeric(tensor.dtype)) return false;
  const numbers = readNumbers(tensor);
  const inner = elementCount(tensor.shape.slice(axis + 1));
  const length = tensor.shape[axis] ?? 1;
  return numbers.every((number, index) => {
    const first = numbers[index - (Math.floor(index / inner) % length) * inner] ?? Number.NaN;
    return number === first || (Number.isNaN(number) && Number.isNaN(first));
  });
}

/** Writes out a norm over positions whose scale and shift are the same at each. */
function norm(node: Node, make: Builder): Value | undefined {
  const isLayer = isNode(node, 'LayerNormalization');
  const [x, scale, shift] = node.inputs;
  const shape = x?.type?.shape;
  if ((!isLayer && !isNode(node, 'RMSNormalization')) || !x || !shape || !isConst(scale) || (shift && !isConst(shift))) return undefined;
  if (node.outputs.length > 1 || !isFloatType(x.type?.dtype ?? 'string')) return undefined;
  const known = axisRolesOf(node.graph);
  const roles = known.of(x);
  const axis = intAttr(node, 'axis');
  const first = axis < 0 ? axis + shape.length : axis;
  const perPlace = (parameter: Tensor): number[] =>
    parameter.shape.flatMap((length, at) =>
      length > 1 && isSliding(roles?.[at + shape.length - parameter.shape.length], known) ? [at] : [],
    );
  const parameters = [scale, shift].map((value) => {
    if (!isConst(value)) return undefined;
    const axes = perPlace(value.constant);
    const tensor = alongOnce(value.constant, axes);
    const isOnce = axes.every((at) => tensor.shape[at] === 1);
    return { value, tensor, isOnce, changes: axes.length > 0 };
  });
  if (!parameters.some((parameter) => parameter?.changes) || parameters.some((parameter) => parameter && !parameter.isOnce))
    return undefined;
  const axes = make.int64s(
    `${node.name}_axes`,
    shape.flatMap((_, at) => (at >= first ? [at] : [])),
  );
  const dtype: DType = x.type?.dtype ?? 'float';
  const centred = isLayer ? make.op('Sub', [x, make.op('ReduceMean', [x, axes], { keepdims: 1 })]) : x;
  const spread = make.op('ReduceMean', [make.op('Mul', [centred, centred]), axes], { keepdims: 1 });
  const epsilon = make.scalar(`${node.name}_epsilon`, dtype, floatAttr(node, 'epsilon'));
  const normal = make.op('Div', [centred, make.op('Sqrt', [make.op('Add', [spread, epsilon])])]);
  const [by, plus] = parameters.map((parameter) => parameter && make.constant(`${parameter.value.name}_per_channel`, parameter.tensor));
  const scaled = by ? make.op('Mul', [normal, by]) : normal;
  return plus ? make.op('Add', [scaled, plus]) : scaled;
}
