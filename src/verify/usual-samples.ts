/** Inputs of a verification and their sizes. */

import { type ImageWindow, resolveWindows, type SizeRequest, windowAxes } from '../compile/input-size';
import { openDimension } from '../diagnostics/catalogue';
import { CompileError } from '../diagnostics/compile-error';
import type { Model } from '../ir/model';
import { elementCount } from '../ir/tensor';
import type { Value } from '../ir/types';
import type { VerifyOptions } from './bench';
import { makeBudget, secondsOf, secondsToFeed } from './budget';
import { isExtreme, isHuge, makeInput } from './inputs';
import { correspondence } from './pair/pair';
import { broughtInto, quantisedCopy, rangesOfOriginal } from './pair/quantised';
import { kindsFor, partOf, randomSamples, type Sample, usualSamples } from './samples';

export interface SampleOptions extends VerifyOptions {
  /** Inputs that the user gave; undefined: random ones. */
  readonly load?: ((original: Model, windows: readonly ImageWindow[]) => Promise<readonly Sample[]>) | undefined;
  readonly map?: ReadonlyMap<string, string> | undefined;
  readonly onSamples?: ((samples: readonly Sample[]) => void) | undefined;
}

/** The samples that were given, or random ones. */
export async function samplesFor(
  original: Model,
  converted: Model,
  windows: readonly ImageWindow[],
  options: SampleOptions,
): Promise<readonly Sample[]> {
  const { inputs } = original.graph;
  const seed = options.seed ?? 1;
  const [first] = windows;
  const axes = first ? windowAxes(first) : [2, 3];
  const quantised = quantisedCopy(original.graph, converted.graph);
  const samples = options.load
    ? await options.load(original, windows)
    : randomSamples(
        options.samples ?? usualSamples(original, makeBudget(options.budget), 6 * secondsOfSample(original)),
        kindsFor(original).filter(
          (kind) =>
            (!isExtreme(kind) || (!quantised && kindsFor(converted).includes(kind))) && (options.atol === undefined || !isHuge(kind)),
        ),
        (kind, round) =>
          new Map(
            inputs.map((input, index) => [
              input.name,
              makeInput(kind, seed + index + 1009 * round, input.type?.dtype ?? 'float', sizesOf(input), axes),
            ]),
          ),
      );
  const fitting =
    quantised && !options.load
      ? broughtInto(samples, rangesOfOriginal(quantised, correspondence(original, converted, options.map).inputs))
      : samples;
  const part = partOf(fitting, options.shard);
  options.onSamples?.(part);
  return part;
}

const secondsOfSample = ({ graph }: Model): number =>
  secondsOf(graph) + secondsToFeed(graph.inputs.reduce((sum, input) => sum + elementCount(sizesOf(input)), 0));

/** Static sizes; an open batch becomes 1. Throws CompileError OPEN_DIMENSION. */
export function sizesOf({ name, type }: Value): readonly number[] {
  const shape = type?.shape;
  if (!shape) throw openDimension(name, 'rank unknown');
  return shape.map((dim, axis) => {
    // An empty image proves nothing: a length of 0 is treated as unknown.
    if (typeof dim === 'number' && (dim > 0 || axis > 0)) return dim;
    if (axis === 0) return 1;
    throw openDimension(name, shape.map((each) => each ?? '?').join(', '));
  });
}

/** Gives the original the requested sizes, or those in either file; inputs that are not images stay unchanged. */
export function openWindows(original: Model, converted: Model, request: SizeRequest | undefined): readonly ImageWindow[] {
  const { graph } = original;
  for (const input of graph.inputs) {
    const other = converted.graph.inputs.find(({ name }) => name === input.name)?.type?.shape;
    const shape = input.type?.shape;
    if (input.type && shape && other && shape.length === other.length)
      graph.setType(input, { ...input.type, shape: shape.map((dim, axis) => (typeof dim === 'number' ? dim : (other[axis] ?? dim))) });
  }
  try {
    return resolveWindows(original, request);
  } catch (error) {
    // The model takes no images, or the sizes come with the inputs.
    if (error instanceof CompileError && ['NO_IMAGE_INPUT', 'INPUT_SIZE_NEEDED'].includes(error.diagnostic.code) && !request) return [];
    throw error;
  }
}
