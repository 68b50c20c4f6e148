/**
 * Scales at which a picture is worth running: from the one at which the window sees the whole picture, down to windows that are parts of it.
 *
 *   s0 = the scale at which the picture's shorter side is one window;  s0, 1.41 s0, 2 s0, ...
 *
 * Up to 2 s0 for cells, where a window is half of that side, since cells are parts of a window already; up to 4 s0 for windows, a quarter, without those at which the
 * map has too few of them to show a place. Never more than twice s0 beyond the picture's own size: enlarging adds no detail.
 */
import type { Size } from './picture';

const STEP = Math.SQRT2;
/** A map of fewer windows along its shorter side shows no place. */
const FEWEST = 6;

export function cellScales(picture: Size, window: Size): readonly number[] {
  const whole = wholeScale(picture, window);
  return ladder(whole, whole * 2);
}

/** `cells`: along the shorter side of the map at a scale. */
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
  // Rounded up, so that the smallest one still holds a whole window.
  return scales.map((scale) => Math.ceil(scale * 1e4) / 1e4);
}
