/** A picture, or a canvas to draw on, with the map of one class over it. The window of the cell under the pointer is outlined. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { heatColour } from '../pictures/colours';
import { npyBytes } from '../pictures/npy';
import type { Preset } from '../pictures/preprocessing';
import type { HeatMap, HeatRequest, MapFacts } from './protocol';
import { save } from './save';

interface Props {
  readonly facts: MapFacts;
  readonly busy: boolean;
  readonly run: (request: HeatRequest) => Promise<HeatMap | undefined>;
}

/** Longest side of a picture: a larger one is scaled down. */
const MOST = 1024;
/** Classes that are listed. */
const LISTED = 10;

const PREPARATIONS: readonly (readonly [Preset, string])[] = [
  ['torchvision', "ImageNet's mean and deviation (PyTorch)"],
  ['tensorflow', '-1 to 1 (TensorFlow)'],
  ['caffe', 'BGR less the mean (Caffe)'],
  ['unit', '0 to 1'],
  ['raw', '0 to 255'],
];

export function HeatSection({ facts, busy, run }: Props) {
  const isDrawn = facts.channels === 1;
  const [high, wide] = facts.window;
  const base = useRef<HTMLCanvasElement>(null);
  const over = useRef<HTMLCanvasElement>(null);
  const [extent, setExtent] = useState<readonly [number, number]>(isDrawn ? [wide * 6, high * 4] : [wide, high]);
  const [preparation, setPreparation] = useState<Preset>(isDrawn ? 'unit' : 'torchvision');
  const [map, setMap] = useState<HeatMap>();
  const [slid, setSlid] = useState<HeatMap>();
  const [shown, setShown] = useState(0);
  const [opacity, setOpacity] = useState(0.55);
  const [cell, setCell] = useState<readonly [row: number, column: number]>();
  const [hasPicture, setHasPicture] = useState(isDrawn);
  const pen = useRef<readonly [number, number]>();

  const context = (canvas: HTMLCanvasElement | null): CanvasRenderingContext2D | null =>
    canvas?.getContext('2d', { willReadFrequently: true }) ?? null;
  const clear = (): void => {
    const surface = context(base.current);
    if (!surface) return;
    surface.fillStyle = '#000';
    surface.fillRect(0, 0, extent[0], extent[1]);
    setMap(undefined);
    setSlid(undefined);
  };
  useEffect(() => {
    if (isDrawn) clear();
  }, []);

  const take = async (file: File | undefined): Promise<void> => {
    if (!file) return;
    const bitmap = await createImageBitmap(file).catch(() => undefined);
    if (!bitmap) return;
    const scale = Math.max(Math.min(1, MOST / Math.max(bitmap.width, bitmap.height)), wide / bitmap.width, high / bitmap.height);
    const next = [Math.round(bitmap.width * scale), Math.round(bitmap.height * scale)] as const;
    setExtent(next);
    if (base.current) {
      [base.current.width, base.current.height] = next;
      context(base.current)?.drawImage(bitmap, 0, 0, next[0], next[1]);
    }
    setHasPicture(true);
    setMap(undefined);
    setSlid(undefined);
  };

  const look = async (slide: boolean): Promise<void> => {
    const surface = context(base.current);
    if (!surface) return;
    const [width, height] = extent;
    const { data } = surface.getImageData(0, 0, width, height);
    const found = await run({ width, height, pixels: data, preparation, slide });
    if (!found) return;
    if (slide) setSlid(found);
    else {
      setMap(found);
      setSlid(undefined);
      setShown(bestOf(found)[0]?.index ?? 0);
    }
  };

  // Draws the map and the outline of the window.
  useEffect(() => {
    const surface = context(over.current);
    if (!surface) return;
    surface.clearRect(0, 0, extent[0], extent[1]);
    if (!map) return;
    const { rows, columns, scores } = map;
    const [down, right] = facts.stride;
    surface.globalAlpha = opacity;
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++) {
        const [red, green, blue] = heatColour(scores[(shown * rows + row) * columns + column] ?? 0);
        surface.fillStyle = `rgb(${red},${green},${blue})`;
        // A cell is drawn around the centre of its window.
        surface.fillRect(column * right + (wide - right) / 2, row * down + (high - down) / 2, right, down);
      }
    surface.globalAlpha = 1;
    if (cell) {
      surface.strokeStyle = '#fff';
      surface.lineWidth = 3;
      surface.strokeRect(cell[1] * right, cell[0] * down, wide, high);
      surface.strokeStyle = '#000';
      surface.lineWidth = 1;
      surface.strokeRect(cell[1] * right, cell[0] * down, wide, high);
    }
  }, [map, shown, opacity, cell, extent]);

  /** The picture with the map over it. */
  const savePicture = async (): Promise<void> => {
    const both = new OffscreenCanvas(extent[0], extent[1]);
    const surface = both.getContext('2d');
    if (!surface || !base.current || !over.current) return;
    for (const layer of [base.current, over.current]) surface.drawImage(layer, 0, 0);
    save(await both.convertToBlob({ type: 'image/png' }), 'map.png');
  };

  const placeOf = (event: PointerEvent): readonly [number, number] => {
    const box = over.current?.getBoundingClientRect();
    if (!box || box.width === 0) return [0, 0];
    return [((event.clientX - box.left) / box.width) * extent[0], ((event.clientY - box.top) / box.height) * extent[1]];
  };
  const point = (event: PointerEvent): void => {
    const [x, y] = placeOf(event);
    const from = pen.current;
    const surface = context(base.current);
    if (from && surface) {
      surface.strokeStyle = '#fff';
      surface.lineWidth = Math.max(2, wide / 12);
      surface.lineCap = 'round';
      surface.beginPath();
      surface.moveTo(from[0], from[1]);
      surface.lineTo(x, y);
      surface.stroke();
      pen.current = [x, y];
    } else if (map) setCell(cellAt(x, y));
  };
  const cellAt = (x: number, y: number): readonly [number, number] => {
    const clamp = (value: number, most: number): number => Math.min(Math.max(Math.round(value), 0), Math.max(0, most - 1));
    return [clamp((y - high / 2) / facts.stride[0], map?.rows ?? 1), clamp((x - wide / 2) / facts.stride[1], map?.columns ?? 1)];
  };
  /** The arrow keys move the window. */
  const step = (event: KeyboardEvent): void => {
    const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!map || !move) return;
    event.preventDefault();
    const [row, column] = cell ?? [0, 0];
    setCell([Math.min(Math.max(row + (move[0] ?? 0), 0), map.rows - 1), Math.min(Math.max(column + (move[1] ?? 0), 0), map.columns - 1)]);
  };

  const listed = map ? (cell ? scoresAt(map, cell) : bestOf(map)) : [];
  const farthest = map && slid && slid.scores.length === map.scores.length ? largestDifference(map.scores, slid.scores) : undefined;
  return (
    <section aria-labelledby="heat-title">
      <h2 id="heat-title">5. A heat map</h2>
      <p>
        {isDrawn ? 'Draw some digits, or take a picture. ' : 'Take a photograph. '}
        Then point at the map: the outlined window is what that cell looks at.
      </p>
      <p class="actions">
        <label class="file">
          Picture
          <input type="file" id="picture" accept="image/*" onChange={({ currentTarget }) => void take(currentTarget.files?.[0])} />
        </label>
        {isDrawn && (
          <button type="button" id="clear" onClick={clear} disabled={busy}>
            Clear
          </button>
        )}
        {!isDrawn && (
          <label>
            Values of pixels
            <select id="preparation" value={preparation} onChange={({ currentTarget }) => setPreparation(currentTarget.value as Preset)}>
              {PREPARATIONS.map(([name, text]) => (
                <option value={name}>{text}</option>
              ))}
            </select>
          </label>
        )}
        <button type="button" class="main" id="map" onClick={() => void look(false)} disabled={busy || !hasPicture}>
          Map
        </button>
        <button type="button" id="slide" onClick={() => void look(true)} disabled={busy || !map}>
          Slide the original over it
        </button>
      </p>
      <div class="heat">
        <div
          class={isDrawn ? 'stack drawn' : 'stack'}
          // biome-ignore lint/a11y/noNoninteractiveTabindex: the arrow keys move the window in it
          tabIndex={0}
          role="img"
          aria-label={`Picture with the map of class ${shown}. Arrow keys move the window${cell ? `: row ${cell[0]}, column ${cell[1]}` : ''}.`}
          onKeyDown={step}
        >
          <canvas ref={base} id="base" width={extent[0]} height={extent[1]} />
          <canvas
            ref={over}
            id="over"
            width={extent[0]}
            height={extent[1]}
            onPointerDown={(event) => {
              if (!isDrawn) return;
              event.currentTarget.setPointerCapture(event.pointerId);
              setMap(undefined);
              setCell(undefined);
              pen.current = placeOf(event);
              point(event);
            }}
            onPointerMove={point}
            onPointerUp={() => {
              pen.current = undefined;
            }}
            onPointerLeave={() => setCell(undefined)}
          />
        </div>
        {map && (
          <div class="classes">
            <h3>{cell ? `Cell ${cell[0]}, ${cell[1]}` : 'Highest anywhere'}</h3>
            <ul id="classes">
              {listed.map(({ index, score }) => (
                <li>
                  <button type="button" aria-pressed={index === shown} onClick={() => setShown(index)}>
                    class {index}
                  </button>
                  <meter min={0} max={1} value={score} aria-label={`score of class ${index}`} /> {score.toFixed(3)}
                </li>
              ))}
            </ul>
            <p class="actions">
              <button type="button" id="save-png" onClick={() => void savePicture()}>
                PNG
              </button>
              <button
                type="button"
                id="save-npy"
                onClick={() =>
                  save(new Blob([npyBytes([map.classes, map.rows, map.columns], map.scores) as Uint8Array<ArrayBuffer>]), 'map.npy')
                }
              >
                .npy
              </button>
            </p>
            <label>
              Opacity
              <input
                type="range"
                min={0}
                max={1}
                step={0.05}
                value={opacity}
                onInput={({ currentTarget }) => setOpacity(Number(currentTarget.value))}
              />
            </label>
          </div>
        )}
      </div>
      {map && (
        <p id="times">
          {map.rows} x {map.columns} cells in one run: {map.seconds.toFixed(3)} s.
          {slid &&
            ` The original, ${slid.runs} runs: ${slid.seconds.toFixed(3)} s, ${(slid.seconds / Math.max(map.seconds, 1e-6)).toFixed(0)} times as long.`}
          {farthest !== undefined && ` Largest difference of any score: ${farthest.toExponential(1)}.`}
        </p>
      )}
    </section>
  );
}

interface Ranked {
  readonly index: number;
  readonly score: number;
}

/** The highest score of each class, anywhere. */
function bestOf({ rows, columns, classes, scores }: HeatMap): Ranked[] {
  const cells = rows * columns;
  return top(
    Array.from({ length: classes }, (_, index) => ({
      index,
      score: scores.subarray(index * cells, (index + 1) * cells).reduce((most, score) => Math.max(most, score), 0),
    })),
  );
}

const scoresAt = ({ rows, columns, classes, scores }: HeatMap, [row, column]: readonly [number, number]): Ranked[] =>
  top(Array.from({ length: classes }, (_, index) => ({ index, score: scores[(index * rows + row) * columns + column] ?? 0 })));

const top = (list: Ranked[]): Ranked[] => list.sort((a, b) => b.score - a.score).slice(0, LISTED);

const largestDifference = (a: Float32Array, b: Float32Array): number =>
  a.reduce((most, value, at) => Math.max(most, Math.abs(value - (b[at] ?? 0))), 0);
