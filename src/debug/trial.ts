/** A model that something else shall equal, with inputs and the tolerance that follows from its own noise: the question that bisecting and reducing ask over and over. */
import { CompileError, InvariantError } from '../diagnostics/compile-error';
import type { Model } from '../ir/model';
import type { Dim } from '../ir/types';
import { makeBench, type VerifyOptions } from '../verify/bench';
import { compareTensors, type Difference } from '../verify/compare';
import { type InputKind, makeInput } from '../verify/inputs';
import { type Allowed, measure } from '../verify/noise';
import type { Numbers } from '../verify/onnx-runner';
import { relate } from '../verify/pair/relation';
import { coarsestType, EPSILON } from '../verify/precision';
import { isWithin, type Results } from '../verify/results';
import type { Sample } from '../verify/samples';

export interface TrialOptions extends VerifyOptions {
  /** Puts a model where the runtime can load it. */
  readonly place: (model: Model, name: string) => string | Uint8Array;
}

export type Verdict =
  | { readonly kind: 'equal' }
  | {
      readonly kind: 'different';
      readonly output: string;
      readonly difference: Difference;
      /** Largest difference allowed, as a share of the largest number. */
      readonly allowed: number;
      readonly sample: Sample;
      readonly expected: Results;
    }
  /** It cannot be made, or not be run. */
  | { readonly kind: 'broken'; readonly reason: string };

/** One of each that shows something else: negative numbers show wrong borders, structure lights up later layers. */
const KINDS: readonly InputKind[] = ['normal', 'smooth', 'negative', 'sparse'];

export class Trial {
  private constructor(
    private readonly bench: ReturnType<typeof makeBench>,
    private readonly samples: readonly Sample[],
    private readonly expected: readonly Results[],
    private readonly allowed: Allowed,
  ) {}

  /** `original`: its types inferred. Throws CompileError RUNTIME_FAILED where it does not run itself. */
  static async of(original: Model, { place, ...options }: TrialOptions): Promise<Trial> {
    const epsilon = EPSILON[coarsestType(original)] ?? EPSILON.float ?? 0;
    const bench = makeBench({ epsilon, options, place, files: [] });
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

  /** `make` may throw: what a pass breaks is no less wrong. */
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

/** A prediction beside a map of one, or of its cells' mean: as far as their shapes can be brought together. */
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

/** Two of a batch, so that a mix-up among them shows. Other sizes that are open: small and odd. */
const sizeOf = (dim: Dim, axis: number): number => (typeof dim === 'number' ? dim : axis === 0 ? 2 : 7);
