/**
 * Builder: what a rule makes its replacement with. It only adds: nodes in front of the root, and constants. Old nodes are out of its reach.
 *
 * Each new node is stamped with the origins of all matched nodes, and its outputs get their types at once, so that `make.op(...).type` can be asked
 * for a shape.
 */
import { assertInvariant } from '../diagnostics/compile-error';
import { type AttrLiteral, attributes } from '../ir/attrs';
import type { Graph } from '../ir/graph';
import type { ShapeInference } from '../ir/shape-inference';
import { int64s, scalar } from '../ir/tensor';
import type { Attr, ConstValue, DType, Node, Tensor, Value } from '../ir/types';

/** Literals as in `attributes()`, or the attributes of another node as they are. */
export type AttrSource = Readonly<Record<string, AttrLiteral | undefined>> | ReadonlyMap<string, Attr>;

export interface Builder {
  /** A node with one output; `op` may carry a domain (`nhwc.Conv`). Trailing undefined inputs are dropped. */
  op(op: string, inputs: readonly (Value | undefined)[], attrs?: AttrSource, options?: OpOptions): Value;
  /** A node with several outputs. */
  ops(
    op: string,
    inputs: readonly (Value | undefined)[],
    attrs: AttrSource | undefined,
    outputs: number,
    options?: OpOptions,
  ): readonly Value[];
  /** A constant; a taken name gets a suffix. */
  constant(name: string, tensor: Tensor): ConstValue;
  /** A 1-D int64 constant: shapes, axes. */
  int64s(name: string, values: readonly number[]): ConstValue;
  /** A constant with no axes. */
  scalar(name: string, dtype: DType, value: number): ConstValue;
}

export interface OpOptions {
  /** For the node and its output; a taken name gets a suffix. Default: root and operator, `fc1_Conv`. */
  readonly name?: string;
}

/** A builder that remembers what it made, for whoever has to tidy up. */
export interface RecordingBuilder extends Builder {
  readonly nodes: readonly Node[];
  readonly constants: readonly ConstValue[];
}

export interface Place {
  readonly graph: Graph;
  /** New nodes go in front of it; undefined: at the end. */
  readonly before: Node | undefined;
  readonly origin: readonly string[];
  /** New nodes are named after it. */
  readonly root: string;
  readonly inference: ShapeInference;
}

/** Also for passes that are no set of rules. */
export function builderAt({ graph, before, origin, root, inference }: Place): RecordingBuilder {
  const nodes: Node[] = [];
  const constants: ConstValue[] = [];

  function add(
    op: string,
    inputs: readonly (Value | undefined)[],
    count: number,
    attrs?: AttrSource,
    options: OpOptions = {},
  ): readonly Value[] {
    const name = options.name ?? `${root}_${op.slice(op.lastIndexOf('.') + 1)}`;
    const outputs = count === 1 ? [name] : Array.from({ length: count }, (_, index) => `${name}_${index}`);
    const node = graph.addNode({ op, inputs, attrs: isMap(attrs) ? attrs : attributes(attrs ?? {}, op), outputs, name, origin, before });
    nodes.push(node);
    inference.inferNode(node).forEach((type, index) => {
      const output = node.outputs[index];
      if (output && type) graph.setType(output, type);
    });
    return node.outputs;
  }

  function constant(name: string, tensor: Tensor): ConstValue {
    const made = graph.addConstant(name, tensor);
    constants.push(made);
    return made;
  }

  return {
    nodes,
    constants,
    op(op, inputs, attrs, options) {
      const [output] = add(op, inputs, 1, attrs, options);
      assertInvariant(output, () => `${op} has no output`);
      return output;
    },
    ops: (op, inputs, attrs, outputs, options) => add(op, inputs, outputs, attrs, options),
    constant,
    int64s: (name, values) => constant(name, int64s(values)),
    scalar: (name, dtype, value) => constant(name, scalar(dtype, value)),
  };
}

const isMap = (attrs: AttrSource | undefined): attrs is ReadonlyMap<string, Attr> => attrs instanceof Map;
