/**
 * Replaces the weights of both models with integers, the same in both.
 *
 * A constant of the converted model with the same values as one of the original, in any order, gets the integers of these values. One that the
 * conversion computed (a folded norm) gets the result of the same conversion on the original's integers. All others are left unchanged and reported.
 */
import type { Graph } from '../../ir/graph';
import type { Model } from '../../ir/model';
import { elementCount, readNumbers, tensorBytes } from '../../ir/tensor';
import type { Attr, ConstValue, Tensor, Value } from '../../ir/types';
import { onIntegers } from '../../operators';
import { elementwise, fingerprint, integerTensor, LARGEST, type Role } from './integers';

export interface Substituted {
  readonly model: Model;
  /** Largest magnitude of each replaced constant. */
  readonly magnitudes: ReadonlyMap<Value, number>;
  /** Float constants that could not be replaced: nodes that read them cannot be judged. */
  readonly untraced: ReadonlySet<Value>;
  /** The untraced constants that the same conversion computes differently. */
  readonly altered: readonly string[];
}

/** The original with integers instead of its weights. */
export function integerModel(original: Model, seed: number): Substituted {
  const model = original.clone();
  const magnitudes = new Map<Value, number>();
  for (const constant of model.graph.constants) {
    const role = roleOf(constant);
    if (!role) continue;
    magnitudes.set(replace(model.graph, constant, integerTensor(constant.constant, seed, role)), LARGEST[role]);
  }
  respellAttributes(model.graph);
  return { model, magnitudes, untraced: new Set(), altered: [] };
}

export interface Sources {
  readonly original: Model;
  readonly converted: Model;
  /** The conversion repeated on the original and on its integers; undefined if the model is not a conversion. */
  readonly again?: { readonly real: Model; readonly integers: Model } | undefined;
  /** Fingerprints of the constants of both models, by tensor; they are the same in every round. */
  readonly prints: ReadonlyMap<Tensor, string>;
  readonly seed: number;
}

/** Fingerprints of all constants that may be replaced. */
export function printsOf(...models: readonly Model[]): ReadonlyMap<Tensor, string> {
  const prints = new Map<Tensor, string>();
  for (const { graph } of models)
    for (const constant of graph.constants) if (roleOf(constant)) prints.set(constant.constant, fingerprint(constant.constant));
  return prints;
}

/** The converted model with the corresponding integers. */
export function integerCounterpart({ original, converted, again, prints, seed }: Sources): Substituted {
  const byPrint = new Map<string, ConstValue[]>();
  for (const constant of original.graph.constants) {
    const print = prints.get(constant.constant);
    if (print !== undefined) byPrint.set(print, [...(byPrint.get(print) ?? []), constant]);
  }
  const [real, integers] = [again?.real, again?.integers].map(
    (model) => new Map(model?.graph.constants.map((constant) => [constant.name, constant.constant])),
  );
  const isSameGraph = again !== undefined && shapeOf(again.real.graph) === shapeOf(converted.graph);
  const model = converted.clone();
  const [magnitudes, untraced, altered] = [new Map<Value, number>(), new Set<Value>(), [] as string[]];
  for (const constant of model.graph.constants) {
    const own = roleOf(constant);
    if (!own) continue;
    const tensor = constant.constant;
    const same = byPrint.get(prints.get(tensor) ?? fingerprint(tensor)) ?? [];
    const source = same.find(({ name }) => name === constant.name) ?? same.find((each) => roleOf(each) === own) ?? same[0];
    const computed = real?.get(constant.name);
    const role = source && roleOf(source);
    if (role) magnitudes.set(replace(model.graph, constant, integerTensor(tensor, seed, role)), LARGEST[role]);
    else {
      const made = computed && derived(tensor, computed, integers?.get(constant.name));
      if (made) magnitudes.set(replace(model.graph, constant, made), magnitudeOf(made));
      else if (!isInteger(tensor)) {
        untraced.add(constant);
        if (computed && isSameGraph) altered.push(constant.name);
      }
    }
  }
  respellAttributes(model.graph);
  return { model, magnitudes, untraced, altered };
}

/** Result of the conversion on integers, in the order in which the file stores the result of the conversion on the weights. */
function derived(tensor: Tensor, real: Tensor, integers: Tensor | undefined): Tensor | undefined {
  if (!integers || elementCount(integers.shape) !== elementCount(tensor.shape) || real.dtype !== 'float' || integers.dtype !== 'float')
    return undefined;
  const [here, there] = [tensorBytes(tensor), tensorBytes(real)];
  if (here.length === there.length && here.every((byte, at) => byte === there[at])) return { ...integers, shape: tensor.shape };
  if (fingerprint(tensor) !== fingerprint(real)) return undefined;
  // The same values in a different order: each value is replaced with its integer.
  const [bits, numbers] = [new Uint32Array(there.buffer, there.byteOffset, there.byteLength / 4), readNumbers(integers)];
  const known = new Map<number, number>();
  for (const [at, each] of bits.entries()) {
    const number = numbers[at] ?? 0;
    if (known.has(each) && known.get(each) !== number) return undefined;
    known.set(each, number);
  }
  return elementwise(tensor, (each) => known.get(each) ?? Number.NaN);
}

export function magnitudeOf(tensor: Tensor): number {
  return readNumbers(tensor).reduce((largest, number) => Math.max(largest, Math.abs(number)), 0);
}

/** True if a constant already consists of integers (below 2^20 in magnitude). */
export const isInteger = (tensor: Tensor): boolean =>
  readNumbers(tensor).every((number) => Number.isInteger(number) && Math.abs(number) < 2 ** 20);

/** Operators that only rearrange a constant in the graph. */
const VIEWS = new Set(['Reshape', 'Transpose', 'Unsqueeze', 'Squeeze', 'Flatten', 'Identity', 'Slice', 'Concat', 'Split', 'Expand']);

/** Returns undefined for constants that are not replaced. */
function roleOf(constant: ConstValue): Role | undefined {
  return constant.constant.dtype === 'float' ? roleBehind(constant, 0) : undefined;
}

function roleBehind(value: Value, depth: number): Role | undefined {
  for (const { user, slot } of value.uses) {
    const role = onIntegers(user)?.roles?.[slot];
    if (role) return role;
    if (depth < 8 && VIEWS.has(user.op)) {
      const behind = user.outputs.map((output) => roleBehind(output, depth + 1)).find((each) => each !== undefined);
      if (behind) return behind;
    }
  }
  return undefined;
}

function replace(graph: Graph, constant: ConstValue, tensor: Tensor): Value {
  const { name } = constant;
  graph.rename(constant, `${name}_real`);
  // The name is kept, because a repeated conversion derives the names of its results from it.
  const made = graph.addConstant(name, tensor);
  graph.replaceAllUses(constant, made);
  if (!graph.isOutput(constant)) graph.removeConstant(constant);
  return made;
}

/** Sets epsilon to 0 (the integer variance then has an exact root), and slopes to an integer. */
function respellAttributes(graph: Graph): void {
  const set = (name: string, value: number, attrs: ReadonlyMap<string, Attr>): ReadonlyMap<string, Attr> =>
    new Map<string, Attr>([...attrs, [name, { kind: 'float', value }]]);
  for (const node of graph.nodes) {
    for (const [name, value] of Object.entries(onIntegers(node)?.attributes ?? {}))
      graph.respell(node, { attrs: set(name, value, node.attrs) });
  }
}

/** Operators and names of a graph: equal for two graphs that differ only in their weights. */
const shapeOf = (graph: Graph): string =>
  JSON.stringify(graph.nodes.map((node) => [node.op, node.inputs.map((input) => input?.name), node.outputs.map(({ name }) => name)]));
