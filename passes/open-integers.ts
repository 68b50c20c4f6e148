/**
 * open-integers: rewrite operators that compute in integers as the floating-point computation that they represent, so that all other passes recognise them.
 *
 *   y = QLinearConv (x, xs, xz, w, ws, wz, ys, yz, b)
 * becomes
 *   y = QuantizeLinear (Conv (DequantizeLinear (x, xs, xz), DequantizeLinear (w, ws, wz), DequantizeLinear (b, xs * ws)), ys, yz)
 *
 * and the same for the other operators of src/ir/integer-forms.ts. `close-integers` merges them again at the end of a conversion, so that the result computes
 * in integers like the original, rounding in the same order: it is bit-exact.
 * Numbers: rounding. By itself the pass turns exact sums into floating-point sums.
 * Left alone: scales and zero points that are computed; a Gemm that gives floating point; pools with channels last; products of two maps.
 */
import { intAttr } from '../src/ir/attrs';
import { type Form, formOf, type Quantised } from '../src/ir/integer-forms';
import { computedTensor, elementCount, readNumbers, reshaped, scalar } from '../src/ir/tensor';
import type { Attr, ConstValue, Node, Value } from '../src/ir/types';
import { isConst } from '../src/ir/types';
import { type Builder, builderAt } from '../src/rewrite/builder';
import { definePass } from '../src/rewrite/pass';

export const openIntegers = definePass({
  name: 'open-integers',
  summary: 'write operators that compute in integers as the layers that they stand for',
  numbers: 'rounding',
  run(graph, { inference, remark }) {
    for (const node of graph.nodes) {
      const standard = STANDARD.get(node.op);
      if (standard !== undefined) {
        const make = builderAt({ graph, before: node, origin: node.origin, root: node.name, inference });
        const [own] = node.outputs;
        if (!own) continue;
        const { name } = own;
        const result = make.op(standard, [...node.inputs], node.attrs);
        graph.replaceAllUses(own, result);
        graph.removeNode(node);
        if (!graph.isOutput(result)) graph.rename(result, name);
        remark({ kind: 'applied', at: { node: node.name, op: node.op, origin: node.origin }, origin: node.origin });
        continue;
      }
      const form = formOf(node);
      const [output] = node.outputs;
      if (!form || !output) continue;
      const at = { node: node.name, op: node.op, origin: node.origin };
      const reason = whyNot(form);
      if (reason !== undefined) {
        remark({ kind: 'refused', reason, at, origin: node.origin });
        continue;
      }
      const make = builderAt({ graph, before: node, origin: node.origin, root: node.name, inference });
      const { name } = output;
      const result = opened(node, form, make);
      graph.replaceAllUses(output, result);
      graph.removeNode(node);
      if (!graph.isOutput(result)) graph.rename(result, name);
      remark({ kind: 'applied', at, origin: node.origin });
    }
  },
});

/** ONNX Runtime's own quantisers, with which its tools write 16 bits in old opsets, are those of newer opsets. */
const STANDARD: ReadonlyMap<string, string> = new Map([
  ['com.microsoft.QuantizeLinear', 'QuantizeLinear'],
  ['com.microsoft.DequantizeLinear', 'DequantizeLinear'],
]);

function whyNot({ operands, scale, zero, bias, weightAxis }: Form): string | undefined {
  const numbers = [scale, zero, ...operands.flatMap((operand) => [operand.scale, operand.zero])];
  if (!numbers.every((number) => number === undefined || isConst(number))) return 'its scales or zero points are computed';
  if (elementCount(shapeOf(scale)) !== 1) return 'its result has more than one scale';
  for (const [at, operand] of operands.entries()) {
    const count = elementCount(shapeOf(operand.scale));
    if (count === 1) continue;
    if (weightAxis === undefined || at !== 1) return 'its data have more than one scale';
    if (!isConst(operand.integers)) return 'its weight is computed';
    if (shapeOf(operand.scale).length !== 1 || shapeOf(operand.integers)[weightAxis] !== count) return 'its scales are not one per output';
  }
  return bias && !(isConst(bias) && elementCount(shapeOf(bias)) === Math.max(...shapeOf(bias), 1))
    ? 'its bias is not one number per output'
    : undefined;
}

const shapeOf = (value: Value): readonly number[] => (value.type?.shape ?? []).map(Number);

function opened(node: Node, form: Form, make: Builder): Value {
  const { operands, bias, weightAxis } = form;
  const real = operands.map((operand, at) => dequantised(operand, at === 1 ? weightAxis : undefined, make));
  const added = bias && isConst(bias) ? [dequantisedBias(bias, operands, make)] : [];
  const [result] = [make.op(form.means, [...real, ...added], attributesOf(node, form))];
  return make.op('QuantizeLinear', [result, single(form.scale, make), single(form.zero ?? zeroOf(node, make), make)]);
}

function dequantised({ integers, scale, zero }: Quantised, axis: number | undefined, make: Builder): Value {
  const alongAxis = elementCount(shapeOf(scale)) !== 1;
  const operands = alongAxis ? [integers, scale, zero] : [integers, single(scale, make), zero && single(zero, make)];
  return make.op('DequantizeLinear', operands, alongAxis ? { axis } : {});
}

/** Dequantises the bias, whose unit is one step of the data times one step of the weight. */
function dequantisedBias(bias: ConstValue, operands: readonly Quantised[], make: Builder): Value {
  const [data, weight] = operands.map(({ scale }) => (isConst(scale) ? scale.constant : undefined));
  const step = (): Float64Array => {
    const [one = 1] = data ? readNumbers(data) : [];
    return (weight ? readNumbers(weight) : new Float64Array([1])).map((number) => number * one);
  };
  const count = weight ? elementCount(weight.shape) : 1;
  const outputs = elementCount(bias.constant.shape);
  const row = bias.constant.shape.length === 1 ? bias : make.constant(`${bias.name}_row`, reshaped(bias.constant, [outputs]));
  const scale = make.constant(`${bias.name}_scale`, computedTensor('float', count === 1 ? [] : [count], step));
  return make.op('DequantizeLinear', [row, scale], count === 1 ? {} : { axis: 0 });
}

/** A scalar, in whatever shape the exporter wrote it. */
function single(value: Value, make: Builder): Value {
  return isConst(value) && value.constant.shape.length > 0 ? make.constant(`${value.name}_one`, reshaped(value.constant, [])) : value;
}

const zeroOf = (node: Node, make: Builder): Value => make.constant('zero', scalar(node.outputs[0]?.type?.dtype ?? 'uint8', 0));

/** The attributes that the floating-point operator knows. */
function attributesOf(node: Node, { means, weightAxis }: Form): ReadonlyMap<string, Attr> {
  const attrs = new Map([...node.attrs].filter(([name]) => !OWN.has(name)));
  if (means === 'Concat') attrs.set('axis', { kind: 'int', value: intAttr(node, 'axis') });
  if (means === 'Gemm') attrs.set('transB', { kind: 'int', value: weightAxis === 0 ? 1 : 0 });
  return attrs;
}
/** Attributes of ONNX Runtime's operators that ONNX's operators do not have. */
const OWN: ReadonlySet<string> = new Set(['channels_last', 'opset', 'transA']);
