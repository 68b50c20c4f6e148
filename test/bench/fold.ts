/**
 * npm run bench:fold -- [--only TEXT] [--rounds N] [--runs N] [--write] [MODEL ...]
 * Folding (`convert --head original`) beside other optimisers on the graphs of fixtures/zoo, in one run per model: nodes, multiply-adds, seconds and peak
 * memory of the whole process; then the median time of a run in ONNX Runtime, input and result in turns.
 * Beside: ONNX Runtime's offline optimisation at its basic level (standard operators only), from Node and as most people run it, from Python; onnxscript's
 * optimizer and OnnxSlim; those of Python where that (PYTHON names it) has them. `--write` puts the table into docs/folding.md. With files named, these take the place of the zoo.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { zooModel, zooNames } from '../../fixtures/zoo-weights';
import { summarise } from '../../src/analysis/summary';
import { settle } from '../../src/compile';
import { resolveWindows, windowLengths } from '../../src/compile/input-size';
import { closeModel, readModelFile, writeModelFile } from '../../src/files';
import { makeInput } from '../../src/verify/inputs';
import { openSession } from '../../src/verify/runtime/node';

const root = join(__dirname, '../..');
const python = process.env.PYTHON ?? 'python3';
const has = (module: string): boolean => spawnSync(python, ['-c', `import ${module}`]).status === 0;

interface Optimiser {
  readonly name: string;
  command(input: string, output: string, directory: string): readonly [string, readonly string[]];
}

/** VmHWM where Linux tells it: the peak of the program alone. What getrusage tells counts the program that started it. */
const PEAK = `process.on('exit', () => {
  let peak = process.resourceUsage().maxRSS;
  try { peak = /VmHWM:\\s*(\\d+)/.exec(require('node:fs').readFileSync('/proc/self/status', 'utf8'))[1]; } catch {}
  process.stderr.write('\\npeak ' + peak + '\\n');
});`;
const PYTHON_PEAK = `import resource, re
try: peak = re.search(r'VmHWM:\\s*(\\d+)', open('/proc/self/status').read()).group(1)
except OSError: peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print('\\npeak', peak, file=sys.stderr)`;
const RUNTIME = `const ort = require('onnxruntime-node'); ort.env.logLevel = 'error';
ort.InferenceSession.create(process.argv[1], { graphOptimizationLevel: 'basic', optimizedModelFilePath: process.argv[2] }).then((s) => s.release());`;

const PYTHON_RUNTIME = `settings = onnxruntime.SessionOptions()
settings.log_severity_level = 3
settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
settings.optimized_model_filepath = target
onnxruntime.InferenceSession(source, settings, providers=['CPUExecutionProvider'])`;

function optimisers(): Optimiser[] {
  const script = (body: string, module = 'onnx'): ((input: string, output: string) => readonly [string, readonly string[]]) => {
    return (input, output) => [
      python,
      ['-c', `import sys, ${module}\nsource, target = sys.argv[1:3]\n${body}\n${PYTHON_PEAK}`, input, output],
    ];
  };
  return [
    {
      name: 'convolutionize',
      command: (input, output, directory) => [
        process.execPath,
        [
          '--require',
          join(directory, 'peak.cjs'),
          join(root, 'dist/cli.js'),
          'convert',
          input,
          '-o',
          output,
          '--head',
          'original',
          '--no-verify',
          '--quiet',
          '--force',
        ],
      ],
    },
    {
      name: 'onnxruntime basic',
      command: (input, output, directory) => [process.execPath, ['--require', join(directory, 'peak.cjs'), '-e', RUNTIME, input, output]],
    },
    ...(has('onnxruntime') ? [{ name: 'the same, Python', command: script(PYTHON_RUNTIME, 'onnxruntime') }] : []),
    ...(has('onnxscript')
      ? [
          {
            name: 'onnxscript',
            command: script('from onnxscript import optimizer\nonnx.save(optimizer.optimize(onnx.load(source)), target)'),
          },
        ]
      : []),
    ...(has('onnxslim')
      ? [{ name: 'OnnxSlim', command: script('import onnxslim\nonnx.save(onnxslim.slim(onnx.load(source)), target)') }]
      : []),
  ];
}

interface Figures {
  readonly nodes: number;
  readonly multiplyAdds: number;
  readonly seconds: number;
  readonly megabytes: number;
}

/** What a file holds: its nodes as the file counts them, its products as our own analysis does. */
function measured(path: string): Pick<Figures, 'nodes' | 'multiplyAdds'> {
  const model = readModelFile(path);
  try {
    const nodes = model.graph.nodeCount;
    const settled = model.clone();
    const [window] = resolveWindows(settled, undefined);
    settle(settled);
    const { list } = summarise(settled, window ? { lengths: windowLengths(window) } : undefined);
    return { nodes, multiplyAdds: list.multiplyAdds };
  } finally {
    closeModel(model);
  }
}

const median = (numbers: readonly number[]): number => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;

function optimised(optimiser: Optimiser, input: string, output: string, directory: string, rounds: number): Figures | string {
  const seconds: number[] = [];
  let megabytes = 0;
  for (let round = 0; round < rounds; round++) {
    rmSync(output, { force: true });
    const [command, args] = optimiser.command(input, output, directory);
    const start = performance.now();
    const { status, stderr } = spawnSync(command, args, { encoding: 'utf8', cwd: root });
    seconds.push((performance.now() - start) / 1000);
    if (status !== 0) return stderr.trim().split('\n').at(-1)?.slice(0, 100) ?? `exit ${status}`;
    megabytes = Math.max(megabytes, Number(/peak (\d+)/.exec(stderr)?.[1] ?? Number.NaN) / 1024);
  }
  return { ...measured(output), seconds: median(seconds), megabytes };
}

/** Median seconds of a run of each, in turns, with the optimiser of ONNX Runtime, on one thread: idle threads of one session would slow the other down. */
async function paired(paths: readonly string[], rounds: number): Promise<readonly number[]> {
  const sessions = [];
  for (const path of paths) sessions.push(await openSession(path, `'${path}'`, { optimise: true, threads: 1 }));
  try {
    const model = readModelFile(paths[0] ?? '');
    const windows = resolveWindows(model.clone(), undefined);
    const feeds = new Map(
      model.graph.inputs.map((input) => {
        const shape = (input.type?.shape ?? []).map((dim) => (typeof dim === 'number' ? dim : 1));
        return [input.name, makeInput('normal', 1, input.type?.dtype ?? 'float', shape)];
      }),
    );
    closeModel(model);
    if (windows.length === 0) return [];
    const seconds = paths.map((): number[] => []);
    for (let round = 0; round < rounds + 2; round++) {
      for (const at of round % 2 === 0 ? sessions.keys() : [...sessions.keys()].reverse()) {
        const start = performance.now();
        await sessions[at]?.run(feeds);
        if (round >= 2) seconds[at]?.push((performance.now() - start) / 1000);
      }
    }
    return seconds.map(median);
  } finally {
    for (const session of sessions) await session.release();
  }
}

/** With its weights inside, so that what is made of it may stand anywhere. */
function copied(path: string, directory: string): string {
  const copy = join(directory, basename(path));
  const model = readModelFile(path, { keepOpset: true });
  writeModelFile(model, copy, { weights: 'copy' });
  closeModel(model);
  return copy;
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      only: { type: 'string', default: '' },
      rounds: { type: 'string', default: '1' },
      runs: { type: 'string', default: '15' },
      write: { type: 'boolean', default: false },
    },
  });
  const list = optimisers();
  const directory = mkdtempSync(join(tmpdir(), 'convolutionize-fold-'));
  writeFileSync(join(directory, 'peak.cjs'), PEAK);
  const lines: string[] = [];
  const say = (line: string): void => {
    console.log(line);
    lines.push(line);
  };
  say(`| model | nodes | ${list.map(({ name }) => name).join(' | ')} | run, result / input |`);
  say(`|---|---|${list.map(() => '---|').join('')}---|`);
  const losses: string[] = [];
  try {
    const names = positionals.length > 0 ? positionals : zooNames().filter((candidate) => candidate.includes(values.only));
    for (const name of names) {
      const own = join(directory, 'model');
      mkdirSync(own);
      const input = positionals.length > 0 ? copied(name, own) : zooModel(name, { seed: 1, directory: own });
      const before = measured(input);
      const found = list.map((optimiser, at) => optimised(optimiser, input, join(own, `out${at}.onnx`), directory, Number(values.rounds)));
      const [ours, ...others] = found;
      const runs = typeof ours === 'object' ? await paired([input, join(own, 'out0.onnx')], Number(values.runs)) : [];
      const ratio = (runs[1] ?? Number.NaN) / (runs[0] ?? Number.NaN);
      const cell = (figures: Figures | string): string =>
        typeof figures === 'string'
          ? figures.replaceAll('|', '/')
          : `${figures.nodes}, ${(figures.multiplyAdds / before.multiplyAdds).toFixed(3)}, ${figures.seconds.toFixed(2)} s, ${figures.megabytes.toFixed(0)} MB`;
      say(`| ${name} | ${before.nodes} | ${found.map(cell).join(' | ')} | ${ratio.toFixed(2)} |`);
      for (const [at, other] of others.entries()) {
        if (typeof ours !== 'object' || typeof other !== 'object') continue;
        if (ours.nodes > other.nodes) losses.push(`${name}: ${ours.nodes} nodes, ${list[at + 1]?.name} ${other.nodes}`);
        if (ours.multiplyAdds > other.multiplyAdds)
          losses.push(`${name}: ${ours.multiplyAdds} multiply-adds, ${list[at + 1]?.name} ${other.multiplyAdds}`);
      }
      if (typeof ours === 'string') losses.push(`${name}: ${ours}`);
      if (ratio > 1.05) losses.push(`${name}: the result takes ${ratio.toFixed(2)} times the time of the input`);
      rmSync(own, { recursive: true, force: true });
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  console.log(losses.length === 0 ? 'nowhere behind' : `behind:\n${losses.map((loss) => `  ${loss}`).join('\n')}`);
  if (values.write) {
    const path = join(root, 'docs/folding.md');
    const [head = ''] = readFileSync(path, 'utf8').split('<!-- table -->');
    writeFileSync(path, `${head}<!-- table -->\n\n${lines.join('\n')}\n`);
  }
}

void main();
