/** On integers every bit counts: mistakes that rounding would hide are found. */

import { compile } from '../../../src/compile';
import { CompileError } from '../../../src/diagnostics/compile-error';
import { attributes } from '../../../src/ir/attrs';
import type { Graph } from '../../../src/ir/graph';
import type { Model } from '../../../src/ir/model';
import { fromNumbers, readNumbers } from '../../../src/ir/tensor';
import type { Attr, Node } from '../../../src/ir/types';
import { fingerprint, integerOf, integerTensor } from '../../../src/verify/exact/integers';
import { verifyFiles } from '../../../src/verify/files/verify';
import { formatVerifyReport, type VerifyReport } from '../../../src/verify/report';
import { junit } from '../../../src/verify/suite/junit';
import { parseGraph } from '../../support/expect-pass';
import { randomNetwork } from '../../support/random-network';

// A busy machine takes its time.
jest.setTimeout(60_000);

const HEADER = '<ir_version: 9, opset_import: ["" : 18]>';
const network = (tail = 'Y = Gemm <transB = 1> (rg, W2)'): Model =>
  parseGraph(`${HEADER} g (float[1, 3, 16, 18] X) => (float[1, 6] Y)
  <float[8, 3, 3, 3] K0, float[8] S0, float[8] B0, float[8] M0, float[8] var0, float[8, 8, 3, 3] K1, float[10, 8, 3, 3] K3, float[10] b3,
   float[7, 200] W1, float[7] b1, float[6, 7] W2> {
    c0 = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (X, K0)
    n0 = BatchNormalization (c0, S0, B0, M0, var0)
    r0 = Relu (n0)
    p0 = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (r0)
    c1 = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (p0, K1)
    a1 = Add (c1, p0)
    r1 = Relu (a1)
    c3 = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1], strides = [2, 2]> (r1, K3, b3)
    r3 = Relu (c3)
    ap = AveragePool <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (r3)
    fl = Flatten (ap)
    g1 = Gemm <transB = 1> (fl, W1, b1)
    rg = Relu (g1)
    ${tail}
  }`);
const exactly = (a: Model, b: Model, samples = 4): Promise<VerifyReport> => verifyFiles(a, b, { exact: true, samples });
const converted = (model: Model, change: (graph: Graph) => void = () => {}): Model => {
  const made = compile(model).model;
  change(made.graph);
  return made;
};
const nth = (graph: Graph, op: string, at: number): Node => {
  const node = graph.nodes.filter((each) => each.op === op)[at];
  if (!node) throw new Error(`no ${op} ${at}`);
  return node;
};
/** Another weight under the same name, as a file has it that was tampered with. */
function changed(graph: Graph, node: Node, change: (numbers: Float64Array) => void, slot = 1): void {
  const weight = node.inputs[slot];
  const tensor = weight?.constant;
  if (!weight || !tensor) throw new Error('no weight');
  const numbers = readNumbers(tensor);
  change(numbers);
  const { name } = weight;
  const made = graph.addConstant('sabotage', fromNumbers(tensor.dtype, tensor.shape, numbers));
  graph.replaceAllUses(weight, made);
  graph.rename(weight, 'untouched');
  graph.rename(made, name);
}
/** The two elements of a filter that are nearest to each other, and not the same. */
function nearest(numbers: Float64Array): readonly [number, number] {
  const order = [...numbers.keys()].sort((a, b) => (numbers[a] ?? 0) - (numbers[b] ?? 0));
  let best: readonly [number, number] = [0, 1];
  let least = Number.POSITIVE_INFINITY;
  for (let at = 1; at < order.length; at++) {
    const [a = 0, b = 0] = [order[at - 1], order[at]];
    const apart = Math.abs((numbers[a] ?? 0) - (numbers[b] ?? 0));
    if (apart > 0 && apart < least) [least, best] = [apart, [a, b]];
  }
  return best;
}

describe('integers', () => {
  const bitsOf = (value: number): number => new Uint32Array(Float32Array.of(value).buffer)[0] ?? 0;

  test('the same float is the same integer, its negative the negative, and neighbours mostly are others', () => {
    const values = Array.from({ length: 2000 }, (_, at) => Math.fround(0.1 + at * 2 ** -26));
    for (const value of values.slice(0, 100)) expect(integerOf(bitsOf(-value), 1, 'weight')).toBe(-integerOf(bitsOf(value), 1, 'weight'));
    expect(integerOf(bitsOf(0), 1, 'weight')).toBe(0);
    const made = values.map((value) => integerOf(bitsOf(value), 1, 'weight'));
    expect([...new Set(made)].sort((a, b) => a - b)).toEqual([-3, -2, -1, 1, 2, 3]);
    // A run of the same float counts once.
    const different = values.filter((value, at) => at > 0 && value !== values[at - 1]).length;
    const apart = made.filter((each, at) => at > 0 && values[at] !== values[at - 1] && each !== made[at - 1]).length;
    expect(apart / different).toBeGreaterThan(0.75);
  });

  test('norms get scales and variances whose quotient is exact', () => {
    for (let at = 1; at < 100; at++) {
      expect([1, 4]).toContain(integerOf(bitsOf(at / 7), 3, 'variance'));
      expect([2, -2]).toContain(integerOf(bitsOf(at / 7), 3, 'scale'));
    }
  });

  test('a fingerprint does not know order, shape and sign, but every number', () => {
    const tensor = fromNumbers('float', [2, 3], [1, 2, 3, 4, 5, 6]);
    expect(fingerprint(fromNumbers('float', [6], [6, 5, -4, 3, 2, 1]))).toBe(fingerprint(tensor));
    expect(fingerprint(fromNumbers('float', [6], [6, 5, 4, 3, 2, 1.0000001]))).not.toBe(fingerprint(tensor));
    expect([...readNumbers(integerTensor(tensor, 1, 'weight'))].every((each) => Number.isInteger(each) && Math.abs(each) <= 3)).toBe(true);
  });
});

describe('a conversion', () => {
  test('is equal in every bit, the whole of it, a folded norm and an average too', async () => {
    const report = await exactly(network(), converted(network()));
    expect([report.verdict, report.exact?.isWhole, report.exact?.stops]).toEqual(['equal', true, []]);
    expect(report.exact?.alive).toBeGreaterThan(0.1);
    expect(report.exact?.reduced).toBeGreaterThan(2);
  });

  test('is equal at every level of folding, and folded only', async () => {
    for (const optimise of [0, 1] as const)
      expect((await exactly(network(), compile(network(), { optimise }).model, 2)).verdict).toBe('equal');
    expect((await exactly(network(), compile(network(), { head: 'original' }).model, 2)).verdict).toBe('equal');
  });

  test.each<[string, (graph: Graph) => void, string | undefined]>([
    ['two nearly equal weights of a convolution change places', (graph) => swap(graph, nth(graph, 'Conv', 1)), 'a1'],
    ['of the fully connected layer', (graph) => swap(graph, nth(graph, 'Conv', 3)), undefined],
    ['of a convolution with a norm in it', (graph) => swap(graph, nth(graph, 'Conv', 0)), 'n0'],
    ['two biases change places', (graph) => changed(graph, nth(graph, 'Conv', 2), (numbers) => numbers.reverse(), 2), 'c3'],
    ['a pad is moved', (graph) => respell(graph, nth(graph, 'Conv', 1), { pads: [2, 1, 0, 1] }), 'a1'],
    ['a stride is another', (graph) => respell(graph, nth(graph, 'MaxPool', 0), { strides: [2, 1], pads: [0, 0, 0, 0] }), undefined],
    ['padding counts in an average', (graph) => respell(graph, nth(graph, 'AveragePool', 0), { count_include_pad: 1 }), 'ap'],
    ['an activation lets negative numbers through', (graph) => graph.respell(nth(graph, 'Relu', 2), { opType: 'LeakyRelu' }), 'r3'],
  ])('%s: found', async (_, fault, value) => {
    const report = await exactly(network(), converted(network(), fault));
    expect(report.verdict).toBe('different');
    if (value !== undefined) expect(report.departure?.value).toBe(value);
  });

  test('a swap of two weights that are next to each other is far below what an ordinary comparison allows', async () => {
    const original = network();
    changed(original.graph, nth(original.graph, 'Gemm', 0), (numbers) => {
      numbers[5] = 0.25;
      numbers[6] = 0.25 * (1 + 2 ** -22);
    });
    const wrong = converted(original, (graph) =>
      changed(graph, nth(graph, 'Conv', 3), (numbers) => {
        [numbers[5], numbers[6]] = [numbers[6] ?? 0, numbers[5] ?? 0];
      }),
    );
    expect((await verifyFiles(original, wrong, { samples: 7 })).verdict).toBe('equal');
    const report = await exactly(original, wrong);
    expect([report.verdict, report.departure?.value]).toEqual(['different', 'g1_Conv']);
  });

  test('a weight that is off by one unit in the last place is not what the conversion gives', async () => {
    const wrong = converted(network(), (graph) =>
      changed(graph, nth(graph, 'Conv', 2), (numbers) => {
        numbers[7] = (numbers[7] ?? 0) * (1 + 2 ** -23);
      }),
    );
    const report = await exactly(network(), wrong);
    expect([report.verdict, report.exact?.altered, report.exact?.isWhole]).toEqual(['different', ['K3'], false]);
    expect(formatVerifyReport(report)).toContain('weights with other numbers than this conversion gives');
  });
});

test('random networks, folded, are equal as far as they can be run', async () => {
  const verdicts: string[] = [];
  for (let seed = 1; seed <= 12; seed++) {
    const model = randomNetwork(seed, 3 + (seed % 9));
    const report = await exactly(model, compile(model, { head: 'original' }).model, 1).catch((error: unknown) => {
      if (error instanceof CompileError && error.code === 'NOT_EXACT') return undefined;
      throw error;
    });
    if (report) verdicts.push(report.verdict);
  }
  expect(verdicts.length).toBeGreaterThan(8);
  expect(verdicts.filter((verdict) => verdict !== 'equal')).toEqual([]);
});

describe('other pairs', () => {
  test('another layout of the same weights is equal', async () => {
    const [one, other] = [
      `g (float[1, 6] X) => (float[1, 5] Y) <float[5, 6] W> { Y = Gemm <transB = 1> (X, W) }`,
      `g (float[1, 6] X) => (float[1, 5] Y) <float[5, 6] W> { T = Transpose <perm = [1, 0]> (W) Y = MatMul (X, T) }`,
    ].map((text) => parseGraph(`${HEADER} ${text}`));
    if (!one || !other) throw new Error('no models');
    expect((await exactly(one, other)).verdict).toBe('equal');
  });

  test('a factor of one and a term of zero may be left out; a pool of four may stand in front of a convolution', async () => {
    const model = (body: string): Model =>
      parseGraph(`${HEADER} g (float[1, 3, 8, 8] X) => (float[1, 4, 3, 3] Y) <float[4, 3, 1, 1] K, float[2, 4, 1, 1] L> { ${body} }`);
    const conv = 'Conv <kernel_shape = [1, 1]>';
    const pool = 'AveragePool <kernel_shape = [2, 2], strides = [2, 2]>';
    const whole = model(`o = Constant <value = float {1}> () z = Constant <value = float {0}> ()
      a = Relu (X) b = Mul (a, o) c = Add (b, z) d = ${conv} (c, K) e = ${pool} (d) Y = MaxPool <kernel_shape = [2, 2]> (e)`);
    const less = model(`a = Relu (X) e0 = ${pool} (a) e = ${conv} (e0, K) Y = MaxPool <kernel_shape = [2, 2]> (e)`);
    const report = await exactly(whole, less);
    expect([report.verdict, report.exact?.isWhole]).toEqual(['equal', true]);
  });

  test('a Dropout that is left out does not end it', async () => {
    const model = network('half = Constant <value = float {0.5}> () d = Dropout (rg, half) Y = Gemm <transB = 1> (d, W2)');
    expect((await exactly(model, converted(model), 1)).exact?.isWhole).toBe(true);
  });

  test('what is not exact ends it, and is named', async () => {
    const model = network('s = Sigmoid (rg) Y = Gemm <transB = 1> (s, W2)');
    const report = await exactly(model, converted(model));
    expect(report.verdict).toBe('equal');
    expect([report.exact?.isWhole, report.exact?.stops[0]?.op]).toEqual([false, 'Sigmoid']);
    // The verdict says of how much it speaks, wherever it is read.
    const judged = `${report.exact?.nodes} of ${report.exact?.of} nodes judged`;
    expect(report.exact?.nodes).toBeLessThan(report.exact?.of ?? 0);
    expect(report.checks[0]?.note).toBe(judged);
    expect(formatVerifyReport(report)).toContain(`equal, ${judged} (`);
    const pair = { name: 'pair', original: 'a.onnx', converted: 'b.onnx', report };
    expect(junit({ format: 'convolutionize verify', version: 1, program: '1', started: 0, pairs: [pair] })).toContain(
      `name="convolutionize.judged" value="${judged}"`,
    );
    expect(report.exact?.compared).toContain('rg_Relu');
    // Behind it nothing is seen; in front of it everything is.
    expect(
      (
        await exactly(
          model,
          converted(model, (graph) => swap(graph, nth(graph, 'Conv', 1))),
        )
      ).verdict,
    ).toBe('different');
  });

  test('a network that begins with such a node cannot be compared', async () => {
    const model = parseGraph(`${HEADER} g (float[1, 3, 4, 4] X) => (float[1, 3, 4, 4] Y) { Y = Sigmoid (X) }`);
    await expect(exactly(model, model.clone())).rejects.toThrow(CompileError);
    await expect(exactly(model, model.clone())).rejects.toMatchObject({ code: 'NOT_EXACT' });
  });
});

function swap(graph: Graph, node: Node): void {
  changed(graph, node, (numbers) => {
    const size = numbers.length / 2;
    // Within one filter or row, so that nothing else changes.
    const [a, b] = nearest(numbers.subarray(0, Math.min(size, 27)));
    [numbers[a], numbers[b]] = [numbers[b] ?? 0, numbers[a] ?? 0];
  });
}

function respell(graph: Graph, node: Node, attrs: Readonly<Record<string, number | readonly number[]>>): void {
  graph.respell(node, { attrs: new Map<string, Attr>([...node.attrs, ...attributes(attrs)]) });
}
