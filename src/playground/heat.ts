/** Runs the converted model on a picture, or slides the original over the same windows: both give a score per class and cell. */
import type { Compiled } from '../compile';
import { windowLengths } from '../compile/input-size';
import { pixelStride } from '../operators/pixel-stride';
import type { Picture } from '../pictures/picture';
import { encodePicture, encodingFor, preprocessings } from '../pictures/preprocessing';
import { areShares, softmaxInPlace } from '../pictures/scores';
import type { Numbers, Session } from '../verify/onnx-runner';
import { type RuntimeOptions, sessionOpener } from '../web/runtime';
import type { HeatMap, HeatRequest } from './protocol';

export class Runners {
  private readonly sessions = new Map<string, Promise<Session>>();
  private readonly open;

  constructor(
    files: { readonly original: Blob; readonly converted: Blob },
    private readonly compiled: Compiled,
    runtime: RuntimeOptions,
  ) {
    this.open = sessionOpener(runtime, async (name) => ({
      bytes: new Uint8Array(await (name === 'original' ? files.original : files.converted).arrayBuffer()),
      external: [],
    }));
  }

  async heat(request: HeatRequest, progress: (doing: string) => void): Promise<HeatMap> {
    const session = await this.session(request.slide ? 'original' : 'converted', progress);
    const image = this.encoded(request);
    progress(request.slide ? 'running the original on every window' : 'running the converted model');
    // The first run of a session also prepares it.
    const started = performance.now();
    const map = request.slide ? await this.slid(session, image, progress) : await this.mapped(session, image);
    return { ...map, seconds: (performance.now() - started) / 1000 };
  }

  async release(): Promise<void> {
    for (const session of this.sessions.values()) await (await session).release();
    this.sessions.clear();
  }

  private async session(name: 'original' | 'converted', progress: (doing: string) => void): Promise<Session> {
    const known = this.sessions.get(name);
    if (known) return known;
    progress('loading the model into ONNX Runtime');
    const session = this.open(name, `the ${name} model`, { optimise: true });
    this.sessions.set(name, session);
    session.catch(() => this.sessions.delete(name));
    return session;
  }

  private encoded({ width, height, pixels, preparation }: HeatRequest): Numbers {
    const [window] = this.compiled.report.windows;
    const [input] = this.compiled.model.graph.inputs;
    const data = new Uint8Array(width * height * 3);
    for (let at = 0; at < width * height; at++)
      for (let channel = 0; channel < 3; channel++) data[3 * at + channel] = pixels[4 * at + channel] ?? 0;
    const picture: Picture = { width, height, channels: 3, data };
    const format = { dtype: input?.type?.dtype ?? 'float', layout: 'NCHW', channels: window?.channels ?? 3 };
    return encodePicture(picture, encodingFor(preprocessings[preparation], format, picture));
  }

  private async mapped(session: Session, image: Numbers): Promise<Omit<HeatMap, 'seconds'>> {
    const results = await session.run(new Map([[session.inputNames[0] ?? '', image]]));
    const map = results.get(this.compiled.model.graph.outputs[0]?.name ?? '');
    const [, classes = 0, rows = 0, columns = 0] = map?.shape ?? [];
    return { rows, columns, classes, runs: 1, scores: inShares(Float32Array.from(map?.data ?? []), classes, rows * columns) };
  }

  private async slid(session: Session, image: Numbers, progress: (doing: string) => void): Promise<Omit<HeatMap, 'seconds'>> {
    const [window] = this.compiled.report.windows;
    const [output] = this.compiled.model.graph.outputs;
    const [, channels = 1, height = 1, width = 1] = image.shape;
    const [high = 1, wide = 1] = window ? windowLengths(window) : [];
    const [down = 1, right = 1] = output ? pixelStride(output) : [];
    const [rows, columns] = [Math.floor((height - high) / down) + 1, Math.floor((width - wide) / right) + 1];
    let scores = new Float32Array();
    let classes = 0;
    for (let cell = 0; cell < rows * columns; cell++) {
      const [top, left] = [Math.floor(cell / columns) * down, (cell % columns) * right];
      const crop = new Float32Array(channels * high * wide);
      for (let row = 0; row < channels * high; row++) {
        const from = (Math.floor(row / high) * height + top + (row % high)) * width + left;
        crop.set(image.data.subarray(from, from + wide), row * wide);
      }
      const results = await session.run(
        new Map([[session.inputNames[0] ?? '', { ...image, shape: [1, channels, high, wide], data: crop }]]),
      );
      const found = results.get(output?.name ?? '')?.data ?? [];
      if (classes === 0) [classes, scores] = [found.length, new Float32Array(found.length * rows * columns)];
      for (let index = 0; index < classes; index++) scores[index * rows * columns + cell] = found[index] ?? 0;
      if (cell % 50 === 0) progress(`window ${cell + 1} of ${rows * columns}`);
    }
    return { rows, columns, classes, runs: rows * columns, scores: inShares(scores, classes, rows * columns) };
  }
}

/** Softmax over the classes of each cell, unless the network has one of its own. */
function inShares(scores: Float32Array, classes: number, cells: number): Float32Array {
  const first = Float32Array.from({ length: classes }, (_, index) => scores[index * cells] ?? 0);
  if (!areShares(first)) softmaxInPlace(scores, classes, cells);
  return scores;
}
