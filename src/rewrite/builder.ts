/**
 * The builder that rules use to construct their replacement. It can only add: nodes in front of the root, and constants. It cannot touch old nodes.
 *
 * Each new node gets the origins of all matched nodes, and its outputs are typed immediately, so that a rule can read the shape from
 * `make.op(...).type`.
 */
import { assertInvariant } from '../diagnostics/compile-error';
import { type AttrLiteral, attributes } from '../ir/attrs';
import type { Graph } from '../ir/graph';
import type { ShapeInference } from '../ir/shape-inference';
import { int64s, scalar } from '../ir/tensor';
import type { Attr, ConstValue, DType, Node, Tensor, Value } from '../ir/types';

/** Literals as in `attributes()`, or the attributes of another node unchanged. */
export type AttrSource = Readonly<Record<string, AttrLiteral | undefined>> | ReadonlyMap<string, Attr>;

export interface Builder {
  /** Adds a node with one output; `op` may include a domain (`nhwc.Conv`). Trailing undefined inputs are dropped. */
  op(op: string, inputs: readonly (Value | undefined)[], attrs?: AttrSource, options?: OpOptions): Value;
  /** Adds a node with several outputs. */
  ops(
    op: string,
    inputs: readonly (Value | undefined)[],
    attrs: AttrSource | undefined,
    outputs: number,
    options?: OpOptions,
  ): readonly Value[];
  /** Adds a constant; if the name is taken, it gets a suffix. */
  constant(name: string, tensor: Tensor): ConstValue;
  /** Adds a 1-D int64 constant, for shapes and axes. */
  int64s(name: string, values: readonly number[]): ConstValue;
  /** Adds a constant without axes. */
  scalar(name: string, dtype: DType, value: number): ConstValue;
}

export interface OpOptions {
  /** Name of the node and its output; if taken, it gets a suffix. Default: root and operator, `fc1_Conv`. */
  readonly name?: string;
}

/** A builder that records what it built, for cleaning up. */
export interface RecordingBuilder extends Builder {
  readonly nodes: readonly Node[];
  readonly constants: readonly ConstValue[];
}

export interface Place {
  readonly graph: Graph;
  /** Node in front of which new nodes are inserted; undefined: at the end. */
  readonly before: Node | undefined;
  readonly origin: readonly string[];
  /** New nodes are named after it. */
  readonly root: string;
  readonly inference: ShapeInference;
}

/** Creates a builder; also for passes that do not consist of rules. */
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
