/**
 * Shape inference: element type, rank and dimensions of every value, including symbolic ones, and the integers that flow through shape arithmetic.
 *
 * One rule per operator, one file per family. If no rule applies, the file's declarations are used as long as the inputs have the types they were declared
 * for; nothing is guessed. Contradictory shapes are a CompileError SHAPE_MISMATCH that names the node.
 */

import { shapeMismatch } from '../../diagnostics/catalogue';
import { CompileError } from '../../diagnostics/compile-error';
import { requireTypes } from '../conformance';
import { type Graph, nestedGraphs } from '../graph';
import { isNode } from '../match';
import type { Model } from '../model';
import { table } from '../table';
import type { Dim, Node, TensorType, Value } from '../types';
import type { Infer, InferContext } from './context';
import { constantData, type Data, isSmall, propagated } from './data';
import { wholeOf } from './elements';
import { linear } from './linear';
import { parts } from './parts';
import { pointwise } from './pointwise';
import { reductions } from './reductions';
import { resizes } from './resize';
import { sources } from './sources';
import { spatial } from './spatial';
import { views } from './views';

const TABLE: Readonly<Record<string, Infer>> = table({
  ...pointwise,
  ...spatial,
  ...linear,
  ...views,
  ...parts,
  ...reductions,
  ...resizes,
  ...sources,
});

/** Whether there is a rule for the operator. */
export const isInferable = (op: string): boolean => Object.hasOwn(TABLE, op);

type Types = readonly (TensorType | undefined)[];

/** Results of rules that depended only on a node and its input types: valid as long as attributes, inputs and their types are identical. */
export type InferenceMemo = WeakMap<
  Node,
  {
    readonly op: string;
    readonly attrs: Node['attrs'];
    readonly inputs: readonly (Value | undefined)[];
    readonly types: Types;
    readonly outputs: number;
    readonly result: Types;
  }
>;

export class ShapeInference {
  /** Cached shape arithmetic, valid for `dataEdits`: any edit may change it. */
  private readonly data = new Map<Value, Data | undefined>();
  private readonly sizes = new Set<Dim>();
  private dataEdits = -1;
  private depth = 0;
  /** Input types of a node when it was first seen: those for which its outputs were declared. */
  private readonly firstInputs = new Map<Node, Types>();
  /** Nested graphs with contradictory shapes: such a branch of an If is never taken. */
  private readonly deadBranches = new Set<Graph>();
  /** Whether the current rule has asked for the data of a value. */
  private asked = false;
  private readonly context: InferContext = {
    ints: (value) => {
      this.asked = true;
      return value && this.intsOf(value);
    },
    elements: (value) => {
      this.asked = true;
      const data = value && this.dataOf(value);
      return data && data.shape.length <= 1 ? data.elements : undefined;
    },
  };

  constructor(
    private readonly model: Model,
    private readonly memo: InferenceMemo = new WeakMap(),
  ) {}

  /** Sets the types of all values. Throws CompileError SHAPE_MISMATCH. */
  inferAll(): void {
    this.inferGraph(this.model.graph);
  }

  private inferGraph(graph: Graph): void {
    for (const node of graph.nodes) {
      for (const nested of nestedGraphs(node)) this.inferNested(nested);
      this.inferNode(node).forEach((type, index) => {
        const output = node.outputs[index];
        if (!output || output.name === '' || !type) return;
        const isFresh = this.dataEdits === this.model.graph.edits;
        graph.setType(output, type);
        // In topological order, no cached result depends on this type.
        if (isFresh) this.dataEdits = this.model.graph.edits;
      });
    }
  }

  /** Contradictory shapes inside are not an error of the model: the branch may never be taken, or the loop never entered. Runtimes refuse wrong element types at once. */
  private inferNested(graph: Graph): void {
    this.deadBranches.delete(graph);
    try {
      this.inferGraph(graph);
    } catch (error) {
      if (!(error instanceof CompileError) || error.code !== 'SHAPE_MISMATCH') throw error;
      this.deadBranches.add(graph);
    }
  }

  /** One type per output of the node, from the current types of its inputs; undefined if nothing is known. */
  inferNode(node: Node): Types {
    const inputs = node.inputs.map((input) => input?.type);
    const before = this.firstInputs.get(node);
    if (!before) this.firstInputs.set(node, inputs);
    const isDeclared = !before || sameTypes(before, inputs);
    const types = isNode(node, 'If') ? this.inferIf(node) : this.ruled(node, inputs);
    return node.outputs.map((output, index) => {
      const declared = isDeclared || !output.type ? output.type : { dtype: output.type.dtype };
      return completed(types[index], declared);
    });
  }

  private ruled(node: Node, types: Types): Types {
    const known = this.memo.get(node);
    const { op, attrs } = node;
    const isSame = known?.op === op && known.attrs === attrs && known.outputs === node.outputs.length;
    if (known && isSame && sameItems(known.types, types) && sameItems(known.inputs, node.inputs)) return known.result;
    requireTypes(node);
    const rule = ruleOf(node);
    if (!rule) return [];
    const outer = this.asked;
    this.asked = false;
    const result = rule(node, this.context);
    for (const type of result) requireLengths(node, type);
    if (!this.asked) this.memo.set(node, { op, attrs, inputs: [...node.inputs], types, outputs: node.outputs.length, result });
    this.asked = outer;
    return result;
  }

  /** Types on which all reachable branches agree. */
  private inferIf(node: Node): Types {
    requireTypes(node);
    const decided = this.context.ints(node.inputs[0])?.[0];
    const branches = (['then_branch', 'else_branch'] as const).flatMap((name) => {
      const attr = node.attrs.get(name);
      const isTaken = typeof decided !== 'number' || (decided !== 0) === (name === 'then_branch');
      return attr?.kind === 'graph' && isTaken && !this.deadBranches.has(attr.value) ? [attr.value] : [];
    });
    return node.outputs.map((_, index) => common(branches.map((graph) => graph.outputs[index]?.type)));
  }

  /** Integers of a small value with at most one axis, symbolic if they depend on the input's size; undefined if it is not shape arithmetic. */
  intsOf(value: Value): readonly Dim[] | undefined {
    const data = this.dataOf(value);
    return data && data.shape.length <= 1 ? data.elements.map(wholeOf) : undefined;
  }

  private dataOf(value: Value): Data | undefined {
    if (value.constant) return constantData(value.constant);
    const { edits } = this.model.graph;
    if (this.dataEdits !== edits) {
      this.data.clear();
      this.sizes.clear();
      this.dataEdits = edits;
    }
    if (this.data.has(value)) return this.data.get(value);
    const data = this.followed(value);
    this.data.set(value, data);
    return data;
  }

  private followed(value: Value): Data | undefined {
    const { producer, type } = value;
    // Maps are not shapes.
    if (!producer || (type?.shape && !isSmall(type.shape)) || this.depth > DEEPEST) return undefined;
    this.depth++;
    try {
      return propagated(producer, producer.outputs.indexOf(value), {
        data: (slot) => producer.inputs[slot] && this.dataOf(producer.inputs[slot]),
        shape: (output) => this.inferNode(producer)[output]?.shape,
        sizes: this.sizes,
      });
    } finally {
      this.depth--;
    }
  }
}

/** Maximum number of successive nodes in a shape computation, more than any exporter writes. */
const DEEPEST = 500;

const ruleOf = (node: Node): Infer | undefined => (Object.hasOwn(TABLE, node.op) ? TABLE[node.op] : undefined);

/** The inferred type, completed with the declared one. */
function completed(inferred: TensorType | undefined, declared: TensorType | undefined): TensorType | undefined {
  if (!inferred || !declared || inferred.dtype !== declared.dtype) return inferred ?? declared;
  const { shape } = declared;
  if (!inferred.shape) return shape ? declared : inferred;
  if (shape?.length !== inferred.shape.length || !inferred.shape.includes(undefined)) return inferred;
  return { dtype: inferred.dtype, shape: inferred.shape.map((dim, axis) => dim ?? shape[axis]) };
}

const sameItems = (a: readonly unknown[], b: readonly unknown[]): boolean => a.length === b.length && a.every((item, at) => item === b[at]);

const sameTypes = (a: Types, b: Types): boolean =>
  a.length === b.length && a.every((type, slot) => type?.dtype === b[slot]?.dtype && sameShape(type?.shape, b[slot]?.shape));
const sameShape = (a: TensorType['shape'], b: TensorType['shape']): boolean =>
  a === b || (a !== undefined && a.length === b?.length && a.every((dim, axis) => dim === b[axis]));

/** The type on which both branches of an If agree. */
function common(types: Types): TensorType | undefined {
  const [first, ...others] = types;
  if (!first || !others.every((type) => type?.dtype === first.dtype)) return undefined;
  const shape = first.shape;
  if (!shape || !others.every((type) => type?.shape?.length === shape.length)) return { dtype: first.dtype };
  return { dtype: first.dtype, shape: shape.map((dim, axis) => (others.every((type) => type?.shape?.[axis] === dim) ? dim : undefined)) };
}

/** Infers all shapes of a model and returns the inference for further queries. `memo`: results of earlier inferences, extended for the next one. */
export function inferShapes(model: Model, memo?: InferenceMemo): ShapeInference {
  const inference = new ShapeInference(model, memo);
  inference.inferAll();
  return inference;
}

/** Throws CompileError SHAPE_MISMATCH for impossible lengths, caused by invalid attributes such as padding by 2^63. */
function requireLengths(node: Node, type: TensorType | undefined): void {
  for (const dim of type?.shape ?? [])
    if (typeof dim === 'number' && !(dim >= 0 && Number.isSafeInteger(dim))) throw shapeMismatch(node, `an axis of ${dim} elements`);
}
