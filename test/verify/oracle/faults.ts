/**
 * Ways in which a conversion can be wrong and look right at its own size: each changes the graph of a right conversion, so that the original size is as it was.
 * Kinds, not instances: what a compiler that believes something wrong about positions, sizes, batches or numbers would write.
 */
import { attributes } from '../../../src/ir/attrs';
import type { Model } from '../../../src/ir/model';
import { inferShapes } from '../../../src/ir/shape-inference';
import { fromNumbers, int64s, scalar } from '../../../src/ir/tensor';
import type { Value } from '../../../src/ir/types';

/** Returns false where the network has no place for it. */
export type Fault = (model: Model) => boolean;

/** Puts nodes between what computes an output and the output. */
function behind(output: number, make: (at: Editor, map: Value) => Value): Fault {
  return (model) => {
    const { graph } = model;
    const value = graph.outputs[output];
    if (!value) return false;
    const { name } = value;
    const made = make(new Editor(model), value);
    graph.setOutputs(graph.outputs.map((each) => (each === value ? made : each)));
    graph.rename(value, `${name}_right`);
    graph.rename(made, name);
    inferShapes(model);
    return true;
  };
}

/** Puts nodes between the image and the network. */
function inFront(make: (at: Editor, image: Value) => Value): Fault {
  return (model) => {
    const [image] = model.graph.inputs;
    if (!image) return false;
    const readers = [...image.uses];
    const made = make(new Editor(model, model.graph.nodes[0]), image);
    for (const { user, slot } of readers) model.graph.replaceInput(user, slot, made);
    inferShapes(model);
    return true;
  };
}

class Editor {
  constructor(
    private readonly model: Model,
    private readonly before = undefined as Value['producer'],
  ) {}
  op(op: string, inputs: readonly Value[], attrs: Parameters<typeof attributes>[0] = {}): Value {
    const node = this.model.graph.addNode({ op, inputs, attrs: attributes(attrs), ...(this.before && { before: this.before }) });
    const [made] = node.outputs;
    if (!made) throw new Error('no output');
    return made;
  }
  ints(numbers: readonly number[]): Value {
    return this.model.graph.addConstant('ints', int64s(numbers));
  }
  number(value: number): Value {
    return this.model.graph.addConstant('number', scalar('float', value));
  }
  numbers(shape: readonly number[], values: readonly number[]): Value {
    return this.model.graph.addConstant('numbers', fromNumbers('float', shape, values));
  }
  slice(x: Value, starts: readonly number[], ends: readonly number[], axes: readonly number[], steps?: readonly number[]): Value {
    return this.op('Slice', [x, this.ints(starts), this.ints(ends), this.ints(axes), this.ints(steps ?? starts.map(() => 1))]);
  }
  /** A length of the value, less what it is at the original size: 0 there. */
  excess(x: Value, axis: number, own: number): Value {
    const size = this.op('Gather', [this.op('Shape', [x]), this.ints([axis])]);
    return this.op('Cast', [this.op('Sub', [size, this.ints([own])])], { to: 1 });
  }
  plus(map: Value, amount: Value): Value {
    return this.op('Add', [map, amount]);
  }
}

const LAST = 2 ** 31 - 1;

export const FAULTS: ReadonlyMap<string, Fault> = new Map<string, Fault>([
  ['mirrored', behind(0, (at, map) => at.slice(map, [-1], [-LAST], [3], [-1]))],
  ['transposed', behind(0, (at, map) => at.op('Transpose', [map], { perm: [0, 1, 3, 2] }))],
  [
    'half of it from a mirrored branch',
    behind(0, (at, map) => at.op('Mul', [at.op('Add', [map, at.slice(map, [-1], [-LAST], [2], [-1])]), at.number(0.5)])),
  ],
  // Every cell holds what its neighbour should; the first stays.
  [
    'shifted by one cell',
    behind(0, (at, map) => at.op('Concat', [at.slice(map, [0], [1], [3]), at.slice(map, [0], [-1], [3])], { axis: 3 })),
  ],
  ['a slice that stays', behind(0, (at, map) => at.op('Expand', [at.slice(map, [0, 0], [1, 1], [2, 3]), at.op('Shape', [map])]))],
  [
    'the last cells in place of the first',
    behind(0, (at, map) => at.op('Expand', [at.slice(map, [-1], [LAST], [2]), at.op('Shape', [map])])),
  ],
  [
    'a coordinate',
    behind(0, (at, map) => {
      const ones = at.op('Add', [at.op('Mul', [map, at.number(0)]), at.number(1)]);
      const rows = at.op('CumSum', [ones, at.ints([2])]);
      return at.plus(map, at.op('Mul', [at.op('Sub', [rows, at.number(1)]), at.number(0.3)]));
    }),
  ],
  [
    'a mean over the whole map',
    behind(0, (at, map) => at.op('Expand', [at.op('ReduceMean', [map, at.ints([2, 3])], { keepdims: 1 }), at.op('Shape', [map])])),
  ],
  [
    'a share of the mean over the whole map',
    behind(0, (at, map) => {
      const mean = at.op('ReduceMean', [map, at.ints([2, 3])], { keepdims: 1 });
      return at.op('Add', [at.op('Mul', [map, at.number(0.9)]), at.op('Mul', [mean, at.number(0.1)])]);
    }),
  ],
  [
    'neighbours averaged at the border only',
    behind(0, (at, map) => at.op('AveragePool', [map], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] })),
  ],
  [
    'one cell at the last border moved',
    behind(0, (at, map) => {
      const inner = at.slice(map, [0], [-1], [3]);
      const last = at.slice(map, [-1], [LAST], [3]);
      const first = at.slice(map, [0], [1], [3]);
      return at.op('Concat', [inner, at.op('Add', [at.op('Mul', [last, at.number(0.5)]), at.op('Mul', [first, at.number(0.5)])])], {
        axis: 3,
      });
    }),
  ],
  [
    'beyond 1,000 pixels only',
    inFront((at, image) => {
      const more = at.op('Relu', [at.op('Sub', [at.excess(image, 3, 0), at.number(1000)])]);
      return at.plus(image, at.op('Min', [more, at.number(1)]));
    }),
  ],
  [
    'at odd sizes only',
    inFront((at, image) => {
      const size = at.op('Gather', [at.op('Shape', [image]), at.ints([2])]);
      return at.plus(image, at.op('Cast', [at.op('Mod', [size, at.ints([2])])], { to: 1 }));
    }),
  ],
  [
    'the larger the image the larger the scores',
    behind(0, (at, map) => at.op('Mul', [map, at.op('Add', [at.number(1), at.op('Mul', [at.excess(map, 2, 1), at.number(0.1)])])])),
  ],
  ['batches only', behind(0, (at, map) => at.op('Expand', [at.slice(map, [0], [1], [0]), at.op('Shape', [map])]))],
  [
    'only in the second output',
    behind(1, (at, map) => at.op('Concat', [at.slice(map, [0], [1], [2]), at.slice(map, [0], [-1], [2])], { axis: 2 })),
  ],
  [
    'NaN for large inputs',
    (model) => {
      const [image] = model.graph.inputs;
      if (!image) return false;
      return behind(0, (at, map) => {
        const large = at.op('Exp', [at.op('ReduceMax', [image], { keepdims: 0 })]);
        return at.plus(map, at.op('Mul', [large, at.number(0)]));
      })(model);
    },
  ],
]);
