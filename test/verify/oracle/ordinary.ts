/** Random classifiers of ordinary make-up: a few convolutions, norms, activations and pools, then a head. The same seed gives the same network. */
import { float } from '../../../src/ir/attrs';
import { Graph } from '../../../src/ir/graph';
import { Model } from '../../../src/ir/model';
import { inferShapes } from '../../../src/ir/shape-inference';
import { fromNumbers } from '../../../src/ir/tensor';
import type { Value } from '../../../src/ir/types';
import { builderAt } from '../../../src/rewrite/builder';
import { random } from '../../support/seeded';

const SIZES = [12, 20, 28, 32, 48, 64, 96, 128, 256] as const;
const ACTIVATIONS = ['Relu', 'LeakyRelu', 'Sigmoid', 'Tanh', 'Softplus', 'HardSwish', 'Elu'] as const;
const HEADS = ['dense', 'pool', 'average pool'] as const;
const ENDS = ['none', 'Sigmoid', 'Softmax'] as const;

export function ordinary(seed: number): { readonly model: Model; readonly name: string } {
  const next = random(seed);
  const below = (n: number): number => Math.floor(next() * n);
  const pick = <T>(items: readonly [T, ...T[]] | readonly T[]): T => {
    const found = items[below(items.length)];
    if (found === undefined) throw new Error('nothing to pick from');
    return found;
  };
  const graph = new Graph('ordinary');
  const model = new Model({ graph });
  const size = pick(SIZES);
  let map: Value = graph.addInput('X', { dtype: 'float', shape: ['N', 3, size, size] });
  const inference = inferShapes(model);
  let count = 0;
  const make = () => {
    const name = `n${count++}`;
    return builderAt({ graph, before: undefined, origin: [name], root: name, inference });
  };
  const weight = (shape: readonly number[], scale: number, around = 0): Value => {
    const numbers = Array.from({ length: shape.reduce((all, dim) => all * dim, 1) }, () => around + scale * (2 * next() - 1));
    return make().constant(`w${count++}`, fromNumbers('float', shape, numbers));
  };
  const sizes = (): readonly [number, number, number] => {
    const [, channels, rows, columns] = map.type?.shape ?? [];
    return [Number(channels), Number(rows), Number(columns)];
  };
  const layers = 1 + below(3) + (size > 64 ? 1 : 0);
  for (let layer = 0; layer < layers; layer++) {
    const [channels, rows] = sizes();
    if (rows < 4) break;
    const outputs = pick([4, 6, 8]);
    const kernel = pick([3, 3, 1, 5].filter((each) => each <= rows));
    const pad = next() < 0.6 ? (kernel - 1) / 2 : 0;
    const stride = size >= 64 || next() < 0.2 ? 2 : 1;
    map = make().op(
      'Conv',
      [map, weight([outputs, channels, kernel, kernel], 1.7 / Math.sqrt(channels * kernel * kernel)), weight([outputs], 0.3)],
      {
        kernel_shape: [kernel, kernel],
        pads: [pad, pad, pad, pad],
        strides: [stride, stride],
      },
    );
    if (next() < 0.4)
      map = make().op(
        'BatchNormalization',
        [map, weight([outputs], 0.3, 1), weight([outputs], 0.3), weight([outputs], 0.3), weight([outputs], 0.4, 1)],
        { epsilon: float(1e-5) },
      );
    map = make().op(pick(ACTIVATIONS), [map]);
    if (next() < 0.4 && sizes()[1] >= 4)
      map = make().op(pick(['MaxPool', 'AveragePool']), [map], { kernel_shape: [2, 2], strides: [2, 2] });
  }
  const [channels, rows, columns] = sizes();
  const head = rows * columns > 400 ? pick(['pool', 'average pool'] as const) : pick(HEADS);
  if (head === 'pool') map = make().op('GlobalAveragePool', [map]);
  if (head === 'average pool') map = make().op('AveragePool', [map], { kernel_shape: [rows, columns] });
  const features = head === 'dense' ? channels * rows * columns : channels;
  let scores = make().op(
    'Gemm',
    [make().op('Flatten', [map], { axis: 1 }), weight([5, features], 3 / Math.sqrt(features)), weight([5], 0.5)],
    {
      transB: 1,
    },
  );
  const end = pick(ENDS);
  if (end === 'Sigmoid' && next() < 0.5) scores = make().op('Sub', [scores, weight([1], 1, 14)]);
  if (end !== 'none') scores = make().op(end, [scores], end === 'Softmax' ? { axis: 1 } : {});
  graph.setOutputs([scores]);
  inferShapes(model);
  return { model, name: `${size}x${size}, ${layers} layers, ${head}, ${end}` };
}
