/**
 * Finds the smallest part of a network on which a conversion still fails in the same way, by delta debugging (Zeller and Hildebrandt's ddmin): chunks of nodes
 * are removed, halves first, then smaller ones, as long as the failure persists; their results become inputs. Then the outputs, the batch, the sizes of inputs
 * and the channels, with the weights along them, are reduced.
 *
 * The same way means: the same kind of failure, and the step found guilty in the whole network is among the steps that the part goes through.
 */
import { type CompileOptions, replay } from '../compile';
import { CompileError, InvariantError } from '../diagnostics/compile-error';
import type { Model } from '../ir/model';
import { inferShapes } from '../ir/shape-inference';
import type { Step } from '../rewrite/manager';
import { stepsOf } from './bisect';
import { withFewerChannels } from './channels';
import { partOf, withOutputs } from './part';
import { Trial, type TrialOptions, type Verdict } from './trial';

export interface Reduced {
  readonly model: Model;
  readonly verdict: Exclude<Verdict, { kind: 'equal' }>;
  /** Number of candidates tried. */
  readonly tried: number;
}

/** `guilty`: the step that bisection found. Returns undefined if the whole network does not fail. Throws CompileError if it cannot be run. */
export async function reduce(
  source: Model,
  options: CompileOptions,
  guilty: Step | undefined,
  settings: TrialOptions,
): Promise<Reduced | undefined> {
  const reducer = new Reducer(options, guilty, settings);
  // At the size of the window: its parts have no other.
  const { original } = replay(source, options, { left: () => false, take: () => {} });
  const first = await reducer.failure(original);
  if (!first) return undefined;
  let smallest = await reducer.fewerNodes(original);
  smallest = await reducer.fewerOutputs(smallest);
  smallest = await reducer.smallerInputs(smallest);
  smallest = await reducer.fewerChannels(smallest);
  const verdict = await reducer.failure(smallest);
  return { model: smallest, verdict: verdict ?? first, tried: reducer.tried };
}

class Reducer {
  tried = 0;

  constructor(
    private readonly options: CompileOptions,
    private readonly guilty: Step | undefined,
    private readonly settings: TrialOptions,
  ) {}

  /** The failure of the candidate; undefined if it does not fail, or is not a valid network. */
  async failure(candidate: Model): Promise<Exclude<Verdict, { kind: 'equal' }> | undefined> {
    this.tried++;
    this.settings.onProgress?.(`candidate ${this.tried}: ${candidate.graph.nodeCount} nodes`);
    try {
      const { steps, failed, original } = stepsOf(candidate, this.options);
      const taken = failed ? [...steps, failed] : steps;
      const { guilty } = this;
      if (guilty && !taken.some(({ pass, rule }) => pass === guilty.pass && (rule === guilty.rule || rule === undefined))) return undefined;
      const trial = await Trial.of(original, this.settings);
      const verdict = await trial.judge(() => replay(candidate, this.options).model);
      return verdict.kind === 'equal' ? undefined : verdict;
    } catch (error) {
      if (error instanceof CompileError || error instanceof InvariantError) return undefined;
      throw error;
    }
  }

  async fewerNodes(model: Model): Promise<Model> {
    let names = model.graph.nodes.map(({ name }) => name);
    let smallest = model;
    for (let chunks = 2; names.length > 1; ) {
      const length = Math.ceil(names.length / chunks);
      let found = false;
      for (let at = 0; at < names.length; at += length) {
        // Each chunk alone first, then everything except the chunk.
        const chunk = names.slice(at, at + length);
        const rest = [...names.slice(0, at), ...names.slice(at + length)];
        for (const kept of chunks === 2 ? [chunk] : [chunk, rest]) {
          const candidate = kept.length < names.length && kept.length > 0 ? partOf(model, new Set(kept)) : undefined;
          if (!candidate || !(await this.failure(candidate))) continue;
          [names, smallest, found] = [candidate.graph.nodes.map(({ name }) => name), candidate, true];
          chunks = kept === chunk ? 2 : Math.max(chunks - 1, 2);
          break;
        }
        if (found) break;
      }
      if (found) continue;
      if (chunks >= names.length) break;
      chunks = Math.min(chunks * 2, names.length);
    }
    return smallest;
  }

  async fewerOutputs(model: Model): Promise<Model> {
    for (const { name } of model.graph.outputs.length > 1 ? model.graph.outputs : []) {
      const candidate = withOutputs(model, [name]);
      if (await this.failure(candidate)) return candidate;
    }
    return model;
  }

  /** Reduces the batch to one image, and halves rows and columns as long as possible. */
  async smallerInputs(model: Model): Promise<Model> {
    let smallest = model;
    const attempt = async (resize: (dim: number, axis: number) => number): Promise<boolean> => {
      const candidate = resized(smallest, resize);
      if (!candidate || !(await this.failure(candidate))) return false;
      smallest = candidate;
      return true;
    };
    await attempt((dim, axis) => (axis === 0 ? 1 : dim));
    while (await attempt((dim, axis) => (axis >= 2 && dim > 1 ? Math.ceil(dim / 2) : dim)));
    while (await attempt((dim, axis) => (axis >= 2 && dim > 3 ? dim - 1 : dim)));
    return smallest;
  }

  /** Halves the channels of inputs and of layers as long as possible: nobody files a test case of 150 MB. */
  async fewerChannels(model: Model): Promise<Model> {
    let smallest = model;
    const values = [
      ...model.graph.inputs,
      ...model.graph.nodes.filter(({ op }) => op === 'Conv' || op === 'Gemm').flatMap((node) => node.outputs),
    ];
    for (const { name } of values)
      for (;;) {
        const candidate = inferred(withFewerChannels(smallest, name, (channels) => (channels > 2 ? Math.ceil(channels / 2) : channels)));
        if (!candidate || !(await this.failure(candidate))) break;
        smallest = candidate;
      }
    return smallest;
  }
}

/** A copy with other input sizes; undefined if that changes nothing or contradicts the rest of the model. */
function resized(model: Model, resize: (dim: number, axis: number) => number): Model | undefined {
  const copy = model.clone();
  const { graph } = copy;
  let changed = false;
  for (const input of graph.inputs) {
    const shape = input.type?.shape?.map((dim, axis) => (typeof dim === 'number' ? resize(dim, axis) : dim));
    if (!input.type || !shape || shape.length < 3) continue;
    changed ||= shape.some((dim, axis) => dim !== input.type?.shape?.[axis]);
    graph.setType(input, { dtype: input.type.dtype, shape });
  }
  if (!changed) return undefined;
  for (const node of graph.nodes) for (const output of node.outputs) graph.setType(output, undefined);
  return inferred(copy);
}

/** The model with inferred types; undefined if they contradict each other. */
function inferred(model: Model | undefined): Model | undefined {
  try {
    if (model) inferShapes(model);
    return model;
  } catch (error) {
    if (error instanceof CompileError) return undefined;
    throw error;
  }
}
