/**
 * The commands and their options, and which action a command line asks for. Parsing only: an action runs after yargs is done, and loads what it needs
 * then, so that `--help` costs nothing.
 */
import yargs, { type ArgumentsCamelCase, type Argv, type InferredOptionTypes, type Options } from 'yargs';
import { badOption, usage } from '../diagnostics/catalogue';
import type { CompileError } from '../diagnostics/compile-error';
import { table } from '../ir/table';
import { version } from '../version';
import { recordOptions } from './picture-metadata';
import { type HeatmapOptions, heatmapOptions, type PredictOptions, predictOptions } from './picture-options';
import { runtimeOption } from './runtime-option';
import type { Terminal } from './terminal';
import { tfjsBackend, tfjsOptions, withDefaults } from './tfjs-options';
import { comparisonOptions } from './verify-options';

export interface GlobalArgs {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly debug: boolean;
  readonly noColor: boolean;
}

const COMMANDS: readonly string[] = ['convert', 'inspect', 'verify', 'debug', 'predict', 'heatmap', 'passes'];

export type Chosen =
  | { readonly kind: 'text'; readonly text: string; readonly exitCode: number }
  | { readonly kind: 'action'; readonly globals: GlobalArgs; run(terminal: Terminal): Promise<number> };

const globalOptions = {
  json: { type: 'boolean', default: false, describe: 'Print the result as JSON, for machines' },
  quiet: { alias: 'q', type: 'boolean', default: false, describe: 'Print nothing but errors' },
  debug: { type: 'boolean', default: false, describe: 'Print a stack trace with errors' },
  'no-color': { type: 'boolean', default: false, describe: 'Do not color messages; NO_COLOR does the same' },
} as const satisfies Record<string, Options>;

const inputSize = {
  'input-size': {
    type: 'string',
    array: true,
    requiresArg: true,
    describe: 'Size of image that the network was made for, where the file does not say: 224x224, or name:1,3,224,224',
  },
} as const satisfies Record<string, Options>;

const tolerance = {
  rtol: {
    type: 'string',
    array: true,
    requiresArg: true,
    describe: 'Allowed difference as a share of the largest number, instead of one measured on the original: 1e-4, or output:1e-4',
  },
  atol: {
    type: 'string',
    array: true,
    requiresArg: true,
    describe: 'Allowed absolute difference, instead of one measured on the original: 1e-4, or output:1e-4',
  },
  seed: { type: 'string', requiresArg: true, describe: 'Seed of the random inputs' },
  samples: { alias: 'n', type: 'string', requiresArg: true, describe: 'Number of random inputs to compare on' },
  'verify-budget': {
    type: 'string',
    requiresArg: true,
    describe: 'How long the comparison may take beyond what the verdict needs: 30s (the default), 5m',
  },
  ...runtimeOption,
} as const satisfies Record<string, Options>;

const symlinks = {
  'allow-symlinks': { type: 'boolean', default: false, describe: 'Follow symbolic links to external data, as in a Hugging Face cache' },
} as const satisfies Record<string, Options>;

export const convertOptions = {
  output: {
    alias: 'o',
    type: 'string',
    requiresArg: true,
    describe: 'File to write, or directory for tfjs; by default INPUT with -fcn in its name',
  },
  ...tfjsOptions,
  ...recordOptions,
  ...inputSize,
  'external-data': { type: 'boolean', default: false, describe: 'Write weights to a file of their own, OUTPUT.data' },
  weights: {
    choices: ['copy', 'reference'],
    default: 'copy',
    describe: 'copy: the output stands alone; reference: it points into INPUT, which must stay where it is',
  },
  'no-verify': { type: 'boolean', default: false, describe: 'Do not run both models to compare them' },
  ...tolerance,
  force: { alias: 'f', type: 'boolean', default: false, describe: 'Replace OUTPUT if it exists' },
  certificate: {
    type: 'string',
    requiresArg: true,
    describe: 'Record what was done, and hashes of both files, in this file: see verify --certificate',
  },
  'keep-failed': { type: 'boolean', default: false, describe: 'Keep an output that is not equivalent' },
  'allow-unverified': {
    type: 'boolean',
    default: false,
    describe: 'Keep an output that could not be verified beyond the original size, and exit with 0',
  },
  'dry-run': { type: 'boolean', default: false, describe: 'Tell what would be rewritten, write nothing' },
  head: {
    choices: ['window', 'cell', 'image', 'original'] as const,
    default: 'window' as const,
    describe: 'One prediction per window of the original size, per cell of the last feature map, or per image; original: fold only',
  },
  stride: {
    type: 'string',
    requiresArg: true,
    describe: 'Pixels between neighbouring cells of the map: a divisor of what they are, for a finer map',
  },
  dense: {
    choices: ['atrous', 'shift'] as const,
    describe:
      'How --stride makes the map finer: atrous, the default: dilated layers; shift: shifted copies, for runtimes without dilated pools',
  },
  optimise: {
    alias: 'O',
    choices: ['0', '1', '2'] as const,
    default: '2' as const,
    describe:
      '0: only what the conversion needs; 1: also pads, averages, equal constants; 2: also fold norms, neighbouring and parallel layers',
  },
  outputs: { type: 'string', array: true, requiresArg: true, describe: 'Keep only these outputs: name,...' },
  remarks: { type: 'boolean', default: false, describe: 'Tell every place that a rule looked at, and why it was left alone' },
  passes: { alias: 'p', type: 'string', array: true, requiresArg: true, describe: 'Run only these passes (see the command passes): a b' },
  skip: { type: 'string', array: true, requiresArg: true, describe: 'Run all passes but these: a b' },
  plugin: {
    type: 'string',
    array: true,
    requiresArg: true,
    describe: 'Also run the passes of this module (docs/writing-a-pass.md): ./my-pass.js',
  },
  'list-passes': { alias: 'l', type: 'boolean', default: false, describe: 'List the passes and stop' },
  explain: {
    type: 'string',
    requiresArg: true,
    describe: 'Tell which rules looked at this node, and which condition failed; nothing is written',
  },
  'dump-dir': {
    type: 'string',
    requiresArg: true,
    describe: 'Write the model as text after each pass that changed it, numbered, into this directory; each text runs',
  },
  'print-ir-after': { type: 'string', array: true, requiresArg: true, describe: 'Print the model after a pass, or after all, on stderr' },
  ...symlinks,
} as const satisfies Record<string, Options>;

export const inspectOptions = {
  ...inputSize,
  format: {
    choices: ['summary', 'json', 'text', 'dot', 'svg', 'html', 'png'] as const,
    describe:
      'summary: layers in PyTorch notation, the default; json: the same for machines, as --json; text: ONNX text (.onnxtxt), which can be read back; dot, svg, html, png: the graph as a picture. Without it, what the ending of OUTPUT says',
  },
  output: { alias: 'o', type: 'string', requiresArg: true, describe: 'File to write; by default the result is printed' },
  force: { alias: 'f', type: 'boolean', default: false, describe: 'Replace OUTPUT if it exists' },
  weights: {
    choices: ['reference', 'inline', 'none'] as const,
    default: 'reference' as const,
    describe: 'Large weights in text: where they lie in MODEL, their numbers, or left out',
  },
  diff: { type: 'boolean', default: false, describe: 'Compare MODEL with OTHER, node by node: summary, json, html, svg or dot' },
  depth: {
    type: 'string',
    requiresArg: true,
    describe: 'Levels of groups that a picture shows open: a number, all, or as many as fit (auto)',
  },
  ...symlinks,
} as const satisfies Record<string, Options>;

export const verifyOptions = {
  ...inputSize,
  ...tolerance,
  ...tfjsBackend,
  ...comparisonOptions,
  ...symlinks,
} as const satisfies Record<string, Options>;

export const debugOptions = {
  output: {
    alias: 'o',
    type: 'string',
    requiresArg: true,
    describe: 'Directory to write: bisect: the model before and after the step; reduce: the case to file (default: reduced)',
  },
  force: { alias: 'f', type: 'boolean', default: false, describe: 'Replace what an earlier run wrote into that directory' },
  head: convertOptions.head,
  optimise: convertOptions.optimise,
  outputs: convertOptions.outputs,
  passes: convertOptions.passes,
  skip: convertOptions.skip,
  plugin: convertOptions.plugin,
  ...inputSize,
  ...tolerance,
  ...symlinks,
} as const satisfies Record<string, Options>;

type Typed<O extends Record<string, Options>> = ArgumentsCamelCase<InferredOptionTypes<O>> & GlobalArgs;
export type ConvertArgs = Typed<typeof convertOptions> & { readonly input: string | undefined; readonly destination: string | undefined };
export type InspectArgs = Typed<typeof inspectOptions> & { readonly model: string; readonly other: string | undefined };
export type DebugArgs = Typed<typeof debugOptions> & { readonly what: 'bisect' | 'reduce'; readonly model: string };
export type VerifyArgs = Typed<typeof verifyOptions> & { readonly models: readonly string[] };
export type PredictArgs = PredictOptions &
  GlobalArgs & { readonly model: string; readonly picture: string; readonly more: readonly string[] };
export type HeatmapArgs = HeatmapOptions & GlobalArgs & { readonly model: string; readonly picture: string };
export type PassesArgs = GlobalArgs & { readonly name: string | undefined };

/** What the command line asks for. Throws CompileError USAGE or BAD_OPTION. */
export function chooseAction(given: readonly string[], columns: number | undefined): Chosen {
  const args = withDefaults(joinPassLists(given));
  let action: Chosen | undefined;
  const choose = (globals: GlobalArgs, run: (terminal: Terminal) => Promise<number>): void => {
    rejectRepeated(globals);
    action = { kind: 'action', globals, run };
  };
  const [command] = args.filter((arg) => !arg.startsWith('-'));
  if (command !== undefined && !COMMANDS.includes(command) && command === args[0])
    throw usage(`there is no command '${command}', only ${COMMANDS.join(', ')}`);
  const parser: Argv = yargs()
    .scriptName('convolutionize')
    .usage(
      '$0 <command>\n\nMakes image classifiers in ONNX fully convolutional,\nand proves by running both models that the numbers are the same.',
    )
    .locale('en')
    .parserConfiguration({
      'boolean-negation': false,
      'dot-notation': false,
      'greedy-arrays': false,
      'parse-positional-numbers': false,
      'parse-numbers': false,
    })
    .option(globalOptions)
    .command(
      ['convert [input] [destination]'],
      'Make a classifier fully convolutional',
      (y) =>
        y
          .positional('input', { type: 'string', describe: 'ONNX file to convert; it is not changed' })
          .positional('destination', { type: 'string', describe: 'The same as --output' })
          .options(convertOptions)
          .example('$0 convert alexnet.onnx -o alexnet-fcn.onnx', 'Convert, run both models, keep the result if they agree')
          .example('$0 convert alexnet.onnx --dry-run --remarks', 'See what would be rewritten, and what would not')
          .example('$0 convert alexnet.onnx --explain /fc/Gemm', 'Which rules looked at a node, and why they left it alone')
          .example('$0 convert alexnet.onnx --stride 8', 'A cell every 8 pixels instead of every 32')
          .example('$0 convert alexnet.onnx -o web_model --to tfjs', 'The same for TensorFlow.js: model.json and weights')
          .example('$0 convert dynamic.onnx --input-size 224x224', 'Say what size the network was trained at'),
      (argv) => choose(argv, async (terminal) => (await import('./convert')).convertCommand(argv, terminal)),
    )
    .command(
      'inspect <model> [other]',
      'List the layers of a model, draw it, print it as text, or compare two',
      (y) =>
        y
          .positional('model', {
            type: 'string',
            demandOption: true,
            describe: 'ONNX file, ONNX text (.onnxtxt), or the directory of a TensorFlow.js model',
          })
          .positional('other', { type: 'string', describe: 'With --diff: what MODEL became' })
          .options(inspectOptions)
          .example('$0 inspect alexnet.onnx', 'Layers in the notation of PyTorch')
          .example('$0 inspect alexnet.onnx -o alexnet.onnxtxt', 'The graph as text; every command reads it back')
          .example('$0 inspect alexnet.onnx -o alexnet.html', 'The graph as a page to open: groups fold, names can be searched')
          .example('$0 inspect --diff alexnet.onnx alexnet-fcn.onnx', 'What a conversion did, node by node; also as .json and .html')
          .example('$0 inspect alexnet-fcn.onnx --input-size 512x512', 'Shapes and multiply-adds for a larger image'),
      (argv) => choose(argv, async (terminal) => (await import('./inspect')).inspectCommand(argv, terminal)),
    )
    .command(
      'verify [models..]',
      'Run two models, and compare what they give',
      (y) =>
        y
          .positional('models', {
            type: 'string',
            array: true,
            default: [],
            describe:
              'ORIGINAL, the ONNX file that is right, and CONVERTED, what shall give the same: a conversion, the ONNX file of another tool, a TensorFlow.js model (its directory or model.json)',
          })
          .options(verifyOptions)
          .example('$0 verify alexnet.onnx alexnet-fcn.onnx', 'Exit code 0: equivalent; 1: not')
          .example('$0 verify alexnet.onnx web_model/', 'The same for a TensorFlow.js model, on WebAssembly')
          .example('$0 verify resnet.onnx resnet-fp16.onnx -n 50', 'Any pair: the output of another tool, a copy in half precision')
          .example('$0 verify --suite pairs.yaml --reporter junit=report.xml', 'Many pairs, with a report for CI (docs/ci.md)')
          .example('$0 verify alexnet.onnx alexnet-fcn.onnx --exact', 'On integers, bit by bit')
          .example('$0 verify --certificate alexnet.json', 'Are these the files that were converted, and the same weights?')
          .example('$0 verify a.onnx b.onnx --map input=images --inputs photos/', 'Names that differ, and inputs of your own'),
      (argv) => choose(argv, async (terminal) => (await import('./verify')).verifyCommand(argv, terminal)),
    )
    .command(
      'predict <model> <picture> [more..]',
      'Name what pictures show',
      (y) =>
        y
          .positional('model', { type: 'string', demandOption: true, describe: 'ONNX file, or TensorFlow.js directory' })
          .positional('picture', { type: 'string', demandOption: true, describe: 'JPEG, PNG or WebP file, or a folder of such' })
          .positional('more', { type: 'string', array: true, default: [], describe: 'Further ones' })
          .options(predictOptions)
          .example('$0 predict alexnet.onnx dog.jpg --labels imagenet --top 12', 'The twelve best classes')
          .example(
            '$0 predict squeezenet.onnx photos/ --preset caffe --labels names.txt',
            'All pictures of a folder, by a network from Caffe',
          )
          .example('$0 predict alexnet-fcn.onnx scene.jpg --combine max', 'A converted network looks at the whole picture'),
      (argv) => choose(argv, async (terminal) => (await import('./predict')).predictCommand(argv, terminal)),
    )
    .command(
      'heatmap <model> <picture>',
      'Show where in a picture a class is seen',
      (y) =>
        y
          .positional('model', {
            type: 'string',
            demandOption: true,
            describe: 'ONNX file of a classifier, or of what was converted from one',
          })
          .positional('picture', { type: 'string', demandOption: true, describe: 'JPEG, PNG or WebP file' })
          .options(heatmapOptions)
          .example('$0 heatmap alexnet.onnx dog.jpg --labels imagenet', 'Where the best class is seen')
          .example('$0 heatmap alexnet.onnx dog.jpg --class 207 --stride 8 --scales 0.7,1,1.4', 'A finer map of one class, at three scales')
          .example('$0 heatmap alexnet.onnx scene.jpg --top 6 --softmax -o scene-heat.jpg', 'The six best classes as a grid')
          .example('$0 heatmap alexnet.onnx scene.jpg --map scores.npy', 'Also the numbers, of all classes'),
      (argv) => choose(argv, async (terminal) => (await import('./heatmap')).heatmapCommand(argv, terminal)),
    )
    .command(
      'debug <what> <model>',
      'Find the rewrite at which a conversion goes wrong, or the smallest network on which it does',
      (y) =>
        y
          .positional('what', {
            choices: ['bisect', 'reduce'] as const,
            demandOption: true,
            describe: 'bisect: the pass and the rewrite; reduce: the smallest part of the network that still fails',
          })
          .positional('model', { type: 'string', demandOption: true, describe: 'ONNX file of the classifier, or ONNX text' })
          .options(debugOptions)
          .example('$0 debug bisect model.onnx --plugin ./my-pass.cjs', 'Which rewrite of which pass changes the numbers')
          .example('$0 debug reduce model.onnx -o case/', 'A case to file: the few nodes that matter, with inputs'),
      (argv) => choose(argv, async (terminal) => (await import('./debug')).debugCommand(argv, terminal)),
    )
    .command(
      'passes [name]',
      'List the passes of a conversion, in order',
      (y) =>
        y
          .positional('name', { type: 'string', describe: 'Only this pass' })
          .example('$0 passes', 'All of them')
          .example('$0 passes linear-to-conv', 'One of them'),
      (argv) => choose(argv, async (terminal) => (await import('./passes')).passesCommand(argv, terminal)),
    )
    .demandCommand(1, 1, 'no command is given', 'there is more than one command')
    .strict()
    .help('help')
    .alias('help', 'h')
    .version(version)
    .wrap(Math.min(columns ?? 100, 120))
    .exitProcess(false)
    .fail((message, error) => {
      throw error && error.name !== 'YError' ? error : complaint(error?.message ?? message, command);
    });
  if (args.length === 0) return { kind: 'text', text: textOf(parser, ['--help']), exitCode: 2 };
  const text = textOf(parser, args);
  return action ?? { kind: 'text', text, exitCode: 0 };
}

const PASS_LISTS: readonly string[] = ['--passes', '-p', '--skip', '--print-ir-after'];
/** No pass is named like a file: neither dots nor slashes. */
const PASS_NAMES = /^[a-z][a-z0-9]*(-[a-z0-9]+)*(,[a-z0-9-]+)*$/;

/** `--passes a b model.onnx` -> `--passes a,b model.onnx`: a list ends where an argument cannot be the name of a pass. */
function joinPassLists(given: readonly string[]): readonly string[] {
  const args: string[] = [];
  let listed = 0;
  for (const arg of given) {
    const isName = listed > 0 && PASS_NAMES.test(arg);
    if (isName && listed > 1) args.push(`${args.pop()},${arg}`);
    else args.push(arg);
    listed = PASS_LISTS.includes(arg) ? 1 : isName ? 2 : 0;
  }
  return args;
}

/** What yargs says, in our words. */
function complaint(message: string, command: string | undefined): CompileError {
  const known = command !== undefined && COMMANDS.includes(command) ? command : undefined;
  const [, option, given, choices] = /Argument: ([^,]*), Given: "(.*)", Choices: (.*)/.exec(message) ?? [];
  if (option !== undefined && given !== undefined)
    return badOption(option, given, (choices ?? '').replaceAll('"', '').replaceAll(', ', ' or '));
  const [, missing] = /^Not enough arguments following: (.*)/.exec(message) ?? [];
  if (missing !== undefined) return usage(`the option ${missing.length > 1 ? '--' : '-'}${missing} needs a value`, known);
  const [, got] = /^Not enough non-option arguments: got (\d+)/.exec(message) ?? [];
  if (got !== undefined) return usage(`an argument is missing: ${POSITIONALS[known ?? '']?.[Number(got)] ?? 'see the help'}`, known);
  const [, unknown] = /^Unknown arguments?: (.*)/.exec(message) ?? [];
  if (unknown === undefined) return usage(message, known);
  const near = nearest(unknown.split(', ')[0] ?? '', [...Object.keys(OPTIONS[known ?? ''] ?? {}), ...Object.keys(globalOptions)]);
  return usage(`unknown argument: ${unknown}${near === undefined ? '' : `; did you mean --${near}?`}`, known);
}

/** What a command cannot do without, in order. */
const POSITIONALS: Readonly<Record<string, readonly string[]>> = table({
  inspect: ['MODEL'],
  predict: ['MODEL', 'PICTURE'],
  heatmap: ['MODEL', 'PICTURE'],
  debug: ['WHAT (bisect or reduce)', 'MODEL'],
});

/** The name that a mistyped one comes nearest to; undefined: none is near. */
function nearest(typed: string, names: readonly string[]): string | undefined {
  const best = names
    .map((name) => ({ name, distance: name.startsWith(typed) && typed.length > 2 ? 1 : editDistance(typed, name) }))
    .sort((a, b) => a.distance - b.distance)[0];
  return best && best.distance <= Math.max(1, Math.floor(typed.length / 3)) ? best.name : undefined;
}

/** Letters to insert, leave out, change or exchange with their neighbour. */
function editDistance(a: string, b: string): number {
  const rows = Array.from({ length: a.length + 1 }, (_, i) =>
    Array.from({ length: b.length + 1 }, (_, j) => (i === 0 ? j : j === 0 ? i : 0)),
  );
  const at = (i: number, j: number): number => rows[i]?.[j] ?? 0;
  for (let i = 1; i <= a.length; i++)
    for (let j = 1; j <= b.length; j++) {
      const change = at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? at(i - 2, j - 2) + 1 : Number.POSITIVE_INFINITY;
      const row = rows[i];
      if (row) row[j] = Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, change, swap);
    }
  return at(a.length, b.length);
}

/** What yargs would print: help or the version. */
function textOf(parser: Argv, args: readonly string[]): string {
  layOutNoHelp(parser);
  let text = '';
  let failure: Error | undefined | null;
  parser.parse([...args], {}, (error, _argv, output) => {
    failure = error;
    text = output;
  });
  if (failure) throw failure;
  return text;
}

/** yargs lays out the help of each command that it ran, in case somebody asks after it failed: a tenth of what a short conversion takes. Nobody asks. */
function layOutNoHelp(parser: Argv): void {
  const internals: unknown = Reflect.get(parser, 'getInternalMethods');
  const methods: unknown = typeof internals === 'function' ? internals.call(parser) : undefined;
  const instance = methods instanceof Object ? Reflect.get(methods, 'getUsageInstance') : undefined;
  const usage: unknown = typeof instance === 'function' ? instance.call(methods) : undefined;
  if (usage instanceof Object) Reflect.set(usage, 'cacheHelpMessage', () => undefined);
}

const OPTIONS: Readonly<Record<string, Readonly<Record<string, Options>>>> = table({
  convert: convertOptions,
  inspect: inspectOptions,
  verify: verifyOptions,
  predict: predictOptions,
  heatmap: heatmapOptions,
  debug: debugOptions,
});

/** A value that counts only once must not be given twice: which one is meant? */
function rejectRepeated(argv: object): void {
  const words: unknown = Reflect.get(argv, '_');
  const [command] = Array.isArray(words) ? words : [];
  const lists = new Set<string>(['_', 'models', 'more']);
  // What is a list for one command (verify --map) may not be one for another.
  for (const [name, option] of Object.entries(OPTIONS[String(command)] ?? {})) if (option.array) lists.add(name);
  for (const [name, value] of Object.entries(argv)) {
    if (
      Array.isArray(value) &&
      !lists.has(name) &&
      !lists.has(name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)) &&
      name.length > 1
    )
      throw usage(`the option --${name} is given twice`);
  }
}
