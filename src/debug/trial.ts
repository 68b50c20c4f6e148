/** The reference model, its inputs and its measured tolerance, against which `bisect` and `reduce` test each candidate. */
import { CompileError, InvariantError } from '../diagnostics/compile-error';
import type { Model } from '../ir/model';
import type { Dim } from '../ir/types';
import { makeBench, type VerifyOptions } from '../verify/bench';
import { compareTensors, type Difference } from '../verify/compare';
import { type InputKind, makeInput } from '../verify/inputs';
import { type Allowed, measure } from '../verify/noise';
import type { Numbers, OpenSession } from '../verify/onnx-runner';
import { relate } from '../verify/pair/relation';
import { coarsestType, EPSILON } from '../verify/precision';
import { isWithin, type Results } from '../verify/results';
import type { Sample } from '../verify/samples';

export interface TrialOptions extends VerifyOptions {
  /** Opens sessions that run models. */
  readonly open: OpenSession;
  /** Stores a model where the runtime can load it. */
  readonly place: (model: Model, name: string) => string | Uint8Array;
}

export type Verdict =
  | { readonly kind: 'equal' }
  | {
      readonly kind: 'different';
      readonly output: string;
      readonly difference: Difference;
      /** Largest difference allowed, relative to the largest value. */
      readonly allowed: number;
      readonly sample: Sample;
      readonly expected: Results;
    }
  /** It cannot be built, or cannot be run. */
  | { readonly kind: 'broken'; readonly reason: string };

/** Kinds of input that reveal different errors: negative values show wrong borders, structure activates later layers. */
const KINDS: readonly InputKind[] = ['normal', 'smooth', 'negative', 'sparse'];

export class Trial {
  private constructor(
    private readonly bench: ReturnType<typeof makeBench>,
    private readonly samples: readonly Sample[],
    private readonly expected: readonly Results[],
    private readonly allowed: Allowed,
  ) {}

  /** `original`: with inferred types. Throws CompileError RUNTIME_FAILED if it cannot be run. */
  static async of(original: Model, { open, place, ...options }: TrialOptions): Promise<Trial> {
    const epsilon = EPSILON[coarsestType(original)] ?? EPSILON.float ?? 0;
    const bench = makeBench({ epsilon, options, open, place, files: [] });
    const samples = KINDS.map(
      (kind): Sample => ({
        kind,
        feeds: new Map(
          original.graph.inputs.map(({ name, type }, at): [string, Numbers] => [
            name,
            makeInput(kind, bench.seed + at, type?.dtype ?? 'float', (type?.shape ?? []).map(sizeOf)),
          ]),
        ),
      }),
    );
    const measured = await measure(bench, { source: place(original, 'original'), model: original }, samples, async () => undefined);
    return new Trial(bench, samples, measured.results, measured.judge());
  }

  /** Compares a candidate with the reference. `make` may throw: a pass that fails is an error too. */
  async judge(make: () => Model): Promise<Verdict> {
    let results: readonly Results[];
    try {
      const source = this.bench.place(make(), 'step');
      results = await this.bench.within(source, 'the rewritten model', {}, async (session) => {
        const all: Results[] = [];
        for (const { feeds } of this.samples) all.push(await session.run(feeds));
        return all;
      });
    } catch (error) {
      if (error instanceof InvariantError || error instanceof CompileError) return { kind: 'broken', reason: error.message };
      throw error;
    }
    let worst: Extract<Verdict, { kind: 'different' }> | undefined;
    for (const [at, expected] of this.expected.entries())
      for (const [output, numbers] of expected) {
        const difference = differenceOf(output, numbers, results[at]?.get(output));
        const tolerance = this.allowed.own[at] ?? this.allowed.tolerance;
        const sample = this.samples[at];
        if (!sample || isWithin(difference, tolerance, output)) continue;
        if (worst && worst.difference.broken === 0 && difference.broken === 0 && difference.maxRel <= worst.difference.maxRel) continue;
        worst = { kind: 'different', output, difference, allowed: tolerance.relative, sample, expected };
      }
    return worst ?? { kind: 'equal' };
  }
}

/** Compares a prediction with a map of one cell, or with the mean of its cells, as far as their shapes can be matched. */
function differenceOf(output: string, expected: Numbers, actual: Numbers | undefined): Difference {
  if (!actual) return compareTensors(expected, undefined);
  try {
    const related = relate(output, expected, actual);
    return compareTensors(related.expected, related.actual);
  } catch (error) {
    if (error instanceof CompileError) return compareTensors(expected, undefined);
    throw error;
  }
}

/** A batch of two, to reveal mix-ups between images. Other open sizes are small and odd. */
const sizeOf = (dim: Dim, axis: number): number => (typeof dim === 'number' ? dim : axis === 0 ? 2 : 7);
