/** `debug bisect` and `debug reduce`: find the step at which a conversion goes wrong, and the smallest network on which it does. */
import { diffGraphs } from '../analysis/diff';
import { type CompileOptions, slidingAxes } from '../compile';
import { type Bisected, bisect } from '../debug/bisect';
import { type Reduced, reduce } from '../debug/reduce';
import type { TrialOptions, Verdict } from '../debug/trial';
import { printable } from '../diagnostics/format';
import { closeModel, readModelFile, writeForRuntime } from '../files';
import { DumpDirectory, isOfDump } from '../files/dump';
import { loadPlugins } from '../files/plugins';
import { modelText } from '../files/text';
import { dtypeNamed } from '../ir/dtypes';
import type { Model } from '../ir/model';
import { fromNumbers, tensorByteLength } from '../ir/tensor';
import { tensorFile } from '../onnx/tensor-file';
import { type DirectoryRules, makeFolder, scratchDirectory, stageDirectory, writeInScratch } from '../output';
import { diffText } from '../reports/diff';
import type { Step } from '../rewrite/manager';
import type { Numbers } from '../verify/onnx-runner';
import { openSession } from '../verify/runtime/node';
import { block, code, inline } from '../verify/suite/markdown-text';
import type { DebugArgs } from './commands';
import { optimisationLevel } from './convert';
import { EXIT } from './exit';
import type { Terminal } from './terminal';
import { inputSize, names, verifyOptions } from './values';

type Failure = Exclude<Verdict, { kind: 'equal' }>;

export async function debugCommand(args: DebugArgs, terminal: Terminal): Promise<number> {
  const progress = terminal.progress();
  const output = args.what === 'reduce' ? (args.output ?? 'reduced') : args.output;
  if (output !== undefined) stageDirectory(output, replacing(args)).discard();
  const source = readModelFile(args.model, { allowSymlinks: args.allowSymlinks, warn: (warning) => terminal.warning(warning) });
  const scratch = scratchDirectory();
  try {
    const asked: CompileOptions = {
      inputSize: args.inputSize?.length ? inputSize(args.inputSize) : undefined,
      head: args.head,
      optimise: optimisationLevel(args.optimise),
      passes: names(args.passes),
      skip: names(args.skip),
      outputs: names(args.outputs),
      slide: names(args.slide),
      plugins: args.plugin?.length ? await loadPlugins(args.plugin) : undefined,
    };
    const options: CompileOptions = { ...asked, slide: slidingAxes(source, asked) ?? asked.slide };
    const settings: TrialOptions = {
      ...verifyOptions(args),
      onProgress: (doing) => progress.step(doing),
      open: openSession,
      place: (model, name) => writeForRuntime(model, scratch.path, `${name.replace(/\W/g, '_')}.onnx`),
    };
    const found = await bisect(source, options, settings);
    const { culprit } = found;
    if (!culprit || args.what === 'bisect') {
      progress.end();
      if (culprit && output !== undefined) writeSteps(output, culprit, args);
      if (args.json) terminal.result(JSON.stringify(bisectJson(args.model, found), undefined, 2));
      else terminal.report(bisectText(args.model, found, output));
      return culprit ? EXIT.different : EXIT.done;
    }
    const reduced = await reduce(source, options, culprit.step, settings);
    progress.end();
    if (reduced && output !== undefined) writeReduced(output, reduced, culprit.step, args);
    if (args.json)
      terminal.result(
        JSON.stringify({ ...bisectJson(args.model, found), reduced: reduced ? reducedJson(reduced, output) : null }, undefined, 2),
      );
    else terminal.report([...bisectText(args.model, found, undefined), '', ...reducedText(source, reduced, output)]);
    return EXIT.different;
  } finally {
    progress.end();
    closeModel(source);
    scratch.remove();
  }
}

// ---- reports ----

const stepText = (step: Step | undefined): string =>
  step === undefined
    ? 'what is done before the first pass'
    : [
        `pass '${step.pass}'`,
        ...(step.rule === undefined ? [] : [`rule '${step.rule}'`]),
        ...(step.node === undefined ? [] : [`at node '${printable(step.node)}'`]),
      ].join(', ');

function failureText(failure: Failure): string {
  if (failure.kind === 'broken') return `it fails: ${printable(failure.reason)}`;
  const { output, difference, allowed, sample } = failure;
  const how =
    difference.broken > 0
      ? `${difference.broken} numbers are NaN, infinite or missing on one side`
      : `largest difference ${difference.maxAbs.toPrecision(3)}, ${difference.maxRel.toExponential(1)} of the largest number (allowed: ${allowed.toExponential(1)})`;
  return `output '${printable(output)}', ${sample.kind} input: ${how}`;
}

function bisectText(file: string, { steps, runs, culprit }: Bisected, output: string | undefined): string[] {
  if (!culprit)
    return [
      `${printable(file)}: ${steps.length} steps, ${runs} model${runs > 1 ? 's' : ''} run`,
      '',
      'the numbers stay within the tolerance through all of them, at the original size',
      'what differs on larger images only, or outside of the rewrites, is told by `verify`',
    ];
  const { number, step, verdict, before, after } = culprit;
  return [
    `${printable(file)}: ${steps.length} steps, ${runs} models run`,
    '',
    `step ${number} goes wrong: ${stepText(step)}`,
    `  ${failureText(verdict)}`,
    ...(after ? ['', 'what it did', ...changesBetween(before, after).map((line) => `  ${line}`)] : []),
    ...(output === undefined ? [] : ['', `the model before and after it: ${output}`]),
  ];
}

const changesBetween = (before: Model, after: Model): string[] =>
  diffText('', '', diffGraphs(before.graph, after.graph))
    .slice(4, -2)
    .filter((line) => !line.startsWith('='));

function bisectJson(model: string, { steps, runs, culprit }: Bisected): object {
  return {
    model,
    steps: steps.length,
    runs,
    culprit: culprit ? { number: culprit.number, ...culprit.step, failure: failureJson(culprit.verdict) } : null,
  };
}

const failureJson = (failure: Failure): object =>
  failure.kind === 'broken'
    ? failure
    : { kind: failure.kind, output: failure.output, input: failure.sample.kind, difference: failure.difference, allowed: failure.allowed };

function reducedText(source: Model, reduced: Reduced | undefined, output: string | undefined): string[] {
  if (!reduced) return ['the network does not fail when it is cut out of its file: nothing to reduce'];
  const { graph } = reduced.model;
  return [
    `reduced from ${source.graph.nodeCount} to ${graph.nodeCount} node${graph.nodeCount > 1 ? 's' : ''} (${reduced.tried} candidates tried)`,
    ...graph.nodes.map((node) => `  ${printable(node.op)} ${printable(node.name)}`),
    `  ${failureText(reduced.verdict)}`,
    ...(output === undefined ? [] : ['', `written to ${output}: model.onnx, model.onnxtxt, inputs and expected outputs, README.md`]),
  ];
}

const reducedJson = (reduced: Reduced, output: string | undefined): object => ({
  nodes: reduced.model.graph.nodes.map(({ name, op }) => ({ name, op })),
  tried: reduced.tried,
  failure: failureJson(reduced.verdict),
  directory: output ?? null,
});

// ---- files ----

function writeSteps(
  directory: string,
  { number, step, before, after }: NonNullable<Bisected['culprit']>,
  { force, model }: DebugArgs,
): void {
  const dump = new DumpDirectory(directory, { force, inputs: [model] });
  dump.add('before', `after ${number - 1} steps, before ${stepText(step)}`, before);
  if (after) dump.add('after', `after ${number} steps, the last by ${stepText(step)}`, after);
  dump.close();
}

/** ONNX's test case layout: a model, and test_data_set_0 with the inputs and the original's outputs. */
function writeReduced(directory: string, { model, verdict }: Reduced, step: Step | undefined, args: DebugArgs): void {
  const staged = stageDirectory(directory, replacing(args));
  try {
    const path = writeForRuntime(model, staged.path, 'model.onnx');
    const written = readModelFile(path);
    const isSmall = written.graph.constants.reduce((sum, { constant }) => sum + tensorByteLength(constant), 0) <= 1 << 14;
    const text = modelText(written, { path, weights: isSmall ? 'inline' : 'reference', title: 'model.onnx' });
    writeInScratch(staged.path, 'model.onnxtxt', text);
    closeModel(written);
    if (verdict.kind === 'different') {
      const data = makeFolder(staged.path, 'test_data_set_0');
      const save = (kind: string, values: ReadonlyMap<string, Numbers>): void => {
        for (const [at, [name, { dtype, shape, data: numbers }]] of [...values].entries())
          writeInScratch(data, `${kind}_${at}.pb`, tensorFile(fromNumbers(dtypeNamed(dtype) ?? 'float', shape, numbers), name));
      };
      save('input', verdict.sample.feeds);
      save('output', verdict.expected);
    }
    writeInScratch(staged.path, 'README.md', readme(args, verdict, step));
    staged.commit();
  } finally {
    staged.discard();
  }
}

/** With --force, removes the files of an earlier run from the directory, and nothing else. */
const replacing = ({ what, force, model }: DebugArgs): DirectoryRules => ({
  inputs: [model],
  replaces: force ? { kind: 'some', isOld: what === 'reduce' ? isOfCase : isOfDump } : undefined,
});
const isOfCase = (name: string): boolean => /^(model\.onnx|model\.onnxtxt|README\.md|test_data_set_0)$/.test(name);

function readme(args: DebugArgs, verdict: Failure, step: Step | undefined): string {
  const flags = [
    ...(args.head === 'window' ? [] : [`--head ${args.head}`]),
    ...(args.optimise === '2' ? [] : [`-O${args.optimise}`]),
    ...(['passes', 'skip', 'plugin'] as const).flatMap((option) => (args[option] ?? []).map((value) => `--${option} ${value}`)),
  ];
  return [
    `# ${inline(stepText(step))} changes the numbers`,
    '',
    inline(failureText(verdict)),
    '',
    `Reduced from ${code(args.model)}. \`model.onnx\` is the network before the conversion, \`model.onnxtxt\` the same as text, \`test_data_set_0\` an input and what`,
    'the network gives for it, as ONNX keeps its test cases.',
    '',
    ...block(['convolutionize debug bisect model.onnx', ...flags].join(' ')),
    '',
  ].join('\n');
}
