/** LeNet5, converted, with a fault that few inputs show: one size in four, a batch, numbers of 10^6, far cells of a large map, one of two outputs. Each must be found. */
import { join } from 'node:path';
import { compile } from '../../src/compile';
import { closeModel, readModelFile } from '../../src/files';
import { attributes } from '../../src/ir/attrs';
import type { Graph } from '../../src/ir/graph';
import { fromNumbers, int64s, scalar } from '../../src/ir/tensor';
import type { Value } from '../../src/ir/types';
import { modelToBytes } from '../../src/onnx/write';
import { verifyFiles } from '../../src/verify/files/verify';
import { parseGraph } from '../support/expect-pass';

const path = join(__dirname, '../../fixtures/models/lenet5.onnx');
const source = readModelFile(path);
afterAll(() => closeModel(source));

/** Nodes behind an output, which goes on under its own name. */
class Behind {
  constructor(
    readonly graph: Graph,
    readonly image: Value,
  ) {}
  op(op: string, inputs: readonly Value[], attrs: Parameters<typeof attributes>[0] = {}): Value {
    const [made] = this.graph.addNode({ op, inputs, attrs: attributes(attrs, op) }).outputs;
    if (!made) throw new Error(`${op} gives nothing`);
    return made;
  }
  ints(...numbers: readonly number[]): Value {
    return this.graph.addConstant('ints', int64s(numbers));
  }
  number(value: number): Value {
    return this.graph.addConstant('number', scalar('float', value));
  }
  slice(x: Value, axis: number, from: number, to: number, step = 1): Value {
    return this.op('Slice', [x, this.ints(from), this.ints(to), this.ints(axis), this.ints(step)]);
  }
}

type Fault = (graph: Graph) => void;

/** What `fault` makes of an output, under the name of the output. */
const behind =
  (name: string, fault: (scores: Value, make: Behind) => Value): Fault =>
  (graph) => {
    const [output, image] = [graph.outputs.find((each) => each.name === name), graph.inputs[0]];
    if (!output || !image) throw new Error('no such output');
    const made = fault(output, new Behind(graph, image));
    graph.setOutputs(graph.outputs.map((each) => (each === output ? made : each)));
    graph.rename(output, `${name}_before`);
    graph.rename(made, name);
  };
const scored = (fault: (scores: Value, make: Behind) => Value): Fault => behind('scores', fault);

const pools = (graph: Graph) => graph.nodes.filter(({ op }) => op === 'MaxPool');
const roundUp =
  (at: number) =>
  (graph: Graph): void => {
    const pool = pools(graph)[at];
    if (pool) graph.respell(pool, { attrs: new Map([...pool.attrs, ['ceil_mode', { kind: 'int', value: 1 }]]) });
  };
const END = 2 ** 31 - 1;
/** Nothing, unless it overflows. */
const nothing = (make: Behind, of: Value): Value => make.op('Mul', [make.op('Exp', [of]), make.number(0)]);

const FAULTS: readonly (readonly [string, Fault])[] = [
  // As they were handed over.
  ['the map transposed', scored((scores, make) => make.op('Transpose', [scores], { perm: [0, 1, 3, 2] }))],
  ['the first pool rounded up, wrong at one size in four', roundUp(0)],
  [
    'each picture of a batch has the scores of the first',
    scored((scores, make) => make.op('Expand', [make.slice(scores, 0, 0, 1), make.op('Shape', [scores])])),
  ],
  [
    'not a number for pictures of large numbers',
    scored((scores, make) => make.op('Add', [scores, nothing(make, make.op('ReduceMax', [make.image], { keepdims: 0 }))])),
  ],
  // Siblings of them.
  [
    'the third picture of a batch has other scores',
    scored((scores, make) =>
      make.op('Concat', [make.slice(scores, 0, 0, 2), make.op('Mul', [make.slice(scores, 0, 2, END), make.number(1.01)])], { axis: 0 }),
    ),
  ],
  [
    'no scores for pictures of tiny numbers',
    scored((scores, make) => {
      const largest = make.op('ReduceMax', [make.op('Abs', [make.image])], { keepdims: 0 });
      return make.op('Where', [make.op('Less', [largest, make.number(1e-3)]), make.number(0), scores]);
    }),
  ],
  [
    'not a number for pictures of large negative numbers',
    scored((scores, make) =>
      make.op('Add', [scores, nothing(make, make.op('Neg', [make.op('ReduceMin', [make.image], { keepdims: 0 })]))]),
    ),
  ],
  [
    'the last rows of a map of 24 and more are another factor',
    scored((scores, make) =>
      make.op('Concat', [make.slice(scores, 2, 0, 20), make.op('Mul', [make.slice(scores, 2, 20, END), make.number(1.01)])], { axis: 2 }),
    ),
  ],
];

test.each(FAULTS)('%s', async (_, fault) => {
  const { model } = compile(source);
  fault(model.graph);
  expect((await verifyFiles(path, modelToBytes(model))).verdict).toBe('different');
});

test.each(['Y', 'Z'])('a fault in output %s of two', async (name) => {
  const original = parseGraph(`<ir_version: 9, opset_import: ["" : 17]> g (float[N, 3, 12, 12] X) => (float[N, 5] Y, float[N, 4] Z)
    <float[4, 3, 3, 3] K, float[5, 100] W, float[4, 100] V> {
      C = Conv (X, K) R = Relu (C) P = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (R) F = Flatten (P)
      Y = Gemm <transB = 1> (F, W) Z = Gemm <transB = 1> (F, V) }`);
  const { model } = compile(original);
  expect((await verifyFiles(original, modelToBytes(model))).verdict).toBe('equal');
  behind(name, (scores, make) => make.op('Add', [scores, make.graph.addConstant('term', fromNumbers('float', [1, 1, 1, 1], [0.01]))]))(
    model.graph,
  );
  expect((await verifyFiles(original, modelToBytes(model))).verdict).toBe('different');
});
