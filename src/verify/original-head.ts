/** Models that were folded only, at more sizes than one where their sizes are free: they give what the original gives at every size that it takes. */
import { CompileError } from '../diagnostics/compile-error';
import { skipped, Tally } from './checks';
import { compareTensors } from './compare';
import type { Feeds } from './locate/side';
import type { Check, Tolerance } from './report';
import { asCompileError, each, type Results } from './results';
import type { Subject } from './subject';

/** Odd and even, larger and smaller, far larger along one side; sides that strides divide for those that take no others. */
const sizesAround = (height: number, width: number): readonly (readonly [number, number])[] => [
  [height + 1, width + 2],
  [height + 32, width + 64],
  [height + 67, width + 32],
  [2 * height, height + width],
  [Math.max(1, height - 32), width],
  [height + 7, Math.min(4 * width, width + 1024)],
];

/** None where the sizes are fixed. */
export async function largerSizes(subject: Subject, tolerance: Tolerance): Promise<readonly Check[]> {
  if (!subject.hasFreeSizes) return [];
  const { height, width } = subject.image;
  const sizes = sizesAround(height, width).filter(([y, x], at) => at < 2 || subject.secondsFor(y, x) < subject.budget.seconds / 10);
  const feeds = (y: number, x: number): Feeds => subject.feeds('normal', y, x);
  const { bench, request } = subject;
  const run = (source: string | Uint8Array, name: string): Promise<(Results | CompileError)[]> =>
    bench.within(source, name, {}, (session) => each(sizes, ([y, x]) => session.run(feeds(y, x)).catch(asCompileError)));
  const expected = await run(request.original.source, 'the original');
  const actual = request.converted.runtime
    ? await subject.withinConverted((session) => each(sizes, ([y, x]) => session.run(feeds(y, x)).catch(asCompileError)))
    : await run(request.converted.source, 'the converted model');
  const tally = new Tally();
  const taken: string[] = [];
  sizes.forEach(([y, x], at) => {
    const [wanted, found] = [expected[at], actual[at]];
    if (!wanted || wanted instanceof CompileError) return;
    taken.push(`${y}x${x}`);
    if (!found || found instanceof CompileError) {
      tally.fault(`the converted model does not take ${y}x${x}, which the original takes`);
      return;
    }
    for (const [name, numbers] of wanted) tally.add(name, compareTensors(numbers, found.get(name)), tolerance);
  });
  if (taken.length === 0) return [skipped('larger sizes', 'the original takes none of the other sizes that were tried')];
  return [tally.check('larger sizes', { sizes: taken, cells: taken.length, note: undefined, required: true, isEnough: true })];
}
