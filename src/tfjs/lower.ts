/**
 * Lowers a model to a TensorFlow.js graph: maps become channels-last (channels-last/), then each operator is expressed in TensorFlow's operators (ops/).
 *
 * All operators that cannot be expressed are reported at once, before anything is written.
 */
import { unsupportedOperators, unsupportedType } from '../diagnostics/catalogue';
import { imageInputs } from '../ir/axis-roles';
import { inlineBodies } from '../ir/functions';
import type { Graph } from '../ir/graph';
import type { Model } from '../ir/model';
import { isFloatType } from '../ir/tensor';
import type { Node, Value } from '../ir/types';
import { tfjsType } from './attrs';
import { type InputLayout, type Layouts, moveToChannelsLast } from './channels-last';
import { channelsLast, identity, isIdentity, type Order, sameOrder } from './channels-last/order';
import { foldCodes } from './codes';
import { Emitter, type Ref, refText, Unsupported } from './emitter';
import type { TfjsGraph, TfjsNode, TfjsPort, TfjsValue } from './graph';
import { loweringFor } from './ops';
import { isUsed } from './ops/lowering';
import { inWholeNumbers } from './whole-numbers';

export interface LowerOptions {
  /** `nhwc` (default): image inputs are [N, H, W, C], as usual in TensorFlow.js; `nchw`: as in ONNX, at the price of a Transpose. */
  readonly inputLayout?: InputLayout | undefined;
  /** One node for a convolution or linear layer, its bias and its activation. Default: true. */
  readonly fuse?: boolean | undefined;
  /** Called with the model after the pass nchw-to-nhwc. */
  readonly onLayout?: ((model: Model) => void) | undefined;
}

/** Lowers the model, which must be in normal form and is not modified. Throws CompileError UNSUPPORTED_OPERATORS, UNSUPPORTED_TYPE. */
export function lowerToTfjs(model: Model, { inputLayout = 'nhwc', fuse = true, onLayout }: LowerOptions = {}): TfjsGraph {
  const moved = model.clone();
  // An operator that TensorFlow.js lacks may be defined as a function of others.
  const wholes = inWholeNumbers(moved.graph);
  const coded = new Map([...wholes, ...foldCodes(moved.graph)]);
  inlineBodies(moved.graph, (node) => !loweringFor(node.op));
  const roles = new Map([...imageInputs(model.graph)].map(([input, letters]) => [input.name, letters.join('').toLowerCase()]));
  const { ports: layouts, places } = moveToChannelsLast(moved, inputLayout);
  onLayout?.(moved);
  const { graph } = moved;
  const make = new Emitter(graph, { fuse }, coded);
  const strange = graph.inputs.find(({ type }) => !tfjsType(type?.dtype));
  if (strange) throw unsupportedType(strange);
  const inputs = graph.inputs.map((input): Port => ({ value: input, name: input.name, ref: make.input(input) }));
  const problems: { readonly node: Node; readonly reason: string | undefined }[] = [];
  for (const node of graph.nodes) {
    make.begin(node);
    const refs = lowered(node, make, (reason) => problems.push({ node, reason }));
    make.finish(node, refs);
  }
  if (problems.length > 0) throw unsupportedOperators(problems);
  const outputs = ownNodes(model, graph, make);
  const { nodes, weights } = make.collect(outputs.map(({ ref }) => ref));
  const port = ({ value, name, ref }: Port): TfjsPort => ({
    name,
    tensor: `${refText(ref)}${ref.index === 0 ? ':0' : ''}`,
    dtype: tfjsType(value.type?.dtype) ?? 'DT_FLOAT',
    shape: value.type?.shape,
    perm: layouts.get(name) ?? identity(value.type?.shape?.length ?? 0),
    layout: layoutOf(value, layouts.get(name), roles.get(name)),
    onnxType: value.type?.dtype ?? 'float',
  });
  return { nodes, weights, inputs: inputs.map(port), outputs: outputs.map(port), values: valuesIn(model, places, make, nodes) };
}

/** The tensors of the final graph that hold values of the model. */
function valuesIn(model: Model, places: Layouts['places'], make: Emitter, nodes: readonly TfjsNode[]): readonly TfjsValue[] {
  const there = new Set(nodes.map(({ name }) => name));
  const found: TfjsValue[] = [];
  const unseen = new Set<string>();
  for (const { outputs, origin } of [...model.graph.nodes].reverse()) {
    const isPart = origin.some((name) => unseen.has(name));
    for (const { name, type } of outputs) {
      const place = type && isFloatType(type.dtype) ? places.get(name) : undefined;
      const [ref, ...beside] = place ? make.holders(place.value) : [];
      if (place && ref && there.has(ref.node.name ?? ''))
        found.push({ tensor: refText(ref), beside: beside.map(refText), value: name, perm: place.order, isPart });
      else for (const each of origin) unseen.add(each);
    }
  }
  return found.reverse();
}

interface Port {
  readonly value: Value;
  /** Name in the ONNX model. */
  readonly name: string;
  readonly ref: Ref;
}

/** TensorFlow.js identifies outputs by their nodes: each gets its own. */
function ownNodes(model: Model, graph: Graph, make: Emitter): readonly Port[] {
  const taken = new Set<unknown>(graph.inputs.map((input) => make.ref(input).node));
  return graph.outputs.map((value, at): Port => {
    const name = model.graph.outputs[at]?.name ?? value.name;
    const ref = make.ref(value);
    const own = ref.index > 0 || taken.has(ref.node) ? make.alias(ref, name) : ref;
    taken.add(own.node);
    return { value, name, ref: own };
  });
}

function lowered(node: Node, make: Emitter, refuse: (reason: string | undefined) => void): readonly Ref[] {
  const fused = make.fused.get(node);
  if (fused) return [fused];
  const lowering = loweringFor(node.op);
  try {
    for (const { name, type } of node.outputs)
      if (name !== '' && type && !tfjsType(type.dtype)) throw new Unsupported(`TensorFlow.js has no element type ${type.dtype}`);
    const axes = (value: Value | undefined): number => value?.type?.shape?.length ?? 0;
    const long = MOVES_NOTHING.has(node.op) ? undefined : [...node.inputs, ...node.outputs].find((value) => axes(value) > MOST_AXES);
    if (long) throw new Unsupported(`TensorFlow.js computes on at most ${MOST_AXES} axes, and '${long.name}' has ${axes(long)}`);
    if (lowering) {
      const refs = lowering(node, make);
      return isList(refs) ? refs : [refs];
    }
    refuse(node.op.endsWith('MaxPool') && node.outputs.slice(1).some(isUsed) ? 'it also gives the places of the maxima' : undefined);
  } catch (error) {
    if (!(error instanceof Unsupported)) throw error;
    refuse(error.message);
  }
  // A placeholder, so that the remaining nodes are checked as well.
  return node.outputs.map(() => make.int(0));
}

/** Beyond these, kernels of TensorFlow.js give numbers that mean nothing (WebAssembly) or refuse (WebGL). */
const MOST_AXES = 6;
const MOVES_NOTHING: ReadonlySet<string> = new Set(['Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Identity', 'Shape', 'Size']);

/** Layout of a value that was made channels-last, or of an image in the layout of the ONNX model. */
function layoutOf(value: Value, order: Order | undefined, role: string | undefined): TfjsPort['layout'] {
  if (order && !isIdentity(order)) return sameOrder(order, channelsLast(4)) ? 'nhwc' : 'original';
  return value.producer === undefined && (role === 'nchw' || role === 'nhwc') ? role : 'original';
}

const isList = (refs: Ref | readonly Ref[]): refs is readonly Ref[] => Array.isArray(refs);
