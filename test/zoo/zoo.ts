/**
 * npm run zoo -- [--head window|cell|image|original|all] [--O 0|1|2] [--to onnx|tfjs] [--only TEXT] [--resume FILE] [--write] [FILE.onnx ...]
 * Converts and verifies every graph of fixtures/zoo with seeded weights, or the given files, and prints a table; `--write` puts it into docs/coverage.md,
 * its part about ONNX or its part about TensorFlow.js.
 * `--resume`: what is done is kept in FILE, head by head, and what FILE has is not done again: heads may be run one after the other and told together.
 * `--compare COMMIT`: compares the files with those that the program of COMMIT writes instead: see compare.ts.
 * One model at a time, in a process of its own, which tells time and peak memory; its weights are made for it and removed after it.
 */
import { spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { zooModel, zooNames } from '../../fixtures/zoo-weights';
import { type Head, heads, type OptimisationLevel } from '../../passes';
import { type CompileOptions, compile } from '../../src/compile';
import { CompileError } from '../../src/diagnostics/compile-error';
import { closeModel, inheritOrigin, readModelFile, writeModelFile } from '../../src/files';
import { writeTfjsModel } from '../../src/files/tfjs-files';
import { verifyFiles } from '../../src/verify/files/verify';
import { compareWithCommit } from './compare';

interface Row {
  readonly model: string;
  readonly head: Head;
  readonly result: 'equal' | 'unverified' | 'refused' | 'different' | 'failed';
  readonly detail: string;
  readonly seconds: number;
}
interface Run {
  readonly rows: readonly Row[];
  /** Peak resident memory of the process, verification included. */
  readonly megabytes: number;
}

const REFUSALS = ['CANNOT_SLIDE', 'NOT_CONVERTIBLE', 'NOTHING_TO_CONVERT', 'UNSUPPORTED_OPERATORS', 'UNSUPPORTED_TYPE'];

type Target = 'onnx' | 'tfjs';
interface Options extends CompileOptions {
  readonly head: Head;
  readonly to: Target;
}

async function convertOne(model: string, path: string, directory: string, options: Options): Promise<Row> {
  const start = performance.now();
  const row = (result: Row['result'], detail: string): Row => ({
    model,
    head: options.head,
    result,
    detail,
    seconds: (performance.now() - start) / 1000,
  });
  try {
    const original = readModelFile(path);
    try {
      const compiled = compile(original, options);
      inheritOrigin(compiled.model, original);
      inheritOrigin(compiled.original, original);
      const output = join(directory, options.to === 'tfjs' ? options.head : `${options.head}.onnx`);
      const nodes = options.to === 'tfjs' ? writeTfjsModel(compiled.model, output).nodes : compiled.model.graph.nodeCount;
      if (options.to === 'onnx') writeModelFile(compiled.model, output);
      const report = await verifyFiles(path, output, { compiled });
      const checks = report.checks.map(
        (check) =>
          `${check.name}: ${check.status}${check.status === 'skipped' ? `${check.required ? ', REQUIRED' : ''} (${check.note})` : ` ${Math.max(0, ...Object.values(check.outputs).map(({ maxRel }) => maxRel)).toExponential(1)}`}`,
      );
      const shape = compiled.report.outputs.map(({ converted }) => `[${converted?.join(', ')}]`).join(' ');
      rmSync(output, { recursive: true, force: true });
      return row(
        report.verdict === 'equal' || report.verdict === 'different' ? report.verdict : 'unverified',
        `${report.verdict === 'equal' ? '' : `${report.verdict}; `}${shape}; ${compiled.original.graph.nodeCount} -> ${nodes} nodes; ${compiled.report.contract.kind}; ${checks.join('; ')}; tolerance ${report.tolerance.relative.toExponential(1)}${report.tolerance.noise.order === undefined ? '' : `, order ${report.tolerance.noise.order.toExponential(1)}`}${report.runtimeFault ? '; runtime fault' : ''}`,
      );
    } finally {
      closeModel(original);
    }
  } catch (error) {
    if (error instanceof CompileError && REFUSALS.includes(error.code)) {
      const notes = error.code.startsWith('UNSUPPORTED') ? (error.diagnostic.notes ?? []).slice(0, 3) : [];
      return row('refused', [error.diagnostic.message, ...notes].join('; '));
    }
    return row(
      'failed',
      error instanceof CompileError
        ? `${error.code}: ${error.diagnostic.message}`
        : String(error instanceof Error ? error.stack : error).slice(0, 400),
    );
  }
}

/** All heads of one model. */
async function runOne(name: string, wanted: readonly Head[], optimise: OptimisationLevel, to: Target): Promise<Run> {
  const directory = mkdtempSync(join(tmpdir(), 'convolutionize-zoo-'));
  try {
    const isFile = existsSync(name);
    const path = isFile ? name : zooModel(name, { seed: 1, directory });
    const rows: Row[] = [];
    for (const head of wanted)
      rows.push(await convertOne(isFile ? basename(name, '.onnx') : name, path, directory, { head, optimise, to }));
    return { rows, megabytes: process.resourceUsage().maxRSS / 1000 };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The same in a process of its own. A crash is a failure of that model. */
function inOwnProcess(name: string, asked: readonly Head[], options: readonly string[]): Run {
  const head = asked.length === 1 ? (asked[0] ?? '') : 'all';
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [...process.execArgv, __filename, '--head', head, ...options, '--one', name],
    { encoding: 'utf8', maxBuffer: 2 ** 26 },
  );
  const line = stdout.trim().split('\n').at(-1) ?? '';
  if (line.startsWith('{')) return JSON.parse(line) as Run;
  return {
    rows: asked.map((one) => ({ model: name, head: one, result: 'failed', detail: `exit ${status}: ${stderr.slice(-400)}`, seconds: 0 })),
    megabytes: 0,
  };
}

/** What earlier calls have done with a model, all heads together. */
function done(file: string | undefined, model: string): Run {
  if (file === undefined || !existsSync(file)) return NOTHING;
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
  return lines
    .map((line): [string, Run] => JSON.parse(line))
    .filter(([name]) => name === model)
    .reduce((all, [, run]) => together(all, run), NOTHING);
}
const NOTHING: Run = { rows: [], megabytes: 0 };
/** Later runs of a head count. */
const together = (a: Run, b: Run): Run => ({
  rows: [...a.rows.filter(({ head }) => !b.rows.some((row) => row.head === head)), ...b.rows],
  megabytes: Math.max(a.megabytes, b.megabytes),
});

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      only: { type: 'string', default: '' },
      head: { type: 'string', default: 'window' },
      O: { type: 'string', default: '2' },
      one: { type: 'string' },
      to: { type: 'string', default: 'onnx' },
      resume: { type: 'string' },
      write: { type: 'boolean', default: false },
      compare: { type: 'string' },
      stride: { type: 'string' },
    },
  });
  const wanted: readonly Head[] =
    values.head === 'original' ? ['original'] : heads.filter((candidate) => candidate === values.head || values.head === 'all');
  const optimise = ([0, 1, 2] as const).find((level) => String(level) === values.O);
  const to = (['onnx', 'tfjs'] as const).find((target) => target === values.to);
  if (!to) throw new Error('--to wants onnx or tfjs');
  if (wanted.length === 0 || optimise === undefined) throw new Error(`--head wants ${heads.join(', ')}, original or all, --O 0, 1 or 2`);
  if (values.one !== undefined) {
    console.log(JSON.stringify(await runOne(values.one, wanted, optimise, to)));
    return;
  }
  const names = positionals.length > 0 ? positionals : zooNames().filter((candidate) => candidate.includes(values.only));
  if (values.compare !== undefined) {
    const convert = ['-O', values.O, ...(values.stride === undefined ? [] : ['--stride', values.stride])];
    process.exitCode = compareWithCommit({ commit: values.compare, heads: wanted, convert, target: to, names }) ? 0 : 1;
    return;
  }
  const runs: Run[] = [];
  for (const name of names) {
    let run = done(values.resume, name);
    const missing = wanted.filter((head) => !run.rows.some((row) => row.head === head));
    for (const asked of missing.length === wanted.length ? [wanted] : missing.map((head) => [head])) {
      const found = inOwnProcess(name, asked, ['--O', values.O, '--to', to]);
      if (values.resume !== undefined) appendFileSync(values.resume, `${JSON.stringify([name, found])}\n`);
      run = together(run, found);
    }
    runs.push({ ...run, rows: wanted.flatMap((head) => run.rows.filter((row) => row.head === head)) });
    for (const { result, model, head, seconds, detail } of runs.at(-1)?.rows ?? [])
      console.log(`${result.padEnd(9)} ${model.padEnd(40)} ${head.padEnd(6)} ${seconds.toFixed(1).padStart(6)} s  ${detail}`);
  }
  const summaries = wanted.map((head) => summary(runs, head, optimise));
  console.log(summaries.join('\n'));
  if (values.write) writePart(to, markdown(runs, wanted, summaries, to));
  const all = runs.flatMap(({ rows }) => rows);
  process.exitCode = all.some(({ result }) => result === 'different' || result === 'failed' || result === 'unverified') ? 1 : 0;
}

function summary(runs: readonly Run[], head: Head, optimise: OptimisationLevel): string {
  const rows = runs.flatMap((run) => run.rows).filter((row) => row.head === head);
  const count = (result: Row['result']): number => rows.filter((row) => row.result === result).length;
  return `--head ${head} -O${optimise}: ${rows.length} models: ${count('equal')} converted and equal, ${count('unverified')} unverified, ${count('refused')} refused, ${count('different')} different, ${count('failed')} failed`;
}

const COVERAGE = 'docs/coverage.md';
const HEADINGS: Readonly<Record<Target, string>> = { onnx: '# Coverage', tfjs: '# Coverage: TensorFlow.js' };
const TFJS_INTRODUCTION =
  'Made by `npm run zoo -- --to tfjs --head all --write`: the same networks, written as TensorFlow.js graph models, read from the disk by TensorFlow.js on WebAssembly, and held to the original in ONNX Runtime as above. A number is the largest difference found on windows of larger images, as a share of the largest score; the original size is verified as well, each input by its own noise (with their random weights, some of these networks are chaotic on inputs eight times as large as usual: on EfficientNet-B0 the two sets of kernels of ONNX Runtime itself differ by 4e-4 there). Nodes: of the original, and of the graph model.';
const part = (runs: readonly Run[]): string => {
  const all = zooNames().length;
  return runs.length < all ? ` ${runs.length} of the ${all} graphs were run so far.` : '';
};

/** One part of the file anew, the other as it was. */
function writePart(to: Target, text: string): void {
  const [first = '', second = ''] = readFileSync(COVERAGE, 'utf8').split(new RegExp(`(?=^${HEADINGS.tfjs}$)`, 'm'));
  writeFileSync(COVERAGE, to === 'onnx' ? `${text}\n${second}` : `${first.trimEnd()}\n\n${text}`);
}

/** One row per model; the reasons of refusals below. */
function markdown(runs: readonly Run[], wanted: readonly Head[], summaries: readonly string[], to: Target): string {
  const reasons = runs.flatMap(({ rows }) => rows).filter(({ result }) => result !== 'equal');
  const cell = (row: Row | undefined): string => {
    if (row?.result !== 'equal') return row?.result ?? '';
    // On inputs eight times as large as usual some of these networks are chaotic with their random weights, which two runtimes show and one does not.
    const checks =
      to === 'tfjs'
        ? /(?:windows of the map|mean of the map): equal ([\d.e+-]+)/g
        : /(?:original size|windows of the map|mean of the map): equal ([\d.e+-]+)/g;
    const worst = [...row.detail.matchAll(checks)].map(([, found]) => Number(found));
    return `equal ${Math.max(0, ...worst).toExponential(1)}`;
  };
  return [
    HEADINGS[to],
    '',
    to === 'tfjs'
      ? TFJS_INTRODUCTION + part(runs)
      : 'Made by `npm run zoo -- --head all --write`: every graph of fixtures/zoo (torchvision and timm, by both PyTorch exporters) with seeded weights, converted and run against its original in ONNX Runtime, graph optimisations disabled. A number is the largest difference found, as a share of the largest score, over the original size and two larger ones. Seconds and peak memory are those of the whole process: conversion and verification with every head.',
    '',
    ...summaries.map((line) => `- ${line}.`),
    '',
    `| model | ${wanted.join(' | ')} | nodes | seconds | MB |`,
    `|---|${wanted.map(() => '---|').join('')}---|---|---|`,
    ...runs.map(({ rows, megabytes }) => {
      const nodes = /(\d+ -> \d+) nodes/.exec(rows.find(({ result }) => result === 'equal')?.detail ?? '')?.[1] ?? '';
      const seconds = rows.reduce((sum, row) => sum + row.seconds, 0);
      return `| ${rows[0]?.model ?? ''} | ${wanted.map((head) => cell(rows.find((row) => row.head === head))).join(' | ')} | ${nodes} | ${seconds.toFixed(1)} | ${megabytes.toFixed(0)} |`;
    }),
    '',
    to === 'tfjs' ? '## Refusals of TensorFlow.js, and their reasons' : '## Refusals, and their reasons',
    '',
    ...reasons.map(({ model, head, result, detail }) => `- ${model}, ${head}: ${result}: ${detail.replaceAll('\n', ' ')}`),
    '',
  ].join('\n');
}

void main();
