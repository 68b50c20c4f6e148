/** `completion`: shell scripts that complete commands, options and their values. They are generated from the option tables and start no program. */
import type { CompletionArgs } from './commands';
import { EXIT } from './exit';
import { allOptionsOf, COMMANDS } from './options';
import type { CommandSpec, Option } from './options/option';
import type { Terminal } from './terminal';

export async function completionCommand({ shell }: Pick<CompletionArgs, 'shell'>, terminal: Terminal): Promise<number> {
  terminal.result({ bash, zsh, fish }[shell]());
  return EXIT.done;
}

interface Flag {
  readonly name: string;
  readonly short: string | undefined;
  /** Whether the option takes a value. */
  readonly isValued: boolean;
  readonly values: readonly string[];
  readonly option: Option;
}

function flagsOf(command: CommandSpec): Flag[] {
  const flags = Object.entries<Option>(allOptionsOf(command.name)).flatMap(([name, option]): Flag[] =>
    option.hidden
      ? []
      : [
          {
            name,
            short: typeof option.alias === 'string' ? option.alias : undefined,
            // An option with an optional value takes it after '='.
            isValued: option.requiresArg === true || option.choices !== undefined,
            values: (option.choices ?? []).map(String),
            option,
          },
        ],
  );
  return [...flags, { name: 'help', short: 'h', isValued: false, values: [], option: { describe: 'Show this help' } }];
}

/** The first clause only, since menu lines are short. */
const brief = ({ describe }: Option): string => (describe || '').replace(/ \(.*|[:;,] .*/s, '');

function bash(): string {
  const values = COMMANDS.flatMap((command) =>
    flagsOf(command).flatMap(({ name, short, values: list }) =>
      list.length === 0 ? [] : [`    ${command.name}:--${name}${short ? `|${command.name}:-${short}` : ''}) words='${list.join(' ')}' ;;`],
    ),
  );
  const options = COMMANDS.map(
    (command) =>
      `      ${command.name}) words='${flagsOf(command)
        .map(({ name }) => `--${name}`)
        .join(' ')}' ;;`,
  );
  const first = COMMANDS.flatMap(({ name, arguments: [argument] }) =>
    argument?.choices ? [`      ${name}:2) words='${argument.choices.join(' ')}' ;;`] : [],
  );
  return `# Completion of convolutionize in bash: add this to ~/.bashrc.
_convolutionize() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} command=\${COMP_WORDS[1]} words=''
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    words='${COMMANDS.map(({ name }) => name).join(' ')} --help --version'
  else case "$command:$prev" in
${values.join('\n')}
    *) case "$cur" in
      -*) case "$command" in
${options.map((line) => `  ${line}`).join('\n')}
      esac ;;
      *) case "$command:$COMP_CWORD" in
${first.map((line) => `  ${line}`).join('\n')}
      esac ;;
    esac ;;
  esac fi
  # Without words, bash completes the names of files.
  [ -z "$words" ] || COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _convolutionize convolutionize
`;
}

function zsh(): string {
  const escaped = (text: string): string => text.replace(/[[\]:\\]/g, '\\$&').replaceAll("'", "'\\''");
  const action = ({ values, option }: Flag): string =>
    values.length > 0
      ? `(${values.join(' ')})`
      : option.completes === 'folder'
        ? '_files -/'
        : option.completes === 'file'
          ? '_files'
          : ' ';
  const flag = (each: Flag): string => {
    const value = each.isValued ? `:${escaped(each.option.value ?? each.name)}:${action(each)}` : '';
    const text = `[${escaped(brief(each.option))}]${value}`;
    const many = each.option.array ? '*' : '';
    return each.short === undefined
      ? `'${many}--${each.name}${text}'`
      : `${many ? "'*'" : `'(-${each.short} --${each.name})'`}{-${each.short},--${each.name}}'${text}'`;
  };
  const cases = COMMANDS.map((command) => {
    const [first] = command.arguments;
    const positional = first?.choices ? [`'1:${first.name}:(${first.choices.join(' ')})'`] : [];
    return `    ${command.name})\n      _arguments ${[...flagsOf(command).map(flag), ...positional, "'*:file:_files'"].join(' \\\n        ')} ;;`;
  });
  return `#compdef convolutionize
# Completion of convolutionize in zsh: save this as _convolutionize in a folder of $fpath.
_convolutionize() {
  local -a commands=(
${COMMANDS.map(({ name, summary }) => `    '${name}:${escaped(summary)}'`).join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
${cases.join('\n')}
  esac
}
if [ "$funcstack[1]" = _convolutionize ]; then _convolutionize "$@"; else compdef _convolutionize convolutionize; fi
`;
}

function fish(): string {
  const escaped = (text: string): string => text.replace(/[\\']/g, '\\$&');
  const lines = COMMANDS.flatMap((command) => {
    const [first] = command.arguments;
    const when = `-n '__fish_seen_subcommand_from ${command.name}'`;
    return [
      `complete -c convolutionize -n __fish_use_subcommand -f -a ${command.name} -d '${escaped(command.summary)}'`,
      ...(first?.choices ? [`complete -c convolutionize ${when} -f -a '${first.choices.join(' ')}'`] : []),
      ...flagsOf(command).map(({ name, short, isValued, values, option }) => {
        const value = values.length > 0 ? ` -x -a '${values.join(' ')}'` : option.completes ? ' -r' : isValued ? ' -x' : '';
        return `complete -c convolutionize ${when} -l ${name}${short === undefined ? '' : ` -s ${short}`}${value} -d '${escaped(brief(option))}'`;
      }),
    ];
  });
  return `# Completion of convolutionize in fish: save this as ~/.config/fish/completions/convolutionize.fish.\n${lines.join('\n')}\n`;
}
