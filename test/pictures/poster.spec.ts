/** What is drawn: letters as outlines, colours that mean numbers, panels that fit. */
import { heatColour } from '../../src/pictures/colours';
import { drawPoster, numberText } from '../../src/pictures/poster';
import { fitText, svgText, textWidth } from '../../src/pictures/text';

describe('letters', () => {
  test('are outlines, and need no font', () => {
    const svg = svgText('Egyptian cat 0.9', 10, 20, { size: 16 });
    expect(svg).not.toMatch(/<text|font/);
    expect(svg.match(/<path /g)).toHaveLength('Egyptiancat0.9'.length);
  });
  test('with marks, of other scripts, and characters that mean something in SVG', () => {
    expect(svgText('é', 0, 0, { size: 10 })).not.toBe(svgText('e', 0, 0, { size: 10 }));
    // Not in the table, but its letter is.
    expect(svgText('ḗ', 0, 0, { size: 10 })).toBe(svgText('e', 0, 0, { size: 10 }));
    expect(svgText('犬', 0, 0, { size: 10 })).toBe(svgText('猫', 0, 0, { size: 10 }));
    expect(svgText('犬', 0, 0, { size: 10 })).toContain('<path ');
    expect(svgText('<&"\'>', 0, 0, { size: 10 })).not.toMatch(/&|'/);
  });
  test('are cut to fit', () => {
    expect(fitText('cat', 16, 100)).toBe('cat');
    const cut = fitText('American Staffordshire terrier', 16, 100);
    expect(cut).toMatch(/^American.*…$/);
    expect(textWidth(cut, 16)).toBeLessThanOrEqual(100);
  });
});

test('colors run from dark blue over green to dark red, each unlike the others', () => {
  const brightest = (share: number): number => heatColour(share).indexOf(Math.max(...heatColour(share)));
  expect([0.15, 0.5, 0.85].map(brightest)).toEqual([2, 1, 0]);
  const all = Array.from({ length: 256 }, (_, at) => heatColour(at / 255).join());
  expect(new Set(all).size).toBeGreaterThan(250);
  expect(heatColour(-1)).toEqual(heatColour(0));
});

test.each([
  [0.9939, 0.994, '0.994'],
  [0.9939, 1, '0.99'],
  [12.26, 20, '12.3'],
  [-4.81, 12, '−4.8'],
  [176.4, 176, '176'],
  [0.00012, 0.0002, '0.000120'],
])('%d of a span of %d is written %s', (value, span, text) => expect(numberText(value, span)).toBe(text));

describe('panels', () => {
  const grid = { rows: { start: 10, step: 10, count: 2 }, columns: { start: 10, step: 10, count: 2 } };
  const photo = { width: 40, height: 30, channels: 1 as const, data: new Uint8Array(1200).fill(100) };
  const peak = { row: 0, column: 0, score: 1, scale: 1, flipped: false, window: { top: 0, left: 0, height: 20, width: 20 } };
  const panel = { title: 'cat', map: Float32Array.of(1, 0.2, 0.1, 0), peak };
  const options = { alpha: 0.7, size: 200, unit: 'score', caption: '' };

  test.each([1, 2, 4, 7, 12])('%i of them have a place each', (count) => {
    const { canvas, svg } = drawPoster(photo, grid, Array(count).fill(panel), options);
    expect(canvas.data).toHaveLength(canvas.width * canvas.height * 3);
    // Frame and cross, twice: dark below light.
    expect(svg.match(/<rect [^>]*rx="2"\/>/g)).toHaveLength(2 * count);
    for (const [, x = '', y = ''] of svg.matchAll(/<rect x="([\d.]+)" y="([\d.]+)"/g))
      expect([Number(x) < canvas.width, Number(y) < canvas.height]).toEqual([true, true]);
  });

  test('nothing is hidden with alpha 0; the hottest color hides all with 1', () => {
    const middle = (alpha: number, map: Float32Array): readonly number[] => {
      const { canvas } = drawPoster(photo, grid, [{ ...panel, map }], { ...options, alpha });
      // A flat map is sampled where its cells are: 15 of 40 columns, 15 of 30 rows, in a panel of 200 x 150 below gap and title.
      const top = canvas.height - 150;
      const at = (Math.round(top / 2) + 75) * canvas.width + Math.round((canvas.width - 200) / 2) + 75;
      return [...canvas.data.subarray(at * 3, at * 3 + 3)];
    };
    expect(middle(0, Float32Array.of(1, 1, 1, 0.9))).toEqual([100, 100, 100]);
    expect(middle(1, Float32Array.of(0, 0, 0, 0))).not.toEqual([100, 100, 100]);
  });

  test('numbers that are none, or all the same, are drawn', () => {
    for (const map of [
      Float32Array.of(3, 3, 3, 3),
      Float32Array.of(Number.NaN, 1, 2, 3),
      Float32Array.of(Number.NEGATIVE_INFINITY, 1, 2, 3),
    ]) {
      const { canvas, svg } = drawPoster(photo, grid, [{ ...panel, map }], options);
      expect(canvas.data.length).toBeGreaterThan(0);
      expect(svg).not.toContain('NaN');
    }
  });
});
