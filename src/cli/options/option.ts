/** Data types of options and commands. yargs parses by this data; help, completion, configuration files and "did you mean" are derived from it. */
import type { Options } from 'yargs';

export interface Option extends Options {
  /** Placeholder for the value in the help: FILE, N. Options without a placeholder and without choices are switches. */
  readonly value?: string;
  /** Kind of value, for shell completion. */
  readonly completes?: 'file' | 'folder';
}

export type OptionTable = Readonly<Record<string, Option>>;

/** A heading of the help and the options below it. */
export interface Group {
  readonly title: string;
  readonly options: OptionTable;
}

export interface Argument {
  /** Name in the help: MODEL. */
  readonly name: string;
  readonly describe: string;
  readonly required?: boolean;
  /** True if the argument may be repeated. */
  readonly many?: boolean;
  readonly choices?: readonly string[];
}

export interface CommandSpec {
  readonly name: string;
  /** One-line summary. */
  readonly summary: string;
  readonly arguments: readonly Argument[];
  readonly groups: readonly Group[];
  /** Pairs of a command line, without the program's name, and its description. */
  readonly examples: readonly (readonly [string, string])[];
}

/** All options of a command. */
export const optionsOf = ({ groups }: CommandSpec): OptionTable => Object.assign({}, ...groups.map(({ options }) => options));
