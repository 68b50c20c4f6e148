/** Handwritten digits at two sizes on a canvas with noise, as a picture: what LeNet5 is to find. */
import { DIGIT_SIZE, heldOutDigits } from '../../fixtures/digits';
import type { Picture } from '../../src/pictures/picture';
import { random } from './seeded';

export interface PlacedDigit {
  readonly label: number;
  readonly top: number;
  readonly left: number;
  /** Rows and columns: 28 or 56. */
  readonly size: number;
}

export interface DigitsCanvas {
  readonly picture: Picture;
  readonly digits: readonly PlacedDigit[];
}

/** All ten digits in both sizes, twenty in all, none touching another. White on black, noise of up to `noise` levels. The same for the same seed. */
export function digitsCanvas({ seed = 5, noise = 40 } = {}): DigitsCanvas {
  const [width, height] = [480, 352];
  const next = random(seed);
  const data = Uint8Array.from({ length: width * height }, () => Math.floor(next() * noise));
  const ten = Array.from(
    { length: 10 },
    (_, label) => heldOutDigits().find((digit) => digit.label === label)?.pixels ?? new Float32Array(),
  );
  const digits: PlacedDigit[] = [];
  const place = (label: number, size: number, top: number, left: number): void => {
    digits.push({ label, size, top, left });
    const zoom = size / DIGIT_SIZE;
    for (let y = 0; y < size; y++)
      for (let x = 0; x < size; x++) {
        const at = (top + y) * width + left + x;
        const ink = ten[label]?.[Math.floor(y / zoom) * DIGIT_SIZE + Math.floor(x / zoom)] ?? 0;
        data[at] = Math.min(255, (data[at] ?? 0) + Math.round(ink * 255));
      }
  };
  // Shuffled over a grid of places; each a little off it.
  const order = [...ten.keys()]
    .map((label) => [next(), label] as const)
    .sort(([a], [b]) => a - b)
    .map(([, label]) => label);
  const jitter = (most: number): number => Math.floor(next() * (most + 1));
  order.forEach((label, at) => {
    const [row, column] = [Math.floor(at / 5), at % 5];
    place(label, 56, 16 + row * 168 + jitter(12), 20 + column * 92 + jitter(12));
    place((label + 5) % 10, 28, 104 + row * 168 + jitter(24), 28 + column * 92 + jitter(24));
  });
  return { picture: { width, height, channels: 1, data }, digits };
}
