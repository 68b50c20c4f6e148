/** What a network must be for a conversion to mean anything: asked of the graph, not of the passes that made it so. */
import { passesWith } from '../../passes';
import { fixedPositions, leadingTo } from '../analysis/fixed-positions';
import { type Cells, heldBack } from '../analysis/growing';
import { opposedMaps } from '../analysis/maps/orientation';
import type { Motion } from '../analysis/motion';
import { isSpread } from '../analysis/motion/state';
import { cannotSlide, inTraining, notConvertible, nothingToConvert } from '../diagnostics/catalogue';
import type { CompileError } from '../diagnostics/compile-error';
import { intAttr } from '../ir/attrs';
import { imageInputs } from '../ir/axis-roles';
import type { Model } from '../ir/model';
import { isLetter } from '../ir/spatial';
import type { Node, Value } from '../ir/types';
import { hasCells } from '../ir/views';
import { BAKED_SIZE, growing, obstacle, UNEQUAL_SIZES, whyNoConvolution } from '../rewrite/obstacles';
import type { Remark, Role } from '../rewrite/pass';

/**
 * Refuses networks that were exported while they were being trained: their norms take mean and variance from the batch, so a prediction depends on what else is in it,
 * and on how large the image is. Norms of weights alone are another matter: weights are the same each time.
 */
export function requireTrained({ graph }: Model): void {
  const fromImage = new Set<Value>(graph.inputs);
  for (const node of graph.nodes) {
    if (!node.inputs.some((input) => input && fromImage.has(input))) continue;
    for (const output of node.outputs) fromImage.add(output);
    const [data] = node.inputs;
    if (node.op === 'BatchNormalization' && intAttr(node, 'training_mode') !== 0 && data && fromImage.has(data)) throw inTraining(node);
  }
}

/** Refuses networks in which positions have a meaning of their own: they might run at another size, and be wrong. */
export function requireSliding(model: Model, motion: Motion, remarks: readonly Remark[], { original, passesLeftOut }: Slid): void {
  const found = fixedPositions(model.graph, motion);
  const [first] = found;
  if (!first) return;
  // A classifier of which no map was made: why not says more than what it would do on one.
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
  // A layer that no rule could turn into a convolution: what stopped the rules says more than what is left.
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
 * Head `cell`: refuses classifiers that are no average of what they say of each cell. What keeps the network from sliding at all says more, and is asked of
 * `otherwise`: the reason why no other head converts it either.
 */
export function requireCells(
  model: Model,
  remarks: readonly Remark[],
  { passesLeftOut, otherwise }: { readonly passesLeftOut: boolean; readonly otherwise: () => CompileError | undefined },
): void {
  const cells = passesWith('gives cells');
  // A map of features beside the scores stays a map.
  const outputOf = ({ at }: Remark): Value | undefined =>
    model.graph.outputs.find((output) => output.name === at.value && !growing(output) && !hasCells(output));
  const refusal = remarks.find((remark) => remark.kind === 'refused' && cells.has(remark.pass) && outputOf(remark));
  const output = refusal && outputOf(refusal);
  if (!output) return;
  const other = otherwise();
  if (other?.code === 'CANNOT_SLIDE') throw other;
  throw notConvertible(output, [refusal.reason ?? ''], refusal.at, { passesLeftOut, otherHeads: other === undefined });
}

/** Whether layers over places follow: what stands there belongs to no classifier, but decides what its trunk looks at. */
function leadsToLayers(node: Node): boolean {
  const seen = new Set<Node>([node]);
  for (const { outputs } of seen)
    for (const { user } of outputs.flatMap((output) => output.uses)) {
      const kernel = user.op === 'Conv' ? (user.inputs[1]?.type?.shape?.slice(2) ?? []) : [];
      if (user.op.endsWith('Pool') || user.op === 'GridSample' || kernel.some((size) => size !== 1)) return true;
      seen.add(user);
    }
  return false;
}

interface Slid {
  readonly original: Model;
  /** Not all passes of the pipeline were to run. */
  readonly passesLeftOut: boolean;
}

/** Whether the node works on predictions: nothing that it reads has more than one place. */
const isBehindPlaces = (node: Node, motion: Motion): boolean =>
  node.inputs.every((input) => {
    const state = input && motion.of(input);
    return state?.kind !== 'moving' || !isSpread(state);
  });

/** Refuses networks that combine a map with its mirror image, or its transpose. Asked of the original: later on, cells of branches meet that are turned back. */
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

/** Refuses networks with a size that stays what it was: one that reads the whole image, or always the same places of it, does not slide. */
export function requireFreed(model: Model, cells: Cells, remarks: readonly Remark[], passesLeftOut: boolean): void {
  const nodes = new Map(model.graph.nodes.map((node) => [node.name, node]));
  const stuck = remarks.flatMap(({ kind, rule, reason = '', at }) => {
    const node = kind === 'refused' && (rule === BAKED_SIZE || rule === UNEQUAL_SIZES) ? nodes.get(at.node ?? '') : undefined;
    return node ? [{ node, reason }] : [];
  });
  // What no rule saw: a map that does not grow as it moves.
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

/** Whether everything with a kernel stands in front of the node: a convolutional trunk under a head that is not. One patch embedding is no trunk. */
function convolutionalUpTo(model: Model, node: Node): boolean {
  const { nodes } = model.graph;
  const hasKernel = (candidate: Node): boolean =>
    candidate.op === 'Conv' && (candidate.inputs[1]?.type?.shape?.slice(2) ?? []).some((dim) => dim !== 1);
  const at = nodes.indexOf(node);
  return nodes.slice(0, at).filter(hasKernel).length > 1 && !nodes.slice(at).some(hasKernel);
}

/** Passes whose work is the conversion itself. */
const CONVERTING = ['converts', 'gives cells', 'gives means'] as const;

/** Whether the file gives its images a size. */
export const hasFixedImages = (model: Model): boolean =>
  [...imageInputs(model.graph)].every(([{ type }, roles]) =>
    roles.every((role, axis) => !isLetter(role) || model.graph.tied.has(role) || typeof type?.shape?.[axis] === 'number'),
  );

/** Every output has become what the head promises: a map that grows with the image, or a mean over one. */
export function requireMaps(model: Model, { original, wasFixed, head, passesLeftOut }: Asked, remarks: readonly Remark[]): void {
  const applied = remarks.filter(({ kind }) => kind === 'applied');
  // A classifier of convolutions alone still wants its size made free; a network without one cell at the end is no classifier.
  const isFree = !wasFixed || original.graph.outputs.some(hasCells);
  const { outputs } = model.graph;
  const converting = passesWith(...CONVERTING);
  if (isFree && outputs.length > 0 && !applied.some(({ pass }) => converting.has(pass)) && outputs.every(growing))
    throw nothingToConvert(original.graph.outputs);
  // A vector of the right shape proves nothing: attention over the whole image has one too. Nor does a map, where cells of the last map were asked for.
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
    // A map of features beside the scores stays a map.
    if (before && hasCells(before) ? growing(output) : done[head](output)) continue;
    const folding = passesWith('folds');
    const telling = remarks.filter(({ pass }) => !folding.has(pass));
    const { reasons, at } = obstacle(output, before, telling, converting);
    throw notConvertible(output, reasons, at, { passesLeftOut });
  }
}

/** What a conversion started from, and what it was to do. */
interface Asked {
  readonly original: Model;
  readonly wasFixed: boolean;
  readonly head: 'window' | 'cell' | 'image' | 'original';
  /** Not all passes of the pipeline were to run. */
  readonly passesLeftOut: boolean;
}
