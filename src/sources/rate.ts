/**
 * Resamples a recording to another sampling rate, region by region: torchaudio.functional.resample with its defaults.
 *
 *   out[n] = sum over i of  in[i] h(n / new - i / old)        h(t) = s sinc(t b) cos^2(pi t b / 12) / old   within |t b| <= 6;  b = 0.99 min(old, new), s = b
 *
 * Frequencies above what the lower rate can represent are cut off. The recording is treated as silent beyond its ends.
 */
import type { Block, Source } from './source';

/** Number of zero crossings of the filter on each side, and the fraction of the band that it keeps. */
const CROSSINGS = 6;
const ROLLOFF = 0.99;
/** Maximum number of cached filters; rates with a large common divisor need few. */
const MOST_KEPT = 65_536;

/** Time is the first and only axis. */
export function atRate(source: Source, from: number, to: number): Source {
  if (from === to) return source;
  const common = divisor(from, to);
  const [old, wanted] = [from / common, to / common];
  const [length = 0] = source.lengths;
  const base = Math.min(old, wanted) * ROLLOFF;
  const width = Math.ceil((CROSSINGS * old) / base);
  const taps = 2 * width + 1;
  // Filter of one new sample. Its offset between old samples repeats every `wanted` samples.
  const filters = new Map<number, Float64Array>();
  const filterOf = (phase: number): Float64Array => {
    const known = filters.get(phase);
    if (known) return known;
    const centre = (phase * old) / wanted;
    const first = Math.floor(centre) - width;
    const made = Float64Array.from({ length: taps + 1 }, (_, tap) => {
      const t = Math.min(Math.max(((first + tap - centre) / old) * base, -CROSSINGS), CROSSINGS);
      const window = Math.cos((t * Math.PI) / CROSSINGS / 2) ** 2;
      const angle = t * Math.PI;
      return (angle === 0 ? 1 : Math.sin(angle) / angle) * window * (base / old);
    });
    if (filters.size < MOST_KEPT) filters.set(phase, made);
    return made;
  };
  const lengths = [Math.ceil((wanted * length) / old)];
  return {
    ...source,
    lengths,
    levels: undefined,
    units: [{ name: 'seconds', size: 1 / to }],
    read({ starts: [start = 0], lengths: [count = 0] }) {
      const oldPlace = (at: number): number => Math.floor((at * old) / wanted);
      const begin = Math.max(0, oldPlace(start) - width);
      const end = Math.min(length, oldPlace(start + count - 1) + width + 2);
      const block =
        end > begin
          ? source.read({ starts: [begin], lengths: [end - begin] })
          : { lengths: [0], bands: source.bands, data: new Float32Array() };
      const make = (read: Block): Block => filtered(read, begin, start, count);
      return block instanceof Promise ? block.then(make) : make(block);
    },
  };

  function filtered({ bands, data, lengths: [have = 0] }: Block, begin: number, start: number, count: number): Block {
    const made = new Float32Array(count * bands);
    for (let n = 0; n < count; n++) {
      const at = start + n;
      const phase = at % wanted;
      const filter = filterOf(phase);
      const first = ((at - phase) / wanted) * old + Math.floor((phase * old) / wanted) - width - begin;
      for (let band = 0; band < bands; band++) {
        let sum = 0;
        for (let tap = Math.max(0, -first); tap <= taps && first + tap < have; tap++)
          sum += (filter[tap] ?? 0) * (data[(first + tap) * bands + band] ?? 0);
        made[n * bands + band] = sum;
      }
    }
    return { lengths: [count], bands, data: made };
  }
}

const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));
