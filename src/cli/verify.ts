/** `verify`: runs two models, or all pairs of a list, and reports whether they are equivalent. */
import { systemFault, usage } from '../diagnostics/catalogue';
import { CompileError } from '../diagnostics/compile-error';
import { readText } from '../files/read-text';
import type { VerifyOptions } from '../verify/bench';
import { type PairSettings, readSuite, type SuitePair } from '../verify/files/suite';
import { verifyFiles } from '../verify/files/verify';
import { mergeSuites } from '../verify/suite/merge';
import {
  FORMAT,
  type Outcome,
  type PairOutcome,
  reportToJson,
  type Shard,
  type SuiteReport,
  suiteFromJson,
  suiteOutcome,
} from '../verify/suite/suite-report';
import { version } from '../version';
import type { VerifyArgs } from './commands';
import { missingArgument } from './complaints';
import { EXIT } from './exit';
import { type Reporting, reportersOf, tellSuite } from './reporters';
import type { Terminal } from './terminal';
import { cosine, inputSize, mapping, shardOf, share, verifyOptions } from './values';

const CODES: Readonly<Record<Outcome, number>> = {
  equal: EXIT.done,
  measured: EXIT.done,
  different: EXIT.different,
  unverified: EXIT.unverified,
  'not reproducible': EXIT.unverified,
  error: EXIT.fault,
};

export async function verifyCommand(args: VerifyArgs, terminal: Terminal): Promise<number> {
  const reporters = reportersOf(args.reporter, outputFiles(args), {
    inActions: terminal.variable('GITHUB_ACTIONS') === 'true',
    json: args.json,
    inputs: inputsOf(args),
    force: args.force,
  });
  if (args.certificate !== undefined) return (await import('./certificate')).certificateCommand(args.certificate, args, terminal);
  if (args.merge?.length) return tell(merged([...args.merge, ...args.models]), args, reporters, terminal, false);
  const shard = args.shard === undefined ? undefined : shardOf(args.shard);
  const started = Date.now() / 1000;
  if (args.suite !== undefined) {
    if (args.models.length > 0) throw usage('--suite names the pairs: no models beside it', 'verify');
    const all = readSuite(args.suite);
    const list = shard ? all.filter((_, at) => at % shard.of === shard.index - 1) : all;
    const pairs: PairOutcome[] = [];
    for (const pair of list) pairs.push(await attempted(pair, args, terminal));
    return tell({ ...head(started), shard: shard && { ...shard, by: 'pairs' }, pairs }, args, reporters, terminal, false);
  }
  const [original, converted, more] = args.models;
  if (original === undefined || converted === undefined) throw missingArgument('verify', args.models.length);
  if (more !== undefined) throw usage(`unknown argument: ${more}`, 'verify');
  const pair: SuitePair = { name: `${original} and ${converted}`, original, converted, options: {} };
  const part: Shard | undefined = shard && { ...shard, by: 'samples' };
  return tell({ ...head(started), shard: part, pairs: [await run(pair, args, terminal, part)] }, args, reporters, terminal, true);
}

const head = (started: number): Pick<SuiteReport, 'format' | 'version' | 'program' | 'started'> => ({
  format: FORMAT,
  version: 1,
  program: version,
  started,
});

function tell(suite: SuiteReport, args: VerifyArgs, reporters: readonly Reporting[], terminal: Terminal, isAlone: boolean): number {
  const [only] = suite.pairs;
  const telling = { isAlone, inputs: inputsOf(args), force: args.force };
  if (args.json) {
    terminal.result(reportToJson(isAlone && !suite.shard ? only?.report : suite));
    const others = reporters.filter(({ name, file }) => file !== undefined || name === 'github');
    tellSuite(suite, others, terminal, telling);
  } else tellSuite(suite, reporters, terminal, telling);
  return CODES[suiteOutcome(suite)];
}

/** Verifies one pair of a list; its error does not stop the others. */
async function attempted(pair: SuitePair, args: VerifyArgs, terminal: Terminal): Promise<PairOutcome> {
  try {
    return await run(pair, args, terminal, undefined);
  } catch (error) {
    const fault = error instanceof CompileError ? error : systemFault(error);
    if (!fault) throw error;
    const { name, original, converted } = pair;
    return { name, original, converted, error: fault.diagnostic };
  }
}

async function run(
  { name, original, converted, options }: SuitePair,
  args: VerifyArgs,
  terminal: Terminal,
  shard: Shard | undefined,
): Promise<PairOutcome> {
  const { saveInputs: folder } = args;
  const { saveInputs } = await import('../verify/files/save-inputs');
  const progress = terminal.progress();
  const sizes = args.inputSize?.length ? args.inputSize : options.inputSize;
  try {
    const report = await verifyFiles(original, converted, {
      ...settingsOf(args, options),
      shard,
      inputSize: sizes?.length ? inputSize(sizes) : undefined,
      tfjsBackend: args.tfjsBackend,
      allowSymlinks: args.allowSymlinks,
      onSamples: folder === undefined ? undefined : (samples) => saveInputs(folder, samples),
      warn: (warning) => terminal.warning(warning),
      onProgress: (doing) => progress.step(doing),
    });
    return { name, original, converted, report };
  } finally {
    progress.end();
  }
}

/** The command line takes precedence over the list. */
function settingsOf(args: VerifyArgs, list: PairSettings): Omit<PairSettings, 'inputSize'> & Pick<VerifyOptions, 'runtime'> {
  const given = verifyOptions(args);
  return {
    rtol: given.rtol ?? list.rtol,
    atol: given.atol ?? list.atol,
    seed: given.seed ?? list.seed,
    minAgreement: share('min-agreement', args.minAgreement) ?? list.minAgreement,
    cosine: cosine(args.cosine) ?? list.cosine,
    runtime: given.runtime,
    samples: given.samples ?? list.samples,
    budget: given.budget ?? list.budget,
    inputs: args.inputs ?? list.inputs,
    preset: args.preset ?? list.preset,
    map: args.map ? mapping(args.map) : list.map,
    relation: args.relation ?? list.relation,
    exact: args.exact || list.exact,
  };
}

/** Throws CompileError CANNOT_READ, NOT_A_REPORT, MERGE_INCOMPLETE, MERGE_MIXED. */
function merged(files: readonly string[]): SuiteReport {
  return mergeSuites(
    files.map((file) => {
      return { file, suite: suiteFromJson(readText(file), file) };
    }),
  );
}

/** Files named on the command line; files that these name are recorded when they are read. */
const inputsOf = (args: VerifyArgs): readonly string[] => [
  ...args.models,
  ...(args.inputs ?? []).map((text) => text.replace(/^[^=/\\]+=/, '')),
  ...(args.merge ?? []),
  ...[args.suite, args.certificate].filter((file) => file !== undefined),
];

const outputFiles = (args: VerifyArgs): Parameters<typeof reportersOf>[1] => ({
  '': args.outputFile,
  json: args['output-file.json'],
  junit: args['output-file.junit'],
  markdown: args['output-file.markdown'],
  text: args['output-file.text'],
  github: args['output-file.github'],
});
