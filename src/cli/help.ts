/** Text of `--help`, generated from the command tables: grouped options, wrapped to the terminal's width. */

import { width } from '../reports/table';
import { COMMANDS, commandNamed } from './options';
import type { Argument, CommandSpec, Option, OptionTable } from './options/option';
import { globalOptions } from './options/shared';
import { filled } from './wrap';

const PROGRAM = 'convolutionize';
/** Column where descriptions start; in a narrow terminal they go below their options. */
const COLUMN = 28;
/** Minimum width of the description column; if less is left, descriptions go below. */
const NARROW = 44;
const WIDEST = 100;

/** Help of one command, or of the whole program. */
export function helpText(command: string | undefined, columns: number | undefined): string {
  const lines = Math.min(columns ?? WIDEST, WIDEST);
  const spec = commandNamed(command);
  return `${(spec ? commandHelp(spec, lines) : programHelp(lines)).join('\n')}\n`;
}

function programHelp(columns: number): string[] {
  return [
    `Usage: ${PROGRAM} COMMAND`,
    '',
    ...filled(
      'Makes image classifiers in ONNX fully convolutional, and proves by running both models that the numbers are the same.',
      columns,
    ),
    '',
    'Commands:',
    ...COMMANDS.flatMap(({ name, summary }) => entry(name, summary, columns, 14)),
    '',
    'Options:',
    ...optionLines({}, columns),
    '',
    ...filled(`'${PROGRAM} COMMAND --help' lists the options of a command.`, columns),
  ];
}

function commandHelp({ name, summary, arguments: given, groups, examples }: CommandSpec, columns: number): string[] {
  return [
    ...filled(`Usage: ${[PROGRAM, name, ...given.map(argumentText), '[OPTIONS]'].join(' ')}`, columns),
    '',
    ...filled(summary, columns),
    ...(given.length > 0 ? ['', 'Arguments:'] : []),
    ...given.flatMap((argument) => entry(argument.name, argument.describe, columns, 14)),
    ...groups.flatMap(({ title, options }) => ['', `${title}:`, ...optionLines(options, columns, true)]),
    '',
    'General:',
    ...optionLines({}, columns),
    '',
    'Examples:',
    ...examples.flatMap(([line, what]) => [...filled(what, columns, '  # '), ...continued(`${PROGRAM} ${line}`, columns)]),
  ];
}

const argumentText = ({ name, required, many }: Argument): string => `${required ? name : `[${name}]`}${many ? '...' : ''}`;

/** Help lines of a group's options; if `isGroup` is false, of the global options, --help and --version. */
function optionLines(options: OptionTable, columns: number, isGroup = false): string[] {
  const shown: readonly (readonly [string, Option])[] = isGroup
    ? Object.entries(options)
    : [
        ...Object.entries<Option>(globalOptions),
        ['help', { alias: 'h', describe: 'Show this help' }],
        ['version', { describe: 'Show the version' }],
      ];
  return shown.flatMap(([name, option]) => (option.hidden ? [] : entry(flags(name, option), description(option), columns)));
}

/** `-o, --output FILE` */
function flags(name: string, { alias, value, choices }: Option): string {
  const short = typeof alias === 'string' ? `-${alias}, ` : '    ';
  const listed = choices?.join('|');
  const shown = value ?? (listed === undefined ? undefined : width(name) + width(listed) > COLUMN ? name.toUpperCase() : listed);
  return `${short}--${name}${shown === undefined ? '' : shown.startsWith('[=') ? shown : ` ${shown}`}`;
}

/** Description of an option with its choices, unless the text or the left column lists them, and its default. */
function description({ describe = '', choices, default: usual }: Option): string {
  const text = describe || '';
  const names = choices?.map(String) ?? [];
  const untold = names.length > 3 && !names.every((name) => text.includes(name)) ? `: ${names.join(', ')}` : '';
  return `${text}${untold}${usual === undefined || usual === false ? '' : ` (default: ${usual})`}`;
}

function entry(left: string, text: string, columns: number, column = COLUMN): string[] {
  const isNarrow = columns - column < NARROW;
  const indent = ' '.repeat(isNarrow ? 8 : column);
  const lines = filled(text, columns, indent);
  const head = `  ${left}`;
  if (isNarrow || width(head) > column - 2) return [head, ...lines];
  return [head.padEnd(column) + (lines[0] ?? '').slice(column), ...lines.slice(1)];
}

/** Breaks a command line with backslashes, so that a shell can read it at any terminal width. */
function continued(line: string, columns: number): string[] {
  const lines: string[] = [];
  let current = ' ';
  for (const word of line.split(' ')) {
    if (width(current) + 1 + width(word) + 2 > columns && current.trim() !== '') {
      lines.push(`${current} \\`);
      current = '     ';
    }
    current += ` ${word}`;
  }
  return [...lines, current];
}
