/**
 * Whether what is emitted for TensorFlow.js computes what ONNX Runtime does: `npm run conformance`.
 *
 *   npm run conformance                             the tests of ONNX's suite that are kept in fixtures/conformance, and random operators
 *   npm run conformance -- DIRECTORY ...            other folders of tests: python test/conformance/suite.py DIRECTORY writes all of them (it needs the
 *                                                   Python package onnx); the package's own onnx/backend/test/data/pytorch-operator and its neighbours
 *   --fuzz 500 --seed 1                             how many random operators, and which
 *   --only TEXT                                     tests whose name has TEXT in it
 *   --verbose                                       each test
 *
 * Prints how many are equal, refused by name, and wrong: emitted, and other numbers or a failure. Exit code 1 with any wrong.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { fuzz } from './fuzz';
import { type Outcome, runSuite } from './suite';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string', default: '' },
    fuzz: { type: 'string', default: '500' },
    seed: { type: 'string', default: '1' },
    verbose: { type: 'boolean', default: false },
  },
});

async function main(): Promise<void> {
  const folders = positionals.length > 0 ? positionals : [join(__dirname, '../../fixtures/conformance')];
  let wrong = 0;
  for (const folder of folders) {
    const outcomes = await runSuite(folder, values.only, (outcome) => {
      if (values.verbose || outcome.kind === 'WRONG') console.log(`${outcome.kind.padEnd(16)} ${outcome.name}: ${outcome.detail}`);
    });
    if (values.verbose) console.log(byOperator(outcomes));
    const count = (kind: Outcome['kind']): number => outcomes.filter((outcome) => outcome.kind === kind).length;
    wrong += count('WRONG');
    console.log(
      `${folder}: ${outcomes.length} tests, ${count('equal')} equal, ${count('as ONNX Runtime')} equal to ONNX Runtime where the suite is not, ` +
        `${count('refused')} refused by name, ${count('no tensors')} without tensors or elements, ${count('WRONG')} wrong`,
    );
  }
  const number = Number(values.fuzz);
  if (number > 0) {
    const { equal, refused, idle, wrong: cases, reasons } = await fuzz(number, Number(values.seed));
    for (const text of cases) console.log(`WRONG ${text}`);
    if (values.verbose)
      for (const [reason, times] of [...reasons].sort(([, a], [, b]) => b - a)) console.log(`refused ${times} times: ${reason}`);
    wrong += cases.length;
    console.log(
      `random operators: ${number}, ${equal} equal, ${refused} refused by name, ${idle} that ONNX Runtime does not run, ${cases.length} wrong`,
    );
  }
  process.exitCode = wrong > 0 ? 1 : 0;
}

function byOperator(outcomes: readonly Outcome[]): string {
  const operators = [...new Set(outcomes.map(({ operator }) => operator))].sort();
  return operators
    .map((operator) => {
      const own = outcomes.filter((outcome) => outcome.operator === operator);
      const count = (kind: Outcome['kind']): string => String(own.filter((outcome) => outcome.kind === kind).length).padStart(4);
      const reasons = [...new Set(own.filter(({ kind }) => kind === 'refused').map(({ detail }) => detail.slice(0, 120)))];
      return `${operator.padEnd(28)} ${count('equal')} equal ${count('refused')} refused ${count('WRONG')} wrong  ${reasons.slice(0, 3).join(' | ')}`;
    })
    .join('\n');
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 70;
});
