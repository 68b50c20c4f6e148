/** The input that a seed stands for. */

import { bufferSource } from '../../src/ir/bytes';
import { readModel } from '../../src/onnx/read';
import { parseModel } from '../../src/onnx/text/parser';
import { printModel } from '../../src/onnx/text/printer';
import { hash } from '../support/seeded';
import { Dice } from './dice';
import type { Action, Draft, Head } from './draft';
import { modelBytes, mutateModel } from './onnx-tree';
import type { Seeds } from './seeds';
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

/** How many changes: mostly few, so that what comes out is nearly sound. */
const rounds = (dice: Dice): number => (dice.chance(0.6) ? 1 + dice.below(2) : 1 + dice.below(8));
const scars = (dice: Dice, share: number): number[] =>
  dice.chance(share) ? Array.from({ length: 1 + dice.below(3) }, () => dice.seed()) : [];

const HEADS: readonly Head[] = ['window', 'cell', 'image', 'original'];

function someModel(seeds: Seeds, dice: Dice): Branch {
  for (;;) {
    const model = seeds.model(dice.below(seeds.models));
    if (model) return model;
  }
}

function onnx(seeds: Seeds, dice: Dice): Draft {
  const tree = someModel(seeds, dice);
  for (let left = rounds(dice); left > 0; left--) mutateModel(tree, new Dice(dice.seed()), () => someModel(seeds, dice));
  const weights = Uint8Array.from({ length: 4096 }, (_, at) => at);
  const action: Action = dice.chance(0.75)
    ? {
        kind: 'library',
        head: dice.pick(HEADS),
        optimise: dice.pick([2, 2, 1, 0]),
        tfjs: dice.chance(0.4),
        stride: dice.chance(0.1) ? dice.pick([1, 2]) : undefined,
        draws: dice.chance(0.1),
        runs: dice.chance(0.35),
      }
    : modelCommand(dice, 'model.onnx');
  return {
    format: 'onnx',
    as: 'onnx',
    name: 'model.onnx',
    tree: { root: tree },
    scars: scars(dice, 0.04),
    others: new Map([['weights.bin', weights], ...pictured(seeds)]),
    action,
  };
}

const pictured = (seeds: Seeds): [string, Uint8Array][] => [
  ['small.png', seeds.file('small.png')],
  ['pair.onnx', seeds.file('pair.onnx')],
];

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
    let text: string;
    try {
      const model = readModel(bufferSource(modelBytes(someModel(seeds, dice))), { keepOpset: dice.chance(0.3) });
      text = printModel(model, { weights: dice.chance(0.5) ? 'elide' : 'inline', types: 'both', beyond: true });
      if (text.length > 20_000) continue;
      parseModel(text);
    } catch {
      continue;
    }
    return textDraft(dice, 'onnxtxt', 'model.onnxtxt', text, operatorNames, new Map(pictured(seeds)), modelCommand(dice, 'model.onnxtxt'));
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

const files = (seeds: Seeds, ...names: string[]): Map<string, Uint8Array> => new Map(names.map((name) => [name, seeds.file(name)]));
const cli = (args: readonly string[], ...may: string[]): Action => ({ kind: 'cli', args, may });

function tfjs(seeds: Seeds, dice: Dice): Draft {
  const others = files(seeds, 'pair.onnx', 'small.png', 'web/group1-shard1of1.bin');
  const action = dice.chance(0.75)
    ? cli(['inspect', 'web', ...(dice.chance(0.5) ? ['--json'] : [])])
    : dice.pick([
        cli(['inspect', 'web', '-o', 'out.dot'], 'out.dot'),
        cli(['verify', 'pair.onnx', 'web', '-n', '1']),
        cli(['verify', 'pair.onnx', 'web', '--exact', '-n', '1']),
        cli(['predict', 'web', 'small.png']),
      ]);
  return jsonDraft(dice, seeds, 'tfjs', 'web/model.json', 'web/model.json', others, action);
}

const certificate = (seeds: Seeds, dice: Dice): Draft =>
  jsonDraft(
    dice,
    seeds,
    'certificate',
    'certificate.json',
    'certificate.json',
    files(seeds, 'pair.onnx', 'pair-fcn.onnx'),
    cli(['verify', '--certificate', 'certificate.json', ...(dice.chance(0.3) ? ['--json'] : [])]),
  );

function report(seeds: Seeds, dice: Dice): Draft {
  const reporter = dice.pick(['text', 'json', 'junit', 'markdown', 'github']);
  return jsonDraft(
    dice,
    seeds,
    'report',
    'report.json',
    'report.json',
    new Map(),
    cli(['verify', '--merge', 'report.json', '--reporter', `${reporter}=out.txt`], 'out.txt'),
  );
}

function recipe(seeds: Seeds, dice: Dice): Draft {
  const from = dice.pick(seeds.names(/^recipes\/.*\.json$/));
  const name = from.replace('recipes/', '');
  return jsonDraft(
    dice,
    seeds,
    'preprocessing',
    name,
    from,
    files(seeds, 'pair.onnx'),
    cli(['convert', 'pair.onnx', 'out.onnx', '--no-verify', '--preset', name], 'out.onnx'),
  );
}

function labels(seeds: Seeds, dice: Dice): Draft {
  const from = dice.pick(seeds.names(/^labels\//));
  const name = from.replace('labels/', '');
  return textDraft(
    dice,
    'labels',
    name,
    seeds.text(from),
    JSON_WORDS,
    files(seeds, 'pair.onnx'),
    cli(['convert', 'pair.onnx', 'out.onnx', '--no-verify', '--labels', name], 'out.onnx'),
  );
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
    files(seeds, 'pair.onnx', 'pair-fcn.onnx'),
    cli(['verify', '--suite', 'suite.yaml', '-n', '1', '--verify-budget', '1s']),
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
    files(seeds, 'pair.onnx'),
    cli(['inspect', 'pair.onnx', '--config', 'config.yaml']),
  );

function bytesDraft(
  seeds: Seeds,
  dice: Dice,
  format: string,
  pattern: RegExp,
  others: ReadonlyMap<string, Uint8Array>,
  command: (name: string) => Action,
): Draft {
  const from = dice.pick(seeds.names(pattern));
  const name = from.replace(/^.*\//, '');
  const damage = Array.from({ length: rounds(dice) }, () => dice.seed());
  return { format, as: 'bytes', name, tree: { root: seeds.file(from).slice() }, scars: damage, others, action: command(name) };
}

const picture = (seeds: Seeds, dice: Dice): Draft =>
  bytesDraft(seeds, dice, 'picture', /^pictures\//, files(seeds, 'pair.onnx', 'pair-fcn.onnx'), (name) =>
    dice.chance(0.8) ? cli(['predict', 'pair.onnx', name]) : cli(['heatmap', 'pair-fcn.onnx', name, '-o', 'heat.png'], 'heat.png'),
  );

const array = (seeds: Seeds, dice: Dice): Draft =>
  bytesDraft(seeds, dice, 'array', /^arrays\//, files(seeds, 'pair.onnx', 'pair-fcn.onnx'), (name) =>
    cli(['verify', 'pair.onnx', 'pair-fcn.onnx', '--inputs', name, '--verify-budget', '1s']),
  );

/** Each format, and how often it has its turn. What runs models is slow, and has fewer. */
const FORMATS: readonly (readonly [string, number, (seeds: Seeds, dice: Dice) => Draft])[] = [
  ['onnx', 640, onnx],
  ['onnxtxt', 110, onnxText],
  ['tfjs', 80, tfjs],
  ['certificate', 80, certificate],
  ['report', 40, report],
  ['preprocessing', 25, recipe],
  ['labels', 15, labels],
  ['config', 20, config],
  ['suite', 4, suite],
  ['picture', 4, picture],
  ['array', 2, array],
];
export const FORMAT_NAMES: readonly string[] = FORMATS.map(([name]) => name);
