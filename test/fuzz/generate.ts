/** The input that a seed stands for. */

import { hash } from '../support/seeded';
import { Dice } from './dice';
import { type Action, type Case, caseOf, type Draft, type Head } from './draft';
import { mutateModel } from './onnx-tree';
import type { Seeds } from './seeds';
import type { Door } from './target';
import { type Branch, mutate, ODD_NAMES, type Tree } from './tree';
import { operatorNames } from './words';

/** `number` of the run with `seed`. The same two always give the same input. */
export function generate(seeds: Seeds, seed: number, number: number, only?: string): Draft {
  const dice = new Dice(hash(`${seed} ${number}`));
  const formats = only === undefined ? FORMATS : FORMATS.filter(([name]) => name === only);
  const all = formats.reduce((sum, [, share]) => sum + share, 0);
  let at = dice.below(all);
  for (const [, share, make] of formats) {
    if (at < share) return make(seeds, dice);
    at -= share;
  }
  throw new Error(`there is no format '${only}', only ${FORMATS.map(([name]) => name).join(', ')}`);
}

/** The same, made final. Undefined where it cannot be: parts put into each other can become too deep. */
export function inputOf(seeds: Seeds, seed: number, number: number, only?: string): Case | undefined {
  let draft: Draft;
  try {
    draft = generate(seeds, seed, number, only);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
  return caseOf(draft);
}

/** How many changes: mostly few, so that what comes out is nearly sound. */
const rounds = (dice: Dice): number => (dice.chance(0.6) ? 1 + dice.below(2) : 1 + dice.below(8));
const scars = (dice: Dice, share: number): number[] =>
  dice.chance(share) ? Array.from({ length: 1 + dice.below(3) }, () => dice.seed()) : [];

const HEADS: readonly Head[] = ['window', 'cell', 'image', 'original'];

/** Of the large and slow ones, one in twenty. */
function someIndex(seeds: Seeds, dice: Dice): number {
  for (;;) {
    const index = dice.below(seeds.models);
    if (!seeds.isLarge(index) || dice.chance(0.05)) return index;
  }
}

function someModel(seeds: Seeds, dice: Dice): Branch {
  for (;;) {
    const model = seeds.model(someIndex(seeds, dice));
    if (model) return model;
  }
}

/** Reading is tried most often, since most of what is wrong is found there; converting takes ten times as long, a command line too. */
function modelAction(dice: Dice, model: string): Action {
  if (dice.chance(0.03)) return modelCommand(dice, model);
  return {
    kind: 'library',
    depth: dice.chance(0.6) ? 'read' : dice.chance(0.4) ? 'print' : 'convert',
    head: dice.pick(HEADS),
    optimise: dice.pick([2, 2, 1, 0]),
    tfjs: dice.chance(0.4),
    stride: dice.chance(0.1) ? dice.pick([1, 2]) : undefined,
    draws: dice.chance(0.02),
    runs: dice.chance(0.3),
  };
}

function onnx(seeds: Seeds, dice: Dice): Draft {
  const tree = someModel(seeds, dice);
  for (let left = rounds(dice); left > 0; left--) mutateModel(tree, new Dice(dice.seed()), () => someModel(seeds, dice));
  return {
    format: 'onnx',
    as: 'onnx',
    name: 'model.onnx',
    tree: { root: tree },
    scars: scars(dice, 0.04),
    others: seeds.beside,
    action: modelAction(dice, 'model.onnx'),
  };
}

/** Command lines for a model. */
function modelCommand(dice: Dice, model: string): Action {
  const cli = (args: readonly string[], ...may: string[]): Action => ({ kind: 'cli', args, may });
  const size = dice.chance(0.2) ? ['--input-size', dice.pick(['8x8', '1x1', '12x10', '100000x100000'])] : [];
  switch (dice.below(dice.chance(0.03) ? 14 : 11)) {
    case 0:
      return cli(['inspect', model, ...size]);
    case 1:
      return cli(['inspect', model, '--json', ...size]);
    case 2:
      return cli(
        ['inspect', model, '--format', 'text', '--weights', dice.pick(['reference', 'inline', 'none']), '-o', 'out.onnxtxt'],
        'out.onnxtxt',
      );
    case 3:
      return cli(
        ['inspect', model, '-o', `out.${dice.chance(0.5) ? 'dot' : 'svg'}`, '--depth', dice.pick(['auto', '1', 'all'])],
        'out.dot',
        'out.svg',
      );
    case 4:
      return cli(['inspect', '--diff', model, 'pair.onnx', ...(dice.chance(0.5) ? ['--json'] : [])]);
    case 5:
      return cli(
        [
          'convert',
          model,
          'out.onnx',
          '--no-verify',
          '--head',
          dice.pick(HEADS),
          ...(dice.chance(0.5) ? ['--external-data'] : []),
          '--certificate',
          'c.json',
          ...size,
        ],
        'out.onnx',
        'out.onnx.data',
        'c.json',
      );
    case 6:
      return cli(
        [
          'convert',
          model,
          'out',
          '--to',
          'tfjs',
          '--no-verify',
          '--head',
          dice.pick(HEADS),
          ...(dice.chance(0.3) ? ['--quantize-uint8'] : []),
          ...(dice.chance(0.3) ? ['--input-layout', 'nchw'] : []),
        ],
        'out',
      );
    case 7:
      return cli(['convert', model, '--dry-run', '--remarks', ...(dice.chance(0.5) ? ['--json'] : [])]);
    case 8:
      return cli(
        ['convert', model, 'out.onnx', '--no-verify', '--weights', 'reference', '--outputs', dice.pick(['Y', 'F', '', '__proto__'])],
        'out.onnx',
      );
    case 9:
      return cli(
        ['convert', model, 'out.onnx', '--no-verify', '--dump-dir', 'dump', '--stride', dice.pick(['1', '2', '3'])],
        'out.onnx',
        'dump',
      );
    case 10:
      return cli(['convert', model, '--explain', dice.pick(['Y', 'C', 'F', 'constructor'])]);
    case 11:
      return cli(['verify', model, model, '-n', '1']);
    case 12:
      return cli(['predict', model, 'small.png']);
    default:
      return cli(['heatmap', model, 'small.png', '-o', 'heat.png'], 'heat.png');
  }
}

/** A text in pieces, none of which is lost. */
const pieces = (text: string): Tree[] => text.split(/(\s+|[A-Za-z_][\w.]*|-?\d[\d.e+-]*|"[^"\n]*"|[^\w\s])/).filter((part) => part !== '');

function textDraft(
  dice: Dice,
  format: string,
  name: string,
  text: string,
  words: readonly string[],
  others: ReadonlyMap<string, Uint8Array>,
  action: Action,
): Draft {
  const root = pieces(text);
  for (let left = rounds(dice); left > 0; left--) {
    const where = dice.below(root.length + 1);
    switch (dice.below(5)) {
      case 0:
        root.splice(where, 1 + dice.below(3));
        break;
      case 1:
        root.splice(where, 0, ...root.slice(where, where + 1 + dice.below(8)));
        break;
      case 2:
        root[where] = dice.pick([
          ...words,
          ...ODD_NAMES,
          '0',
          '-1',
          '99999999999999999999',
          '1e999',
          '{',
          '}',
          '[',
          ']',
          '(',
          ')',
          '<',
          '>',
          ',',
          '=',
          '"',
          ':',
          '"""',
          '#',
          '|',
          '&a',
          '*a',
          '!!x',
          '- ',
          '\t',
        ]);
        break;
      case 3: {
        const other = dice.below(root.length);
        [root[where], root[other]] = [root[other] ?? '', root[where] ?? ''];
        break;
      }
      default:
        root.splice(where, 0, dice.pick(['(', '[', '{', '<', '"', '-']).repeat(dice.pick([1, 3, 5000])));
    }
  }
  return { format, as: 'text', name, tree: { root }, scars: scars(dice, 0.1), others, action };
}

function onnxText(seeds: Seeds, dice: Dice): Draft {
  for (;;) {
    const text = seeds.modelText(someIndex(seeds, dice), dice.chance(0.5) ? 'elide' : 'inline');
    if (text === undefined) continue;
    return textDraft(dice, 'onnxtxt', 'model.onnxtxt', text, operatorNames, seeds.beside, modelAction(dice, 'model.onnxtxt'));
  }
}

const JSON_WORDS = [
  'float32',
  'int32',
  'uint8',
  'float16',
  'bool',
  'string',
  'complex64',
  'DT_FLOAT',
  'DT_STRING',
  'Const',
  'Placeholder',
  'Conv2D',
  'Identity',
  'group1-shard1of1.bin',
  '../x',
  'equal',
  'different',
  'same',
  'permuted',
  'computed',
  'nhwc',
  'graph-model',
  'layers-model',
  'AQ==',
  '-1',
];

function jsonDraft(
  dice: Dice,
  seeds: Seeds,
  format: string,
  name: string,
  from: string,
  others: ReadonlyMap<string, Uint8Array>,
  action: Action,
): Draft {
  const tree: Branch = { root: JSON.parse(seeds.text(from)) as Tree };
  for (let left = rounds(dice); left > 0; left--) mutate(tree, new Dice(dice.seed()), JSON_WORDS, false);
  return { format, as: 'json', name, tree, scars: scars(dice, 0.1), hashed: format === 'certificate' && dice.chance(0.7), others, action };
}

const cli = (args: readonly string[], ...may: string[]): Action => ({ kind: 'cli', args, may });
/** Mostly the function that reads the file; now and then a command around it. */
const mostly = (dice: Dice, door: Door, name: string, command: () => Action): Action =>
  dice.chance(0.97) ? { kind: 'door', door, name } : command();

const SHARD = 'web/group1-shard1of1.bin';
function tfjs(seeds: Seeds, dice: Dice): Draft {
  const others = seeds.files('pair.onnx', 'small.png', 'web/model.json', SHARD);
  const action = mostly(dice, 'tfjs', 'web', () =>
    dice.chance(0.7)
      ? cli(['inspect', 'web', ...(dice.chance(0.5) ? ['--json'] : [])])
      : dice.pick([
          cli(['inspect', 'web', '-o', 'out.dot'], 'out.dot'),
          cli(['verify', 'pair.onnx', 'web', '-n', '1']),
          cli(['verify', 'pair.onnx', 'web', '--exact', '-n', '1']),
          cli(['predict', 'web', 'small.png']),
        ]),
  );
  if (dice.chance(0.1))
    return { format: 'tfjs', as: 'bytes', name: SHARD, tree: { root: seeds.file(SHARD) }, scars: scars(dice, 1), others, action };
  return jsonDraft(dice, seeds, 'tfjs', 'web/model.json', 'web/model.json', others, action);
}

const certificate = (seeds: Seeds, dice: Dice): Draft =>
  jsonDraft(
    dice,
    seeds,
    'certificate',
    'certificate.json',
    'certificate.json',
    seeds.files('pair.onnx', 'pair-fcn.onnx'),
    mostly(dice, 'certificate', 'certificate.json', () =>
      cli(['verify', '--certificate', 'certificate.json', ...(dice.chance(0.3) ? ['--json'] : [])]),
    ),
  );

const report = (seeds: Seeds, dice: Dice): Draft =>
  jsonDraft(
    dice,
    seeds,
    'report',
    'report.json',
    'report.json',
    seeds.files(),
    mostly(dice, 'report', 'report.json', () =>
      cli(
        ['verify', '--merge', 'report.json', '--reporter', `${dice.pick(['text', 'json', 'junit', 'markdown', 'github'])}=out.txt`],
        'out.txt',
      ),
    ),
  );

function recipe(seeds: Seeds, dice: Dice): Draft {
  const from = dice.pick(seeds.names(/^recipes\/.*\.json$/));
  const name = from.replace('recipes/', '');
  const action = mostly(dice, 'recipe', name, () => cli(['convert', 'pair.onnx', 'out.onnx', '--no-verify', '--preset', name], 'out.onnx'));
  return jsonDraft(dice, seeds, 'preprocessing', name, from, seeds.files('pair.onnx'), action);
}

function labels(seeds: Seeds, dice: Dice): Draft {
  const from = dice.pick(seeds.names(/^labels\//));
  // One of the names that are looked for beside a model.
  const name = dice.chance(0.3) ? (from.endsWith('.json') ? 'config.json' : 'labels.txt') : from.replace('labels/', '');
  const action = mostly(dice, 'labels', name, () => cli(['convert', 'pair.onnx', 'out.onnx', '--no-verify', '--labels', name], 'out.onnx'));
  return textDraft(dice, 'labels', name, seeds.text(from), JSON_WORDS, seeds.files('pair.onnx'), action);
}

const SUITE_WORDS = [
  'pairs:',
  'defaults:',
  'original:',
  'converted:',
  'rtol:',
  'samples:',
  'exact:',
  'map:',
  'inputs:',
  'input-size:',
  'seed:',
  'true',
  'null',
  '~',
  'pair.onnx',
  '*a',
  '&a',
  '<<:',
];
const suite = (seeds: Seeds, dice: Dice): Draft =>
  textDraft(
    dice,
    'suite',
    'suite.yaml',
    seeds.text('suite.yaml'),
    SUITE_WORDS,
    seeds.files('pair.onnx', 'pair-fcn.onnx'),
    mostly(dice, 'suite', 'suite.yaml', () => cli(['verify', '--suite', 'suite.yaml', '-n', '1', '--verify-budget', '1s'])),
  );

const CONFIG = `# Options by name.
inspect:
  depth: auto
  format: json
  input-size: [12x10]
convert:
  head: cell
  verify-budget: 2m
  rtol: [1e-3, 'Y:1e-4']
  force: true
`;
/** What is named here writes nothing: a configuration may do what a command line can. */
const CONFIG_WORDS = [
  'inspect:',
  'convert:',
  'verify:',
  'heatmap:',
  'depth:',
  'format:',
  'softmax:',
  'rtol:',
  'true',
  'null',
  '~',
  '*a',
  '&a',
  '<<:',
  '[',
  '{',
];
const config = (seeds: Seeds, dice: Dice): Draft =>
  textDraft(
    dice,
    'config',
    'config.yaml',
    CONFIG,
    CONFIG_WORDS,
    seeds.files('pair.onnx'),
    mostly(dice, 'config', 'config.yaml', () => cli(['inspect', 'pair.onnx', '--config', 'config.yaml'])),
  );

function bytesDraft(
  seeds: Seeds,
  dice: Dice,
  format: string,
  pattern: RegExp,
  others: ReadonlyMap<string, Uint8Array>,
  action: (name: string) => Action,
): Draft {
  const from = dice.pick(seeds.names(pattern));
  const name = from.replace(/^.*\//, '');
  const damage = Array.from({ length: rounds(dice) }, () => dice.seed());
  return { format, as: 'bytes', name, tree: { root: seeds.file(from) }, scars: damage, others, action: action(name) };
}

const picture = (seeds: Seeds, dice: Dice): Draft =>
  bytesDraft(seeds, dice, 'picture', /^pictures\//, seeds.files('pair.onnx', 'pair-fcn.onnx'), (name) =>
    mostly(dice, 'picture', name, () =>
      dice.chance(0.8) ? cli(['predict', 'pair.onnx', name]) : cli(['heatmap', 'pair-fcn.onnx', name, '-o', 'heat.png'], 'heat.png'),
    ),
  );

const array = (seeds: Seeds, dice: Dice): Draft =>
  bytesDraft(seeds, dice, 'array', /^(arrays|pictures)\//, seeds.files('pair.onnx', 'pair-fcn.onnx'), (name) =>
    mostly(dice, 'array', name, () => cli(['verify', 'pair.onnx', 'pair-fcn.onnx', '--inputs', name, '--verify-budget', '1s'])),
  );

/** Each format, and how often it has its turn. */
const FORMATS: readonly (readonly [string, number, (seeds: Seeds, dice: Dice) => Draft])[] = [
  ['onnx', 560, onnx],
  ['onnxtxt', 100, onnxText],
  ['tfjs', 80, tfjs],
  ['certificate', 80, certificate],
  ['report', 40, report],
  ['preprocessing', 30, recipe],
  ['labels', 30, labels],
  ['config', 25, config],
  ['suite', 25, suite],
  ['picture', 15, picture],
  ['array', 15, array],
];
export const FORMAT_NAMES: readonly string[] = FORMATS.map(([name]) => name);
