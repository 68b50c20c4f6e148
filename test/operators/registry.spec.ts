/** The registry against the lists that passes ask, and against the schema. */

import { integerOperators } from '../../src/ir/integer-operators';
import { type AxisRule, axisRule, broadcastingOps, reductionOps, unaryElementwiseOps } from '../../src/ir/operator-traits';
import { isOnnxOp, onnxOps, operatorSchema } from '../../src/ir/operators';
import type { Node } from '../../src/ir/types';
import { isForeign, operatorOf, operators } from '../../src/operators';
import type { Form } from '../../src/operators/operator';
import { parseGraph } from '../support/expect-pass';

test('every operator of the schema has a row, and no other', () => {
  expect(Object.keys(operators).sort()).toEqual([...onnxOps].sort());
});

test('elementwise and broadcasting operators are those that passes know', () => {
  const each = onnxOps.filter((op) => operators[op].form === 'each');
  expect(each).toEqual([...unaryElementwiseOps, ...broadcastingOps].sort());
});

test('reductions are those that passes know, and the places of extremes', () => {
  expect(onnxOps.filter((op) => operators[op].form === 'reduced')).toEqual([...reductionOps, 'ArgMax', 'ArgMin'].sort());
});

/** Forms that agree with the rule for the roles of axes, which is below the registry. */
const FORMS: Readonly<Record<Exclude<AxisRule, 'unknown'>, readonly Form[]>> = {
  unary: ['each'],
  broadcast: ['each'],
  joined: ['joined', 'spread'],
  'in place': ['same'],
  same: ['same'],
  filtered: ['same'],
  reduced: ['reduced'],
  picked: ['reduced'],
  gathered: ['gathered'],
  product: ['product'],
  linear: ['product'],
  transposed: ['transposed'],
  view: ['view'],
  recurrent: ['recurrent'],
  size: ['sizes'],
};

test('the roles of axes follow as the form of the operator says', () => {
  const contradicting = onnxOps.filter((op) => {
    const rule = axisRule(op);
    return rule !== 'unknown' && !FORMS[rule].includes(operators[op].form);
  });
  // A mask by position: its result tells positions, whose axes are those of its data.
  expect(contradicting).toEqual(['Trilu']);
});

test('forms whose axes have no roles are gaps that are known', () => {
  const gaps = onnxOps.filter(
    (op) => axisRule(op) === 'unknown' && ['each', 'same', 'reduced', 'view', 'joined'].includes(operators[op].form),
  );
  // Those that compute in integers follow the layer that they stand for.
  expect(gaps).toEqual(['Compress', 'ConvInteger', 'GatherElements', 'QLinearConv', 'ReverseSequence']);
});

test('settings are inputs that the operator has', () => {
  for (const op of onnxOps) {
    const inputs = operatorSchema(op)?.inputs ?? [];
    for (const slot of operators[op].settings) expect([op, inputs.length > slot || inputs.at(-1)?.variadic]).toEqual([op, true]);
  }
});

test('every integer operator is known by the layer that it stands for, and moves with the image as that does', () => {
  const node = parseGraph(`<ir_version: 9, opset_import: ["" : 21, "com.microsoft" : 1]>
    g (uint8[N, 3, 6, 5] x, uint8 z, float s) => (uint8[N, 3, 6, 5] y) { y = com.microsoft.QLinearAdd (x, s, z, x, s, z, s, z) }`).graph
    .nodes[0];
  for (const [op, means] of integerOperators) {
    const renamed = { ...node, op, opType: op.replace('com.microsoft.', ''), domain: op.startsWith('com.') ? 'com.microsoft' : '' } as Node;
    expect([op, isForeign(renamed), operatorOf(renamed).form]).toEqual([op, false, isOnnxOp(means) && operators[means].form]);
  }
});
