/** Verifies models that were only folded, at several sizes if their sizes are free: they must equal the original at every size that it accepts. */
import { CompileError } from '../diagnostics/compile-error';
import { sizeText } from '../ir/spatial';
import { skipped, Tally } from './checks';
import { agreement, compareTensors } from './compare';
import type { Feeds } from './locate/side';
import type { Check, Tolerance } from './report';
import { asCompileError, each, type Results } from './results';
import type { Subject } from './subject';

/** Odd and even, larger and smaller, much larger along one side; and sides divisible by strides, for models that accept no others. */
const sizesAround = (lengths: readonly number[]): readonly (readonly number[])[] => {
  const last = lengths.length - 1;
  const whole = lengths.reduce((sum, length) => sum + length, 0);
  return [
    lengths.map((length, axis) => length + 1 + axis),
    lengths.map((length, axis) => length + 32 * (axis + 1)),
    lengths.map((length, axis) => length + (axis === 0 ? 67 : 32)),
    lengths.map((length, axis) => (axis === 0 ? 2 * length : axis === last ? whole : length)),
    lengths.map((length, axis) => (axis === 0 ? Math.max(1, length - 32) : length)),
    lengths.map((length, axis) => (axis === last && last > 0 ? Math.min(4 * length, length + 1024) : length + 7)),
  ];
};

/** Returns no check if the sizes are fixed. */
export async function largerSizes(subject: Subject, tolerance: Tolerance): Promise<readonly Check[]> {
  if (!subject.hasFreeSizes) return [];
  const sizes = sizesAround(subject.lengths).filter((size, at) => at < 2 || subject.secondsFor(size) < subject.budget.seconds / 10);
  const feeds = (size: readonly number[]): Feeds => subject.feeds('normal', size);
  const { bench, request } = subject;
  const run = (source: string | Uint8Array, name: string): Promise<(Results | CompileError)[]> =>
    bench.within(source, name, {}, (session) => each(sizes, (size) => session.run(feeds(size)).catch(asCompileError)));
  const expected = await run(request.original.source, 'the original');
  const actual = request.converted.runtime
    ? await subject.withinConverted((session) => each(sizes, (size) => session.run(feeds(size)).catch(asCompileError)))
    : await run(request.converted.source, 'the converted model');
  const tally = new Tally();
  const taken: string[] = [];
  sizes.forEach((size, at) => {
    const [wanted, found] = [expected[at], actual[at]];
    if (!wanted || wanted instanceof CompileError) return;
    taken.push(sizeText(size));
    if (!found || found instanceof CompileError) {
      tally.fault(`the converted model does not take ${sizeText(size)}, which the original takes`);
      return;
    }
    for (const [name, numbers] of wanted)
      tally.add(name, compareTensors(numbers, found.get(name)), tolerance, tolerance.criteria && agreement(numbers, found.get(name)));
  });
  if (taken.length === 0) return [skipped('larger sizes', 'the original takes none of the other sizes that were tried')];
  return [tally.check('larger sizes', { sizes: taken, cells: taken.length, note: undefined, required: true, isEnough: true })];
}
