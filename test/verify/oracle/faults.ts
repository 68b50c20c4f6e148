/**
 * Ways in which a conversion can be wrong and look right at its own size: each changes the graph of a right conversion, so that the original size is as it was.
 * Kinds, not instances: what a compiler that believes something wrong about positions, sizes, batches or numbers would write.
 */
import type { Contract } from '../../../src/analysis/contract';
import { meanedMap } from '../../../src/analysis/meaned-map';
import type { AxisField } from '../../../src/analysis/receptive-field';
import { attributes } from '../../../src/ir/attrs';
import type { Model } from '../../../src/ir/model';
import { inferShapes } from '../../../src/ir/shape-inference';
import { fromNumbers, int64s, scalar } from '../../../src/ir/tensor';
import type { Value } from '../../../src/ir/types';
import { pixelStride } from '../../../src/operators/pixel-stride';

/** Returns the reason where the network has no place for it. `rows`: of the original's image, along its first axis. */
export type Fault = (model: Model, rows: number) => string | undefined;

/** Puts nodes between what computes an output and the output; of a mean over a map, between the map and the mean. */
function behind(output: number, make: (at: Editor, map: Value, axes: Axes) => Value): Fault {
  return (model, rows) => {
    const { graph } = model;
    const value = graph.outputs[output];
    if (!value) return 'it has no second output';
    const map = meanedMap(value) ?? value;
    const rank = map.type?.shape?.length ?? 0;
    if (rank < 3) return 'the output is no map, and no mean over one';
    const axes = { first: 2, last: rank - 1, all: Array.from({ length: rank - 2 }, (_, axis) => axis + 2) };
    if (map !== value) {
      const readers = [...map.uses];
      const order = graph.nodes.filter((node) => readers.some(({ user }) => user === node));
      const made = make(new Editor(model, rows, order[0]), map, axes);
      for (const { user, slot } of readers) graph.replaceInput(user, slot, made);
    } else {
      const { name } = value;
      const made = make(new Editor(model, rows), value, axes);
      graph.setOutputs(graph.outputs.map((each) => (each === value ? made : each)));
      graph.rename(value, `${name}_right`);
      graph.rename(made, name);
    }
    inferShapes(model);
    return undefined;
  };
}

/** Places of the first and the last spatial axis, and of all. */
interface Axes {
  readonly first: number;
  readonly last: number;
  readonly all: readonly number[];
}

/** Puts nodes between the image and the network. undefined: there is no such residue. */
function inFront(make: (at: Editor, image: Value) => Value | undefined): Fault {
  return (model, rows) => {
    const [image] = model.graph.inputs;
    if (!image) return 'it has no image';
    const readers = [...image.uses];
    const made = make(new Editor(model, rows, model.graph.nodes[0]), image);
    if (!made) return FEW_RESIDUES;
    for (const { user, slot } of readers) model.graph.replaceInput(user, slot, made);
    inferShapes(model);
    return undefined;
  };
}
const FEW_RESIDUES = 'its stride has no such residue, or none but those that are tried first';

class Editor {
  get graph(): Model['graph'] {
    return this.model.graph;
  }
  constructor(
    private readonly model: Model,
    readonly rows: number,
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

/** The last axis of an image whose channels come first. */
const lastOf = ({ type }: Value): number => (type?.shape?.length ?? 4) - 1;

/** Kinds of which a second output gets its own. */
const OF_MAPS: readonly (readonly [string, (at: Editor, map: Value, axes: Axes) => Value])[] = [
  ['mirrored', (at, map, { last }) => at.slice(map, [-1], [-LAST], [last], [-1])],
  // Every cell holds what its neighbour should; the first stays.
  [
    'shifted by one cell',
    (at, map, { last }) => at.op('Concat', [at.slice(map, [0], [1], [last]), at.slice(map, [0], [-1], [last])], { axis: last }),
  ],
  [
    'a slice that stays',
    (at, map, { all }) =>
      at.op('Expand', [
        at.slice(
          map,
          all.map(() => 0),
          all.map(() => 1),
          all,
        ),
        at.op('Shape', [map]),
      ]),
  ],
  [
    'the last cells in place of the first',
    (at, map, { first }) => at.op('Expand', [at.slice(map, [-1], [LAST], [first]), at.op('Shape', [map])]),
  ],
  [
    'a coordinate',
    (at, map, { first }) => {
      const ones = at.op('Add', [at.op('Mul', [map, at.number(0)]), at.number(1)]);
      const rows = at.op('CumSum', [ones, at.ints([first])]);
      return at.plus(map, at.op('Mul', [at.op('Sub', [rows, at.number(1)]), at.number(0.3)]));
    },
  ],
  [
    'a mean over the whole map',
    (at, map, { all }) => at.op('Expand', [at.op('ReduceMean', [map, at.ints(all)], { keepdims: 1 }), at.op('Shape', [map])]),
  ],
  [
    'one cell at the last border moved',
    (at, map, { last }) => {
      const inner = at.slice(map, [0], [-1], [last]);
      const end = at.slice(map, [-1], [LAST], [last]);
      const first = at.slice(map, [0], [1], [last]);
      return at.op('Concat', [inner, at.op('Add', [at.op('Mul', [end, at.number(0.5)]), at.op('Mul', [first, at.number(0.5)])])], {
        axis: last,
      });
    },
  ],
];

/** What happens at one size of the image in so many only, counted from the original size: 0 at the others. */
function residue(at: Editor, image: Value, step: number): Value | undefined {
  const [output] = at.graph.outputs;
  const stride = output ? (pixelStride(meanedMap(output) ?? output)[0] ?? 1) : 1;
  // The smaller strides have no residues but those that are tried first.
  if (!Number.isInteger(stride) || stride < 4 || step >= stride) return undefined;
  const size = at.op('Gather', [at.op('Shape', [image]), at.ints([2])]);
  const rest = at.op('Mod', [at.op('Sub', [size, at.ints([at.rows])]), at.ints([stride])]);
  return at.op('Cast', [at.op('Equal', [rest, at.ints([step])])], { to: 7 });
}
const asFloat = (at: Editor, number: Value): Value => at.op('Cast', [number], { to: 1 });

/** What cells look at is said of no mean, and of no cell that looks at the whole image. */
export const OF_FIELDS = 'a pixel beyond the field, with a weight of 1e-7';

export const FAULTS: ReadonlyMap<string, Fault> = new Map<string, Fault>([
  ...OF_MAPS.map(([name, make]) => [name, behind(0, make)] as const),
  ...OF_MAPS.map(([name, make]) => [`${name}, in the second output only`, behind(1, make)] as const),
  [
    'transposed',
    (model, rows) =>
      (model.graph.outputs[0]?.type?.shape?.length ?? 0) < 4
        ? 'it has one axis'
        : behind(0, (at, map, { all, last }) => at.op('Transpose', [map], { perm: [0, 1, ...all.slice(0, -2), last, last - 1] }))(
            model,
            rows,
          ),
  ],
  [
    'half of it from a mirrored branch',
    behind(0, (at, map, { first }) => at.op('Mul', [at.op('Add', [map, at.slice(map, [-1], [-LAST], [first], [-1])]), at.number(0.5)])),
  ],
  [
    'a share of the mean over the whole map',
    behind(0, (at, map, { all }) => {
      const mean = at.op('ReduceMean', [map, at.ints(all)], { keepdims: 1 });
      return at.op('Add', [at.op('Mul', [map, at.number(0.9)]), at.op('Mul', [mean, at.number(0.1)])]);
    }),
  ],
  [
    'neighbours averaged at the border only',
    behind(0, (at, map, { all }) =>
      at.op('AveragePool', [map], { kernel_shape: all.map(() => 3), pads: [...all.map(() => 1), ...all.map(() => 1)] }),
    ),
  ],
  [
    'beyond 1,000 pixels only',
    inFront((at, image) => {
      const more = at.op('Relu', [at.op('Sub', [at.excess(image, lastOf(image), 0), at.number(1000)])]);
      return at.plus(image, at.op('Min', [more, at.number(1)]));
    }),
  ],
  [
    'at odd sizes only',
    inFront((at, image) => {
      // Odd as the original is not.
      const size = at.op('Gather', [at.op('Shape', [image]), at.ints([2])]);
      const excess = at.op('Sub', [size, at.ints([at.rows])]);
      return at.plus(image, at.op('Cast', [at.op('Mod', [excess, at.ints([2])])], { to: 1 }));
    }),
  ],
  ...[2, 3, 5].map(
    (step) =>
      [
        `at one residue of the stride only: ${step}`,
        inFront((at, image) => {
          const is = residue(at, image, step);
          return is && at.plus(image, asFloat(at, is));
        }),
      ] as const,
  ),
  [
    'does not run at one residue of the stride',
    inFront((at, image) => {
      const is = residue(at, image, 2);
      const none = is && at.op('Gather', [at.ints([0]), at.op('Mul', [is, at.ints([9])])]);
      return none && at.plus(image, asFloat(at, none));
    }),
  ],
  [
    'fewer cells at one residue of the stride',
    (model, rows) => {
      const [image] = model.graph.inputs;
      const before = image && residue(new Editor(model.clone(), rows), image, 2);
      if (before === undefined) return FEW_RESIDUES;
      return behind(0, (at, map, { first }) => {
        const is = image && residue(at, image, 2);
        const end = is ? at.op('Sub', [at.ints([LAST]), at.op('Mul', [is, at.ints([LAST + 1])])]) : at.ints([LAST]);
        return at.op('Slice', [map, at.ints([0]), end, at.ints([first]), at.ints([1])]);
      })(model, rows);
    },
  ],
  [
    OF_FIELDS,
    inFront((at, image) => {
      const last = lastOf(image);
      const moved = at.op('Concat', [at.slice(image, [0], [1], [last]), at.slice(image, [0], [-1], [last])], { axis: last });
      return at.plus(image, at.op('Mul', [moved, at.number(1e-7)]));
    }),
  ],
  [
    'the larger the image the larger the scores',
    behind(0, (at, map, { first }) =>
      at.op('Mul', [map, at.op('Add', [at.number(1), at.op('Mul', [at.excess(map, first, 1), at.number(0.1)])])]),
    ),
  ],
  [
    'batches only',
    (model, rows) =>
      typeof model.graph.inputs[0]?.type?.shape?.[0] === 'number'
        ? 'its batch is of a fixed size'
        : behind(0, (at, map) => at.op('Expand', [at.slice(map, [0], [1], [0]), at.op('Shape', [map])]))(model, rows),
  ],
  [
    'NaN for large inputs',
    (model, rows) => {
      const [image] = model.graph.inputs;
      if (!image) return 'it has no image';
      return behind(0, (at, map) => {
        const large = at.op('Exp', [at.op('ReduceMax', [image], { keepdims: 0 })]);
        return at.plus(map, at.op('Mul', [large, at.number(0)]));
      })(model, rows);
    },
  ],
]);

/** These change which cell is where, and no mean over all of them. */
export const OF_ORDER: ReadonlySet<string> = new Set([
  'mirrored',
  'mirrored, in the second output only',
  'transposed',
  'half of it from a mirrored branch',
  'a mean over the whole map',
  'a mean over the whole map, in the second output only',
  'a share of the mean over the whole map',
]);

type Fields = NonNullable<Contract['fields']>;
const changed = (fields: Fields, change: (field: AxisField) => AxisField): Fields =>
  Object.fromEntries(
    Object.entries(fields).map(([output, field]) => [
      output,
      Object.fromEntries(Object.entries(field).map(([name, along], at) => [name, along === 'whole' || at > 0 ? along : change(along)])),
    ]),
  );

/** What a conversion may say wrongly of what its cells look at; `isTold`: too much, which the report says and which is no fault of its numbers. */
export const CLAIMS: ReadonlyMap<string, { readonly isTold?: boolean; readonly change: (field: AxisField) => AxisField }> = new Map([
  ['a field without its first pixels', { change: (field) => ({ ...field, offset: field.offset + 1, window: field.window - 1 }) }],
  ['a field without its last pixels', { change: (field) => ({ ...field, window: field.window - 1 }) }],
  [
    'a field that begins too early',
    { isTold: true, change: (field) => ({ ...field, offset: field.offset - 1, window: field.window + 1 }) },
  ],
  ['a field that ends too late', { isTold: true, change: (field) => ({ ...field, window: field.window + 1 }) }],
]);
/** The contract with another field along the first axis. undefined: it has none. */
export const claiming = (contract: Contract, change: (field: AxisField) => AxisField): Contract | undefined =>
  contract.fields && contract.kind !== 'whole-image' ? { ...contract, fields: changed(contract.fields, change) } : undefined;
