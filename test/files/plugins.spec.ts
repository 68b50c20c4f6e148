/** Passes of the user's own: what they may say, and whose mistake it is when they go wrong. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compile } from '../../src/compile';
import { CompileError } from '../../src/diagnostics/compile-error';
import { loadPlugins } from '../../src/files/plugins';
import * as library from '../../src/index';
import type { Model } from '../../src/ir/model';
import { parseGraph } from '../support/expect-pass';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'convolutionize-plugins-'));
  Object.assign(globalThis, { authoring: library.authoring });
});
afterAll(() => {
  rmSync(folder, { recursive: true });
  Reflect.deleteProperty(globalThis, 'authoring');
});

const source = (): Model =>
  parseGraph(`<ir_version: 9, opset_import: ["" : 18]> g (float[1, 3, 8, 8] X) => (float[1, 5] Y) <float[4, 3, 3, 3] K, float[5, 4] W> {
    C = Conv <kernel_shape = [3, 3]> (X, K) R = Relu (C) P = GlobalAveragePool (R) F = Flatten (P) Y = Gemm <transB = 1> (F, W) }`);

/** What a pass does to the network: `body` has `make` and `relu`. */
async function after(name: string, body: string): Promise<Model> {
  const path = join(folder, `${name}.cjs`);
  writeFileSync(
    path,
    `const { builderAt, float } = globalThis.authoring;
     module.exports = { name: 'mine', summary: 'try', numbers: 'rounding', run(graph, { inference }) {
       const relu = graph.nodes.find(({ op }) => op === 'Relu');
       if (!relu) return;
       const make = builderAt({ graph, before: relu, origin: relu.origin, root: relu.name, inference });
       ${body}
     } };`,
  );
  return compile(source(), { plugins: await loadPlugins([path]) }).model;
}
const replaced = (by: string): string => `graph.replaceAllUses(relu.outputs[0], ${by}); graph.removeNode(relu);`;

test.each([
  ['a whole number', '{ alpha: 1 }', { kind: 'float', value: 1 }],
  ['a fraction', '{ alpha: 0.5 }', { kind: 'float', value: 0.5 }],
  ['a float by name', '{ alpha: float(0.25) }', { kind: 'float', value: 0.25 }],
])('an attribute is of the kind that its operator says: %s', async (name, attrs, wanted) => {
  const { graph } = await after(name.replaceAll(' ', '-'), replaced(`make.op('LeakyRelu', relu.inputs, ${attrs})`));
  expect(graph.nodes.find(({ op }) => op === 'LeakyRelu')?.attrs.get('alpha')).toEqual(wanted);
});

test.each([
  ['throws', 'undefined.nothing;', "pass 'mine': Cannot read properties of undefined"],
  [
    'gives-a-fraction-for-an-integer',
    replaced(`make.op('Flatten', relu.inputs, { axis: 0.5 })`),
    "pass 'mine': attribute 'axis' is an integer, not 0.5: say float(0.5) for a float",
  ],
  ['removes-what-is-read', 'graph.removeNode(relu);', "pass 'mine'"],
])('a mistake of a pass from outside names its module: %s', async (name, body, message) => {
  const error: unknown = await after(name, body).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(CompileError);
  const { code, at } = (error as CompileError).diagnostic;
  expect([code, at]).toEqual(['PLUGIN_FAILED', { file: join(folder, `${name}.cjs`) }]);
  expect((error as CompileError).message).toContain(message);
});
