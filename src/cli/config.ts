/**
 * `--config convolutionize.yaml`: options by name, per command. The command line takes precedence.
 *
 *   convert:
 *     head: cell
 *     verify-budget: 2m
 *   verify:
 *     rtol: [1e-3, 'scores:1e-4']
 */
import { configInvalid } from '../diagnostics/catalogue';
import { YamlFile, type YamlPath } from '../files/yaml-file';
import { table } from '../ir/table';
import { optionNames } from './complaints';
import { nearest } from './nearest';
import { allOptionsOf, COMMANDS } from './options';
import type { Option } from './options/option';

/** Option values in the form in which the command line gives them. */
export type Configured = Readonly<Record<string, string | boolean | readonly string[]>>;

/** Options of one command; the whole file is validated. Throws CompileError CANNOT_READ, CONFIG_INVALID. */
export function readConfig(file: string, command: string): Configured {
  const yaml = new YamlFile(file, configInvalid);
  const sections = entries(yaml, yaml.root, []);
  const read = sections.map(([name, section]): [string, Configured] => {
    if (!COMMANDS.some((each) => each.name === name))
      unknown(
        yaml,
        [name],
        'command',
        COMMANDS.map((each) => each.name),
      );
    return [name, section === null ? {} : sectionOf(yaml, section, name)];
  });
  return read.find(([name]) => name === command)?.[1] ?? {};
}

function sectionOf(yaml: YamlFile, section: unknown, command: string): Configured {
  const options = table(allOptionsOf(command));
  const values = entries(yaml, section, [command]).map(([name, value]): [string, Configured[string]] => {
    const path = [command, name];
    const option = options[name];
    if (!option) return unknown(yaml, path, 'option', optionNames(command));
    if (name === 'config') return yaml.fail(path, "'config' is an option of the command line only");
    return [name, optionValue(yaml, option, value, path)];
  });
  return table(Object.fromEntries(values));
}

function optionValue(yaml: YamlFile, option: Option, value: unknown, path: YamlPath): Configured[string] {
  const name = path.at(-1);
  if (option.type === 'boolean') return typeof value === 'boolean' ? value : yaml.fail(path, `'${name}' must be true or false`);
  // `--quantize-float16` may be given without a value: all weights.
  if (value === true && option.value?.startsWith('[=')) return '*';
  const one = (each: unknown, place: YamlPath): string => {
    if (typeof each !== 'string' && typeof each !== 'number')
      return yaml.fail(place, `'${name}' must be a text or a number${option.array ? ', or a list of such' : ''}`);
    const text = String(each);
    const choices = (option.choices ?? []).map(String);
    if (choices.length > 0 && !choices.includes(text)) yaml.fail(place, `'${name}' cannot be '${text}', only ${choices.join(' or ')}`);
    return text;
  };
  if (option.array) return Array.isArray(value) ? value.map((each: unknown, at) => one(each, [...path, at])) : [one(value, path)];
  return one(value, path);
}

function entries(yaml: YamlFile, value: unknown, path: YamlPath): [string, unknown][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return yaml.fail(
      path,
      path.length === 0 ? 'it must have a key for each command, such as convert' : `'${path.at(-1)}' must have options as keys`,
    );
  return Object.entries(value);
}

function unknown(yaml: YamlFile, path: YamlPath, kind: string, names: readonly string[]): never {
  const name = String(path.at(-1));
  const near = nearest(name, names);
  const rest = near !== undefined ? `; did you mean '${near}'?` : kind === 'command' ? `, only ${names.join(', ')}` : '';
  return yaml.failAtKey(path, `there is no ${kind} '${name}'${path.length > 1 ? ` of ${path[0]}` : ''}${rest}`);
}
