/**
 * Determines the action that a command line asks for. Parsing only: an action runs after yargs is done and loads its code then, so that `--help` stays fast.
 * The options are defined in `options/`.
 */
import yargs, { type ArgumentsCamelCase, type Argv, type InferredOptionTypes, type Options } from 'yargs';
import { usage } from '../diagnostics/catalogue';
import { version } from '../version';
import { complaint, unknownCommand } from './complaints';
import type { Configured } from './config';
import { helpText } from './help';
import { commandNamed, OPTIONS } from './options';
import { convertOptions } from './options/convert';
import { debugOptions, playgroundOptions, SHELLS } from './options/debug';
import { inspectOptions } from './options/inspect';
import { heatmapOptions, predictOptions } from './options/pictures';
import { globalOptions } from './options/shared';
import { verifyOptions } from './options/verify';
import type { HeatmapOptions, PredictOptions } from './picture-options';
import type { Terminal } from './terminal';
import { withDefaults } from './tfjs-options';

export interface GlobalArgs {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly debug: boolean;
  readonly noColor: boolean;
}

export type Chosen =
  | { readonly kind: 'text'; readonly text: string; readonly exitCode: number }
  | { readonly kind: 'action'; readonly globals: GlobalArgs; run(terminal: Terminal): Promise<number> };

type Typed<O extends Record<string, Options>> = ArgumentsCamelCase<InferredOptionTypes<O>> & GlobalArgs;
export type ConvertArgs = Typed<typeof convertOptions> & { readonly input: string | undefined; readonly destination: string | undefined };
export type InspectArgs = Typed<typeof inspectOptions> & { readonly model: string; readonly other: string | undefined };
export type DebugArgs = Typed<typeof debugOptions> & { readonly what: 'bisect' | 'reduce'; readonly model: string };
export type VerifyArgs = Typed<typeof verifyOptions> & { readonly models: readonly string[] };
export type PredictArgs = PredictOptions &
  GlobalArgs & { readonly model: string; readonly picture: string; readonly more: readonly string[] };
export type HeatmapArgs = HeatmapOptions & GlobalArgs & { readonly model: string; readonly picture: string };
export type PassesArgs = GlobalArgs & { readonly name: string | undefined };
export type PlaygroundArgs = Typed<typeof playgroundOptions>;
export type CompletionArgs = GlobalArgs & { readonly shell: (typeof SHELLS)[number] };

/** Action of the command line. Throws CompileError USAGE, BAD_OPTION or CONFIG_INVALID. */
export async function chooseAction(given: readonly string[], columns: number | undefined): Promise<Chosen> {
  const args = withDefaults(joinPassLists(given));
  const [first] = args;
  if (first !== undefined && !first.startsWith('-') && first !== 'help' && !commandNamed(first)) throw unknownCommand(first);
  const text = helpOrVersion(args, columns);
  if (text !== undefined) return { kind: 'text', text, exitCode: args.length === 0 ? 2 : 0 };
  const chosen = parsed(args, {});
  if (chosen.config === undefined) return chosen.action;
  const { readConfig } = await import('./config');
  return parsed(args, readConfig(chosen.config, chosen.command)).action;
}

/** Text to print for a help or version request, which overrides everything else on the command line. */
function helpOrVersion(args: readonly string[], columns: number | undefined): string | undefined {
  const end = args.indexOf('--');
  const options = end < 0 ? args : args.slice(0, end);
  const [first, second] = args;
  if (first === 'help') {
    if (second !== undefined && !second.startsWith('-') && !commandNamed(second)) throw unknownCommand(second);
    return helpText(second, columns);
  }
  if (args.length === 0 || options.includes('--help') || options.includes('-h'))
    return helpText(
      args.find((arg) => commandNamed(arg)),
      columns,
    );
  return options.includes('--version') ? `${version}\n` : undefined;
}

interface Parsed {
  readonly action: Chosen;
  readonly command: string;
  /** File given by `--config`. */
  readonly config: string | undefined;
}

/** `configured`: options from the configuration file. */
function parsed(args: readonly string[], configured: Configured): Parsed {
  let action: Chosen | undefined;
  let config: string | undefined;
  const choose = (globals: GlobalArgs & { readonly config: string | undefined }, run: (terminal: Terminal) => Promise<number>): void => {
    rejectRepeated(globals);
    config = globals.config;
    action = { kind: 'action', globals, run };
  };
  const command = args.find((arg) => !arg.startsWith('-'));
  const parser: Argv = yargs()
    .config(configured)
    .scriptName('convolutionize')
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
      'convert [input] [destination]',
      '',
      (y) => y.positional('input', { type: 'string' }).positional('destination', { type: 'string' }).options(convertOptions),
      (argv) => choose(argv, async (terminal) => (await import('./convert')).convertCommand(argv, terminal)),
    )
    .command(
      'inspect <model> [other]',
      '',
      (y) => y.positional('model', { type: 'string', demandOption: true }).positional('other', { type: 'string' }).options(inspectOptions),
      (argv) => choose(argv, async (terminal) => (await import('./inspect')).inspectCommand(argv, terminal)),
    )
    .command(
      'verify [models..]',
      '',
      (y) => y.positional('models', { type: 'string', array: true, default: [] }).options(verifyOptions),
      (argv) => choose(argv, async (terminal) => (await import('./verify')).verifyCommand(argv, terminal)),
    )
    .command(
      'predict <model> <picture> [more..]',
      '',
      (y) =>
        y
          .positional('model', { type: 'string', demandOption: true })
          .positional('picture', { type: 'string', demandOption: true })
          .positional('more', { type: 'string', array: true, default: [] })
          .options(predictOptions),
      (argv) => choose(argv, async (terminal) => (await import('./predict')).predictCommand(argv, terminal)),
    )
    .command(
      'heatmap <model> <picture>',
      '',
      (y) =>
        y
          .positional('model', { type: 'string', demandOption: true })
          .positional('picture', { type: 'string', demandOption: true })
          .options(heatmapOptions),
      (argv) => choose(argv, async (terminal) => (await import('./heatmap')).heatmapCommand(argv, terminal)),
    )
    .command(
      'debug <what> <model>',
      '',
      (y) =>
        y
          .positional('what', { choices: ['bisect', 'reduce'] as const, demandOption: true })
          .positional('model', { type: 'string', demandOption: true })
          .options(debugOptions),
      (argv) => choose(argv, async (terminal) => (await import('./debug')).debugCommand(argv, terminal)),
    )
    .command(
      'passes [name]',
      '',
      (y) => y.positional('name', { type: 'string' }),
      (argv) => choose(argv, async (terminal) => (await import('./passes')).passesCommand(argv, terminal)),
    )
    .command(
      'playground',
      '',
      (y) => y.options(playgroundOptions),
      (argv) => choose(argv, async (terminal) => (await import('./playground')).playgroundCommand(argv, terminal)),
    )
    .command(
      'completion <shell>',
      '',
      (y) => y.positional('shell', { choices: SHELLS, demandOption: true }),
      (argv) => choose(argv, async (terminal) => (await import('./completion')).completionCommand(argv, terminal)),
    )
    .demandCommand(1, 1, 'no command is given', 'there is more than one command')
    .strict()
    .help(false)
    .version(false)
    .exitProcess(false)
    .fail((message, error) => {
      throw error && error.name !== 'YError' ? error : complaint(error?.message ?? message, command);
    });
  parse(parser, args);
  if (!action || command === undefined) throw usage('no command is given');
  return { action, command, config };
}

const PASS_LISTS: readonly string[] = ['--passes', '-p', '--skip', '--print-ir-after'];
/** Matches pass names, but not files: pass names contain neither dots nor slashes. */
const PASS_NAMES = /^[a-z][a-z0-9]*(-[a-z0-9]+)*(,[a-z0-9-]+)*$/;

/** `--passes a b model.onnx` -> `--passes a,b model.onnx`: a list ends at the first argument that cannot be a pass name. */
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

/** Runs the handler of the command, which chooses the action. */
function parse(parser: Argv, args: readonly string[]): void {
  layOutNoHelp(parser);
  let failure: Error | undefined | null;
  parser.parse([...args], {}, (error) => {
    failure = error;
  });
  if (failure) throw failure;
}

/** Disables yargs's caching of the help text of each command that ran. It is never used here, and takes a tenth of the time of a short conversion. */
function layOutNoHelp(parser: Argv): void {
  const internals: unknown = Reflect.get(parser, 'getInternalMethods');
  const methods: unknown = typeof internals === 'function' ? internals.call(parser) : undefined;
  const instance = methods instanceof Object ? Reflect.get(methods, 'getUsageInstance') : undefined;
  const usage: unknown = typeof instance === 'function' ? instance.call(methods) : undefined;
  if (usage instanceof Object) Reflect.set(usage, 'cacheHelpMessage', () => undefined);
}

/** Rejects a single-valued option that is given twice, since it is unclear which value is meant. */
function rejectRepeated(argv: object): void {
  const words: unknown = Reflect.get(argv, '_');
  const [command] = Array.isArray(words) ? words : [];
  const lists = new Set<string>(['_', 'models', 'more']);
  // An option may be a list for one command (verify --map) but not for another.
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
