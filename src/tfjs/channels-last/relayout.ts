/**
 * Rebuilds a graph with its values in orders other than ONNX's: `order` gives for each value the axis at each position.
 *
 * Orders are applied lazily. A Transpose moves no data, it only renames the axes. A rule that can work in the given order does so;
 * one that cannot asks for another (`inOrder`), and only then is a Transpose made, once per value and order. Constants are permuted at compile time.
 */
import { assertInvariant } from '../../diagnostics/compile-error';
import { type AttrLiteral, attributes } from '../../ir/attrs';
import { sameDim } from '../../ir/dims';
import type { Graph } from '../../ir/graph';
import type { ShapeInference } from '../../ir/shape-inference';
import { fromNumbers, int64s, permuted, reshaped } from '../../ir/tensor';
import type { Attr, Dim, Node, Tensor, TensorType, Value } from '../../ir/types';
import { arranged, identity, isIdentity, movesOnlyUnits, type Order, permBetween, sameOrder } from './order';

/** An axis whose own elements are out of order: its factors, outermost first, are in the order `perm`. A flattened channels-last map has one. */
export interface Inner {
  readonly axis: number;
  readonly dims: readonly number[];
  readonly perm: Order;
}

/** Representation of a source value in the new graph. */
export interface Placed {
  readonly value: Value;
  readonly order: Order;
  readonly inner?: Inner | undefined;
}

export interface EmitOptions {
  /** Default: the name of the node's own output. */
  readonly name?: string | undefined;
  readonly types: readonly (TensorType | undefined)[];
}

type Attrs = Readonly<Record<string, AttrLiteral | undefined>> | ReadonlyMap<string, Attr>;

export class Relayout {
  private readonly places = new Map<Value, Placed>();
  private readonly cache = new Map<Value, { readonly order: Order; readonly value: Value }[]>();
  private readonly numbers = new Map<Value, Value | undefined>();
  /** Nodes that were already written together with another one. */
  readonly done = new Set<Node>();
  private readonly taken: ReadonlySet<string>;
  private current: Node | undefined;

  constructor(
    private readonly source: Graph,
    readonly target: Graph,
    readonly inference: ShapeInference,
  ) {
    this.taken = new Set(
      [...source.inputs, ...source.constants, ...source.nodes.flatMap((node) => node.outputs)].map((value) => value.name),
    );
  }

  /** Sets the node that is being moved: nodes made from now on are attributed to it. */
  at(node: Node | undefined): void {
    this.current = node;
  }

  put(value: Value, placed: Placed): void {
    const rank = value.type?.shape?.length;
    assertInvariant(rank === undefined || placed.order.length === rank, () => `'${value.name}' has ${rank} axes, not ${placed.order}`);
    this.places.set(value, placed);
  }

  /** The value in its current order, whichever that is. */
  placed(value: Value): Placed {
    const known = this.places.get(value);
    if (known) return known;
    assertInvariant(value.constant, () => `'${value.name}' is read before it is placed`);
    const order = identity(value.constant.shape.length);
    return { value: this.constantIn(value, order), order };
  }

  /** All values placed so far, except those with an axis out of order. */
  whole(): ReadonlyMap<string, Placed> {
    return new Map([...this.places].flatMap(([{ name }, placed]) => (placed.inner ? [] : [[name, placed] as const])));
  }

  /** The value in ONNX's own order. */
  plain(value: Value): Value;
  plain(value: Value | undefined): Value | undefined;
  plain(value: Value | undefined): Value | undefined {
    if (!value) return undefined;
    const known = this.knownNumbers(value);
    if (known) return known;
    const placed = value.constant ? undefined : this.placed(value);
    return this.inOrder(value, placed ? identity(placed.order.length) : identity(value.constant?.shape.length ?? 0));
  }

  /** Sizes that the model computes but that are the same for every input, as constants. */
  private knownNumbers(value: Value): Value | undefined {
    const { type, producer } = value;
    if (!producer || (type?.dtype !== 'int64' && type?.dtype !== 'int32') || (type.shape?.length ?? 2) > 1 || this.source.isOutput(value))
      return undefined;
    const made = this.numbers.get(value);
    if (made || this.numbers.has(value)) return made;
    const ints = this.inference.intsOf(value);
    const known = ints?.every((dim) => typeof dim === 'number')
      ? this.constant(this.fresh(`${value.name}_known`), fromNumbers(type.dtype, type.shape?.length === 0 ? [] : [ints.length], ints))
      : undefined;
    this.numbers.set(value, known);
    return known;
  }

  /** The value in the given order: as it is, or behind a Transpose (a Reshape where only unit axes move) that all its readers share. */
  inOrder(value: Value, order: Order): Value {
    if (value.constant) return this.constantIn(value, order);
    const placed = this.placed(value);
    if (!placed.inner && sameOrder(placed.order, order)) return placed.value;
    const made = this.cache.get(value) ?? [];
    this.cache.set(value, made);
    const known = made.find((entry) => sameOrder(entry.order, order));
    if (known) return known.value;
    const straight = placed.inner ? this.straightened(value, placed, placed.inner) : placed.value;
    const moved = sameOrder(placed.order, order) ? straight : this.transposed(value, straight, placed.order, order);
    made.push({ order, value: moved });
    return moved;
  }

  private transposed(value: Value, from: Value, before: Order, after: Order): Value {
    const perm = permBetween(before, after);
    const dims = from.type?.shape ?? before.map(() => undefined);
    if (movesOnlyUnits(dims, perm)) return this.reshape(from, arranged(dims, perm), `${value.name}_view`);
    return this.op('Transpose', [from], { perm }, { dtype: dtypeOf(from), shape: arranged(dims, perm) }, `${value.name}_transposed`);
  }

  /** Splits the axis that is out of order, reorders its factors, and merges them again. */
  private straightened(value: Value, { value: from, order }: Placed, { axis, dims, perm }: Inner): Value {
    const shape = from.type?.shape ?? [];
    const place = order.indexOf(axis);
    const [before, after] = [shape.slice(0, place), shape.slice(place + 1)];
    const split = this.reshape(from, [...before, ...arranged(dims, perm), ...after], `${value.name}_split`);
    const whole = [
      ...identity(before.length),
      ...perm.map((_, at) => place + perm.indexOf(at)),
      ...after.map((_, at) => place + perm.length + at),
    ];
    const type = { dtype: dtypeOf(from), shape: arranged(split.type?.shape ?? [], whole) };
    return this.reshape(this.op('Transpose', [split], { perm: whole }, type, `${value.name}_transposed`), shape, `${value.name}_merged`);
  }

  private constantIn(value: Value, order: Order): Value {
    assertInvariant(value.constant, () => `'${value.name}' is not a constant`);
    const made = this.cache.get(value) ?? [];
    this.cache.set(value, made);
    const known = made.find((entry) => sameOrder(entry.order, order));
    if (known) return known.value;
    const { constant } = value;
    const tensor = isIdentity(order)
      ? constant
      : movesOnlyUnits(constant.shape, order)
        ? reshaped(constant, arranged([...constant.shape], order))
        : permuted(constant, order);
    const constantValue = this.constant(value.name, tensor);
    made.push({ order, value: constantValue });
    return constantValue;
  }

  /** A constant, named after one of the source or otherwise: a name that is taken gets a suffix. */
  constant(name: string, tensor: Tensor): Value {
    return this.target.addConstant(name, tensor);
  }
  int64s(values: readonly number[]): Value {
    return this.target.addConstant(this.fresh(`${this.current?.name ?? 'graph'}_numbers`), int64s(values));
  }

  /** Adds a node on behalf of the current one. */
  emit(op: string, inputs: readonly (Value | undefined)[], attrs: Attrs, names: readonly string[], types: EmitOptions['types']): Node {
    return this.target.addNode({
      op,
      inputs,
      attrs: isMap(attrs) ? attrs : attributes(attrs),
      outputs: names,
      outputTypes: types,
      name: this.current?.name,
      origin: this.current?.origin,
    });
  }

  /** Adds a helper node with one output, under a name that no value of the source has. */
  op(op: string, inputs: readonly (Value | undefined)[], attrs: Attrs, type: TensorType | undefined, name: string): Value {
    const [output] = this.emit(op, inputs, attrs, [this.fresh(name)], [type]).outputs;
    assertInvariant(output, () => `${op} has no output`);
    return output;
  }

  private fresh(wanted: string): string {
    if (this.current?.outputs.some(({ name }) => name === wanted)) return wanted;
    let name = wanted;
    while (this.taken.has(name)) name += '_';
    return name;
  }

  /**
   * Reshapes a value without moving its elements. `dims`: each symbolic entry is a dimension of `from`, or the only one left to be inferred (-1).
   */
  reshape(from: Value, dims: readonly Dim[], name: string, target?: Value): Value {
    const own = from.type?.shape ?? [];
    const type = { dtype: dtypeOf(from), shape: dims };
    if (target) return this.op('Reshape', [from, target], {}, type, name);
    const isOwn = (dim: Dim, place: number): boolean => sameDim(own[place], dim);
    const open = dims.flatMap((dim, place) => (typeof dim === 'number' || isOwn(dim, place) ? [] : [place]));
    // A size that cannot be expressed otherwise is the one that Reshape infers.
    const unsayable = open.filter((place) => !own.some((dim) => sameDim(dim, dims[place])));
    assertInvariant(unsayable.length <= 1, () => `[${dims}] cannot be said in terms of [${own}]`);
    const rest = unsayable[0] ?? open[open.length - 1];
    const isZero = dims.includes(0);
    const parts = dims.map((dim, place): number | Value => {
      if (typeof dim === 'number') return dim;
      if (place === rest) return -1;
      if (isOwn(dim, place) && !isZero) return 0;
      return this.lengthOf(
        from,
        own.findIndex((other) => sameDim(other, dim)),
      );
    });
    return this.op('Reshape', [from, this.vector(parts)], isZero ? { allowzero: 1 } : {}, type, name);
  }

  /** The length of an axis as a vector of one. */
  private lengthOf(from: Value, place: number): Value {
    return this.op('Shape', [from], { start: place, end: place + 1 }, { dtype: 'int64', shape: [1] }, `${from.name}_length`);
  }

  /** Numbers, and vectors of length one, as one vector. */
  vector(parts: readonly (number | Value)[]): Value {
    if (parts.every((part) => typeof part === 'number')) return this.int64s(parts);
    const runs: Value[] = [];
    let numbers: number[] = [];
    const flush = (): void => {
      if (numbers.length > 0) runs.push(this.int64s(numbers));
      numbers = [];
    };
    for (const part of parts) {
      if (typeof part === 'number') numbers.push(part);
      else {
        flush();
        runs.push(part);
      }
    }
    flush();
    const type: TensorType = { dtype: 'int64', shape: [parts.length] };
    return this.op('Concat', runs, { axis: 0 }, type, `${this.current?.name ?? 'graph'}_shape`);
  }

  /** Type of a source value, with its axes in the given order. */
  typeIn(value: Value, order: Order): TensorType | undefined {
    const { type } = value;
    return type?.shape ? { dtype: type.dtype, shape: arranged(type.shape, order) } : type;
  }

  isOutput(value: Value): boolean {
    return this.source.isOutput(value);
  }
}

const isMap = (attrs: Attrs): attrs is ReadonlyMap<string, Attr> => attrs instanceof Map;
const dtypeOf = (value: Value): TensorType['dtype'] => value.type?.dtype ?? 'float';
