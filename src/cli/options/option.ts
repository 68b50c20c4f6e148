/** An option or a command as data: yargs parses by it, and help, completion, configuration files and "did you mean" are derived from it. */
import type { Options } from 'yargs';

export interface Option extends Options {
  /** What stands for its value in the help: FILE, N. Options without it and without choices are switches. */
  readonly value?: string;
  /** What its value is, for shell completion. */
  readonly completes?: 'file' | 'folder';
}

export type OptionTable = Readonly<Record<string, Option>>;

/** A heading of the help, and the options beneath it. */
export interface Group {
  readonly title: string;
  readonly options: OptionTable;
}

export interface Argument {
  /** As in the help: MODEL. */
  readonly name: string;
  readonly describe: string;
  readonly required?: boolean;
  /** Any number of them. */
  readonly many?: boolean;
  readonly choices?: readonly string[];
}

export interface CommandSpec {
  readonly name: string;
  /** One line. */
  readonly summary: string;
  readonly arguments: readonly Argument[];
  readonly groups: readonly Group[];
  /** A command line without the program's name, and what it does. */
  readonly examples: readonly (readonly [string, string])[];
}

/** All options of a command. */
export const optionsOf = ({ groups }: CommandSpec): OptionTable => Object.assign({}, ...groups.map(({ options }) => options));
