/** The original's scores in front of the activations that it ends in; they equal the mean over the cells of a map. */
import { finalScores } from '../analysis/final-scores';
import { CompileError } from '../diagnostics/compile-error';
import type { Model } from '../ir/model';
import type { Value } from '../ir/types';
import { type CutMap, lastMaps, trunkOf } from './cut';
import { withExactSums } from './exact-sums';
import { asCompileError, each, only, type Results, worstOf } from './results';
import type { Sample } from './samples';
import type { Choices, LargerImage } from './sizes';
import type { Subject } from './subject';
import { growsAsItShould, ownPart } from './windows';

/** Scores that the original gives for one larger image as a whole. */
export interface LargerScores {
  readonly image: LargerImage;
  readonly results: Results;
  /** True if the nodes of the original's file ran unchanged. */
  readonly own: boolean;
  /** Distance of the scores from the same scores with long sums in double precision, as a share of the largest. */
  readonly noise: number;
}

export interface Scores {
  readonly small: readonly Results[];
  readonly larger: readonly LargerScores[];
}

/**
 * The original's scores without its final activations, at its own size and at larger sizes: computed by its own nodes if these run there, otherwise with
 * its sizes freed.
 */
export async function scores(subject: Subject, samples: readonly Sample[], choices: Choices): Promise<Scores> {
  const { model } = subject.request.original;
  const values = finalScores(model.graph).map(({ value }) => value);
  const names = new Map(values.map((value, index) => [value.name, model.graph.outputs[index]?.name ?? value.name]));
  const renamed = (results: Results): Results =>
    new Map([...results].flatMap(([name, numbers]) => (names.has(name) ? [[names.get(name) ?? name, numbers]] : [])));
  const part = trunkOf(model, values);
  // A map that does not grow with the image is not a map of that image; the file may slice the middle of it at fixed positions.
  const maps = mapsAhead(subject, values);
  const grows = (image: LargerImage, results: Results): boolean => maps.every((map) => growsAsItShould(subject, map, image, results));
  const { bench, request } = subject;
  bench.progress('running the scores of the original');
  const small = await bench.within(request.place(part, 'scores'), 'the part of the original that leads to its scores', {}, (session) =>
    each(samples, async ({ feeds }) => renamed(await session.run(only(feeds, session.inputNames)))),
  );
  const larger = new Map<number, LargerScores>();
  const ways: readonly (readonly [boolean, () => Model | undefined])[] = [
    [
      true,
      () =>
        ownPart(
          subject,
          [...values, ...maps.map(({ value }) => value)].map(({ name }) => name),
        ),
    ],
    [false, () => request.free(part)],
  ];
  for (const [own, make] of ways) {
    try {
      const whole = make();
      if (!whole) continue;
      const exact = withExactSums(whole);
      const missing = [...choices.entries()].filter(([at]) => !larger.has(at));
      const found = await runOn(subject, whole, missing, own ? 'own' : 'free');
      // A file that runs only at some sizes is tied to them: for example, a pool as large as the map is the gate of the first window until the map
      // has room for two.
      if (own && (found.size < missing.length || ![...found.values()].every(([image, results]) => grows(image, results)))) continue;
      const better = exact && (await runOn(subject, exact, missing, 'free-sums'));
      for (const [at, [image, results]] of found) {
        const other = better?.get(at);
        const noise = other && other[0] === image ? (worstOf([other[1]], [results])?.maxRel ?? 0) : 0;
        larger.set(at, { image, own, results: renamed(results), noise });
      }
    } catch (error) {
      asCompileError(error);
    }
  }
  return { small, larger: [...larger.entries()].sort(([a], [b]) => a - b).map(([, scored]) => scored) };
}

/**
 * The last maps in front of the scores. In the rewritten original, rows and columns selected by index are maps as well; its maps count where the file has
 * values of these names.
 */
function mapsAhead({ whole, request }: Subject, values: readonly Value[]): readonly CutMap[] {
  const { model } = request.original;
  const ahead = (of: Model, ends: readonly Value[]): readonly CutMap[] =>
    (lastMaps(of, ends) ?? []).filter(({ value }) => !ends.includes(value));
  const names = new Set(model.graph.nodes.flatMap(({ outputs }) => outputs.map(({ name }) => name)));
  const rewritten = ahead(
    whole,
    finalScores(whole.graph).map(({ value }) => value),
  );
  return rewritten.length > 0 && rewritten.every(({ value }) => names.has(value.name)) ? rewritten : ahead(model, values);
}

async function runOn(
  subject: Subject,
  model: Model,
  wanted: readonly (readonly [number, readonly LargerImage[]])[],
  name: string,
): Promise<ReadonlyMap<number, readonly [LargerImage, Results]>> {
  const found = new Map<number, readonly [LargerImage, Results]>();
  if (wanted.length === 0) return found;
  const { bench, request } = subject;
  await bench.within(request.place(model, name), 'the original at larger sizes', {}, async (session) => {
    for (const [at, images] of wanted)
      for (const image of images) {
        const results = await session
          .run(only(subject.fitted(image.feeds, image.lengths), session.inputNames))
          .catch((error: unknown) => asCompileError(error));
        if (results instanceof CompileError) continue;
        found.set(at, [image, results]);
        break;
      }
  });
  return found;
}
