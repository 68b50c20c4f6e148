/**
 * From numbers to colours. The map is Google's Turbo (Mikhailov 2019, Apache-2.0) by its polynomial: every step of it can be told from its neighbours, low is
 * dark blue, high is dark red, and no part of it vanishes over a grey photograph.
 */
export type Colour = readonly [red: number, green: number, blue: number];

const RED = [0.13572138, 4.6153926, -42.66032258, 132.13108234, -152.94239396, 59.28637943];
const GREEN = [0.09140261, 2.19418839, 4.84296658, -14.18503333, 4.27729857, 2.82956604];
const BLUE = [0.1066733, 12.64194608, -60.58204836, 110.36276771, -89.90310912, 27.34824973];

/** `share` from 0 (lowest) to 1 (highest); bytes. */
export function heatColour(share: number): Colour {
  const t = Math.min(Math.max(share, 0), 1);
  const value = (factors: readonly number[]): number =>
    Math.round(
      255 *
        Math.min(
          Math.max(
            factors.reduceRight((sum, factor) => sum * t + factor, 0),
            0,
          ),
          1,
        ),
    );
  return [value(RED), value(GREEN), value(BLUE)];
}

/** #rrggbb. */
export const hex = (colour: Colour): string => `#${colour.map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
