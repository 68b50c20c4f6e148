/**
 * Runs one command line and returns its exit code:
 * 0 done and equal, 1 not equivalent, 2 invalid command line, file or model, 3 not completely verified, 70 a bug in this program.
 */

import { systemFault } from '../diagnostics/catalogue';
import { CompileError, type Diagnostic } from '../diagnostics/compile-error';
import { printable } from '../diagnostics/format';
import { rememberInputs } from '../output';
import { STDIN } from '../sources/files/bytes';
import { version } from '../version';
import { chooseAction, type GlobalArgs } from './commands';
import { EXIT } from './exit';
import { type Stream, Terminal } from './terminal';

export interface Surroundings {
  readonly stdout: Stream;
  readonly stderr: Stream;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export async function main(args: readonly string[], { stdout, stderr, env }: Surroundings): Promise<number> {
  const terminal = new Terminal(stdout, stderr, env);
  rememberInputs();
  // Found by hand, since errors in parsing the arguments must respect them too.
  let globals: GlobalArgs = {
    json: args.includes('--json'),
    quiet: false,
    debug: args.includes('--debug'),
    noColor: args.includes('--no-color'),
  };
  try {
    terminal.configure({ quiet: false, color: !globals.noColor });
    const chosen = await chooseAction(withStdin(args), terminal.columns);
    if (chosen.kind === 'text') {
      if (chosen.exitCode === EXIT.done) terminal.result(chosen.text);
      else terminal.aside(chosen.text);
      return chosen.exitCode;
    }
    globals = chosen.globals;
    terminal.configure({ quiet: globals.quiet, color: !globals.noColor });
    return await chosen.run(terminal);
  } catch (error) {
    const { diagnostic, exitCode } = explain(error);
    if (globals.json) terminal.result(JSON.stringify({ error: diagnostic, exitCode }, undefined, 2));
    terminal.error(diagnostic);
    if (globals.debug && error instanceof Error) terminal.aside(stackOf(error));
    return exitCode;
  }
}

/** The argument parser would take a lone '-' for an option without a name. */
const withStdin = (args: readonly string[]): readonly string[] =>
  args[0] === 'predict' || args[0] === 'heatmap' ? args.map((arg) => (arg === '-' ? STDIN : arg)) : args;

function explain(error: unknown): { readonly diagnostic: Diagnostic; readonly exitCode: number } {
  const known = error instanceof CompileError ? error : systemFault(error);
  if (known) return { diagnostic: known.diagnostic, exitCode: EXIT.fault };
  const message = error instanceof Error ? error.message : String(error);
  return {
    diagnostic: {
      code: 'INTERNAL',
      message: `convolutionize ${version} has a bug: ${message}`,
      hint: 'run again with --debug and report what it prints, if you can with the model',
    },
    exitCode: EXIT.bug,
  };
}

function stackOf(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by ${stackOf(error.cause)}` : '';
  // A name in the message must not start a line of its own.
  return `${(error.stack ?? error.message).replaceAll(error.message, printable(error.message))}${cause}`;
}
