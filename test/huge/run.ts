/**
 * npm run huge -- [--only TEXT] [--megabytes N] [--keep]
 * Networks with one weight of 2.6 GB (beside the model) and of 2.1 GB (within it), made from a seed: converted, folded and verified; seconds, those of
 * processors among them (all that counts on a busy machine), and the peak memory of the program and of the process that runs the models. One at a time; needs 16 GB of disk in TMPDIR and 12 GB of memory. The figures of docs/SECURITY.md come from here.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { writeModelFile } from '../../src/files';
import type { ByteSource } from '../../src/ir/bytes';
import type { Model } from '../../src/ir/model';
import type { Tensor } from '../../src/ir/types';
import { parseModel } from '../../src/onnx/text/parser';
import { random, seededConstant } from '../support/seeded';

const PROGRAM = join(__dirname, '../../dist/cli.js');
const FEATURES = 512 * 7 * 7;
const SCALE = 0.01;

interface Case {
  readonly name: string;
  readonly megabytes: number;
  readonly inline?: boolean;
  /** The weight lies the other way round, and a norm behind it is folded into it: every number is computed anew. */
  readonly folded?: boolean;
}
const CASES: readonly Case[] = [
  { name: 'external, nothing computed', megabytes: 2600 },
  { name: 'external, transposed and folded', megabytes: 2600, folded: true },
  { name: 'inline', megabytes: 2100, inline: true },
];

/** Numbers of a seed, over and over. Of a prime length, so that no two rows are the same. */
function endless(size: number): ByteSource {
  const next = random(1);
  const block = Buffer.from(Float32Array.from({ length: 1_048_573 }, () => SCALE * (2 * next() - 1)).buffer);
  return {
    name: 'seed',
    size,
    read(offset, length) {
      const bytes = Buffer.alloc(length);
      for (let at = 0; at < length; ) {
        const from = (offset + at) % block.length;
        at += block.copy(bytes, at, from, Math.min(block.length, from + length - at));
      }
      return bytes;
    },
  };
}

function network({ megabytes, folded = false }: Case): Model {
  const units = Math.floor((megabytes * 1e6) / 4 / FEATURES);
  const norm = folded ? 'M = BatchNormalization (G, s, b, m, var) R = Relu (M)' : 'R = Relu (G)';
  const length = 4 * FEATURES * units;
  const weight = (shape: readonly number[]): Tensor => ({
    dtype: 'float',
    shape,
    data: { kind: 'ranges', ranges: [{ source: endless(length), offset: 0, length }], encoding: 'raw' },
  });
  return parseModel(
    `<ir_version: 9, opset_import: ["" : 17]> g (float[1, 3, 28, 28] X) => (float[1, 10] Y)
    <float[512, 3, 4, 4] K, float[${folded ? FEATURES : units}, ${folded ? units : FEATURES}] W, float[${units}] s, float[${units}] b, float[${units}] m, float[${units}] var, float[10, ${units}] V> {
      C = Conv <strides = [4, 4]> (X, K) A = Relu (C) F = Flatten (A) G = Gemm <transB = ${folded ? 0 : 1}> (F, W) ${norm} Y = Gemm <transB = 1> (R, V) }`,
    {
      missing(name, type) {
        const shape = type?.shape?.map(Number) ?? [];
        return name === 'W' ? weight(shape) : seededConstant(name, 'float', shape);
      },
    },
  );
}

interface Measured {
  readonly seconds: number;
  /** Of processors, in both processes. */
  readonly busy: number;
  readonly code: number | null;
  readonly program: number;
  readonly runtime: number;
  readonly said: string;
}

/** Peaks in MB, as Linux tells them. */
async function run(args: readonly string[]): Promise<Measured> {
  const started = performance.now();
  const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes: Buffer) => (said += bytes.toString()));
  let [program, runtime] = [0, 0];
  const busy = new Map<number, number>();
  const look = (): void => {
    const pid = child.pid ?? 0;
    program = Math.max(program, peakOf(pid));
    const others = childrenOf(pid);
    for (const other of others) runtime = Math.max(runtime, peakOf(other));
    for (const each of [pid, ...others]) busy.set(each, Math.max(busy.get(each) ?? 0, processorSeconds(each)));
  };
  const timer = setInterval(look, 50);
  const code = await new Promise<number | null>((done) => child.on('close', done));
  clearInterval(timer);
  return {
    seconds: (performance.now() - started) / 1000,
    busy: [...busy.values()].reduce((all, each) => all + each, 0),
    code,
    program,
    runtime,
    said,
  };
}

function told(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
const peakOf = (pid: number): number => Number(/VmHWM:\s*(\d+)/.exec(told(`/proc/${pid}/status`))?.[1] ?? 0) / 1024;
/** In hundredths, as Linux counts. */
function processorSeconds(pid: number): number {
  const fields = told(`/proc/${pid}/stat`)
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / 100;
}
const childrenOf = (pid: number): readonly number[] =>
  told(`/proc/${pid}/task/${pid}/children`)
    .split(' ')
    .filter((word) => word !== '')
    .map(Number);

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { only: { type: 'string' }, megabytes: { type: 'string' }, keep: { type: 'boolean' } } });
  console.log('| model | run | seconds | of processors | program, MB | runtime, MB |\n|---|---|---|---|---|---|');
  for (const each of CASES.filter(({ name }) => name.includes(values.only ?? ''))) {
    const home = mkdtempSync(join(tmpdir(), 'huge-'));
    try {
      const made = { ...each, megabytes: Number(values.megabytes ?? each.megabytes) };
      const [input, output] = [join(home, 'model.onnx'), join(home, 'out.onnx')];
      writeModelFile(network(made), input, { weights: each.inline ? 'copy' : 'external' });
      // Nothing of it need be made anew where the weights are left where they are; here they are written, as for another directory.
      const options = ['-o', output, '--force', ...(each.inline ? [] : ['--external-data'])];
      for (const verify of [false, true]) {
        const { seconds, busy, code, program, runtime, said } = await run([
          'convert',
          input,
          ...options,
          ...(verify ? [] : ['--no-verify']),
        ]);
        const what = verify ? 'convert and verify' : 'convert';
        console.log(
          `| ${each.name}, ${made.megabytes} MB | ${what} | ${seconds.toFixed(1)} | ${busy.toFixed(1)} | ${program.toFixed(0)} | ${runtime.toFixed(0)} |`,
        );
        if (code !== 0) console.log(`exit ${code}\n${said}`);
        if (code !== 0) process.exitCode = 1;
      }
      const bytes = readdirSync(home).map((name) => `${name} ${statSync(join(home, name)).size}`);
      console.error(bytes.join(', '));
    } finally {
      if (!values.keep) rmSync(home, { recursive: true, force: true });
    }
  }
}

void main();
