/** Selects bands of a source, in any order, or replaces all bands by their mean. */
import type { Block, Source } from './source';

export function chosenBands(source: Source, bands: readonly number[] | 'mean'): Source {
  if (bands === 'mean' && source.bands === 1) return source;
  const make = (block: Block): Block => (bands === 'mean' ? meaned(block) : picked(block, bands));
  return {
    ...source,
    bands: bands === 'mean' ? 1 : bands.length,
    read(box) {
      const block = source.read(box);
      return block instanceof Promise ? block.then(make) : make(block);
    },
  };
}

function picked({ lengths, bands, data }: Block, chosen: readonly number[]): Block {
  const places = data.length / bands;
  const made =
    data.slice(0, 0).constructor === Float64Array ? new Float64Array(places * chosen.length) : new Float32Array(places * chosen.length);
  for (let place = 0; place < places; place++)
    for (const [at, band] of chosen.entries()) made[place * chosen.length + at] = data[place * bands + band] ?? 0;
  return { lengths, bands: chosen.length, data: made };
}

function meaned({ lengths, bands, data }: Block): Block {
  const made = Float32Array.from({ length: data.length / bands }, (_, place) => {
    let sum = 0;
    for (let band = 0; band < bands; band++) sum += data[place * bands + band] ?? 0;
    return sum / bands;
  });
  return { lengths, bands: 1, data: made };
}
