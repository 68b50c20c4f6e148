/**
 * `--fp16`: a model with float16 weights and float16 values between its layers. Graph inputs and outputs stay float32 unless asked for.
 *
 *   y = Conv (x, w)     becomes     h = Cast <to = float16> (x)   k = Conv (h, w rounded to float16)   y = Cast <to = float> (k)
 *
 * Casts between two float16 nodes are not needed. Some nodes stay in float32, each for a reason that the report gives (half-kept.ts). Nodes that only
 * move or compare values have the type of their input. Weights of layers that stay in float32 because of their long sums are stored as float16 and cast.
 *
 *   convolutionize.form     {..., "half": {"ends": false}}
 */
import { assertInvariant } from '../diagnostics/compile-error';
import { attributes } from '../ir/attrs';
import { dtypeNumber } from '../ir/dtypes';
import type { Graph } from '../ir/graph';
import type { Model } from '../ir/model';
import { operatorSchema } from '../ir/operators';
import { inferShapes } from '../ir/shape-inference';
import { computedTensor, elementCount, readNumbers } from '../ir/tensor';
import { isConst, type Node, type Value } from '../ir/types';
import { type Kept, keepReason, type Ranges } from './half-kept';

/** ONNX type codes. */
const CODES = { float: dtypeNumber('float'), float16: dtypeNumber('float16') } as const;

export interface Halved {
  readonly model: Model;
  readonly kept: readonly Kept[];
  /** Number of nodes that compute in float16. */
  readonly halves: number;
}

/** `ends`: graph inputs and outputs become float16 too. The given model is not modified; its shapes must be inferred. */
export function halved(of: Model, ranges: Ranges, { ends = false }: { readonly ends?: boolean | undefined } = {}): Halved {
  const model = of.clone();
  const { graph } = model;
  const kept: Kept[] = [];
  const halves = new Set<Node>();
  const stored = new Set<Value>();
  for (const node of graph.nodes) {
    if (!isSingle(node)) continue;
    if (CARRIERS.has(node.op)) {
      if (readsHalf(node, halves, ends)) halves.add(node);
      continue;
    }
    const reason = keepReason(node, ranges);
    if (!reason) halves.add(node);
    else {
      kept.push({ node: node.name, op: node.op, origin: node.origin, ...reason });
      if (reason.why === 'sum') for (const input of node.inputs) if (isWeight(input)) stored.add(input);
    }
  }
  const casts = new Casts(graph);
  for (const node of graph.nodes) {
    const isHalf = halves.has(node);
    for (const [slot, input] of node.inputs.entries()) {
      if (!input) continue;
      if (isHalf && takesHalf(node, slot) && input.type?.dtype === 'float') graph.replaceInput(node, slot, casts.half(input));
      else if (!isHalf && stored.has(input)) graph.replaceInput(node, slot, casts.single(casts.half(input)));
      else if (!isHalf && input.type?.dtype === 'float16') graph.replaceInput(node, slot, casts.single(input));
    }
    if (isHalf)
      for (const output of node.outputs) if (output.type?.dtype === 'float') graph.setType(output, { ...output.type, dtype: 'float16' });
  }
  // The bodies of branches and loops stay in float32.
  for (const node of halves)
    for (const output of node.outputs)
      for (const { user, slot } of [...output.uses]) if (user.graph !== graph) user.graph.replaceInput(user, slot, casts.single(output));
  for (const output of graph.outputs) {
    if (output.type?.dtype !== (ends ? 'float' : 'float16')) continue;
    const { name } = output;
    const made = ends ? casts.half(output) : casts.single(output);
    graph.setOutputs(graph.outputs.map((each) => (each === output ? made : each)));
    graph.rename(output, `${name}_${ends ? 'single' : 'half'}`);
    graph.rename(made, name);
  }
  if (ends) for (const input of graph.inputs) casts.reopen(input);
  for (const constant of [...graph.constants]) if (constant.uses.length === 0 && !graph.isOutput(constant)) graph.removeConstant(constant);
  graph.sort();
  inferShapes(model);
  return { model, kept, halves: halves.size };
}

/** True if the node gives float32 values, and may give float16 ones. */
const isSingle = (node: Node): boolean =>
  node.outputs.some(({ type }) => type?.dtype === 'float') && node.inputs.some((input) => input?.type?.dtype === 'float');

/** Operators that give values of their inputs unchanged: a cast in front of them or behind them is the same, so they need none of their own. */
const CARRIERS: ReadonlySet<string> = new Set([
  'Concat',
  'DepthToSpace',
  'Dropout',
  'Expand',
  'Flatten',
  'Gather',
  'GlobalMaxPool',
  'Identity',
  'MaxPool',
  'Neg',
  'Pad',
  'Relu',
  'Reshape',
  'Slice',
  'SpaceToDepth',
  'Split',
  'Squeeze',
  'Tile',
  'Transpose',
  'Unsqueeze',
  'Abs',
  'ReduceMax',
  'ReduceMin',
]);
const readsHalf = (node: Node, halves: ReadonlySet<Node>, isHalfGiven: boolean): boolean =>
  node.inputs.some((input) => input && !isConst(input) && (input.producer ? halves.has(input.producer) : isHalfGiven));

const isWeight = (input: Value | undefined): input is Value =>
  isConst(input) && input.constant.dtype === 'float' && elementCount(input.constant.shape) > 1;

/** True if the schema lets this input be float16. */
export function takesHalf({ op }: Node, slot: number): boolean {
  const schema = operatorSchema(op);
  const parameter = schema?.inputs[Math.min(slot, schema.inputs.length - 1)];
  return parameter !== undefined && schema?.types.get(parameter.type)?.has('float16') === true;
}

/** Values in the other type, each made once. Casts are appended: the graph is sorted at the end. */
class Casts {
  private readonly made = new Map<string, Value>();
  constructor(private readonly graph: Graph) {}

  half(value: Value): Value {
    return this.once('float16', value, () =>
      isConst(value)
        ? this.graph.addConstant(
            `${value.name}_half`,
            computedTensor('float16', value.constant.shape, () => readNumbers(value.constant)),
          )
        : this.cast('float16', value),
    );
  }
  single(value: Value): Value {
    return this.once('float', value, () => this.cast('float', value));
  }
  private once(to: keyof typeof CODES, value: Value, make: () => Value): Value {
    const key = `${to} ${value.name}`;
    const known = this.made.get(key) ?? make();
    this.made.set(key, known);
    return known;
  }
  private cast(to: keyof typeof CODES, value: Value): Value {
    const node = this.graph.addNode({
      op: 'Cast',
      inputs: [value],
      attrs: attributes({ to: CODES[to] }),
      outputs: [`${value.name}_${to === 'float' ? 'single' : 'half'}`],
      outputTypes: [value.type && { ...value.type, dtype: to }],
      origin: value.producer?.origin ?? [value.name],
    });
    const [output] = node.outputs;
    assertInvariant(output, () => 'a Cast has an output');
    return output;
  }
  /** Makes a graph input float16: the nodes that read its cast read the input itself. */
  reopen(input: Value): void {
    if (input.type?.dtype !== 'float') return;
    const { graph } = this;
    const half = this.made.get(`float16 ${input.name}`);
    const others = input.uses.filter(({ user }) => user !== half?.producer);
    graph.setType(input, { ...input.type, dtype: 'float16' });
    const single = others.length > 0 ? this.cast('float', input) : undefined;
    for (const { user, slot } of others) graph.replaceInput(user, slot, single);
    if (!half?.producer || graph.isOutput(half)) return;
    const { producer } = half;
    graph.replaceAllUses(half, input);
    graph.removeNode(producer);
  }
}
