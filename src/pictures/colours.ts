/**
 * Colour maps as polynomials. Google's Turbo (Mikhailov 2019, Apache-2.0) has neighbouring steps that are easy to distinguish. Matplotlib's viridis and
 * inferno (CC0; fits by Matt Zucker, CC0) increase evenly in lightness, which suits greyscale prints and colour-blind readers.
 */
export type Colour = readonly [red: number, green: number, blue: number];

export const COLOUR_MAPS = ['turbo', 'viridis', 'inferno', 'grey'] as const;
export type ColourMap = (typeof COLOUR_MAPS)[number];

/** Coefficients of 1, t, t^2, ... for red, green and blue. */
const POLYNOMIALS: Readonly<Record<ColourMap, readonly (readonly number[])[]>> = {
  turbo: [
    [0.13572138, 4.6153926, -42.66032258, 132.13108234, -152.94239396, 59.28637943],
    [0.09140261, 2.19418839, 4.84296658, -14.18503333, 4.27729857, 2.82956604],
    [0.1066733, 12.64194608, -60.58204836, 110.36276771, -89.90310912, 27.34824973],
  ],
  viridis: [
    [0.27772733, 0.10509304, -0.33086183, -4.6342305, 6.22826994, 4.776385, -5.43545586],
    [0.00540734, 1.40461353, 0.21484756, -5.79910097, 14.17993337, -13.74514538, 4.64585261],
    [0.3340998, 1.38459016, 0.09509516, -19.33244096, 56.6905526, -65.35303263, 26.31243525],
  ],
  inferno: [
    [0.00021894, 0.10651342, 11.60249308, -41.70399613, 77.1629357, -71.31942825, 25.13112623],
    [0.001651, 0.56395644, -3.97285397, 17.43639888, -33.40235894, 32.62606426, -12.24266895],
    [-0.0194809, 3.93271239, -15.94239411, 44.3541452, -81.80730926, 73.20951986, -23.070325],
  ],
  grey: [
    [0, 1],
    [0, 1],
    [0, 1],
  ],
};

/** Maps `share`, from 0 (lowest) to 1 (highest), to bytes. */
export function heatColour(share: number, map: ColourMap = 'turbo'): Colour {
  const t = Math.min(Math.max(share, 0), 1);
  const value = (factors: readonly number[] = []): number =>
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
  const [red, green, blue] = POLYNOMIALS[map];
  return [value(red), value(green), value(blue)];
}

/** Formats a colour as #rrggbb. */
export const hex = (colour: Colour): string => `#${colour.map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
