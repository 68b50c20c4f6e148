/** The plugin that docs/writing-a-pass.md shows, as it stands there. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compile } from '../../src/compile';
import type { PluginPass } from '../../src/index';
import * as library from '../../src/index';
import { parseGraph } from '../support/expect-pass';

const page = readFileSync(join(__dirname, '../../docs/writing-a-pass.md'), 'utf8');
const [, code = ''] = /```js\n\/\/ my-pass\.cjs\n([\s\S]*?)```/.exec(page) ?? [];

function shownPlugin(): PluginPass {
  const module: { exports: PluginPass | undefined } = { exports: undefined };
  new Function('require', 'module', code)(() => library, module);
  if (!module.exports) throw new Error('the page exports nothing');
  return module.exports;
}

const source = (): ReturnType<typeof parseGraph> =>
  parseGraph(`<ir_version: 9, opset_import: ["" : 18]> g (float[1, 3, 8, 8] X) => (float[1, 5] Y) <float[4, 3, 3, 3] K, float[5, 4] W> {
    C = Conv <kernel_shape = [3, 3]> (X, K) R = Relu (C) S = Relu (R) P = GlobalAveragePool (S) F = Flatten (P) Y = Gemm <transB = 1> (F, W) }`);

test('it runs where it asks to, and does what it says', () => {
  const plugin = shownPlugin();
  const relus = (plugins: readonly PluginPass[]): number =>
    compile(source(), { plugins }).model.graph.nodes.filter(({ op }) => op === 'Relu').length;
  expect([relus([]), relus([plugin])]).toEqual([2, 1]);
  const order = compile(source(), { plugins: [plugin] }).report.passes.map(({ pass }) => pass);
  expect(order.indexOf('drop-double-relu')).toBe(order.indexOf('remove-identities') + 1);
});

test('a place that is not there is an error that lists those that are', () => {
  expect(() => compile(source(), { plugins: [{ ...shownPlugin(), after: 'no-such-pass' }] })).toThrow(/no-such-pass/);
});
