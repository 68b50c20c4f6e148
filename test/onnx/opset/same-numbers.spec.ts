/**
 * For every adapter: ONNX Runtime's run of a model in its old spelling against its run of the same model raised and written for each newer
 * opset that changes the spelling; and the old spelling itself comes back when it is written for its own.
 */
import { NEWEST_RUNNABLE_OPSET, pinnedSince, raiseToNormalForm, spell } from '../../../src/onnx/opset';
import { type Case, cases } from './cases';
import { type Result, run, spelling, written } from './verbatim';

/** Where most operators changed, so that lowering is judged in between as well. */
const LANDMARKS = [7, 8, 9, 10, 11, 12, 13, 14, 17, 18, 19, 20, 21, 22, 24, NEWEST_RUNNABLE_OPSET];

const expanded = cases.flatMap((item) =>
  item.opsets.map((opset): [string, number, Case] => [`opset ${opset}: ${item.title}`, opset, item]),
);

test.each(expanded)('%s', async (_, opset, { body, tolerance, pinned, rewritten, until = NEWEST_RUNNABLE_OPSET, skips = [] }) => {
  const original = written(opset, body);
  const expected = await run(original);
  const before = spelling(original);

  raiseToNormalForm(original);
  const own = spell(original);
  expect(own.opset).toBe(opset);
  if (!rewritten) expect(spelling(own.model)).toEqual(before);

  if (pinned !== undefined) {
    expect(original.graph.nodes.filter((node) => pinnedSince(node) !== undefined).map((node) => node.opType)).toEqual([pinned]);
    original.opsets.set('', NEWEST_RUNNABLE_OPSET);
    expect(() => spell(original)).toThrow(expect.objectContaining({ code: 'OPSET_CONFLICT' }));
    return;
  }
  for (const target of LANDMARKS.filter((landmark) => landmark >= opset && landmark <= until)) {
    original.opsets.set('', target);
    const { model, opset: reached } = spell(original);
    expect(reached).toBe(skips.includes(target) ? target + 1 : target);
    compare(expected, await run(model), target, tolerance);
  }
});

function compare(expected: Record<string, Result>, actual: Record<string, Result>, target: number, tolerance = 0): void {
  expect(Object.keys(actual)).toEqual(Object.keys(expected));
  for (const [name, was] of Object.entries(expected)) {
    const is = actual[name];
    expect([target, name, is?.type, is?.dims]).toEqual([target, name, was.type, was.dims]);
    if (is?.bytes.equals(was.bytes)) continue;
    const largest = Math.max(...was.numbers.map(Math.abs));
    const worst = Math.max(...was.numbers.map((number, at) => Math.abs(number - (is?.numbers[at] ?? Number.NaN))));
    expect([target, name, worst <= tolerance * largest, worst]).toEqual([target, name, true, worst]);
  }
}
