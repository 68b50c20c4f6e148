/**
 * npm run bench -- [--rounds N] [--only alexnet|vgg19] [--dense]
 * Conversion without verification of AlexNet (244 MB) and VGG19 (575 MB): wall time and peak memory of whole processes, beside `cp` of the same file and
 * Python's onnx.load + onnx.save where Python has onnx (PYTHON names it), in one run, in shuffled order. Medians; ratios within the run.
 * `--dense` also sets the converted AlexNet on a 1024 x 1024 image against the original run on every window of it, same threads.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { zooModel } from '../../fixtures/zoo-weights';
import { closeModel, readModelFile, writeModelFile } from '../../src/files';
import { cropped, makeInput, seededRandom } from '../../src/verify/inputs';
import { openSession } from '../../src/verify/runtime/node';
import { PEAK } from './peak';

const root = join(__dirname, '../..');
const python = process.env.PYTHON ?? 'python3';
const hasOnnx = spawnSync(python, ['-c', 'import onnx']).status === 0;

interface Contender {
  readonly name: string;
  run(): { readonly seconds: number; readonly megabytes: number | undefined };
}

function timed(command: string, args: readonly string[]): { seconds: number; stderr: string } {
  const start = performance.now();
  const result = spawnSync(command, args, { encoding: 'utf8' });
  if (result.status !== 0) throw new Error(`${command} ${args.join(' ')}\n${result.stderr}`);
  return { seconds: (performance.now() - start) / 1000, stderr: result.stderr };
}

function contenders(input: string, directory: string): Contender[] {
  const output = join(directory, 'out.onnx');
  // Tells the peak of its own process when it ends.
  const peak = join(directory, 'peak.cjs');
  writeFileSync(peak, PEAK);
  const convert =
    (...flags: string[]) =>
    (): { seconds: number; megabytes: number | undefined } => {
      rmSync(output, { force: true });
      const { seconds, stderr } = timed(process.execPath, [
        '--require',
        peak,
        join(root, 'dist/cli.js'),
        'convert',
        input,
        '-o',
        output,
        '--no-verify',
        '--quiet',
        ...flags,
      ]);
      return { seconds, megabytes: Number(/peak (\d+)/.exec(stderr)?.[1] ?? Number.NaN) / 1024 };
    };
  const script = `import resource, sys, onnx; onnx.save(onnx.load(sys.argv[1]), sys.argv[2]); print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)`;
  return [
    { name: 'cp', run: () => ({ seconds: timed('cp', [input, output]).seconds, megabytes: undefined }) },
    { name: 'convolutionize convert', run: convert() },
    { name: 'convolutionize convert --weights reference', run: convert('--weights', 'reference') },
    ...(hasOnnx
      ? [
          {
            name: 'Python onnx.load + onnx.save',
            run: () => {
              const { seconds, stderr } = timed(python, ['-c', script, input, output]);
              return { seconds, megabytes: Number(stderr.trim().split('\n').pop()) / 1024 };
            },
          },
        ]
      : []),
  ];
}

const median = (numbers: readonly number[]): number => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;

function race(label: string, input: string, directory: string, rounds: number): void {
  const list = contenders(input, directory);
  const seconds = new Map<string, number[]>();
  const megabytes = new Map<string, number[]>();
  const random = seededRandom(1);
  for (let round = 0; round < rounds; round++) {
    for (const { name, run } of [...list].sort(() => random() - 0.5)) {
      const result = run();
      seconds.set(name, [...(seconds.get(name) ?? []), result.seconds]);
      if (result.megabytes !== undefined) megabytes.set(name, [...(megabytes.get(name) ?? []), result.megabytes]);
    }
  }
  const cp = median(seconds.get('cp') ?? []);
  console.log(`\n${label}, ${(statSync(input).size / 1e6).toFixed(0)} MB, median of ${rounds} rounds in shuffled order`);
  for (const { name } of list) {
    const own = median(seconds.get(name) ?? []);
    const peak = megabytes.has(name) ? `${Math.max(...(megabytes.get(name) ?? [])).toFixed(0)} MB` : '';
    console.log(`  ${name.padEnd(44)} ${own.toFixed(3).padStart(7)} s  ${(own / cp).toFixed(1).padStart(5)} x cp  ${peak.padStart(8)}`);
  }
  console.log(`  ${'to reach: 1.5 x cp + 0.2 s, 100 MB'.padEnd(44)} ${(1.5 * cp + 0.2).toFixed(3).padStart(7)} s`);
}

/** The prediction map of a large image: one run of the converted network against one run of the original per window. */
async function dense(original: string, directory: string): Promise<void> {
  const output = join(directory, 'dense.onnx');
  timed(process.execPath, [join(root, 'dist/cli.js'), 'convert', original, '-o', output, '--no-verify', '--quiet']);
  const size = 1024;
  const image = makeInput('smooth', 1, 'float', [1, 3, size, size]);
  const name = 'x';
  const converted = await openSession(output, output, { optimise: true });
  const feed = new Map([[converted.inputNames[0] ?? name, image]]);
  await converted.run(feed);
  let start = performance.now();
  const map = (await converted.run(feed)).get(converted.outputNames[0] ?? '');
  const once = (performance.now() - start) / 1000;
  await converted.release();
  const [, , rows = 0, columns = 0] = map?.shape ?? [];
  const session = await openSession(original, original, { optimise: true });
  const crop = (y: number, x: number): Map<string, ReturnType<typeof cropped>> =>
    new Map([[session.inputNames[0] ?? name, cropped(image, [2, 3], [32 * y, 32 * x], [224, 224])]]);
  await session.run(crop(0, 0));
  let sliding = 0;
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      const feeds = crop(y, x);
      start = performance.now();
      await session.run(feeds);
      sliding += (performance.now() - start) / 1000;
    }
  }
  await session.release();
  console.log(`\nAlexNet on ${size} x ${size}, ${rows} x ${columns} windows, ONNX Runtime with its optimiser, same threads`);
  console.log(`  original on every window  ${sliding.toFixed(2)} s`);
  console.log(`  converted, once           ${once.toFixed(2)} s  ${(sliding / once).toFixed(1)} times faster`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '7' },
      only: { type: 'string', default: '' },
      dense: { type: 'boolean', default: false },
    },
  });
  const directory = mkdtempSync(join(tmpdir(), 'convolutionize-bench-'));
  try {
    for (const [label, zoo] of [
      ['alexnet', 'tv-alexnet.script'],
      ['vgg19', 'tv-vgg19.script'],
    ] as const) {
      if (!label.includes(values.only)) continue;
      const model = readModelFile(zooModel(zoo, { seed: 1, directory }));
      const inline = join(directory, 'inline');
      rmSync(inline, { recursive: true, force: true });
      // In another directory, so that the weights come along inline.
      spawnSync('mkdir', ['-p', inline]);
      writeModelFile(model, join(inline, `${label}.onnx`));
      closeModel(model);
      race(label, join(inline, `${label}.onnx`), inline, Number(values.rounds));
      if (values.dense && label === 'alexnet') await dense(join(inline, 'alexnet.onnx'), inline);
    }
    if (!hasOnnx) console.log('\nPython has no onnx here (PYTHON names another one): that row is left out');
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

void main();
