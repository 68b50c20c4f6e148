/**
 * close-integers: merge layers between DequantizeLinear and QuantizeLinear back into the integer operators that they were.
 *
 *   y = QuantizeLinear (Conv (DequantizeLinear (x, xs, xz), DequantizeLinear (w, ws, wz), DequantizeLinear (b, xs * ws)), ys, yz)
 * becomes
 *   y = QLinearConv (x, xs, xz, w, ws, wz, ys, yz, b)
 *
 * The counterpart of `open-integers`: applies only to what that pass has opened, identified by the names of the source nodes. A layer that became a
 * convolution in between (QGemm over a flattened map) becomes a QLinearConv with the weight's own integers. Sums of integers are exact in any order, and the
 * sum is scaled and rounded as before, so the result is bit-exact. An average over a window is rounded like one over the whole map.
 * Numbers: rounding. By itself the pass turns floating-point sums into integer sums.
 * Left alone: layers of networks that were given with QuantizeLinear and DequantizeLinear, and so compute in floating point.
 */

import type { Graph } from '../src/ir/graph';
import { formOf } from '../src/ir/integer-forms';
import { integerOperatorFor } from '../src/ir/integer-operators';
import { byOperator, isNode, producedBy } from '../src/ir/match';
import { fromNumbers } from '../src/ir/tensor';
import type { Attr, Node, Value } from '../src/ir/types';
import { type Builder, builderAt } from '../src/rewrite/builder';
import { definePass, type Pass } from '../src/rewrite/pass';

/** Names of the source nodes that compute in integers. */
export function integerOrigins(graph: Graph): ReadonlySet<string> {
  return new Set(graph.nodes.flatMap((node) => (formOf(node) ? node.origin : [])));
}

export const closeIntegers = (origins: ReadonlySet<string>): Pass =>
  definePass({
    name: 'close-integers',
    summary: 'put layers of an integer network together to operators that compute in integers',
    numbers: 'rounding',
    run(graph, { inference, remark }) {
      const isOpened = (node: Node): boolean => node.origin.some((name) => origins.has(name));
      for (const node of graph.nodes) {
        const core = node.inputs[0]?.producer;
        const [output] = node.outputs;
        if (!isNode(node, 'QuantizeLinear') || !output || !core || !isOpened(node) || !isOpened(core)) continue;
        const at = { node: core.name, op: core.op, origin: core.origin };
        const make = builderAt({ graph, before: node, origin: [...new Set([...core.origin, ...node.origin])], root: core.name, inference });
        const made = closed(core, node, make, { name: node.origin.find((name) => origins.has(name)) ?? core.name });
        if (typeof made === 'string') {
          remark({ kind: 'refused', reason: made, at, origin: core.origin });
          continue;
        }
        const { name } = output;
        graph.replaceAllUses(output, made);
        graph.removeNode(node);
        if (!graph.isOutput(made)) graph.rename(made, name);
        remark({ kind: 'applied', at, origin: core.origin });
      }
    },
  });

/** The inputs of a DequantizeLinear. */
type Integers = readonly [integers: Value, scale: Value, zero: Value];

/** Builds the integer operator; a string is the reason why it is not possible. `options`: the name that the layer had as an integer operator. */
function closed(core: Node, quantise: Node, make: Builder, options: { readonly name: string }): Value | string {
  const op = integerOperatorFor(core.op);
  const [result] = core.outputs;
  const [, scale, zero] = quantise.inputs;
  if (!op) return `no operator is known that does what ${core.op} does in integers`;
  if (!result || !scale || !zero || result.uses.length > 1 || core.graph.isOutput(result)) return 'its result is read before it is rounded';
  const isLayer = isNode(core, 'Conv', 'Gemm');
  const operands: Integers[] = [];
  for (const input of isLayer ? core.inputs.slice(0, 2) : core.inputs) {
    const integers = input && integersOf(input, make);
    if (!integers) return 'it reads numbers that are not in integers';
    operands.push(integers);
  }
  const sums = isLayer ? producedBy(core.inputs[2], 'DequantizeLinear')?.inputs[0] : undefined;
  if (isLayer && core.inputs[2] && !sums) return 'its bias is not in integers';
  const attrs = attributesOf(core);
  if (typeof attrs === 'string') return attrs;
  const [a, b] = operands;
  if (!a) return 'it reads nothing';
  if (isLayer && !b) return 'it has no weight';
  const inputs = (inputsOf(core) ?? plainInputs)({ operands: operands.flat(), sums, result: [scale, zero] });
  return make.op(op, inputs, attrs, options);
}

/** Operands with their scales and zero points, the bias, and scale and zero point of the result. */
interface Parts {
  readonly operands: readonly Value[];
  readonly sums: Value | undefined;
  readonly result: readonly Value[];
}
/** The order of the inputs of integer operators. */
const plainInputs = ({ operands, result }: Parts): (Value | undefined)[] => [...operands, ...result];
const inputsOf = byOperator<(parts: Parts) => (Value | undefined)[]>({
  Concat: ({ operands, result }) => [...result, ...operands],
  Conv: ({ operands, sums, result }) => [...operands, ...result, sums],
  Gemm: ({ operands, sums, result }) => [...operands, sums, ...result],
});

function integersOf(value: Value, make: Builder): Integers | undefined {
  const [integers, scale, zero] = producedBy(value, 'DequantizeLinear')?.inputs ?? [];
  if (!integers || !scale) return undefined;
  const shape = scale.constant?.shape ?? [];
  return [
    integers,
    scale,
    zero ?? make.constant('zero', fromNumbers(integers.type?.dtype ?? 'uint8', shape, new Float64Array(shape[0] ?? 1))),
  ];
}

/** The attributes in the form of the integer operator; a reason if that is not possible. */
function attributesOf(core: Node): ReadonlyMap<string, Attr> | string {
  const attrs = new Map(core.attrs);
  const dilations = attrs.get('dilations');
  if (core.op.endsWith('Pool') && dilations) {
    if (dilations.kind === 'ints' && dilations.value.some((dilation) => Number(dilation) !== 1))
      return 'an average in integers over cells that are not neighbours is not known to ONNX Runtime';
    attrs.delete('dilations');
  }
  if (isNode(core, 'Softmax')) attrs.set('opset', { kind: 'int', value: 13 });
  if (isNode(core, 'Gemm')) attrs.delete('beta');
  return attrs;
}
