/** Each step of each operator's history is either explained by its schemas alone, or has an adapter: a new ONNX release shows here what it brings. */

import type { OperatorSchema, Parameter } from '../../../src/ir/operators';
import { NEWEST_OPSET, operatorSchema, sinceVersions } from '../../../src/ir/operators';
import { operatorTable } from '../../../src/ir/operators.generated';
import { History } from '../../../src/onnx/opset/history';
import { adapters } from '../../../src/onnx/opset/operators';

const history = new History();
const operators = Object.keys(operatorTable.operators);

/** Handled by the reader: in the IR a constant is no node. */
const NOT_IN_THE_IR = new Set(['Constant']);

test('changes that schemas do not explain have an adapter', () => {
  const open: string[] = [];
  for (const op of operators) {
    if (NOT_IN_THE_IR.has(op)) continue;
    for (let at = history.at(op, 0), step = at && history.up(at); at && step; at = step.newer, step = history.up(at)) {
      const older = operatorSchema(step.older.op, step.older.since);
      const newer = operatorSchema(step.newer.op, step.newer.since);
      if (!older || !newer || step.adapter || step.newer.op !== op) continue;
      const changes = unexplained(older, newer);
      if (changes.length > 0) open.push(`${op} ${older.since} -> ${newer.since}: ${changes.join(', ')}`);
    }
  }
  expect(open).toEqual([
    // No bound became the type's own, which differs for infinities alone; the definition of the time leaves them open.
    "Clip 1 -> 6: 'max' changed, 'min' changed",
    // A misspelling, mended in the step to 7.
    "GRU 1 -> 3: 'direction' changed",
  ]);
});

/**
 * Additions whose default was found to mean what absence meant before, read in ONNX's change log up to this opset. When the table is
 * regenerated: judge what is new, give it an adapter or add it here.
 */
test('additions with defaults are those that were judged', () => {
  const added: string[] = [];
  for (const op of operators) {
    const versions = sinceVersions(op);
    versions.slice(1).forEach((since, index) => {
      const older = operatorSchema(op, versions[index]);
      const newer = operatorSchema(op, since);
      if (!older || !newer || adapters.some((adapter) => adapter.op === op && adapter.since === since)) return;
      for (const name of newer.attributes.keys()) if (!older.attributes.has(name)) added.push(`${op}@${since}.${name}`);
    });
  }
  expect(NEWEST_OPSET).toBe(28);
  expect(added.filter((entry) => !NOT_IN_THE_IR.has(entry.split('@')[0] ?? ''))).toEqual([
    'ArgMax@12.select_last_index',
    'ArgMin@12.select_last_index',
    'Attention@25.left_window_size',
    'Attention@25.right_window_size',
    'AveragePool@7.count_include_pad',
    'AveragePool@10.ceil_mode',
    'AveragePool@19.dilations',
    'Cast@19.saturate',
    'Cast@24.round_mode',
    'CastLike@19.saturate',
    'CastLike@24.round_mode',
    'DepthToSpace@11.mode',
    'DequantizeLinear@21.block_size',
    'DequantizeLinear@23.output_dtype',
    'GRU@3.linear_before_reset',
    'GRU@14.layout',
    'GatherND@12.batch_dims',
    'LSTM@14.layout',
    'LpPool@18.ceil_mode',
    'LpPool@18.dilations',
    'MaxPool@8.storage_order',
    'MaxPool@10.ceil_mode',
    'MaxPool@10.dilations',
    'QuantizeLinear@19.saturate',
    'QuantizeLinear@21.block_size',
    'QuantizeLinear@21.output_dtype',
    'QuantizeLinear@23.precision',
    'RNN@14.layout',
    'Range@27.stash_type',
    'Reshape@14.allowzero',
    'Resize@18.antialias',
    'Resize@18.axes',
    'Resize@18.keep_aspect_ratio_policy',
    'ScatterElements@16.reduction',
    'ScatterND@16.reduction',
    'Shape@15.end',
    'Shape@15.start',
    'SpaceToDepth@28.mode',
    'TopK@11.largest',
    'TopK@11.sorted',
  ]);
});

test('every adapter stands at a step that exists', () => {
  for (const { op, since, formerly } of adapters) {
    expect([op, since, sinceVersions(op).includes(since)]).toEqual([op, since, true]);
    if (formerly !== undefined) expect(sinceVersions(formerly).length).toBeGreaterThan(0);
  }
  const steps = adapters.map(({ op, since }) => `${op}@${since}`);
  expect(new Set(steps).size).toBe(steps.length);
});

function unexplained(older: OperatorSchema, newer: OperatorSchema): string[] {
  const changes: string[] = [];
  for (const [name, { kind, required, default: value }] of older.attributes) {
    const now = newer.attributes.get(name);
    if (!now) {
      if (name !== 'consumed_inputs') changes.push(`'${name}' is gone`);
    } else if (now.kind !== kind || (now.required && !required) || JSON.stringify(now.default) !== JSON.stringify(value))
      changes.push(`'${name}' changed`);
  }
  for (const [name, { required }] of newer.attributes) if (required && !older.attributes.has(name)) changes.push(`'${name}' is required`);
  changes.push(...moved(older.inputs, newer.inputs, 'input'), ...moved(older.outputs, newer.outputs, 'output'));
  return changes;
}

/** Parameters may be appended where they are optional, and become optional. */
function moved(older: readonly Parameter[], newer: readonly Parameter[], word: string): string[] {
  return Array.from({ length: Math.max(older.length, newer.length) }, (_, slot) => [older[slot], newer[slot]] as const).flatMap(
    ([was, is], slot) => {
      if (!is) return [`${word} ${slot} is gone`];
      if (!was) return is.optional ? [] : [`${word} '${is.name}' is new`];
      if (was.name !== is.name || was.variadic !== is.variadic) return [`${word} '${was.name}' became '${is.name}'`];
      return was.optional && !is.optional ? [`${word} '${is.name}' became required`] : [];
    },
  );
}
