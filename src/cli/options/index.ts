/** All commands, in the order of the help. */
import { table } from '../../ir/table';
import { convertSpec } from './convert';
import { completionSpec, debugSpec, passesSpec, playgroundSpec } from './debug';
import { inspectSpec } from './inspect';
import { type CommandSpec, type OptionTable, optionsOf } from './option';
import { heatmapSpec, predictSpec } from './pictures';
import { globalOptions } from './shared';
import { verifySpec } from './verify';

export const COMMANDS: readonly CommandSpec[] = [
  convertSpec,
  verifySpec,
  inspectSpec,
  predictSpec,
  heatmapSpec,
  debugSpec,
  passesSpec,
  playgroundSpec,
  completionSpec,
];

export const commandNamed = (name: string | undefined): CommandSpec | undefined => COMMANDS.find((command) => command.name === name);

/** Options of each command, without the global ones. */
export const OPTIONS: Readonly<Record<string, OptionTable>> = table(
  Object.fromEntries(COMMANDS.map((command) => [command.name, optionsOf(command)])),
);

/** All options of a command by name; only the global options if the command is unknown. */
export const allOptionsOf = (command: string | undefined): OptionTable => ({ ...OPTIONS[command ?? ''], ...globalOptions });
