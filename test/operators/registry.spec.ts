/** The registry against the lists that passes ask, and against the schema. */

import { broadcastingOps, reductionOps, unaryElementwiseOps } from '../../src/ir/operator-traits';
import { onnxOps, operatorSchema } from '../../src/ir/operators';
import { operators } from '../../src/operators';

test('every operator of the schema has a row, and no other', () => {
  expect(Object.keys(operators).sort()).toEqual([...onnxOps].sort());
});

test('elementwise and broadcasting operators are those that passes know', () => {
  const each = onnxOps.filter((op) => operators[op].form === 'each');
  // Known here alone: integers bit by bit.
  expect(each.filter((op) => op !== 'BitwiseNot')).toEqual([...unaryElementwiseOps, ...broadcastingOps].sort());
});

test('reductions are those that passes know, and the places of extremes', () => {
  expect(onnxOps.filter((op) => operators[op].form === 'reduced')).toEqual([...reductionOps, 'ArgMax', 'ArgMin'].sort());
});

test('settings are inputs that the operator has', () => {
  for (const op of onnxOps) {
    const inputs = operatorSchema(op)?.inputs ?? [];
    for (const slot of operators[op].settings) expect([op, inputs.length > slot || inputs.at(-1)?.variadic]).toEqual([op, true]);
  }
});
