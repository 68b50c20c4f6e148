/**
 * Shape inference: element type, rank and dimensions of every value, symbolic ones included, and the integers that flow through shape arithmetic.
 *
 * One rule per operator, one file per family. What no rule knows is taken from the file's declarations as long as the inputs are those it was declared
 * for, never guessed. Shapes that contradict each other are a CompileError SHAPE_MISMATCH that names the node.
 */
import { shapeMismatch } from '../../diagnostics/catalogue';
import { CompileError } from '../../diagnostics/compile-error';
import { requireTypes } from '../conformance';
import { type Graph, nestedGraphs } from '../graph';
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

/**
 * What rules said that looked at nothing but a node and the types of its inputs: holds as long as attributes, inputs and their types are the very same.
 */
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
  /** Shape arithmetic that was followed before, as of `dataEdits`: any edit may have changed it. */
  private readonly data = new Map<Value, Data | undefined>();
  private readonly sizes = new Set<Dim>();
  private dataEdits = -1;
  private depth = 0;
  /** Types of a node's inputs when it was first met: what its outputs were declared for. */
  private readonly firstInputs = new Map<Node, Types>();
  /** Nested graphs in which shapes contradict each other: such a branch of an If is never taken. */
  private readonly deadBranches = new Set<Graph>();
  /** Whether the rule at work has asked for the data of a value. */
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
        // In topological order nothing that was followed before depends on this type.
        if (isFresh) this.dataEdits = this.model.graph.edits;
      });
    }
  }

  /** A contradiction in there is no fault of the model: the branch may never be taken, the loop never be entered. */
  private inferNested(graph: Graph): void {
    this.deadBranches.delete(graph);
    try {
      this.inferGraph(graph);
    } catch (error) {
      if (!(error instanceof CompileError)) throw error;
      this.deadBranches.add(graph);
    }
  }

  /** One type per output of the node, from the types of its inputs as they are now; undefined where nothing is known. */
  inferNode(node: Node): Types {
    const inputs = node.inputs.map((input) => input?.type);
    const before = this.firstInputs.get(node);
    if (!before) this.firstInputs.set(node, inputs);
    const isDeclared = !before || sameTypes(before, inputs);
    const types = node.op === 'If' ? this.inferIf(node) : this.ruled(node, inputs);
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

  /** What all branches that can be taken agree on. */
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

  /** The integers that a small value of at most one axis holds, symbolic where they depend on the input's size; undefined where it is no shape arithmetic. */
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
    // Maps are no shapes.
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

/** Nodes in a row of one shape computation, more than any exporter writes. */
const DEEPEST = 500;

const ruleOf = (node: Node): Infer | undefined => (Object.hasOwn(TABLE, node.op) ? TABLE[node.op] : undefined);

/** What is inferred; where that leaves something open, what is declared. */
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

/** What both branches of an If agree on. */
function common(types: Types): TensorType | undefined {
  const [first, ...others] = types;
  if (!first || !others.every((type) => type?.dtype === first.dtype)) return undefined;
  const shape = first.shape;
  if (!shape || !others.every((type) => type?.shape?.length === shape.length)) return { dtype: first.dtype };
  return { dtype: first.dtype, shape: shape.map((dim, axis) => (others.every((type) => type?.shape?.[axis] === dim) ? dim : undefined)) };
}

/** Infers all shapes of a model and returns the inference for further questions. `memo`: what was found out before, and is kept for the next time. */
export function inferShapes(model: Model, memo?: InferenceMemo): ShapeInference {
  const inference = new ShapeInference(model, memo);
  inference.inferAll();
  return inference;
}

/** Lengths that no axis has come of attributes that no node should have: padding by 2^63 places. Throws CompileError SHAPE_MISMATCH. */
function requireLengths(node: Node, type: TensorType | undefined): void {
  for (const dim of type?.shape ?? [])
    if (typeof dim === 'number' && !(dim >= 0 && Number.isSafeInteger(dim))) throw shapeMismatch(node, `an axis of ${dim} elements`);
}
