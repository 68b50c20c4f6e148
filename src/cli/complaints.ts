/** Translates yargs's error messages into our own. */
import { badOption, usage } from '../diagnostics/catalogue';
import type { CompileError } from '../diagnostics/compile-error';
import { nearest } from './nearest';
import { allOptionsOf, COMMANDS, commandNamed } from './options';

export function complaint(message: string, command: string | undefined): CompileError {
  const known = commandNamed(command)?.name;
  const [, option, given, choices] = /Argument: ([^,]*), Given: "(.*)", Choices: (.*)/.exec(message) ?? [];
  if (option !== undefined && given !== undefined) return badChoice(option, given, (choices ?? '').replaceAll('"', '').split(', '), known);
  const [, missing] = /^Not enough arguments following: (.*)/.exec(message) ?? [];
  if (missing !== undefined)
    return usage(`the option ${missing.length > 1 ? '--' : '-'}${missing} needs a value${placeholder(missing, known)}`, known);
  const [, got] = /^Not enough non-option arguments: got (\d+)/.exec(message) ?? [];
  if (got !== undefined) return missingArgument(known, Number(got));
  const [, unknown] = /^Unknown arguments?: (.*)/.exec(message) ?? [];
  if (unknown === undefined) return usage(message, known);
  // yargs reports an option with dashes twice, also in camel case.
  const all = unknown.split(', ');
  const named = all.filter((name, at) => !all.some((other, before) => before < at && camelCased(other) === name));
  const near = nearest(named[0] ?? '', optionNames(known));
  return usage(
    `unknown argument${named.length > 1 ? 's' : ''}: ${named.join(', ')}${near === undefined ? '' : `; did you mean --${near}?`}`,
    known,
  );
}

const camelCased = (name: string): string => name.replace(/-+(\w)/g, (_, letter: string) => letter.toUpperCase());

/** Error for a command that does not exist. */
export function unknownCommand(name: string): CompileError {
  const names = COMMANDS.map((command) => command.name);
  const near = nearest(name, names);
  return usage(`there is no command '${name}'${near === undefined ? `, only ${names.join(', ')}` : `; did you mean '${near}'?`}`);
}

/** Error for the first missing argument of a command. */
export function missingArgument(command: string | undefined, given: number): CompileError {
  const argument = commandNamed(command)?.arguments[given];
  const choices = argument?.choices ? ` (${argument.choices.join(' or ')})` : '';
  return usage(`an argument is missing: ${argument ? argument.name + choices : 'see the help'}`, command);
}

export const optionNames = (command: string | undefined): readonly string[] =>
  Object.entries(allOptionsOf(command)).flatMap(([name, { hidden }]) => (hidden ? [] : [name]));

function badChoice(option: string, given: string, choices: readonly string[], command: string | undefined): CompileError {
  const argument = commandNamed(command)?.arguments.find(({ name }) => name.toLowerCase() === option);
  if (!argument) return badOption(option, given, choices.join(' or '));
  const near = nearest(given, choices);
  return usage(
    `${argument.name} cannot be '${given}', only ${choices.join(' or ')}${near === undefined ? '' : `; did you mean '${near}'?`}`,
    command,
  );
}

/** `: --output FILE` */
function placeholder(option: string, command: string | undefined): string {
  const found = Object.entries(allOptionsOf(command)).find(([name, { alias }]) => name === option || alias === option);
  return found?.[1].value === undefined ? '' : `: --${found[0]} ${found[1].value}`;
}
