/** Locates the node at which a "different" verdict originates. */

import { CompileError } from '../../diagnostics/compile-error';
import type { Model } from '../../ir/model';
import { sizeText } from '../../ir/spatial';
import type { Value } from '../../ir/types';
import { type Agreement, compareTensors, type Difference } from '../compare';
import { lastMaps, trunkOf } from '../cut';
import { floorOf, ORDER_FACTOR } from '../noise';
import type { Departure, Tolerance, VerifyReport } from '../report';
import { agreesEnough, isWithin, type Results } from '../results';
import type { Sample } from '../samples';
import type { LargerImage } from '../sizes';
import type { Subject } from '../subject';
import { type LocateRequest, locate } from './departure';
import { probe } from './probe';
import type { Side } from './side';

type Told = Pick<VerifyReport, 'departure' | 'departureNote'>;

/** Difference of one output on one sample, both sides in the same shape. */
export interface Observed {
  readonly sample: number;
  /** Name of an output of the converted model. */
  readonly output: string;
  readonly difference: Difference;
  /** For outputs with classes: how often both models predict the same class. */
  readonly agreed?: Agreement | undefined;
  readonly allowed: Tolerance;
}

/** The sample on which an output exceeds its tolerance the most, and the outputs that depart on it. */
export function worstSample(
  observed: readonly Observed[],
): { readonly sample: number; readonly ends: ReadonlyMap<string, Difference> } | undefined {
  const excess = ({ difference, agreed, allowed }: Observed): number =>
    allowed.from === 'criteria' && difference.broken === 0
      ? isAsked(difference, agreed, allowed)
        ? 0
        : 2 - difference.cosine
      : difference.broken > 0
        ? Number.POSITIVE_INFINITY
        : difference.maxAbs / (allowed.absolute + allowed.relative * difference.scale || Number.MIN_VALUE);
  const [worst] = [...observed].sort((a, b) => excess(b) - excess(a));
  if (!worst) return undefined;
  const ends = observed
    .filter((each) => each.sample === worst.sample && excess(each) > 1)
    .map((each) => [each.output, each.difference] as const);
  return { sample: worst.sample, ends: new Map(ends) };
}

const isAsked = (difference: Difference, agreed: Agreement | undefined, allowed: Tolerance): boolean =>
  isWithin(difference, { ...allowed, outputs: undefined }, '', agreed) && (!agreed || agreesEnough(agreed, allowed));

/** Request for a location; the converted side is opened only when needed. `ends`: departing outputs of the converted model, by name. */
export type TellRequest = Omit<LocateRequest, 'converted' | 'ends'> & {
  readonly converted: () => Side;
  readonly ends: ReadonlyMap<string, Difference>;
};

/** Like `locate`, but reports failures as a note, without changing the verdict. */
export async function tellDeparture(request: TellRequest): Promise<Told> {
  return telling(async () => {
    const converted = request.converted();
    const ends = [...request.ends].flatMap(([name, difference]): [Value, Difference][] => {
      const value = converted.output(name);
      return value ? [[value, difference]] : [];
    });
    const departure = await locate({ ...request, converted, ends: new Map(ends) });
    return departure ? { departure } : { departureNote: NOTHING_CORRESPONDS };
  });
}

const NOTHING_CORRESPONDS = 'not found: no value inside of one model is known to be one of the other, neither by name nor by origin';

async function telling(action: () => Promise<Told>): Promise<Told> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof CompileError) return { departureNote: `not found: ${error.diagnostic.message}` };
    throw error;
  }
}

/** For a conversion that is equal at its own size: runs larger images through the trunk of the original, which accepts them. */
export function tellOnLarger(
  subject: Subject,
  { feeds, lengths }: LargerImage,
  request: Pick<LocateRequest, 'rounded' | 'sameSizes' | 'rewrites'> & Pick<TellRequest, 'converted'>,
): Promise<Told> {
  return telling(async () => {
    const { bench, whole } = subject;
    const maps = lastMaps(whole, whole.graph.outputs);
    const converted = request.converted();
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
        departureNote: `behind the last map (${maps.map(({ value }) => `'${value.name}'`).join(', ')}), which is still equal on an image of ${sizeText(lengths)}: in what was the classifier`,
      };
    const departure: Departure | undefined = await locate({
      ...request,
      bench,
      original: trunk,
      converted,
      feeds: { original: feeds, converted: feeds },
      sample: `normal, ${sizeText(lengths)}`,
      ends,
    });
    return departure ? { departure } : { departureNote: `${NOTHING_CORRESPONDS}; it shows on larger images only` };
  });
}

async function departingMaps(
  subject: Subject,
  trunk: Model,
  converted: Side,
  feeds: LargerImage['feeds'],
): Promise<ReadonlyMap<Value, Difference> | undefined> {
  const outputs = new Set(trunk.graph.outputs);
  const pairs = [...converted.counterparts(trunk.graph)].filter(([, from]) => outputs.has(from));
  if (pairs.length === 0) return undefined;
  const { bench } = subject;
  const expected: Results = await probe(
    bench,
    trunk,
    pairs.map(([, from]) => from),
    feeds,
    'the trunk of the original',
  );
  const values = pairs.map(([to]) => to);
  const actual = await converted.probe(values, feeds);
  const other = await converted.probeReordered?.(values, feeds);
  const ends = new Map<Value, Difference>();
  for (const [to, from] of pairs) {
    const wanted = expected.get(from.name);
    if (!wanted) continue;
    const found = actual.get(to.name);
    const difference = compareTensors(wanted, found);
    const reordered = found && other ? compareTensors(found, other.get(to.name)).maxRel : 0;
    if (difference.broken > 0 || difference.maxRel > Math.max(8 * floorOf(bench.epsilon), ORDER_FACTOR * reordered))
      ends.set(to, difference);
  }
  return ends;
}

/** Name of a sample for reports; includes its index if the kind occurs more than once. */
export const nameOf = (samples: readonly Sample[], at: number): string =>
  `${samples[at]?.kind ?? ''}${samples.filter(({ kind }) => kind === samples[at]?.kind).length > 1 ? ` #${at}` : ''}`;
