/** From a verdict of "different" to the node where it begins. */
import { CompileError } from '../../diagnostics/compile-error';
import type { Model } from '../../ir/model';
import type { Value } from '../../ir/types';
import { compareTensors, type Difference } from '../compare';
import { lastMaps, trunkOf } from '../cut';
import type { Larger } from '../larger';
import { floorOf } from '../noise';
import type { Departure, Tolerance, VerifyReport } from '../report';
import type { Results } from '../results';
import type { Sample } from '../samples';
import type { Subject } from '../subject';
import { counterparts } from './counterparts';
import { type LocateRequest, locate } from './departure';
import { probe } from './probe';

type Told = Pick<VerifyReport, 'departure' | 'departureNote'>;

/** What one output gave on one sample, both sides in the same shape. */
export interface Observed {
  readonly sample: number;
  readonly output: Value;
  readonly difference: Difference;
  readonly allowed: Tolerance;
}

/** The sample on which an output exceeds what is allowed the most, and what departs on it. */
export function worstSample(
  observed: readonly Observed[],
): { readonly sample: number; readonly ends: ReadonlyMap<Value, Difference> } | undefined {
  const excess = ({ difference, allowed }: Observed): number =>
    difference.broken > 0
      ? Number.POSITIVE_INFINITY
      : difference.maxAbs / (allowed.absolute + allowed.relative * difference.scale || Number.MIN_VALUE);
  const [worst] = [...observed].sort((a, b) => excess(b) - excess(a));
  if (!worst) return undefined;
  const ends = observed
    .filter((each) => each.sample === worst.sample && excess(each) > 1)
    .map((each) => [each.output, each.difference] as const);
  return { sample: worst.sample, ends: new Map(ends) };
}

/** Like `locate`; what cannot be run or found is told, and the verdict stands. */
export async function tellDeparture(request: LocateRequest): Promise<Told> {
  return telling(async () => {
    const departure = await locate(request);
    return departure ? { departure } : { departureNote: 'not found: the values inside of the two models do not correspond' };
  });
}

async function telling(action: () => Promise<Told>): Promise<Told> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof CompileError) return { departureNote: `not found: ${error.diagnostic.message}` };
    throw error;
  }
}

/** Of a conversion that is equal at its own size: larger images go through the trunk of the original, which can be run on them. */
export function tellOnLarger(
  subject: Subject,
  { feeds, height, width }: Larger,
  request: Pick<LocateRequest, 'rounded' | 'sameSizes' | 'rewrites'>,
): Promise<Told> {
  return telling(async () => {
    const { bench, whole } = subject;
    const maps = lastMaps(whole, whole.graph.outputs);
    const converted = subject.request.converted.model;
    if (!maps) return { departureNote: 'not found: it shows on larger images only, and the original cannot be cut' };
    const trunk = subject.request.free(
      trunkOf(
        whole,
        maps.map(({ value }) => value),
      ),
    );
    const ends = await departingMaps(subject, trunk, converted, feeds);
    if (ends === undefined)
      return { departureNote: 'not found: it shows on larger images only, and the last map of the original has no counterpart' };
    if (ends.size === 0)
      return {
        departureNote: `behind the last map (${maps.map(({ value }) => `'${value.name}'`).join(', ')}), which is still equal on an image of ${height}x${width}: in what was the classifier`,
      };
    const departure: Departure | undefined = await locate({
      ...request,
      bench,
      original: trunk,
      converted,
      feeds: { original: feeds, converted: feeds },
      sample: `normal, ${height}x${width}`,
      ends,
    });
    return departure ? { departure } : { departureNote: 'not found: it shows on larger images only' };
  });
}

async function departingMaps(
  subject: Subject,
  trunk: Model,
  converted: Model,
  feeds: Larger['feeds'],
): Promise<ReadonlyMap<Value, Difference> | undefined> {
  const outputs = new Set(trunk.graph.outputs);
  const pairs = [...counterparts(trunk.graph, converted.graph)].filter(([, from]) => outputs.has(from));
  if (pairs.length === 0) return undefined;
  const { bench } = subject;
  const expected: Results = await probe(
    bench,
    trunk,
    pairs.map(([, from]) => from),
    feeds,
    'the trunk of the original',
  );
  const actual = await probe(
    bench,
    converted,
    pairs.map(([to]) => to),
    feeds,
    'a part of the converted model',
  );
  const ends = new Map<Value, Difference>();
  for (const [to, from] of pairs) {
    const wanted = expected.get(from.name);
    if (!wanted) continue;
    const difference = compareTensors(wanted, actual.get(to.name));
    if (difference.broken > 0 || difference.maxRel > 8 * floorOf(bench.epsilon)) ends.set(to, difference);
  }
  return ends;
}

/** The samples by index, for reports. */
export const nameOf = (samples: readonly Sample[], at: number): string =>
  `${samples[at]?.kind ?? ''}${samples.filter(({ kind }) => kind === samples[at]?.kind).length > 1 ? ` #${at}` : ''}`;
