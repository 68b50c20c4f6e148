/** The judge is judged: a conversion with a fault must be found different, whatever the fault. */
import { join } from 'node:path';
import { compile, freeSizes } from '../../src/compile';
import { closeModel, readModelFile } from '../../src/files';
import { attributes } from '../../src/ir/attrs';
import type { Graph } from '../../src/ir/graph';
import { Model } from '../../src/ir/model';
import { inferShapes } from '../../src/ir/shape-inference';
import { elementCount, fromNumbers, readNumbers } from '../../src/ir/tensor';
import type { Attr, Node, Tensor } from '../../src/ir/types';
import { modelToBytes } from '../../src/onnx/write';
import { verifyModels } from '../../src/verify/equivalence';
import type { VerifyReport } from '../../src/verify/report';
import { openSession } from '../../src/verify/runtime/node';

const path = join(__dirname, '../../fixtures/models/lenet5.onnx');
const source = readModelFile(path);
afterAll(() => closeModel(source));

/** LeNet5, converted, with a fault put in before it is written. */
async function verdictAfter(fault: (graph: Graph) => void): Promise<VerifyReport> {
  const { model, original, report } = compile(source);
  fault(model.graph);
  inferShapes(model);
  return verifyModels({
    original: { source: path, model: original },
    converted: { source: modelToBytes(model), model },
    windows: report.windows,
    contract: report.contract,
    free: freeSizes,
    open: openSession,
    place: (part) => modelToBytes(part),
  });
}

const convs = (graph: Graph): readonly Node[] => graph.nodes.filter((node) => node.op === 'Conv');
const tensorOf = (node: Node | undefined, slot: number): Tensor => {
  const tensor = node?.inputs[slot]?.constant;
  if (!tensor) throw new Error(`input ${slot} is not a constant`);
  return tensor;
};

/** Another tensor in the place of a weight. */
function replaceWeight(
  graph: Graph,
  node: Node | undefined,
  slot: number,
  change: (numbers: Float64Array, shape: readonly number[]) => ArrayLike<number>,
): void {
  const tensor = tensorOf(node, slot);
  const made = graph.addConstant('sabotage', fromNumbers(tensor.dtype, tensor.shape, change(readNumbers(tensor), tensor.shape)));
  if (node) graph.replaceInput(node, slot, made);
}

/** The same node with other attributes. */
function respell(graph: Graph, node: Node | undefined, attrs: Readonly<Record<string, readonly number[]>>): void {
  const [output] = node?.outputs ?? [];
  if (!node || !output) throw new Error('no such node');
  const copy = graph.addNode({
    op: node.op,
    inputs: node.inputs,
    attrs: new Map<string, Attr>([...node.attrs, ...attributes(attrs)]),
    before: node,
  });
  const [made] = copy.outputs;
  if (made) graph.replaceAllUses(output, made);
  graph.removeNode(node);
}

describe('sabotage', () => {
  test('without a fault the verdict is equal, and every check was made', async () => {
    const report = await verdictAfter(() => {});
    expect(report.verdict).toBe('equal');
    expect(report.checks.map((check) => `${check.name}: ${check.status}`)).toEqual([
      'original size: equal',
      'windows of the map: equal',
      'crops of the image: equal',
      'shifted images: equal',
      'patches elsewhere: equal',
      'edges of the field: equal',
      'stride residues: equal',
      'batches: equal',
    ]);
  });

  test.each<[string, (graph: Graph) => void]>([
    [
      'two filters swapped',
      (graph) =>
        replaceWeight(graph, convs(graph)[2], 1, (numbers, shape) => {
          const size = elementCount(shape.slice(1));
          const swapped = numbers.slice();
          swapped.set(numbers.subarray(size, 2 * size), 0);
          swapped.set(numbers.subarray(0, size), size);
          return swapped;
        }),
    ],
    [
      'a kernel transposed',
      (graph) =>
        replaceWeight(graph, convs(graph)[2], 1, (numbers, [, , rows = 1, columns = 1]) =>
          numbers.map((_, at) => {
            const [cell, place] = [Math.floor(at / (rows * columns)), at % (rows * columns)];
            return numbers[cell * rows * columns + (place % columns) * rows + Math.floor(place / columns)] ?? 0;
          }),
        ),
    ],
    ['a pad off by one', (graph) => respell(graph, convs(graph)[1], { pads: [1, 1, 0, 0] })],
    [
      'a stride of the pool off by one',
      (graph) => respell(graph, graph.nodes.filter((node) => node.op === 'MaxPool')[1], { strides: [1, 2] }),
    ],
    [
      'flattened in the wrong order',
      (graph) =>
        replaceWeight(graph, convs(graph)[2], 1, (numbers, [_outputs = 1, channels = 1, rows = 1, columns = 1]) => {
          const places = rows * columns;
          return numbers.map((_, at) => {
            const [output, rest] = [Math.floor(at / (channels * places)), at % (channels * places)];
            return numbers[output * channels * places + (rest % places) * channels + Math.floor(rest / places)] ?? 0;
          });
        }),
    ],
    ['a bias dropped', (graph) => graph.replaceInput(convs(graph)[3] ?? fail(), 2, undefined)],
    ['an activation dropped', (graph) => dropRelu(graph, 2)],
    ['the last activation dropped', (graph) => dropRelu(graph, 3)],
  ])('%s is found', async (_, fault) => {
    expect((await verdictAfter(fault)).verdict).toBe('different');
  });

  test.each([0, 1, 2, 3, 4])('one weight of layer %i changed by 1 %% is found', async (layer) => {
    // The largest weight of a filter in the middle: a unit that never fires would hide any change of its weights, from every observer.
    const report = await verdictAfter((graph) =>
      replaceWeight(graph, convs(graph)[layer], 1, (numbers) => {
        const changed = numbers.slice();
        const at = numbers.reduce((best, number, index) => (Math.abs(number) > Math.abs(numbers[best] ?? 0) ? index : best), 0);
        changed[at] = (changed[at] ?? 0) * 1.01;
        return changed;
      }),
    );
    expect(report.verdict).toBe('different');
  });

  test('a map that is shifted by one cell is found', async () => {
    const report = await verdictAfter((graph) => respell(graph, convs(graph)[4], { pads: [1, 0, 0, 0] }));
    expect(report.verdict).toBe('different');
  });
});

function fail(): never {
  throw new Error('no such node');
}

function dropRelu(graph: Graph, index: number): void {
  const relu = graph.nodes.filter((node) => node.op === 'Relu')[index];
  const [from, to] = [relu?.inputs[0], relu?.outputs[0]];
  if (!relu || !from || !to) throw new Error('no such node');
  graph.replaceAllUses(to, from);
  graph.removeNode(relu);
}

test('a difference hidden at the original size is found on a larger map', async () => {
  // A padded pool that averages neighbouring cells is the identity on a map of one.
  const { model, original, report } = compile(source);
  const { graph } = model;
  const [output] = graph.outputs;
  if (!output) throw new Error('no output');
  const attrs = attributes({ kernel_shape: [3, 3], pads: [1, 1, 1, 1] });
  const pool = graph.addNode({ op: 'AveragePool', inputs: [output], attrs });
  const [pooled] = pool.outputs;
  if (!pooled) throw new Error('no pool');
  graph.setOutputs([pooled]);
  const name = output.name;
  graph.rename(output, 'hidden');
  graph.rename(pooled, name);
  const faulty = new Model({ graph, irVersion: model.irVersion, opsets: model.opsets });
  inferShapes(faulty);
  const found = await verifyModels({
    original: { source: path, model: original },
    converted: { source: modelToBytes(faulty), model: faulty },
    windows: report.windows,
    contract: report.contract,
    free: freeSizes,
    open: openSession,
    place: (part) => modelToBytes(part),
  });
  expect(found.checks.map((check) => check.status)).toEqual(['equal', ...new Array<string>(6).fill('different'), 'equal']);
});
