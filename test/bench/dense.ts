/**
 * npm run bench:dense -- [--axes] [--only TEXT] [--sizes 512,1024] [--strides 32,16,8] [--dense atrous|shift] [--rounds N] [--write]
 * A converted network on a whole image, against the original slid over every window of it, the way it is done without this program: AlexNet, VGG19, ResNet-50
 * with seeded weights in ONNX Runtime, its optimiser on, one thread for both.
 *
 * The ratio of multiply-adds is the limit; beside it the ratio of seconds. Sliding VGG19 over 1024 x 1024 pixels every 8 takes half an hour: a sample of windows
 * runs in batches, and its time is multiplied. Medians of rounds in turns, converted and sample. Each case is a process of its own; its peak memory is taken before the
 * original is opened. Seconds are the process's own processor time, which on one thread is what passes on an idle machine, and does not count other programs.
 * `--write` puts the table into docs/dense.md.
 *
 * `--axes`: M11 on a minute of audio at 8 kHz and r3d_18 on three seconds of video (90 frames of 128 x 171) instead; `--write` puts that table into docs/axes.md.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { familyTree } from '../../fixtures/builders';
import { m11, r3d18 } from '../../fixtures/builders/axes';
import { summarise } from '../../src/analysis/summary';
import { compile, type DenseMethod } from '../../src/compile';
import { writeModelFile } from '../../src/files';
import type { Model } from '../../src/ir/model';
import { inferShapes } from '../../src/ir/shape-inference';
import { parseModel } from '../../src/onnx/text/parser';
import { makeInput } from '../../src/verify/inputs';
import { seededConstant } from '../support/seeded';

const PICTURES = ['alexnet', 'vgg19', 'resnet50'] as const;
/** Networks over other axes: the size of the whole, and the strides of the maps. The first is the network's own. */
const AXES: Readonly<
  Record<string, { readonly make: typeof m11; readonly lengths: readonly number[]; readonly strides: readonly (readonly number[])[] }>
> = {
  m11: { make: m11, lengths: [480_000], strides: [[1024], [256], [64]] },
  r3d_18: {
    make: r3d18,
    lengths: [90, 128, 171],
    strides: [
      [8, 16, 16],
      [4, 8, 8],
    ],
  },
};
/** Windows of a batch: more change the seconds per window by no more than the noise. */
const BATCH = 8;
/** A run that takes longer is measured once. */
const LONG = 30;

interface Case {
  readonly network: string;
  readonly lengths: readonly number[];
  readonly stride: readonly number[];
  readonly dense: DenseMethod;
  readonly rounds: number;
}
interface Row extends Case {
  readonly windows: number;
  /** Of one window of the original, and of the converted network on the whole image. */
  readonly products: { readonly window: number; readonly converted: number };
  readonly seconds: { readonly window: number; readonly converted: number };
  readonly runs: number;
  /** Peak resident memory of the process that ran the converted network, in MB. */
  readonly megabytes: number;
}

interface Prepared extends Case {
  readonly directory: string;
  /** [channels, ... lengths] of the original. */
  readonly window: readonly number[];
  readonly products: Row['products'];
}

/** Makes both files. In a process of its own: making weights takes more memory than running them. */
function prepare(what: Case, directory: string): Prepared {
  const { original, window } = originalOf(what.network);
  const plain = compile(original).model;
  const strides = Object.values(JSON.parse(plain.metadata.get('convolutionize.stride') ?? '{}') as Record<string, number[]>);
  const isOwn = what.stride.every((stride, axis) => strides[0]?.[axis] === stride);
  const { model } = isOwn ? { model: plain } : compile(original, { stride: what.stride, dense: what.dense });
  writeModelFile(model, join(directory, 'converted.onnx'));
  writeModelFile(original, join(directory, 'original.onnx'));
  const products = {
    window: summarise(original, { lengths: window.slice(1) }).list.multiplyAdds,
    converted: summarise(model, { lengths: what.lengths }).list.multiplyAdds,
  };
  return { ...what, directory, window, products };
}

function originalOf(network: string): { readonly original: Model; readonly window: readonly number[] } {
  const written = AXES[network]?.make();
  if (written) return { original: seededModel(written.text), window: written.window };
  const original = familyTree[network]?.build();
  if (!original) throw new Error(`there is no ${network}`);
  return { original, window: [3, 224, 224] };
}

function seededModel(text: string): Model {
  const model = parseModel(text, {
    missing: (name, type) => {
      const shape = type?.shape?.filter((dim) => typeof dim === 'number');
      return type && shape && seededConstant(name, type.dtype, shape);
    },
  });
  inferShapes(model);
  return model;
}

async function measure({ directory, window, ...what }: Prepared): Promise<Row> {
  const batch = window.length > 3 ? 1 : BATCH;
  const image = [1, window[0] ?? 1, ...what.lengths];
  const crops = [batch, ...window];
  const converted = await opened(join(directory, 'converted.onnx'));
  const [map] = Object.values(await converted.run(fed(converted, image)));
  const windows = (map?.dims ?? []).slice(2).reduce((product, length) => product * length, 1);
  const megabytes = peak();
  const slid = await opened(join(directory, 'original.onnx'));
  await slid.run(fed(slid, crops));
  const seconds: { window: number[]; converted: number[] } = { window: [], converted: [] };
  for (let round = 0; round < what.rounds; round++) {
    seconds.converted.push(await timed(converted, image));
    seconds.window.push((await timed(slid, crops)) / batch);
    if ((seconds.converted[0] ?? 0) > LONG) break;
  }
  await converted.release();
  await slid.release();
  const medians = { window: median(seconds.window), converted: median(seconds.converted) };
  return { ...what, windows, seconds: medians, runs: seconds.converted.length, megabytes };
}

/** In this process, not in that of verification: its processor time and its memory are what is measured. */
const opened = (path: string): Promise<InferenceSession> =>
  InferenceSession.create(path, { graphOptimizationLevel: 'all', intraOpNumThreads: 1, interOpNumThreads: 1 });

function fed(session: InferenceSession, shape: readonly number[]): Record<string, Tensor> {
  const { data } = makeInput('normal', 1, 'float', shape);
  return { [session.inputNames[0] ?? 'image']: new Tensor('float32', Float32Array.from(data, Number), shape) };
}

async function timed(session: InferenceSession, shape: readonly number[]): Promise<number> {
  const feeds = fed(session, shape);
  const before = process.cpuUsage();
  await session.run(feeds);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}
const median = (numbers: readonly number[]): number => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;

/** In MB. VmHWM where Linux tells it: what getrusage tells counts the program that started this one. */
function peak(): number {
  try {
    return Number(/VmHWM:\s*(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1024;
  } catch {
    return process.resourceUsage().maxRSS / 1024;
  }
}

function inOwnProcess<T>(option: '--prepare' | '--measure', what: object): T {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...process.execArgv, __filename, option, JSON.stringify(what)], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  const line = stdout.trim().split('\n').at(-1) ?? '';
  if (!line.startsWith('{')) throw new Error(`${option} ${JSON.stringify(what)}: exit ${status}: ${stderr.slice(-400)}`);
  return JSON.parse(line) as T;
}

function rowOf(what: Case): Row {
  const directory = mkdtempSync(join(tmpdir(), 'convolutionize-bench-'));
  try {
    return inOwnProcess<Row>('--measure', inOwnProcess<Prepared>('--prepare', { ...what, directory }));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const grouped = (number: number): string => Math.round(number).toLocaleString('en-US');
const rounded = (number: number): string => (number >= 100 ? grouped(number) : number.toPrecision(2));

function tableRow(row: Row): string {
  const { windows, products, seconds } = row;
  const sliding = { products: products.window * windows, seconds: seconds.window * windows };
  return [
    '',
    row.network,
    shown(row.lengths),
    shown(row.stride),
    grouped(windows),
    `${rounded(sliding.products / 1e9)}`,
    `${rounded(products.converted / 1e9)}`,
    `**${rounded(sliding.products / products.converted)}**`,
    `${rounded(sliding.seconds)}`,
    `${rounded(seconds.converted)}`,
    `**${rounded(sliding.seconds / seconds.converted)}**`,
    `${row.runs}`,
    `${grouped(row.megabytes)}`,
    '',
  ]
    .join(' | ')
    .trim();
}

/** One number if all axes have it. */
const shown = (numbers: readonly number[]): string => (new Set(numbers).size === 1 ? `${numbers[0]}` : numbers.join(' x '));

const HEADER = [
  '| network | image | stride | windows | slid, 10^9 multiply-adds | converted | ratio | slid, seconds | converted | ratio | rounds | peak MB |',
  '|---|---|---|---|---|---|---|---|---|---|---|---|',
];

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', default: '' },
      sizes: { type: 'string', default: '512,1024' },
      strides: { type: 'string', default: '32,16,8' },
      dense: { type: 'string', default: 'atrous' },
      rounds: { type: 'string', default: '5' },
      prepare: { type: 'string' },
      measure: { type: 'string' },
      axes: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
    },
  });
  if (values.prepare !== undefined) {
    const what = JSON.parse(values.prepare) as Prepared;
    console.log(JSON.stringify(prepare(what, what.directory)));
    return;
  }
  if (values.measure !== undefined) {
    console.log(JSON.stringify(await measure(JSON.parse(values.measure) as Prepared)));
    return;
  }
  const numbers = (text: string): number[] => text.split(',').map(Number);
  const dense: DenseMethod = values.dense === 'shift' ? 'shift' : 'atrous';
  console.log(`slid over every window: seconds are those of batches of ${BATCH} windows, times the number of windows`);
  console.log(HEADER.join('\n'));
  const rows: string[] = [];
  const pictures = PICTURES.flatMap((network) =>
    numbers(values.sizes).flatMap((size) =>
      numbers(values.strides).map((stride) => ({ network, lengths: [size, size], stride: [stride, stride] })),
    ),
  );
  const others = Object.entries(AXES).flatMap(([network, { lengths, strides }]) => strides.map((stride) => ({ network, lengths, stride })));
  for (const one of (values.axes ? others : pictures).filter(({ network }) => network.includes(values.only))) {
    const row = tableRow(rowOf({ ...one, dense, rounds: Number(values.rounds) }));
    rows.push(row);
    console.log(row);
  }
  if (!values.write) return;
  const machine = `${cpus()[0]?.model.trim()}, one thread, ONNX Runtime ${(JSON.parse(readFileSync(join(__dirname, '../../node_modules/onnxruntime-node/package.json'), 'utf8')) as { version: string }).version}.`;
  const table = [machine, '', ...HEADER, ...rows].join('\n');
  const path = join(__dirname, `../../docs/${values.axes ? 'axes' : 'dense'}.md`);
  const [before, after] = readFileSync(path, 'utf8').split('<!-- table -->');
  // In docs/axes.md the page goes on behind the table.
  const rest = values.axes ? (after ?? '').slice((after ?? '').indexOf('\n<!-- end of table -->')) : '';
  writeFileSync(path, `${before}<!-- table -->\n\n${table}\n${rest}`);
}

void main();
