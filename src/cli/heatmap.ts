/** `heatmap`: locates classes in a picture; writes a picture and, on request, the values. */
import { basename, dirname, extname, join } from 'node:path';
import { badOption, usage } from '../diagnostics/catalogue';
import { checkOutput, writeOutput } from '../output';
import { openImage } from '../pictures/files/arrays';
import { drawImage } from '../pictures/files/draw';
import { heatmapOf } from '../pictures/files/heatmap-picture';
import { openPictureModel } from '../pictures/files/picture-model';
import { posterBytes, WRITABLE } from '../pictures/files/pictures';
import { shortName } from '../pictures/labels';
import { STDIN } from '../sources/files/bytes';
import type { HeatmapArgs } from './commands';
import { EXIT } from './exit';
import { csv, json } from './heatmap-json';
import { numbersOf } from './heatmap-numbers';
import { caption, type HeatFacts, lines } from './heatmap-report';
import { positive, readingOf, scaleList, share, strides, tileChoice } from './picture-options';
import type { Progress } from './progress';
import type { Terminal } from './terminal';
import { inputSize } from './values';

export async function heatmapCommand(args: HeatmapArgs, terminal: Terminal): Promise<number> {
  if (args.picture === STDIN && args.output === undefined)
    throw usage('an array on the standard input has no name: say where to write by -o', 'heatmap');
  const output = args.output ?? join(dirname(args.picture), `${basename(args.picture, extname(args.picture))}-heatmap.png`);
  const format = WRITABLE[extname(output).toLowerCase()];
  if (!format) throw badOption('output', output, 'a name in .png, .jpg, .webp or .svg');
  for (const [option, file, extensions] of [
    ['map', args.map, ['.npy', '.npz']],
    ['all-peaks', args.allPeaks, ['.csv']],
  ] as const)
    if (file !== undefined && !extensions.some((known) => known === extname(file).toLowerCase()))
      throw badOption(option, file, `a name in ${extensions.join(' or ')}`);
  const scales = scaleList(args.scales);
  const top = args.top === undefined ? undefined : positive('top', args.top);
  const tiles = tileChoice(args);
  const drawing = { alpha: share('alpha', args.alpha), size: positive('size', args.size), colours: args.colors, bare: args.bare };
  const stride = strides(args.stride);
  if (args.class && top !== undefined) throw usage('--top is for the best classes, --class for chosen ones: omit one of them', 'heatmap');
  if (args.bare && ((top ?? 1) > 1 || (args.class?.length ?? 1) > 1))
    throw usage('--bare draws one class: choose it with --class', 'heatmap');
  if (args.slide && args.head === 'cell') throw usage('--slide runs crops of the window: omit --head cell', 'heatmap');
  const reading = readingOf(args);
  const others = [args.map, args.allPeaks].filter((file) => file !== undefined);
  const inputs = [args.picture, args.model, ...(args.labels === undefined ? [] : [args.labels])];
  for (const [at, file] of [output, ...others].entries()) checkOutput(file, inputs, args.force, [output, ...others].slice(0, at));

  const progress = terminal.progress();
  progress.step(`reading ${args.model}`);
  const asked = args.inputSize?.length ? inputSize(args.inputSize) : undefined;
  const model = await openPictureModel(args.model, {
    inputSize: asked,
    output: args.outputName,
    runtime: args.runtime,
    allowSymlinks: args.allowSymlinks,
    warn: (warning) => terminal.warning(warning),
  });
  try {
    const image = await openImage(args.picture, model, reading);
    const found = await heatmapOf(
      model,
      image,
      {
        ...args,
        ...tiles,
        inputSize: asked,
        scales,
        stride,
        top,
        all: args.map !== undefined,
        onProgress: reporting(progress),
      },
      args.picture,
    );
    const { heat, shown } = found;
    const facts: HeatFacts = { ...found, args, output, image, letters: model.letters };
    progress.step('drawing');
    const poster = await drawImage(
      image,
      heat.grid,
      shown.map((item) => ({ title: shortName(facts.name(item)), map: item.map, peak: item.peak })),
      { ...drawing, unit: facts.unit, caption: caption(facts) },
    );
    const rules = { inputs, force: args.force };
    writeOutput(output, await posterBytes(poster, format), rules);
    for (const file of others)
      writeOutput(file, file === args.map ? numbersOf(heat, extname(file).toLowerCase() === '.npz') : csv(facts), rules);
    progress.end();
    if (args.json) terminal.result(JSON.stringify(json(facts), undefined, 2));
    else terminal.report(lines(facts, terminal.columns));
    return EXIT.done;
  } finally {
    progress.end();
    await model.close();
  }
}

function reporting(progress: Progress): (label: string, done?: number) => void {
  let doing = '';
  return (label, done) => {
    if (label !== doing) progress.step(label);
    doing = label;
    if (done !== undefined) progress.update(done);
  };
}
