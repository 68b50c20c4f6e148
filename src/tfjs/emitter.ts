/**
 * Creates nodes for the lowerings. Identical nodes are created once; constants become weights when they are first read; a node is named
 * once its purpose is known: after the ONNX value that it computes, or with a name derived from it.
 */
import { unsupportedType } from '../diagnostics/catalogue';
import { assertInvariant } from '../diagnostics/compile-error';
import type { Graph } from '../ir/graph';
import { computedTensor, elementCount, fromNumbers, isFloatType, isIntType, readNumbers } from '../ir/tensor';
import type { Dim, Node, Tensor, Value } from '../ir/types';
import { sizes, tfjsType, type } from './attrs';
import { type Coded, type Codes, collapsed } from './codes';
import type { Grid, TfjsAttrs, TfjsNode, TfjsType, TfjsWeight } from './graph';

/** One output of a node. */
export interface Ref {
  readonly node: Draft;
  readonly index: number;
}

interface Draft {
  name: string | undefined;
  readonly op: string;
  readonly inputs: readonly Ref[];
  readonly attrs: TfjsAttrs;
  readonly weight: Tensor | undefined;
  /** Set for a weight that is stored as codes. */
  readonly grid?: Grid | undefined;
  /** Names of the ONNX nodes that this one represents; grows when one node does the work of several. */
  readonly origin: Set<string>;
  readonly id: number;
}

/** The reason why an operator cannot be expressed in TensorFlow.js. The message continues "because". */
export class Unsupported extends Error {}

export class Emitter {
  private readonly drafts: Draft[] = [];
  private readonly alike = new Map<string, Draft>();
  private readonly refs = new Map<Value, Ref>();
  /** ONNX value of each tensor, by node and output: if several values end in one tensor, the last one, as with a fused activation. */
  private readonly held = new Map<string, Value>();
  private readonly parted = new Map<Value, readonly Ref[]>();
  private readonly weights = new Map<Value, Map<string, Ref>>();
  private readonly names = new Set<string>();
  /** Shapes of the weights that are decoded by a node. */
  private readonly decoders = new Map<Draft, readonly number[]>();
  /** Nodes whose work an earlier node does, by fusion. */
  readonly fused = new Map<Node, Ref>();
  /** Nodes whose output has the elements of their value in another shape: it does not count as the value. */
  private readonly otherShapes = new Set<Draft>();
  private current: Node | undefined;
  private firstOfCurrent = 0;

  constructor(
    readonly graph: Graph,
    readonly options: { readonly fuse: boolean },
    /** Weights that are made of codes. */
    private readonly coded: Coded = new Map(),
  ) {}

  // ---- nodes ----

  node(op: string, inputs: readonly Ref[], attrs: TfjsAttrs = {}): Ref {
    const key = `${op} ${inputs.map(keyOf).join(' ')} ${JSON.stringify(attrs)}`;
    const known = op === 'Placeholder' ? undefined : this.alike.get(key);
    const node = known ?? this.draft(op, inputs, attrs);
    this.alike.set(key, node);
    return { node, index: 0 };
  }

  /** Another output of a node. */
  output = (ref: Ref, index: number): Ref => ({ node: ref.node, index });

  private draft(op: string, inputs: readonly Ref[], attrs: TfjsAttrs, weight?: Tensor, name?: string, grid?: Grid): Draft {
    const node: Draft = { name, op, inputs, attrs, weight, grid, origin: new Set(this.current?.origin), id: this.drafts.length };
    this.drafts.push(node);
    return node;
  }

  input(value: Value): Ref {
    const dtype = tfjsType(value.type?.dtype);
    if (!dtype) throw unsupportedType(value);
    const dims = value.type?.shape;
    const ref = this.node('Placeholder', [], {
      dtype: type(dtype),
      shape: dims ? { shape: sizes(dims) } : { shape: { dim: [] } },
    });
    ref.node.name = this.unique(value.name);
    this.refs.set(value, ref);
    return ref;
  }

  // ---- values of the graph ----

  /** The tensor that holds a value. A constant becomes a weight under its own name. */
  ref(value: Value | undefined): Ref {
    assertInvariant(value, () => `'${this.current?.name}' reads an input that is not there`);
    if (value.constant) return this.weight(value, 'as it is', (constant) => constant);
    const ref = this.refs.get(value);
    assertInvariant(ref, () => `'${value.name}' is read before it is made`);
    return ref;
  }

  /** Marks a tensor that has the elements of a value in another shape. */
  inOtherShape(ref: Ref): Ref {
    this.otherShapes.add(ref.node);
    return ref;
  }

  /** The tensors that hold the value, usually one. None if the value is inside a fused node or has no tensor of its own. */
  holders(value: Value): readonly Ref[] {
    const ref = this.refs.get(value);
    return ref && this.held.get(keyOf(ref)) === value ? (this.parted.get(value) ?? [ref]) : [];
  }

  /** The value in front of a chain of reshapes: the last reshape alone determines the shape. */
  throughViews(value: Value | undefined): Ref {
    let ref = this.ref(value);
    while (ref.node.op === 'Reshape' || ref.node.op === 'ExpandDims' || ref.node.op === 'Squeeze') {
      const [before] = ref.node.inputs;
      if (!before) break;
      ref = before;
    }
    return ref;
  }

  /** Gives a node that replaces another one the origins of that node, instead of those of the node being lowered. */
  insteadOf(ref: Ref, other: Ref): Ref {
    ref.node.origin.clear();
    for (const name of other.node.origin) ref.node.origin.add(name);
    return ref;
  }

  /** Records that the value is split into these tensors by channels, and no longer exists as one. */
  inParts(value: Value, refs: readonly Ref[]): void {
    this.parted.set(value, refs);
  }

  /** Another node with the same value. */
  alias(ref: Ref, name: string): Ref {
    return { node: this.draft('Identity', [ref], {}, undefined, this.unique(name)), index: 0 };
  }

  begin(node: Node): void {
    this.current = node;
    this.firstOfCurrent = this.drafts.length;
  }

  /** Sets the outputs of the node that was begun. All nodes made for them are named after it. */
  finish(node: Node, refs: readonly Ref[]): void {
    node.outputs.forEach((value, at) => {
      const ref = refs[at];
      if (!ref || value.name === '') return;
      this.refs.set(value, ref);
      if (!this.otherShapes.has(ref.node)) this.held.set(keyOf(ref), value);
      if (ref.node.op !== 'Placeholder' && !ref.node.weight) for (const name of node.origin) ref.node.origin.add(name);
      const isNew = ref.node.id >= this.firstOfCurrent && ref.node.name === undefined;
      if (isNew) ref.node.name = this.unique(node.outputs.length > 1 && ref.index === 0 && sharesNode(refs) ? node.name : value.name);
    });
    const base = node.outputs[0]?.name ?? node.name;
    for (const draft of this.drafts.slice(this.firstOfCurrent)) draft.name ??= this.unique(`${base}/${draft.op}`);
  }

  /** Whether only `reader` uses the value, so that the two can be fused. */
  isPrivate(value: Value | undefined, reader: Node): value is Value {
    return value !== undefined && value.uses.length === 1 && this.graph.isPrivateTo(value, reader);
  }

  // ---- constants ----

  /** A constant of the model in another form, made once per form. */
  weight(value: Value, form: string, make: (constant: Tensor) => Tensor): Ref {
    const forms = this.weights.get(value) ?? new Map<string, Ref>();
    this.weights.set(value, forms);
    const known = forms.get(form);
    if (known) return known;
    assertInvariant(value.constant, () => `'${value.name}' is not a constant`);
    const ref = this.constant(value.name, make(value.constant));
    forms.set(form, ref);
    return ref;
  }

  isCoded = (value: Value): boolean => value.constant !== undefined && this.coded.has(value.constant);

  /** A weight in a form that only moves its elements and inserts zeros: stored as codes if the weight is made of codes. */
  moved(value: Value, form: string, move: (constant: Tensor) => Tensor): Ref {
    const codes = value.constant && this.coded.get(value.constant);
    if (!value.constant || !codes) return this.weight(value, form, move);
    const forms = this.weights.get(value) ?? new Map<string, Ref>();
    this.weights.set(value, forms);
    const ref = forms.get(form) ?? this.decoded(value.name, value.constant, codes, move) ?? this.weight(value, form, move);
    forms.set(form, ref);
    return ref;
  }

  /** A weight stored as codes; undefined if its scales do not depend on two axes at most. */
  private decoded(name: string, whole: Tensor, { numbers, scales, lowest }: Codes, make: (constant: Tensor) => Tensor): Ref | undefined {
    const isOne = scales.shape.length === 0;
    const few = isOne ? scales : collapsed(make(scales));
    if (!few) return undefined;
    if (elementCount(few.shape) === 1) {
      const scale = readNumbers(few)[0] ?? 1;
      return this.constant(name, make(whole), { scale, min: lowest * scale });
    }
    const codes = make(numbers);
    const lead = few.shape.findIndex((length) => length !== 1);
    const scale = this.constant(`${name}/scale`, { ...few, shape: few.shape.slice(lead) });
    const product = this.node('Mul', [this.constant(`${name}/codes`, codes, { scale: 1, min: lowest }), scale]);
    this.decoders.set(product.node, codes.shape);
    return product;
  }

  /** Shape of a weight, however it is stored. */
  shapeOfWeight = ({ node }: Ref): readonly number[] | undefined => node.weight?.shape ?? this.decoders.get(node);

  /** A new constant. Element types other than float32, int32 and bool are converted to float32 or int32. */
  constant(name: string, tensor: Tensor, grid?: Grid): Ref {
    const stored = storable(tensor);
    const dtype = tfjsType(stored.dtype) ?? 'DT_FLOAT';
    const attrs: TfjsAttrs = { dtype: type(dtype), value: { tensor: { dtype, tensorShape: sizes(stored.shape) } } };
    return { node: this.draft('Const', [], attrs, stored, this.unique(name), grid), index: 0 };
  }

  /** A small constant that several nodes may share. */
  private small(dtype: 'float' | 'int32' | 'bool', shape: readonly number[], values: readonly number[]): Ref {
    const key = `${dtype} [${shape}] ${values.map((value) => (Object.is(value, -0) ? '-0' : value))}`;
    const known = this.alike.get(key);
    if (known) return { node: known, index: 0 };
    const ref = this.constant(
      `${this.current?.outputs[0]?.name ?? 'graph'}/${shape.length === 0 ? 'number' : 'numbers'}`,
      fromNumbers(dtype, shape, values),
    );
    this.alike.set(key, ref.node);
    return ref;
  }
  ints = (values: readonly number[]): Ref => this.small('int32', [values.length], values);
  /** Rows [before, after], one per axis. */
  pads = (before: readonly number[], after: readonly number[]): Ref =>
    this.small(
      'int32',
      [before.length, 2],
      before.flatMap((pad, axis) => [pad, after[axis] ?? 0]),
    );
  shaped = (shape: readonly number[], values: readonly number[]): Ref => this.small('int32', shape, values);
  int = (value: number): Ref => this.small('int32', [], [value]);
  float = (value: number): Ref => this.small('float', [], [value]);
  floats = (shape: readonly number[], values: readonly number[]): Ref => this.small('float', shape, values);
  /** A scalar of the value's element type. */
  like = (value: Value | undefined, number: number): Ref =>
    tfjsType(value?.type?.dtype) === 'DT_INT32' ? this.int(number) : this.float(number);

  // ---- sizes ----

  /** Lengths of all axes as int32. */
  shapeOf = (ref: Ref): Ref => this.node('Shape', [ref], { out_type: type('DT_INT32') });

  /** Length of one axis, a scalar. */
  lengthOf = (ref: Ref, axis: number): Ref => this.elementOf(this.shapeOf(ref), axis);

  /** One element of a computed vector, a scalar. */
  elementOf = (vector: Ref, at: number): Ref =>
    this.node('StridedSlice', [vector, this.ints([at]), this.ints([at + 1]), this.ints([1])], {
      shrink_axis_mask: { i: '1' },
      begin_mask: { i: '0' },
      end_mask: { i: '0' },
      ellipsis_mask: { i: '0' },
      new_axis_mask: { i: '0' },
    });

  /** The integers from `first` up to, but excluding, `end`. */
  countTo = (first: Ref, end: Ref): Ref => this.node('Range', [first, end, this.int(1)], { Tidx: type('DT_INT32') });

  /** Numbers and scalars packed into one vector of int32. */
  vector(parts: readonly (number | Ref)[]): Ref {
    if (parts.every((part) => typeof part === 'number')) return this.ints(parts);
    const inputs = parts.map((part) => (typeof part === 'number' ? this.int(part) : part));
    return this.node('Pack', inputs, { axis: { i: '0' }, N: { i: String(inputs.length) } });
  }

  /** Sizes of the value at `ref`: as numbers where known, otherwise computed. */
  sizesOf(ref: Ref, dims: readonly Dim[]): (number | Ref)[] {
    return dims.map((dim, axis) => (typeof dim === 'number' ? dim : this.lengthOf(ref, axis)));
  }

  reshape(ref: Ref, target: readonly (number | Ref)[]): Ref {
    return this.node('Reshape', [ref, this.vector(target)]);
  }

  cast = (ref: Ref, to: TfjsType): Ref => this.node('Cast', [ref], { DstT: type(to) });

  // ---- the result ----

  private unique(wanted: string): string {
    // `:` separates the output index, a leading `^` marks a control dependency.
    const base = wanted.replace(/:/g, '_').replace(/^\^+/, '') || 'value';
    let name = base;
    for (let n = 1; this.names.has(name); n++) name = `${base}_${n}`;
    this.names.add(name);
    return name;
  }

  /** Nodes and weights that the outputs depend on, in order. Inputs are kept even if nobody reads them. */
  collect(outputs: readonly Ref[]): { readonly nodes: readonly TfjsNode[]; readonly weights: readonly TfjsWeight[] } {
    const live = new Set<Draft>();
    const stack = outputs.map(({ node }) => node);
    for (let node = stack.pop(); node; node = stack.pop()) {
      if (live.has(node)) continue;
      live.add(node);
      stack.push(...node.inputs.map((input) => input.node));
    }
    const kept = this.drafts.filter((node) => live.has(node) || node.op === 'Placeholder');
    return {
      nodes: kept.map(
        (node): TfjsNode => ({
          name: nameOf(node),
          op: node.op,
          input: node.inputs.map(refText),
          attr: node.attrs,
          origin: [...node.origin],
        }),
      ),
      weights: kept.flatMap((node): TfjsWeight[] =>
        node.weight
          ? [{ name: nameOf(node), dtype: storedType(node.weight), tensor: node.weight, ...(node.grid && { grid: node.grid }) }]
          : [],
      ),
    };
  }
}

const keyOf = ({ node, index }: Ref): string => `${node.id}:${index}`;
const sharesNode = ([first, second]: readonly Ref[]): boolean => second !== undefined && first?.node === second.node;
const nameOf = (node: Draft): string => {
  assertInvariant(node.name !== undefined, () => `a ${node.op} has no name`);
  return node.name;
};
/** `node:k`, or just `node` for the first output. */
export const refText = ({ node, index }: Ref): string => (index === 0 ? nameOf(node) : `${nameOf(node)}:${index}`);

const storedType = ({ dtype }: Tensor): TfjsWeight['dtype'] => (dtype === 'float' ? 'float32' : dtype === 'int32' ? 'int32' : 'bool');

/** The tensor as float, int32 or bool. */
function storable(tensor: Tensor): Tensor {
  const { dtype, shape } = tensor;
  if (dtype === 'float' || dtype === 'int32' || dtype === 'bool') return tensor;
  if (isFloatType(dtype)) return computedTensor('float', shape, () => readNumbers(tensor));
  if (!isIntType(dtype)) throw new Unsupported(`TensorFlow.js has no element type ${dtype}`);
  const clamp = (): Float64Array => readNumbers(tensor).map((value) => Math.min(Math.max(value, -(2 ** 31)), 2 ** 31 - 1));
  return elementCount(shape) <= 64 ? fromNumbers('int32', shape, clamp()) : computedTensor('int32', shape, clamp);
}
