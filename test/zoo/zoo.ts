/**
 * npm run zoo -- [--head window|cell|image] [--O 0|1|2] [--only TEXT] [--write]
 * Converts and verifies every graph of fixtures/zoo with seeded weights, and prints a table; `--write` puts it into docs/coverage.md.
 * One model at a time; weights are made for it and removed after it.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { zooModel, zooNames } from '../../fixtures/zoo-weights';
import { heads } from '../../passes';
import { type CompileOptions, compile } from '../../src/compile';
import { CompileError } from '../../src/diagnostics/compile-error';
import { closeModel, inheritOrigin, readModelFile, writeModelFile } from '../../src/node';
import { verifyFiles } from '../../src/node/verify';

interface Row {
  readonly model: string;
  readonly result: 'equal' | 'refused' | 'different' | 'failed';
  readonly detail: string;
  readonly seconds: number;
}

async function convertOne(name: string, options: CompileOptions): Promise<Row> {
  const start = performance.now();
  const directory = mkdtempSync(join(tmpdir(), 'convolutionize-zoo-'));
  const row = (result: Row['result'], detail: string): Row => ({
    model: name,
    result,
    detail,
    seconds: (performance.now() - start) / 1000,
  });
  try {
    const path = zooModel(name, { seed: 1, directory });
    const model = readModelFile(path);
    try {
      const compiled = compile(model, options);
      inheritOrigin(compiled.model, model);
      inheritOrigin(compiled.original, model);
      const output = join(directory, 'converted.onnx');
      writeModelFile(compiled.model, output);
      const report = await verifyFiles(path, output, { compiled });
      const checks = report.checks.map(
        (check) =>
          `${check.name}: ${check.status}${check.status === 'skipped' ? ` (${check.note})` : ` ${Math.max(0, ...Object.values(check.outputs).map(({ maxRel }) => maxRel)).toExponential(1)}`}`,
      );
      const shape = compiled.report.outputs.map(({ converted }) => `[${converted?.join(', ')}]`).join(' ');
      return row(
        report.verdict === 'equal' ? 'equal' : 'different',
        `${shape}; ${compiled.original.graph.nodeCount} -> ${compiled.model.graph.nodeCount} nodes; ${compiled.report.contract.kind}; ${checks.join('; ')}; tolerance ${report.tolerance.relative.toExponential(1)}${report.runtimeFault ? '; runtime fault' : ''}`,
      );
    } finally {
      closeModel(model);
    }
  } catch (error) {
    if (error instanceof CompileError && ['CANNOT_SLIDE', 'NOT_CONVERTIBLE', 'NOTHING_TO_CONVERT'].includes(error.code))
      return row('refused', error.diagnostic.message);
    return row(
      'failed',
      error instanceof CompileError
        ? `${error.code}: ${error.diagnostic.message}`
        : String(error instanceof Error ? error.stack : error).slice(0, 400),
    );
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', default: '' },
      head: { type: 'string', default: 'window' },
      O: { type: 'string', default: '0' },
      write: { type: 'boolean', default: false },
    },
  });
  const head = heads.find((candidate) => candidate === values.head);
  const optimise = ([0, 1, 2] as const).find((level) => String(level) === values.O);
  if (!head || optimise === undefined) throw new Error(`--head wants ${heads.join(', ')}, -O 0, 1 or 2`);
  const rows: Row[] = [];
  for (const name of zooNames().filter((candidate) => candidate.includes(values.only))) {
    const row = await convertOne(name, { head, optimise });
    rows.push(row);
    console.log(`${row.result.padEnd(9)} ${row.model.padEnd(40)} ${row.seconds.toFixed(1).padStart(6)} s  ${row.detail}`);
  }
  const count = (result: Row['result']): number => rows.filter((row) => row.result === result).length;
  const summary = `--head ${head} -O${optimise}: ${rows.length} models: ${count('equal')} converted and equal, ${count('refused')} refused, ${count('different')} different, ${count('failed')} failed`;
  console.log(summary);
  if (values.write) writeFileSync('docs/coverage.md', markdown(rows, summary));
  process.exitCode = count('different') + count('failed') > 0 ? 1 : 0;
}

const markdown = (rows: readonly Row[], summary: string): string =>
  [
    '# Coverage',
    '',
    'Made by `npm run zoo -- --write`: every graph of fixtures/zoo (torchvision and timm, by both PyTorch exporters) with seeded weights, converted and run against its original in ONNX Runtime, graph optimisations disabled.',
    '',
    `${summary}.`,
    '',
    '| model | result | seconds | detail |',
    '|---|---|---|---|',
    ...rows.map(
      ({ model, result, seconds, detail }) => `| ${model} | ${result} | ${seconds.toFixed(1)} | ${detail.replaceAll('|', '\\|')} |`,
    ),
    '',
  ].join('\n');

void main();
