/**
 * Chooses the scales at which to run a picture: from the one at which the window sees the whole picture, down to windows that see a part of it.
 *
 *   s0 = the scale at which the picture's shorter side is one window;  s0, 1.41 s0, 2 s0, ...
 *
 * For cells, up to 2 s0, where the window is half of that side, since a cell is already a part of a window. For windows, up to 4 s0 (a quarter), without the
 * scales at which the map has too few windows to locate anything. A picture is enlarged to 2 s0 at most, since that adds no detail.
 */
import type { Size } from './picture';

const STEP = Math.SQRT2;
/** A map with fewer windows along its shorter side locates nothing. */
const FEWEST = 6;

export function cellScales(picture: Size, window: Size): readonly number[] {
  const whole = wholeScale(picture, window);
  return ladder(whole, whole * 2);
}

/** `cells`: number of cells along the shorter side of the map at a scale. */
export function windowScales(picture: Size, window: Size, cells: (scale: number) => number): readonly number[] {
  const whole = wholeScale(picture, window);
  const scales = ladder(whole, Math.min(whole * 4, Math.max(1, whole * 2)));
  const useful = scales.filter((scale) => cells(scale) >= FEWEST);
  return useful.length > 0 ? useful : scales.slice(-1);
}

const wholeScale = (picture: Size, window: Size): number => Math.max(window.height / picture.height, window.width / picture.width);

function ladder(from: number, to: number): readonly number[] {
  const scales: number[] = [];
  for (let scale = from; scale <= to * 1.01; scale *= STEP) scales.push(scale);
  // Rounded up, so that the smallest scale still holds a whole window.
  return scales.map((scale) => Math.ceil(scale * 1e4) / 1e4);
}
