import { summarise } from '../../src/analysis/summary';
import { attributes } from '../../src/ir/attrs';
import { Graph } from '../../src/ir/graph';
import { Model } from '../../src/ir/model';
import { fromNumbers } from '../../src/ir/tensor';
import type { Dim } from '../../src/ir/types';

/** One 3x3 convolution over an image of the given height and width. */
function model(height: Dim, width: Dim, metadata: Record<string, string> = {}): Model {
  const graph = new Graph('g');
  const x = graph.addInput('x', { dtype: 'float', shape: ['N', 1, height, width] });
  const w = graph.addConstant('w', fromNumbers('float', [2, 1, 3, 3], new Array(18).fill(1)));
  graph.setOutputs(graph.addNode({ op: 'Conv', inputs: [x, w], attrs: attributes({ kernel_shape: [3, 3] }), outputs: ['y'] }).outputs);
  return new Model({ graph, metadata: new Map(Object.entries(metadata)) });
}

test('lists a model at the size that its file gives', () => {
  const summary = summarise(model(6, 8));
  expect(summary.list.multiplyAdds).toBe(2 * 4 * 6 * 9);
  expect(summary.list.layers[0]?.outputs[0]?.type?.shape).toEqual(['N', 2, 4, 6]);
  expect(summary.at).toMatchObject({ chosen: false, windows: [{ height: 6, width: 8 }] });
});

test('lists a model of open size at the size asked for', () => {
  const source = model('height', 'width');
  const summary = summarise(source, { lengths: [5, 5] });
  expect(summary.list.multiplyAdds).toBe(2 * 3 * 3 * 9);
  expect(summary.at?.chosen).toBe(true);
  // The file's own types stay what they are.
  expect(summary.inputs[0]?.type?.shape).toEqual(['N', 1, 'height', 'width']);
  expect(source.graph.inputs[0]?.type?.shape).toEqual(['N', 1, 'height', 'width']);
});

test('lists a converted model at its window', () => {
  const summary = summarise(model('height', 'width', { 'convolutionize.window': '{"x":[4,7]}' }));
  expect(summary.list.multiplyAdds).toBe(2 * 2 * 5 * 9);
  expect(summary.at).toMatchObject({ chosen: true, windows: [{ input: 'x', height: 4, width: 7 }] });
  expect(summary.list.layers[0]?.outputs[0]?.type?.shape).toEqual(['N', 2, 2, 5]);
});

test.each(['', 'no', '[]', 'null', '{"x":[4]}', '{"x":[-4,7]}', '{"y":[4,7]}', '{"x":"4x7"}'])(
  'does not believe the metadata %j',
  (window) => {
    expect(summarise(model('height', 'width', { 'convolutionize.window': window })).at).toBeUndefined();
  },
);

test('admits that it does not know the products of a model of open size', () => {
  const summary = summarise(model('height', 'width'));
  expect(summary.at).toBeUndefined();
  expect(summary.list).toMatchObject({ parameters: 18, complete: false });
  expect(summary.list.layers[0]?.multiplyAdds).toBeUndefined();
});

test('refuses a size that contradicts the file', () => {
  expect(() => summarise(model(6, 8), { lengths: [5, 5] })).toThrow(expect.objectContaining({ code: 'INPUT_SIZE_CONFLICT' }));
});
