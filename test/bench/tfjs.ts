/**
 * npm run bench:tfjs -- [--rounds N] [--runs N] [--only TEXT] [--skip convert|run|nodes ...]
 * Writing TensorFlow.js models: wall time and peak memory of `convert --to tfjs --no-verify` as a whole process for AlexNet, ResNet-50 and VGG19, beside `cp` of the
 * same file, and beside the published way (onnx2tf, then tensorflowjs_converter) where Python has both (PYTHON names it).
 * Running them: the emitted model in TensorFlow.js on WebAssembly beside the converted ONNX file in onnxruntime-web on WebAssembly, one thread each, at 224x224,
 * run by run in turn, in shuffled order. Medians; ratios within the run.
 * Nodes: networks of keras.applications as TensorFlow's own converter writes them and as this program does, from the same graph (tfjs_nodes.py), where Python has
 * TensorFlow, Keras and ONNX.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import '@tensorflow/tfjs-backend-wasm';
import { loadGraphModel } from '@tensorflow/tfjs-converter';
import * as tf from '@tensorflow/tfjs-core';
import * as ort from 'onnxruntime-web';
import { zooModel } from '../../fixtures/zoo-weights';
import { compile } from '../../src/compile';
import { closeModel, inheritOrigin, readModelFile, writeModelFile } from '../../src/files';
import { writeTfjsModel } from '../../src/files/tfjs-files';
import { compare } from '../../src/verify/compare';
import { verifyFiles } from '../../src/verify/files/verify';
import { makeInput, seededRandom } from '../../src/verify/inputs';
import { readTfjsFiles } from '../../src/verify/tfjs/files';
import { PEAK } from './peak';

const root = join(__dirname, '../..');
const python = process.env.PYTHON ?? 'python3';
const hasConverters = spawnSync(python, ['-c', 'import onnx2tf, tensorflowjs']).status === 0;

const median = (numbers: readonly number[]): number => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
const random = seededRandom(1);
const shuffled = <T>(items: readonly T[]): T[] =>
  items
    .map((item) => ({ item, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);

function timed(command: string, args: readonly string[]): { seconds: number; stderr: string } {
  const start = performance.now();
  const result = spawnSync(command, args, { encoding: 'utf8', env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '3' } });
  if (result.status !== 0) throw new Error(`${command} ${args.join(' ')}\n${result.stderr}`);
  return { seconds: (performance.now() - start) / 1000, stderr: result.stderr };
}

// ---- writing ----

function raceConversion(label: string, input: string, directory: string, rounds: number): void {
  const peak = join(directory, 'peak.cjs');
  writeFileSync(peak, PEAK);
  const [copy, output, saved] = ['copy.onnx', 'web', 'saved'].map((name) => join(directory, name)) as [string, string, string];
  const list: { name: string; run: () => { seconds: number; stderr: string } }[] = [
    { name: 'cp', run: () => timed('cp', [input, copy]) },
    {
      name: 'convolutionize convert --to tfjs',
      run: () =>
        timed(process.execPath, [
          '--require',
          peak,
          join(root, 'dist/cli.js'),
          'convert',
          input,
          '-o',
          output,
          '--to',
          'tfjs',
          '--no-verify',
          '--quiet',
          '--force',
        ]),
    },
    ...(hasConverters
      ? [
          {
            name: 'onnx2tf + tensorflowjs_converter',
            run: () => {
              const first = timed(python, ['-m', 'onnx2tf', '-i', input, '-o', saved]);
              const second = timed(python, [
                '-m',
                'tensorflowjs.converters.converter',
                '--input_format=tf_saved_model',
                saved,
                `${output}-python`,
              ]);
              return { seconds: first.seconds + second.seconds, stderr: '' };
            },
          },
        ]
      : []),
  ];
  const seconds = new Map<string, number[]>();
  let megabytes = 0;
  for (let round = 0; round < rounds; round++)
    for (const { name, run } of shuffled(list)) {
      const result = run();
      seconds.set(name, [...(seconds.get(name) ?? []), result.seconds]);
      megabytes = Math.max(megabytes, Number(/peak (\d+)/.exec(result.stderr)?.[1] ?? 0) / 1024);
    }
  const cp = median(seconds.get('cp') ?? []);
  console.log(`\n${label}, ${(statSync(input).size / 1e6).toFixed(0)} MB, median of ${rounds} rounds in shuffled order`);
  for (const { name } of list) {
    const own = median(seconds.get(name) ?? []);
    console.log(
      `  ${name.padEnd(40)} ${own.toFixed(3).padStart(7)} s  ${(own / cp).toFixed(1).padStart(5)} x cp${name.startsWith('conv') ? `  ${megabytes.toFixed(0)} MB` : ''}`,
    );
  }
  console.log(`  ${'to reach: 3 x cp + 1 s, 300 MB'.padEnd(40)} ${(3 * cp + 1).toFixed(3).padStart(7)} s`);
  for (const path of [copy, output, saved, `${output}-python`]) rmSync(path, { recursive: true, force: true });
}

// ---- running ----

async function raceRuns(label: string, path: string, directory: string, runs: number): Promise<void> {
  const source = readModelFile(path);
  const { model } = compile(source);
  inheritOrigin(model, source);
  const [web, onnx] = [join(directory, 'web'), join(directory, 'converted.onnx')];
  const { nodes } = writeTfjsModel(model, web, { force: true });
  writeModelFile(model, onnx, { force: true });
  closeModel(source);
  const [input, output] = [model.graph.inputs[0]?.name ?? '', model.graph.outputs[0]?.name ?? ''];
  const image = makeInput('normal', 1, 'float', [1, 3, 224, 224]);
  const chw = Float32Array.from(image.data);

  const files = readTfjsFiles(web);
  const graph = await loadGraphModel({
    load: async () => ({
      modelTopology: files.json.modelTopology,
      weightSpecs: [...files.weightSpecs],
      weightData: [...files.shards],
      ...(files.json.signature && { signature: files.json.signature }),
    }),
  });
  const hwc = tf.tidy(() => tf.transpose(tf.tensor(chw, [1, 3, 224, 224]), [0, 2, 3, 1]).dataSync() as Float32Array);
  const inTfjs = (): Float32Array =>
    tf.tidy(() => {
      const found = graph.execute({ [input]: tf.tensor(hwc, [1, 224, 224, 3]) }, graph.outputNodes);
      return ([found].flat()[0]?.dataSync() as Float32Array | undefined) ?? new Float32Array();
    });
  const session = await ort.InferenceSession.create(readFileSync(onnx), { executionProviders: ['wasm'], graphOptimizationLevel: 'all' });
  const inOrt = async (): Promise<Float32Array> => {
    const results = await session.run({ [input]: new ort.Tensor('float32', chw, [1, 3, 224, 224]) });
    return results[output]?.data as Float32Array;
  };

  const difference = compare(await inOrt(), inTfjs());
  const times: Record<'tfjs' | 'ort', number[]> = { tfjs: [], ort: [] };
  // The first runs compile; they do not count.
  for (let warm = 0; warm < 2; warm++) {
    inTfjs();
    await inOrt();
  }
  for (let run = 0; run < runs; run++)
    for (const who of shuffled(['tfjs', 'ort'] as const)) {
      const start = performance.now();
      await (who === 'tfjs' ? inTfjs() : inOrt());
      times[who].push(performance.now() - start);
    }
  const ratios = times.tfjs.map((time, at) => time / (times.ort[at] ?? Number.NaN));
  const [a, b] = [median(times.tfjs), median(times.ort)];
  console.log(
    `  ${label.padEnd(18)} ${a.toFixed(1).padStart(8)} ms ${b.toFixed(1).padStart(8)} ms  ${median(ratios).toFixed(2).padStart(6)}   ${String(nodes).padStart(5)}   ${difference.maxRel.toExponential(1)}`,
  );
  graph.dispose();
  await session.release();
}

// ---- counting ----

const KERAS = ['MobileNetV2', 'MobileNetV3Small', 'EfficientNetB0', 'ResNet50', 'VGG19', 'DenseNet121', 'InceptionV3', 'Xception'];

interface Counted {
  readonly name: string;
  readonly path: string;
  readonly counts: Readonly<Record<string, number>>;
}

/** Nodes of each model: all, and without constants. Ours is verified against the ONNX file. */
async function compareNodes(names: readonly string[], directory: string): Promise<void> {
  if (spawnSync(python, ['-c', 'import tensorflow, keras, onnx']).status !== 0) {
    console.log('\nPython has no TensorFlow, Keras and ONNX here (PYTHON names another one): nodes are not counted');
    return;
  }
  console.log("\nnodes, without constants     TensorFlow's converter      convolutionize   verified");
  for (const name of names) {
    const { status, stdout, stderr } = spawnSync(python, [join(root, 'test/bench/tfjs_nodes.py'), directory, name], { encoding: 'utf8' });
    const line = stdout.split('\n').find((text) => text.startsWith('{'));
    if (status !== 0 || line === undefined) throw new Error(`${name}: ${stderr.slice(-2000)}`);
    const { path, counts }: Counted = JSON.parse(line);
    const source = readModelFile(path);
    const compiled = compile(source, { head: 'original' });
    inheritOrigin(compiled.model, source);
    inheritOrigin(compiled.original, source);
    const web = join(directory, 'web');
    writeTfjsModel(compiled.model, web, { force: true });
    const ops = (readTfjsFiles(web).json.modelTopology as { readonly node: readonly { readonly op: string }[] }).node.map(({ op }) => op);
    const { verdict } = await verifyFiles(path, web, { compiled });
    closeModel(source);
    const theirs = Object.values(counts).reduce((sum, count) => sum + count, 0);
    const cell = (all: number, constants: number): string => `${all - constants} (${all} with)`.padStart(20);
    console.log(
      `  ${name.padEnd(22)} ${cell(theirs, counts.Const ?? 0)} ${cell(ops.length, ops.filter((op) => op === 'Const').length)}   ${verdict}`,
    );
    rmSync(path);
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '5' },
      runs: { type: 'string', default: '21' },
      only: { type: 'string', default: '' },
      skip: { type: 'string', multiple: true, default: [] },
    },
  });
  const directory = mkdtempSync(join(tmpdir(), 'convolutionize-bench-'));
  const inline = (zoo: string): string => {
    const path = join(directory, 'inline', `${zoo}.onnx`);
    mkdirSync(join(directory, 'inline'), { recursive: true });
    const model = readModelFile(zooModel(zoo, { seed: 1, directory }));
    // In another directory, so that the weights come along inline.
    writeModelFile(model, path, { force: true });
    closeModel(model);
    return path;
  };
  try {
    if (!values.skip.includes('convert')) {
      for (const zoo of ['tv-alexnet.script', 'tv-resnet50.script', 'tv-vgg19.script']) {
        if (!zoo.includes(values.only)) continue;
        const path = inline(zoo);
        raceConversion(zoo, path, directory, Number(values.rounds));
        rmSync(path);
      }
      if (!hasConverters) console.log('\nPython has no onnx2tf and tensorflowjs here (PYTHON names another one): that way is left out');
    }
    if (!values.skip.includes('run')) {
      ort.env.wasm.numThreads = 1;
      await tf.setBackend('wasm');
      console.log(`\none thread, ${values.runs} runs in turn      TF.js wasm   ort-web wasm   ratio   nodes   difference`);
      for (const zoo of [
        'tv-alexnet.script',
        'tv-resnet50.script',
        'tv-resnext50_32x4d.script',
        'tv-mobilenet_v2.script',
        'tv-efficientnet_b0.script',
      ]) {
        if (!zoo.includes(values.only)) continue;
        const path = inline(zoo);
        await raceRuns(zoo, path, directory, Number(values.runs));
        rmSync(path);
      }
    }
    if (!values.skip.includes('nodes'))
      await compareNodes(
        KERAS.filter((name) => name.toLowerCase().includes(values.only.toLowerCase())),
        directory,
      );
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

void main();
