/** `convert`: parses options, runs one conversion and reports it. */
import { basename, dirname, extname, join } from 'node:path';
import { allPasses, nchwToNhwc, type OptimisationLevel } from '../../passes';
import type { PluginPass } from '../compile';
import { asksForForm, type FormRequest } from '../compile/form';
import { unknownPass, usage } from '../diagnostics/catalogue';
import { CompileError } from '../diagnostics/compile-error';
import { printable } from '../diagnostics/format';
import { DumpDirectory } from '../files/dump';
import { printModel } from '../onnx/text/printer';
import { type RewriteFacts, remarkText, rewriteFacts, rewriteText } from '../reports/conversion';
import { bytes } from '../reports/table';
import type { RunOptions } from '../rewrite/manager';
import type { Remark } from '../rewrite/pass';
import type { ConvertArgs } from './commands';
import { type ConvertedFile, type ConvertFileOptions, convertFile } from './convert-file';
import { EXIT } from './exit';
import { formFacts, formLines } from './form-report';
import { passesCommand } from './passes';
import { describePictures } from './picture-metadata';
import { type Saving, Savings, savingLines } from './savings';
import type { Terminal } from './terminal';
import { tfjsTarget } from './tfjs-options';
import { tfjsHeadline, tfjsText } from './tfjs-report';
import { inputSize, names, positiveNumber, strides, verifyOptions, wholeNumber } from './values';

type PassInfo = Parameters<NonNullable<RunOptions['onPass']>>[0];

export async function convertCommand(args: ConvertArgs, terminal: Terminal): Promise<number> {
  if (args.listPasses) return passesCommand({ name: undefined, json: args.json }, terminal);
  if (args.input === undefined) throw usage('which file is to be converted? INPUT is missing', 'convert');
  if (args.output !== undefined && args.destination !== undefined) throw usage('the output is given twice', 'convert');
  if (args.dense !== undefined && args.stride === undefined)
    throw usage('--dense says how --stride makes the map finer: give a stride', 'convert');
  if (args.externalData && args.weights === 'reference')
    throw usage('--external-data copies the weights, --weights reference does not: choose one', 'convert');
  if (args.opset !== undefined && args.to === 'tfjs') throw usage('--opset is for ONNX files: TensorFlow.js has no opsets', 'convert');
  const form: FormRequest = {
    size: args.fixSize?.length ? inputSize(args.fixSize, 'fix-size') : undefined,
    batch: positiveNumber('batch', args.batch),
    ends: { softmax: args.softmax, upsample: args.upsample, argmax: args.argmax },
    half: args.fp16 || args.fp16Ends ? { ends: args.fp16Ends } : undefined,
  };
  if (args.inputs?.length && !form.half) throw usage('--inputs are what --fp16 measures ranges on: give --fp16', 'convert');
  if (args.softmax && args.argmax && args.upsample === undefined)
    throw usage('the best class is the same with and without --softmax: omit it, or --argmax', 'convert');
  if (asksForForm(form) && args.to === 'tfjs')
    throw usage('--fix-size, --batch, --softmax, --upsample, --argmax and --fp16 are for ONNX files', 'convert');
  const tfjs = tfjsTarget(args);
  const { input } = args;
  const output =
    args.output ?? args.destination ?? defaultOutput(args.input, args.head === 'original' ? 'folded' : 'fcn', tfjs !== undefined);
  const progress = terminal.progress();
  const remarks: Remark[] = [];
  const plugins = args.plugin?.length ? await (await import('../files/plugins')).loadPlugins(args.plugin) : undefined;
  const print = printer(names(args.printIrAfter) ?? [], plugins ?? [], terminal);
  const explanation = args.explain === undefined ? undefined : new (await import('./explain')).Explanation(args.explain);
  let dump: DumpDirectory | undefined;
  const isTold = args.json || !args.quiet;
  let savings = isTold ? new Savings() : undefined;
  try {
    const summaries = new Map(allPasses.map((pass) => [pass.name, pass.summary]));
    const files: ConvertFileOptions = {
      compile: {
        inputSize: args.inputSize?.length ? inputSize(args.inputSize) : undefined,
        passes: names(args.passes),
        skip: names(args.skip),
        head: args.head,
        stride: args.stride === undefined ? undefined : strides(args.stride),
        dense: args.dense,
        slide: names(args.slide),
        optimise: optimisationLevel(args.optimise),
        outputs: names(args.outputs),
        plugins,
        onPass: (info) => {
          remarks.push(...info.report.remarks);
          print?.(info);
          savings?.onPass(info);
          explanation?.onPass(info);
          if (info.report.edits > 0) dump?.add(info.pass.name, `after ${change(info)}`, info.model);
        },
        onRestart: () => {
          remarks.length = 0;
          savings = isTold ? new Savings() : undefined;
        },
        onAttempt: explanation && ((attempt) => explanation.onAttempt(attempt)),
      },
      opened: (source) => {
        explanation?.start(source);
        // Created only when there is something to write.
        if (args.dumpDir !== undefined)
          dump = new DumpDirectory(args.dumpDir, { force: args.force, inputs: args.input === undefined ? [] : [args.input] });
        dump?.add('original', `${args.input} as it was read`, source);
      },
      output: args.dryRun || explanation ? undefined : output,
      tfjs,
      form: asksForForm(form) ? { request: form, level: optimisationLevel(args.optimise) } : undefined,
      describe: ({ model, original }) => describePictures(args, input, original, model),
      onLayout: (model, before) => {
        if (names(args.printIrAfter)?.some((name) => name === 'all' || name === nchwToNhwc.name))
          terminal.aside(
            `# after ${nchwToNhwc.name} (nodes: ${before} -> ${model.graph.nodeCount})\n${printModel(model, { origins: true })}`,
          );
        dump?.add(nchwToNhwc.name, `after ${nchwToNhwc.name}`, model);
      },
      opset: args.opset === undefined ? undefined : wholeNumber('opset', args.opset),
      weights: args.externalData ? 'external' : args.weights === 'reference' ? 'reference' : 'copy',
      force: args.force,
      allowSymlinks: args.allowSymlinks,
      tfjsBackend: args.tfjsBackend,
      float32: args.float32,
      inputs: args.inputs,
      verify: args.noVerify ? undefined : verifyOptions(args),
      keepFailed: args.keepFailed,
      allowUnverified: args.allowUnverified,
      certificate: args.dryRun ? undefined : args.certificate,
      dumpDir: args.dumpDir,
      warn: (warning) => terminal.warning(warning),
      step: (label) => progress.step(label),
    };
    const { result, facts } = await convertFile(args.input, files, (compiled) => (isTold ? rewriteFacts(compiled, summaries) : undefined));
    progress.end();
    if (explanation) {
      if (args.json) terminal.result(JSON.stringify(explanation.facts, undefined, 2));
      else terminal.report(explanation.lines());
      return EXIT.done;
    }
    if (facts) await tell(args, output, { result, facts, savings: savings?.list ?? [] }, terminal);
    return exitCode(result, args);
  } catch (error) {
    progress.end();
    // An explanation is most useful when the model is refused. (--json can print only one result.)
    if (explanation && !args.json && error instanceof CompileError && error.code !== 'UNKNOWN_NODE') terminal.report(explanation.lines());
    // There is no report to include the remarks, so they are printed with the error.
    if (args.remarks && error instanceof CompileError && !args.quiet) terminal.aside(remarkText(remarks).join('\n'));
    throw error;
  } finally {
    progress.end();
    dump?.close();
  }
}

/** With --allow-unverified, an unverified output counts as success. */
function exitCode({ verification }: ConvertedFile, { allowUnverified }: ConvertArgs): number {
  if (!verification || verification.verdict === 'equal' || verification.verdict === 'measured') return EXIT.done;
  if (verification.verdict === 'different') return EXIT.different;
  return allowUnverified ? EXIT.done : EXIT.unverified;
}

const LEVELS: Readonly<Record<'0' | '1' | '2', OptimisationLevel>> = { 0: 0, 1: 1, 2: 2 };
export const optimisationLevel = (text: '0' | '1' | '2'): OptimisationLevel => LEVELS[text];

/** alexnet.onnx -> alexnet-fcn.onnx, or the directory alexnet-fcn-tfjs, beside the input. */
function defaultOutput(input: string, suffix: string, isTfjs: boolean): string {
  const extension = extname(input);
  if (isTfjs) return join(dirname(input), `${basename(input, extension)}-${suffix}-tfjs`);
  return join(dirname(input), `${basename(input, extension)}-${suffix}${extension === '' ? '.onnx' : extension}`);
}

/** Prints the model after the requested passes. */
function printer(wanted: readonly string[], plugins: readonly PluginPass[], terminal: Terminal): RunOptions['onPass'] {
  if (wanted.length === 0) return undefined;
  const known = [...allPasses, ...plugins].map((pass) => pass.name);
  for (const name of wanted) if (name !== 'all' && !known.includes(name)) throw unknownPass(name, [...known, 'all']);
  return (info) => {
    if (!wanted.includes('all') && !wanted.includes(info.pass.name)) return;
    terminal.aside(`# after ${change(info)}\n${printModel(info.model, { origins: true })}`);
  };
}

/** `fold-constants (nodes: 20 -> 18)` */
const change = ({ pass, report }: PassInfo): string =>
  `${pass.name} (${report.edits === 0 ? 'no change' : `nodes: ${report.nodesBefore} -> ${report.nodesAfter}`})`;

interface Told {
  readonly result: ConvertedFile;
  readonly facts: RewriteFacts;
  readonly savings: readonly Saving[];
}

async function tell(args: ConvertArgs, output: string, { result, facts, savings }: Told, terminal: Terminal): Promise<void> {
  if (args.json) terminal.result(JSON.stringify({ ...json(args, result, facts), savings }, undefined, 2));
  else
    terminal.report([
      headline(args, output, result),
      '',
      ...rewriteText(facts, { remarks: args.remarks }),
      ...(result.formed ? ['', ...formLines(result.formed)] : []),
      ...(savings.length > 0 ? ['', ...savingLines(savings)] : []),
      '',
      ...(result.written?.tfjs ? tfjsText(result.written.tfjs) : []),
      ...(await verdictText(result, args)),
    ]);
}

function headline({ input, dryRun }: ConvertArgs, output: string, { written, verification }: ConvertedFile): string {
  if (dryRun) return printable(`${input}: this would be done (--dry-run: nothing is written)`);
  if (!written) {
    const why = verification?.verdict === 'different' ? 'the result is not equivalent' : 'the result could not be verified';
    const how = verification?.verdict === 'different' ? '--keep-failed' : '--allow-unverified';
    return printable(`${input}: nothing is written, since ${why} (${how} keeps it)`);
  }
  if (written.tfjs) return printable(tfjsHeadline(input ?? '', output, written.tfjs));
  const data = written.dataPath === undefined ? '' : ` and ${written.dataPath} (${bytes(written.dataBytes)})`;
  const others = written.alsoNeeds.length === 0 ? '' : `, which needs ${written.alsoNeeds.join(', ')} beside it for weights`;
  return printable(`${input} -> ${output} (${bytes(written.bytes)})${data}${others}`);
}

async function verdictText({ verification }: ConvertedFile, { dryRun, noVerify }: ConvertArgs): Promise<string[]> {
  if (verification) {
    const { formatVerifyReport } = await import('../verify/report');
    return ['verification', ...formatVerifyReport({ ...verification, contract: undefined }).split('\n')];
  }
  return [`verification: none${dryRun ? ', since nothing is written' : noVerify ? ' (--no-verify)' : ''}`];
}

function json(args: ConvertArgs, { written, verification, formed }: ConvertedFile, facts: RewriteFacts): object {
  const form = formed && { form: formFacts(formed) };
  return { input: args.input, output: written ?? null, dryRun: args.dryRun, ...facts, ...form, verification: verification ?? null };
}
