/**
 * Shape inference: element type, rank and dimensions of every value, symbolic ones included, and the integers that flow through shape arithmetic.
 *
 * One rule per operator, one file per family. An operator without a rule keeps what the file declares, never a guess. Shapes that contradict each
 * other are a CompileError SHAPE_MISMATCH that names the node.
 */
import { type Graph, nestedGraphs } from '../graph';
import type { Model } from '../model';
import type { Dim, Node, TensorType, Value } from '../types';
import type { Infer, InferContext } from './context';
import { constantData, type Data, propagated, wholeElements } from './data';
import { linear } from './linear';
import { movement } from './movement';
import { pointwise } from './pointwise';
import { spatial } from './spatial';

const TABLE: Readonly<Record<string, Infer>> = { ...pointwise, ...spatial, ...linear, ...movement };

/** Whether there is a rule for the operator. */
export const isInferable = (op: string): boolean => Object.hasOwn(TABLE, op);

export class ShapeInference {
  /** With the type that the data was derived under: another type means stale data. */
  private readonly data = new Map<Value, { readonly producer: Node | undefined; readonly stamp: number; readonly list: Data }>();
  private readonly context: InferContext = { ints: (value) => value && this.intsOf(value) };
  private depth = 0;

  constructor(private readonly model: Model) {}

  /** Sets the types of all values; what is declared for the results of unknown operators stays. */
  inferAll(): void {
    this.data.clear();
    this.inferGraph(this.model.graph);
  }

  private inferGraph(graph: Graph): void {
    for (const node of graph.nodes) {
      for (const nested of nestedGraphs(node)) this.inferGraph(nested);
      this.inferNode(node).forEach((type, index) => {
        const output = node.outputs[index];
        if (output && type && output.name !== '') graph.setType(output, type);
      });
    }
  }

  /** One type per output of the node, from the types of its inputs as they are now; undefined where nothing is known. */
  inferNode(node: Node): readonly (TensorType | undefined)[] {
    const nested = nestedGraphs(node);
    if (node.op === 'If')
      return node.outputs.map((output, index) => common(nested.map((graph) => graph.outputs[index]?.type)) ?? output.type);
    if (nested.length > 0) return node.outputs.map((output) => output.type);
    const infer = Object.hasOwn(TABLE, node.op) ? TABLE[node.op] : undefined;
    if (!infer) return node.outputs.map((output) => output.type);
    const types = infer(node, this.context);
    // A rule that knows the element type alone leaves the declared shape in place.
    return node.outputs.map((output, index) => {
      const type = types[index];
      return type && !type.shape && output.type?.dtype === type.dtype ? output.type : (type ?? output.type);
    });
  }

  /** The integers that a small value holds, symbolic where they depend on the input's size; undefined where it is no shape arithmetic. */
  intsOf(value: Value): readonly Dim[] | undefined {
    return wholeElements(this.dataOf(value));
  }

  private dataOf(value: Value): Data {
    if (value.constant) return constantData(value.constant);
    const stamp = this.model.graph.edits;
    const known = this.data.get(value);
    if (known && known.producer === value.producer && known.stamp === stamp) return known.list;
    const { producer } = value;
    const rank = value.type?.shape?.length;
    let list: Data;
    if (producer && producer.outputs[0] === value && (rank === undefined || rank <= 2) && this.depth < 200) {
      this.depth++;
      try {
        list = propagated(producer, (slot) => producer.inputs[slot] && this.dataOf(producer.inputs[slot]));
      } finally {
        this.depth--;
      }
    }
    this.data.set(value, { producer, stamp, list });
    return list;
  }
}

/** What both branches of an If agree on. */
function common(types: readonly (TensorType | undefined)[]): TensorType | undefined {
  const [first, ...others] = types;
  if (!first || !others.every((type) => type?.dtype === first.dtype)) return undefined;
  const shape = first.shape;
  if (!shape || !others.every((type) => type?.shape?.length === shape.length)) return { dtype: first.dtype };
  return { dtype: first.dtype, shape: shape.map((dim, axis) => (others.every((type) => type?.shape?.[axis] === dim) ? dim : undefined)) };
}

/** Infers all shapes of a model and returns the inference for further questions. */
export function inferShapes(model: Model): ShapeInference {
  const inference = new ShapeInference(model);
  inference.inferAll();
  return inference;
}
