/**
 * Every pass on random networks, alone and in random orders, before and after in ONNX Runtime. RANDOM_NETWORKS says how many (default 2400), RANDOM_SEED
 * where to begin. The same networks with height and width as symbols run at several sizes. A failure is shrunk and printed as ONNX text.
 */
import { allPasses, pipelineFor } from '../../passes';
import { evaluateDim } from '../../src/ir/dims';
import type { Model } from '../../src/ir/model';
import { inferShapes } from '../../src/ir/shape-inference';
import type { Tensor } from '../../src/ir/types';
import { validateModel } from '../../src/ir/validate';
import { printModel } from '../../src/onnx/text/printer';
import { runPasses } from '../../src/rewrite/manager';
import type { Numbers, Pass } from '../../src/rewrite/pass';
import { departure } from '../support/compare';
import { randomNetwork } from '../support/random-network';
import { feedsFor, runModel } from '../support/run';
import { random } from '../support/seeded';
import { shrunk } from '../support/shrink';

const NETWORKS = Number(process.env.RANDOM_NETWORKS ?? 2400);
const FIRST = Number(process.env.RANDOM_SEED ?? 1);
const PARTS = 8;

/** Conversions change what a network gives, on purpose: they have their own tests. */
const CHANGES_OUTPUTS = new Set([
  'nchw-to-nhwc',
  'output-map',
  'output-cells',
  'output-average',
  'free-spatial-dims',
  'global-pool-to-window',
  'fold-shapes',
  'dense-stride',
  'dense-shift',
]);
const passes = allPasses.filter(({ name }) => !CHANGES_OUTPUTS.has(name));

const STRICTNESS: readonly Numbers[] = ['identical', 'reordered', 'rounding'];
/** The networks keep activations near one, and inputs are below one: where terms of this size cancel, what remains carries their rounding. */
const TERMS = 0.05;
const loosest = (list: readonly Pass[]): Numbers =>
  STRICTNESS[Math.max(...list.map(({ numbers }) => STRICTNESS.indexOf(numbers)))] ?? 'rounding';

interface Outcome {
  readonly changed: boolean;
  readonly problem: string | undefined;
}

/** What a network gives, run once. */
const results = new WeakMap<Model, Promise<ReadonlyMap<string, Tensor>>>();
function resultsOf(model: Model): Promise<ReadonlyMap<string, Tensor>> {
  const found = results.get(model) ?? runModel(model, feedsFor(model.graph.inputs));
  results.set(model, found);
  return found;
}

async function outcome(model: Model, list: readonly Pass[]): Promise<Outcome> {
  const after = model.clone();
  try {
    const reports = runPasses(after, list, { validate: 'rule' });
    if (reports.every(({ edits }) => edits === 0)) return { changed: false, problem: undefined };
    validateModel(after);
    const [only, second] = list;
    // The pass of last resort looks for maps in front of the classifier, and in networks of pads and pools alone takes its own result for one more.
    if (only && !second && only.name !== 'head-per-window' && runPasses(after.clone(), [only]).some(({ edits }) => edits > 0))
      return { changed: true, problem: 'a second run changes it again' };
    const actual = await runModel(after, feedsFor(model.graph.inputs));
    for (const [name, tensor] of await resultsOf(model)) {
      const found = departure(tensor, actual.get(name), loosest(list), TERMS);
      if (found) return { changed: true, problem: `output '${name}': ${found}` };
    }
    return { changed: true, problem: undefined };
  } catch (error) {
    return { changed: true, problem: error instanceof Error ? error.message : String(error) };
  }
}

/** Sizes at which a network whose height and width are symbols is run: of one row, odd, narrow, its own and larger. */
const SIZES: readonly (readonly [number, number])[] = [
  [1, 5],
  [5, 3],
  [6, 11],
  [9, 8],
  [14, 17],
];

/** The same network with height and width as symbols. */
function free(model: Model): Model {
  const copy = model.clone();
  for (const input of copy.graph.inputs) {
    const { type } = input;
    if (type?.shape) copy.graph.setType(input, { ...type, shape: [...type.shape.slice(0, 2), 'height', 'width'] });
  }
  inferShapes(copy);
  return copy;
}

/** What passes make of a network of free sizes, at each size that the network itself takes. */
async function freeOutcome(model: Model, list: readonly Pass[]): Promise<Outcome> {
  const before = free(model);
  const after = before.clone();
  try {
    const reports = runPasses(after, list, { validate: 'rule' });
    if (reports.every(({ edits }) => edits === 0)) return { changed: false, problem: undefined };
    validateModel(after);
    for (const [height, width] of SIZES) {
      const feeds = feedsFor(before.graph.inputs, { sizes: { height, width } });
      // Of empty maps runtimes make NaN, zeros or an error, as they like.
      const isEmpty = before.graph.nodes.some(({ outputs }) =>
        outputs.some(({ type }) => type?.shape?.some((dim) => (evaluateDim(dim, { height, width }) ?? 1) < 1)),
      );
      const expected = isEmpty ? undefined : await runModel(before, feeds, { quiet: true }).catch(() => undefined);
      if (!expected) continue;
      const actual = await runModel(after, feeds);
      for (const [name, tensor] of expected) {
        const found = departure(tensor, actual.get(name), loosest(list), TERMS);
        if (found) return { changed: true, problem: `at ${height}x${width}, output '${name}': ${found}` };
      }
    }
    return { changed: true, problem: undefined };
  } catch (error) {
    return { changed: true, problem: error instanceof Error ? error.message : String(error) };
  }
}

/** Whether the passes changed anything. */
async function check(model: Model, list: readonly Pass[], seed: number, judge = outcome): Promise<boolean> {
  const { changed, problem } = await judge(model, list);
  if (problem === undefined) return changed;
  const smallest = await shrunk(model, async (candidate) => (await judge(candidate, list)).problem !== undefined);
  const why = ((await judge(smallest, list)).problem ?? problem).split('\n').slice(0, 3).join('\n');
  throw new Error(`seed ${seed}, ${list.map(({ name }) => name).join(' > ')}: ${why}\n--- shrunk\n${printModel(smallest)}`);
}

describe('random networks', () => {
  test.each(Array.from({ length: PARTS }, (_, part) => part))(
    'part %i',
    async (part) => {
      const changed = new Map<string, number>();
      for (let at = 0; at < NETWORKS / PARTS; at++) {
        const seed = FIRST + part + at * PARTS;
        const model = randomNetwork(seed, 3 + (seed % 9));
        for (const pass of passes) {
          if (await check(model, [pass], seed)) changed.set(pass.name, (changed.get(pass.name) ?? 0) + 1);
        }
        const next = random(seed);
        const order = passes
          .map((pass) => ({ pass, key: next() }))
          .sort((a, b) => a.key - b.key)
          .map(({ pass }) => pass);
        await check(model, order, seed);
        await check(randomNetwork(seed, 3 + (seed % 9), { anySize: true }), order, seed, freeOutcome);
      }
      // The networks have what the passes look for.
      expect(changed.size).toBeGreaterThanOrEqual(NETWORKS >= 400 ? 9 : 1);
    },
    600_000,
  );
});

const foldings = pipelineFor('original', 2)
  .flat()
  .filter(({ name }) => !CHANGES_OUTPUTS.has(name));

describe('random networks of free sizes, folded', () => {
  test.each(Array.from({ length: PARTS }, (_, part) => part))(
    'part %i',
    async (part) => {
      let changed = 0;
      for (let at = 0; at < NETWORKS / PARTS; at++) {
        const seed = FIRST + part + at * PARTS;
        if (await check(randomNetwork(seed, 3 + (seed % 9), { anySize: true }), foldings, seed, freeOutcome)) changed++;
      }
      expect(changed).toBeGreaterThan(0);
    },
    600_000,
  );
});
