/** Draws the result of `heatmap`: a picture under its colours, a signal above its curves, or planes of a volume. */
import { wholeBox } from '../../sources/source';
import type { Grid } from '../grid';
import { drawPoster, type Panel, type Poster, type PosterOptions } from '../poster';
import { envelopeOf, pictureOfBlock, reduced } from '../preview';
import { drawSignal } from '../signal-poster';
import { drawVolume } from '../volume-poster';
import type { Image } from './image';

/** Maximum number of positions drawn along a side of a multi-band picture; beyond it, neighbours are merged. */
const LONGEST = 4096;

export async function drawImage(image: Image, grid: Grid, panels: readonly Panel[], options: PosterOptions): Promise<Poster> {
  const { picture, lengths } = image;
  if (picture) return drawPoster(picture, grid, panels, options);
  const [first] = grid;
  if (lengths.length === 1 && first) {
    const signal = { envelope: await envelopeOf(image, options.size), length: lengths[0] ?? 1, unit: image.units?.[0] };
    return drawSignal(signal, first, panels, options);
  }
  if (lengths.length === 3) return drawVolume(image, grid, panels, options);
  const factor = Math.max(1, Math.ceil(Math.max(...lengths) / LONGEST));
  const photo = pictureOfBlock({ ...(await reduced(image, wholeBox(image), [factor, factor], 'mean')) });
  return drawPoster(
    photo,
    grid.map((axis) => ({ ...axis, start: axis.start / factor, step: axis.step / factor })),
    panels.map(smaller(factor)),
    options,
  );
}

const smaller =
  (factor: number) =>
  (panel: Panel): Panel => {
    const by = (list: readonly number[]): readonly number[] => list.map((value) => value / factor);
    const { score, place, window } = panel.peak;
    return { ...panel, peak: { score, place: by(place), window: { starts: by(window.starts), lengths: by(window.lengths) } } };
  };
