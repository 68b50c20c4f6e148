/** Output channels of the commands: results on stdout, everything else on stderr. */
import type { Diagnostic } from '../diagnostics/compile-error';
import { formatDiagnostic, harmless, type Paint, plain, printable } from '../diagnostics/format';
import { type Progress, silentProgress, terminalProgress } from './progress';
import { hung } from './wrap';

export interface Stream {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

export interface TerminalOptions {
  readonly quiet: boolean;
  readonly color: boolean;
}

export class Terminal {
  private options: TerminalOptions = { quiet: false, color: true };

  constructor(
    private readonly stdout: Stream,
    private readonly stderr: Stream,
    private readonly env: Readonly<Record<string, string | undefined>>,
  ) {}

  configure(options: TerminalOptions): void {
    this.options = options;
  }

  /** Line width in columns: from the variable COLUMNS, otherwise from the terminal; undefined if the result is not written to a terminal. */
  get columns(): number | undefined {
    const told = Number(this.env.COLUMNS);
    if (Number.isInteger(told) && told > 0) return told;
    return this.stdout.isTTY ? this.stdout.columns : undefined;
  }

  /** Value of an environment variable. */
  variable(name: string): string | undefined {
    return this.env[name];
  }

  /** Prints the result, which a user may redirect into a file. Names in it are escaped so that they cannot control the terminal or a CI. */
  result(text: string): void {
    this.stdout.write(ended(harmless(text)));
  }

  /** Prints a result for people, line by line; suppressed by --quiet. A line break within a line is part of a name. */
  report(lines: readonly string[]): void {
    if (!this.options.quiet) this.result(lines.flatMap((line) => hung(printable(line), this.columns)).join('\n'));
  }

  /** Prints workflow commands for GitHub Actions; `annotations` has escaped their contents. */
  commands(lines: readonly string[], beside: 'stdout' | 'stderr'): void {
    this[beside].write(ended(lines.map(printable).join('\n')));
  }

  error(diagnostic: Diagnostic): void {
    this.stderr.write(`${formatDiagnostic(diagnostic, this.paint())}\n`);
  }

  warning(diagnostic: Diagnostic): void {
    if (!this.options.quiet) this.stderr.write(`${formatDiagnostic(diagnostic, this.paint(), 'warning')}\n`);
  }

  /** Prints output other than the result: dumps, stack traces. */
  aside(text: string): void {
    this.stderr.write(ended(harmless(text)));
  }

  /** Progress line, shown after one second on a terminal; silent when piped or in CI. */
  progress(): Progress {
    const shown = this.stderr.isTTY === true && !this.options.quiet && !this.env.CI && this.env.TERM !== 'dumb';
    return shown ? terminalProgress(this.stderr) : silentProgress;
  }

  private paint(): Paint {
    const colored = this.options.color && this.stderr.isTTY === true && !this.env.NO_COLOR && this.env.TERM !== 'dumb';
    return colored ? { error: (text) => `\u001b[1;31m${text}\u001b[0m`, hint: (text) => `\u001b[36m${text}\u001b[0m` } : plain;
  }
}

const ended = (text: string): string => (text.endsWith('\n') ? text : `${text}\n`);
