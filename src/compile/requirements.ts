/** Requirements for a valid conversion, checked on the graph and not on the passes that produced it. */

import { passesWith } from '../../passes';
import { fixedPositions, leadingTo } from '../analysis/fixed-positions';
import { type Cells, heldBack } from '../analysis/growing';
import { opposedMaps } from '../analysis/maps/orientation';
import type { Motion } from '../analysis/motion';
import { isSpread } from '../analysis/motion/state';
import { cannotSlide, inTraining, notConvertible, nothingToConvert } from '../diagnostics/catalogue';
import type { CompileError } from '../diagnostics/compile-error';
import { imageInputs } from '../ir/axis-roles';
import { meaningOf } from '../ir/integer-operators';
import { byOperator } from '../ir/match';
import type { Model } from '../ir/model';
import { isLetter } from '../ir/spatial';
import type { Node, Value } from '../ir/types';
import { hasCells } from '../ir/views';
import { hasKernel } from '../operators/layers';
import { trainingOf } from '../operators/training';
import { BAKED_SIZE, growing, obstacle, UNEQUAL_SIZES, whyNoConvolution } from '../rewrite/obstacles';
import type { Remark, Role } from '../rewrite/pass';

/**
 * Refuses networks that were exported in training mode: their norms take mean and variance from the batch, so that a prediction depends on the rest of
 * the batch and on the size of the image, and dropout is another at every run. Norms of weights alone are accepted: weights are the same each time.
 */
export function requireTrained({ graph }: Model): void {
  const fromImage = new Set<Value>(graph.inputs);
  for (const node of graph.nodes) {
    if (!node.inputs.some((input) => input && fromImage.has(input))) continue;
    for (const output of node.outputs) fromImage.add(output);
    const [data] = node.inputs;
    const training = data && fromImage.has(data) ? trainingOf(node) : undefined;
    if (training) throw inTraining(node, training);
  }
}

/** Refuses networks in which positions have a meaning of their own: they might run at another size, but give wrong results. */
export function requireSliding(model: Model, motion: Motion, remarks: readonly Remark[], { original, passesLeftOut }: Slid): void {
  const found = fixedPositions(model.graph, motion);
  const [first] = found;
  if (!first) return;
  // If a classifier did not become a map, the reason for that says more than how it would treat one.
  if (first.isUnknown && isBehindPlaces(first.node, motion) && !leadsToLayers(first.node)) {
    const output = model.graph.outputs.find((candidate) => leadingTo([candidate]).has(first.node));
    const converting = passesWith(...CONVERTING);
    const isHead = ({ kind, pass }: Remark): boolean =>
      kind === 'refused' && (converting.has(pass) || passesWith('converts the rest').has(pass));
    if (output && remarks.some(isHead)) {
      const before = original.graph.outputs.find(({ name }) => name === output.name);
      const { reasons, at } = obstacle(output, before, remarks.filter(isHead), converting);
      throw notConvertible(output, reasons, at, { passesLeftOut });
    }
  }
  // If no rule could turn a layer into a convolution, the refusals of the rules say more than the layer that is left.
  const { output, reasons } = whyNoConvolution(first.node, remarks, passesWith('prepares'));
  if (output && reasons.length > 0)
    throw notConvertible(output, reasons, { node: first.node.name, op: first.node.op, origin: first.node.origin }, { passesLeftOut });
  throw cannotSlide(
    first.node,
    found.map(({ node, reason }) => `${node.op} '${node.name}': ${reason}`),
    { trunkSlides: convolutionalUpTo(model, first.node), passesLeftOut, isUnknown: first.isUnknown },
  );
}

/**
 * Head `cell`: refuses classifiers that are not an average of predictions per cell. If something keeps the network from sliding at all, that says more:
 * `otherwise` returns the reason why no other head can convert it either.
 */
export function requireCells(
  model: Model,
  remarks: readonly Remark[],
  { passesLeftOut, otherwise }: { readonly passesLeftOut: boolean; readonly otherwise: () => CompileError | undefined },
): void {
  const cells = passesWith('gives cells');
  // A feature map beside the scores stays a map.
  const outputOf = ({ at }: Remark): Value | undefined =>
    model.graph.outputs.find((output) => output.name === at.value && !growing(output) && !hasCells(output));
  const refusal = remarks.find((remark) => remark.kind === 'refused' && cells.has(remark.pass) && outputOf(remark));
  const output = refusal && outputOf(refusal);
  if (!output) return;
  const other = otherwise();
  if (other?.code === 'CANNOT_SLIDE') throw other;
  throw notConvertible(output, [refusal.reason ?? ''], refusal.at, { passesLeftOut, otherHeads: other === undefined });
}

/** True if spatial layers follow: then the node is not part of a classifier, but determines what its trunk sees. */
function leadsToLayers(node: Node): boolean {
  const seen = new Set<Node>([node]);
  for (const { outputs } of seen)
    for (const { user } of outputs.flatMap((output) => output.uses)) {
      if (looksAround({ op: meaningOf(user) }) || hasKernel(user)) return true;
      seen.add(user);
    }
  return false;
}

/** Operators besides convolutions that read neighbouring positions. */
const looksAround = byOperator<true>({
  AveragePool: true,
  GlobalAveragePool: true,
  GlobalLpPool: true,
  GlobalMaxPool: true,
  GridSample: true,
  LpPool: true,
  MaxPool: true,
  MaxRoiPool: true,
});

interface Slid {
  readonly original: Model;
  /** True if not all passes of the pipeline were run. */
  readonly passesLeftOut: boolean;
}

/** True if the node works on predictions, so that none of its inputs has more than one position. */
const isBehindPlaces = (node: Node, motion: Motion): boolean =>
  node.inputs.every((input) => {
    const state = input && motion.of(input);
    return state?.kind !== 'moving' || !isSpread(state);
  });

/** Refuses networks that combine a map with its mirror image or its transpose. Checked on the original: later, the cells of turned branches are turned back. */
export function requireOneWay(original: Model, passesLeftOut: boolean): void {
  const found = opposedMaps(original.graph);
  const [first] = found;
  if (!first) return;
  throw cannotSlide(
    first.node,
    found.map(({ node, reason }) => `${node.op} '${node.name}': ${reason}`),
    { trunkSlides: convolutionalUpTo(original, first.node), passesLeftOut },
  );
}

/** Refuses networks in which a size stayed fixed: a network that reads the whole image, or always the same positions of it, does not slide. */
export function requireFreed(model: Model, cells: Cells, remarks: readonly Remark[], passesLeftOut: boolean): void {
  const nodes = new Map(model.graph.nodes.map((node) => [node.name, node]));
  const stuck = remarks.flatMap(({ kind, rule, reason = '', at }) => {
    const node = kind === 'refused' && (rule === BAKED_SIZE || rule === UNEQUAL_SIZES) ? nodes.get(at.node ?? '') : undefined;
    return node ? [{ node, reason }] : [];
  });
  // Missed by all rules: a map that does not grow with the image.
  if (stuck.length === 0) {
    const held = heldBack(model.graph, cells, leadingTo(model.graph.outputs));
    if (held) stuck.push({ node: held.node, reason: `it ${held.why}` });
  }
  const [first] = stuck;
  if (!first) return;
  throw cannotSlide(
    first.node,
    stuck.map(({ node, reason }) => `${node.op} '${node.name}': ${reason}`),
    { trunkSlides: convolutionalUpTo(model, first.node), passesLeftOut },
  );
}

/** True if everything with a kernel comes before the node: a convolutional trunk under a head that is not. A single patch embedding is not a trunk. */
function convolutionalUpTo(model: Model, node: Node): boolean {
  const { nodes } = model.graph;
  const at = nodes.indexOf(node);
  return nodes.slice(0, at).filter(hasKernel).length > 1 && !nodes.slice(at).some(hasKernel);
}

/** Roles of the passes that make the conversion proper. */
const CONVERTING = ['converts', 'gives cells', 'gives means'] as const;

/** True if the file gives its images a fixed size. */
export const hasFixedImages = (model: Model): boolean =>
  [...imageInputs(model.graph)].every(([{ type }, roles]) =>
    roles.every((role, axis) => !isLetter(role) || model.graph.tied.has(role) || typeof type?.shape?.[axis] === 'number'),
  );

/** Requires that every output has become what the head promises: a map that grows with the image, or a mean over one. */
export function requireMaps(model: Model, { original, wasFixed, head, passesLeftOut }: Asked, remarks: readonly Remark[]): void {
  const applied = remarks.filter(({ kind }) => kind === 'applied');
  // A classifier of convolutions alone only needs its size freed; a network without one cell at the end is not a classifier.
  const isFree = !wasFixed || original.graph.outputs.some(hasCells);
  const { outputs } = model.graph;
  const converting = passesWith(...CONVERTING);
  if (isFree && outputs.length > 0 && !applied.some(({ pass }) => converting.has(pass)) && outputs.every(growing))
    throw nothingToConvert(original.graph.outputs);
  // A vector of the right shape proves nothing, as attention over the whole image gives one too. Nor does a map, if cells of the last map were requested.
  const madeBy = (role: Role, output: Value): boolean => {
    const names = passesWith(role);
    return applied.some(({ pass, at }) => names.has(pass) && at.value === output.name);
  };
  const done: Readonly<Record<Asked['head'], (output: Value) => boolean>> = {
    window: growing,
    cell: (output) => growing(output) && madeBy('gives cells', output),
    image: (output) => madeBy('gives means', output),
    original: () => true,
  };
  for (const output of outputs) {
    const before = original.graph.outputs.find(({ name }) => name === output.name);
    // A feature map beside the scores stays a map.
    if (before && hasCells(before) ? growing(output) : done[head](output)) continue;
    const folding = passesWith('folds');
    const telling = remarks.filter(({ pass }) => !folding.has(pass));
    const { reasons, at } = obstacle(output, before, telling, converting);
    throw notConvertible(output, reasons, at, { passesLeftOut });
  }
}

/** Starting point and options of a conversion. */
interface Asked {
  readonly original: Model;
  readonly wasFixed: boolean;
  readonly head: 'window' | 'cell' | 'image' | 'original';
  /** True if not all passes of the pipeline were run. */
  readonly passesLeftOut: boolean;
}
