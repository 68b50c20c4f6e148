/** What is drawn: letters as outlines, colours that mean numbers, panels that fit. */
import { COLOUR_MAPS, heatColour } from '../../src/pictures/colours';
import { drawItems, drawPoster, numberText } from '../../src/pictures/poster';
import { drawSignal } from '../../src/pictures/signal-poster';
import { fitText, svgText, textWidth, wrapText } from '../../src/pictures/text';

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

test.each(COLOUR_MAPS.filter((name) => name !== 'turbo'))('%s gets lighter all the way', (name) => {
  const lightness = Array.from({ length: 65 }, (_, at) => {
    const [red, green, blue] = heatColour(at / 64, name);
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  });
  for (let at = 1; at < lightness.length; at++) expect(lightness[at]).toBeGreaterThan((lightness[at - 1] ?? 0) - 1);
  expect((lightness.at(-1) ?? 0) - (lightness[0] ?? 0)).toBeGreaterThan(150);
});

test('viridis and inferno end where those of matplotlib do', () => {
  const near = (actual: readonly number[], expected: readonly number[]): void =>
    actual.forEach((value, at) => {
      expect(Math.abs(value - (expected[at] ?? 0))).toBeLessThan(6);
    });
  near(heatColour(0, 'viridis'), [68, 1, 84]);
  near(heatColour(0.5, 'viridis'), [33, 145, 140]);
  near(heatColour(1, 'viridis'), [253, 231, 37]);
  near(heatColour(0.5, 'inferno'), [188, 55, 84]);
  near(heatColour(1, 'inferno'), [252, 255, 164]);
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
  const grid = [
    { start: 10, step: 10, count: 2 },
    { start: 10, step: 10, count: 2 },
  ];
  const photo = { width: 40, height: 30, channels: 1 as const, data: new Uint8Array(1200).fill(100) };
  const peak = {
    at: [0, 0],
    score: 1,
    place: [10, 10],
    cell: [0, 0],
    scale: 1,
    flipped: false,
    window: { starts: [0, 0], lengths: [20, 20] },
  };
  const panel = { title: 'cat', map: Float32Array.of(1, 0.2, 0.1, 0), peak };
  const options = { alpha: 0.7, size: 200, unit: 'score', caption: [] };

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
    expect(middle(1, Float32Array.of(1, 1, 1, 1))).toEqual([...heatColour(1)]);
  });

  test('raw scores below zero are no evidence: they are not coloured', () => {
    const { canvas } = drawPoster(photo, grid, [{ ...panel, map: Float32Array.of(-3, -3, 5, -1) }], { ...options, bare: true });
    const at = (x: number, y: number): readonly number[] => [...canvas.data.subarray((y * 40 + x) * 3, (y * 40 + x) * 3 + 3)];
    expect([at(20, 10), at(10, 20)]).toEqual([
      [100, 100, 100],
      [expect.any(Number), expect.any(Number), expect.any(Number)],
    ]);
    expect(at(10, 20)[0]).toBeGreaterThan((at(10, 20)[2] ?? 0) + 30);
  });

  test('beyond the outermost cells nothing is coloured: it is hatched', () => {
    const flat = Float32Array.of(1, 1, 1, 1);
    const { canvas } = drawPoster(photo, grid, [{ ...panel, map: flat }], { ...options, bare: true });
    const isGrey = (x: number, y: number): boolean => {
      const [red, green, blue] = canvas.data.subarray((y * 40 + x) * 3, (y * 40 + x) * 3 + 3);
      return red === green && green === blue;
    };
    // Cells at 10 and 20, half a step more on either side: columns 5 to 24, rows 5 to 24.
    const coloured = Array.from({ length: 40 }, (_, x) => x).filter((x) => !isGrey(x, 15));
    expect([coloured[0], coloured.at(-1), coloured.length]).toEqual([5, 24, 20]);
    expect(Array.from({ length: 30 }, (_, y) => y).filter((y) => !isGrey(15, y))).toHaveLength(20);
    expect(new Set(Array.from({ length: 40 }, (_, x) => canvas.data[x * 3])).size).toBeGreaterThan(1);
  });

  test('bare: the photograph alone, in its own size', () => {
    const { canvas, svg } = drawPoster(photo, grid, [panel], { ...options, bare: true });
    expect([canvas.width, canvas.height, /<(path|rect)/.test(svg)]).toEqual([40, 30, false]);
  });

  test('letters grow with the picture, and a caption breaks into lines that fit', () => {
    const letters = (size: number): number => {
      const { svg } = drawPoster(photo, grid, [panel], { ...options, size });
      return Math.max(...[...svg.matchAll(/scale\(([\d.]+)\)/g)].map(([, scale]) => Number(scale)));
    };
    expect(letters(3000) / letters(1500)).toBeCloseTo(2, 1);
    const caption = ['a long line about how it was made, which has no place below a picture of two hundred pixels', 'another one'];
    const short = drawPoster(photo, grid, [panel], options);
    const long = drawPoster(photo, grid, [panel], { ...options, caption });
    expect(long.canvas.height).toBeGreaterThan(short.canvas.height + 40);
    const widest = wrapText(caption[0] ?? '', 12, 200).map((line) => textWidth(line, 12));
    expect(Math.max(...widest)).toBeLessThanOrEqual(200);
    expect(wrapText(caption[0] ?? '', 12, 200).join(' ')).toBe(caption[0]);
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

test.each([400, 1200])('lines of a caption end before the margin, drawn at %d pixels', (size) => {
  const photo = { width: 60, height: 40, channels: 3 as const, data: new Uint8Array(60 * 40 * 3) };
  const axis = { start: 10, step: 20, count: 2 };
  const peak = {
    score: 1,
    at: [10, 10],
    place: [10, 10],
    cell: [0, 0],
    scale: 1,
    flipped: false,
    window: { starts: [0, 0], lengths: [20, 20] },
  };
  const caption = [Array.from({ length: 60 }, (_, at) => 'word of many letters'.slice(at % 7)).join(' ')];
  const options = { alpha: 0.7, size, unit: 'score', caption };
  const { canvas, svg } = drawPoster(photo, [axis, axis], [{ title: 'cat', map: new Float32Array([0, 1, 2, 3]), peak }], options);
  const ends = [...svg.matchAll(/<g transform="translate\(([\d.]+) [\d.]+\) scale\(([\d.]+)\)"[^>]*>(.*?)<\/g>/g)].map(
    ([, x, scale, letters = '']) => {
      const last = Math.max(0, ...[...letters.matchAll(/translate\((\d+) 0\)/g)].map(([, at]) => Number(at)));
      return Number(x) + Number(scale) * last;
    },
  );
  expect(ends.length).toBeGreaterThan(8);
  const [first = 0] = [...svg.matchAll(/<g transform="translate\(([\d.]+) /g)].map(([, x]) => Number(x));
  expect(Math.max(...ends)).toBeLessThanOrEqual(canvas.width - first);
});

describe('signals', () => {
  const peak = { score: 1, place: [40], window: { starts: [30], lengths: [20] } };
  const panelOf = (at: number) => ({ title: `class of number ${at}`, map: Float32Array.of(0.1, 1, 0.2), peak });
  const signal = (low: number, high: number) => ({
    envelope: { low: [Float64Array.of(low, low)], high: [Float64Array.of(high, high)] },
    length: 100,
    unit: undefined,
  });
  const draw = (size: number, classes: number, wave = signal(-1, 1)) =>
    drawSignal(
      wave,
      { start: 20, step: 20, count: 3 },
      Array.from({ length: classes }, (_, at) => panelOf(at)),
      {
        alpha: 0.7,
        size,
        unit: 'score',
        caption: ['a caption of several words'],
      },
    );

  test.each([200, 333, 400, 801, 1200])('%i pixels wide, in whole pixels however many rows the names take', (size) => {
    for (let classes = 1; classes <= 14; classes++) {
      const { canvas } = draw(size, classes);
      expect([canvas.width, Number.isInteger(canvas.height), canvas.data.length]).toEqual([size, true, size * canvas.height * 3]);
    }
  });

  test('no two of fourteen classes look the same, though there are ten colours', () => {
    const curves = [
      ...draw(1200, 14).svg.matchAll(
        /fill="none" (stroke="#\w+") stroke-width="[\d.]+" stroke-linejoin="round"( stroke-dasharray="[^"]*")?/g,
      ),
    ];
    expect(curves).toHaveLength(14);
    expect(new Set(curves.map(([, colour, dashes]) => `${colour}${dashes ?? ''}`)).size).toBe(14);
  });

  test('a constant is a line in the middle', () => {
    const [, first = '', second = ''] = /<path d="M[\d.]+ ([\d.]+)L[\d.]+ ([\d.]+)L/.exec(draw(600, 1, signal(3, 3)).svg) ?? [];
    const [, frame = '', height = ''] = /<rect x="[\d.]+" y="([\d.]+)" width="[\d.]+" height="(\d+)"/.exec(draw(600, 1).svg) ?? [];
    expect(first).toBe(second);
    expect(Number(first)).toBeCloseTo(Number(frame) + Number(height) / 2, 0);
  });
});

test('photographs of different sizes are drawn at one scale', () => {
  const item = (width: number, height: number) => ({
    photo: { width, height, channels: 1 as const, data: new Uint8Array(width * height) },
    grid: [
      { start: 0, step: 1, count: height },
      { start: 0, step: 1, count: width },
    ],
    title: '',
    map: new Float32Array(width * height).fill(1),
    peak: { score: 1, place: [4, 4], window: { starts: [2, 2], lengths: [8, 8] } },
  });
  const { svg } = drawItems([item(64, 56), item(56, 28)], { width: 64, height: 56 }, { alpha: 1, size: 400, unit: '', caption: [] });
  const frames = [...svg.matchAll(/<rect [^>]*width="([\d.]+)" height="([\d.]+)" rx="2"/g)].map(
    ([, width, height]) => `${width} ${height}`,
  );
  expect(new Set(frames).size).toBe(1);
});
