/**
 * Lists of pairs to verify, in YAML. Paths are relative to the file; `defaults` apply to every pair that does not override them.
 *
 *   defaults:
 *     samples: 20
 *   pairs:
 *     - name: resnet in half precision
 *       original: resnet.onnx
 *       converted: resnet-fp16.onnx
 *       rtol: 1e-2
 */
import { dirname, isAbsolute, join } from 'node:path';
import { suiteInvalid } from '../../diagnostics/catalogue';
import { YamlFile, type YamlPath } from '../../files/yaml-file';
import type { PerOutput } from '../bench';
import { RELATIONS, type Relation } from '../pair/relation';

export interface SuitePair {
  readonly name: string;
  readonly original: string;
  readonly converted: string;
  readonly options: PairSettings;
}

/** The same settings as the command-line options. */
export interface PairSettings {
  readonly rtol?: PerOutput | undefined;
  readonly atol?: PerOutput | undefined;
  /** From 0 to 1. */
  readonly minAgreement?: number | undefined;
  readonly cosine?: number | undefined;
  readonly seed?: number | undefined;
  readonly samples?: number | undefined;
  /** In seconds. */
  readonly budget?: number | undefined;
  readonly relation?: Relation | undefined;
  readonly map?: ReadonlyMap<string, string> | undefined;
  readonly inputs?: readonly string[] | undefined;
  readonly preset?: string | undefined;
  /** In the format of `--input-size`. */
  readonly inputSize?: readonly string[] | undefined;
  readonly exact?: boolean | undefined;
}

/** Throws CompileError CANNOT_READ, SUITE_INVALID with line and column. */
export function readSuite(file: string): readonly SuitePair[] {
  return new SuiteReader(new YamlFile(file, suiteInvalid)).read();
}

class SuiteReader {
  constructor(private readonly yaml: YamlFile) {}

  read(): readonly SuitePair[] {
    const root = this.object(this.yaml.root, [], ['defaults', 'pairs']);
    const defaults = root.defaults === undefined ? {} : this.settings(this.object(root.defaults, ['defaults'], SETTINGS), ['defaults']);
    if (!Array.isArray(root.pairs)) return this.fail('pairs' in root ? ['pairs'] : [], "'pairs' must be a list of pairs of models");
    const pairs = root.pairs.map((item: unknown, at) => this.pair(item, ['pairs', at], defaults));
    const twice = pairs.findIndex(({ name }, at) => pairs.findIndex((other) => other.name === name) < at);
    if (twice >= 0) this.fail(['pairs', twice], `two pairs are named '${pairs[twice]?.name}'`);
    return pairs;
  }

  private pair(item: unknown, path: YamlPath, defaults: PairSettings): SuitePair {
    const pair = this.object(item, path, ['name', 'original', 'converted', ...SETTINGS]);
    const original = this.text(pair.original, [...path, 'original']);
    const converted = this.text(pair.converted, [...path, 'converted']);
    const name = pair.name === undefined ? `${original} and ${converted}` : this.text(pair.name, [...path, 'name']);
    const own = Object.entries(this.settings(pair, path)).filter(([, value]) => value !== undefined);
    return { name, original: this.path(original), converted: this.path(converted), options: { ...defaults, ...Object.fromEntries(own) } };
  }

  private settings(from: Readonly<Record<string, unknown>>, path: YamlPath): PairSettings {
    const at = <T>(key: string, read: (value: unknown, place: YamlPath) => T): T | undefined =>
      from[key] === undefined ? undefined : read(from[key], [...path, key]);
    return {
      rtol: at('rtol', (value, place) => this.perOutput(value, place)),
      atol: at('atol', (value, place) => this.perOutput(value, place)),
      minAgreement: at('min-agreement', (value, place) => this.between(value, place, 0)),
      cosine: at('cosine', (value, place) => this.between(value, place, -1)),
      seed: at('seed', (value, place) => this.whole(value, place, 0)),
      budget: at('verify-budget', (value, place) => this.whole(value, place, 0)),
      samples: at('samples', (value, place) => this.whole(value, place, 1)),
      relation: at(
        'relation',
        (value, place) => RELATIONS.find((relation) => relation === value) ?? this.fail(place, `must be one of ${RELATIONS.join(', ')}`),
      ),
      map: at('map', (value, place) => {
        const map = this.object(value, place);
        return new Map(Object.entries(map).map(([from_, to]) => [from_, this.text(to, [...place, from_])]));
      }),
      inputs: at('inputs', (value, place) => this.list(value, place).map((text) => this.path(text))),
      // A file beside the list, or a name.
      preset: at('preset', (value, place) => this.presetOrFile(this.text(value, place))),
      inputSize: at('input-size', (value, place) => this.list(value, place)),
      exact: at('exact', (value, place) => (typeof value === 'boolean' ? value : this.fail(place, 'must be true or false'))),
    };
  }

  private perOutput(value: unknown, path: YamlPath): PerOutput {
    if (typeof value !== 'object' || value === null) return this.tolerance(value, path);
    const named = Object.entries(this.object(value, path)).map(([name, each]): [string, number] => [
      name === 'default' ? '' : name,
      this.tolerance(each, [...path, name]),
    ]);
    return Object.fromEntries(named);
  }
  private tolerance(value: unknown, path: YamlPath): number {
    return typeof value === 'number' && value >= 0 && Number.isFinite(value)
      ? value
      : this.fail(path, 'must be a number of at least 0, such as 1e-4, or one per output');
  }
  private whole(value: unknown, path: YamlPath, least: number): number {
    const fits = typeof value === 'number' && Number.isInteger(value) && value >= least && value < 2 ** 32;
    return fits ? value : this.fail(path, `must be a whole number of at least ${least}`);
  }
  /** Reads a number from `least` to 1. */
  private between(value: unknown, path: YamlPath, least: number): number {
    return typeof value === 'number' && value >= least && value <= 1 ? value : this.fail(path, `must be a number from ${least} to 1`);
  }
  private text(value: unknown, path: YamlPath): string {
    return typeof value === 'string' && value !== ''
      ? value
      : this.fail(path, value === undefined ? `'${path.at(-1)}' is missing` : 'must be a text');
  }
  private list(value: unknown, path: YamlPath): readonly string[] {
    return Array.isArray(value) ? value.map((each: unknown, at) => this.text(each, [...path, at])) : [this.text(value, path)];
  }
  private object(value: unknown, path: YamlPath, keys?: readonly string[]): Readonly<Record<string, unknown>> {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return this.fail(path, `must have keys${keys ? `: ${keys.join(', ')}` : ''}`);
    const unknown = keys && Object.keys(value).find((key) => !keys.includes(key));
    if (unknown !== undefined) this.fail([...path, unknown], `there is no key '${unknown}', only ${keys?.join(', ')}`);
    return Object.fromEntries(Object.entries(value));
  }
  private path(text: string): string {
    return isAbsolute(text) ? text : join(dirname(this.yaml.file), text);
  }
  private presetOrFile(text: string): string {
    return /\.json$/i.test(text) ? this.path(text) : text;
  }

  private fail(path: YamlPath, what: string): never {
    const isWhole = what.startsWith('there is') || what.startsWith('two ') || what.startsWith("'");
    return this.yaml.fail(path, `${path.length > 0 && !isWhole ? `'${path.at(-1)}' ` : ''}${what}`);
  }
}

const SETTINGS = [
  'rtol',
  'atol',
  'min-agreement',
  'cosine',
  'seed',
  'samples',
  'verify-budget',
  'relation',
  'map',
  'inputs',
  'preset',
  'input-size',
  'exact',
];
