/**
 * Every pass on random networks, alone and in random orders, before and after in ONNX Runtime. RANDOM_NETWORKS says how many (default 2400), RANDOM_SEED
 * where to begin. A failure is shrunk and printed as ONNX text.
 */
import { allPasses } from '../../passes';
import type { Model } from '../../src/ir/model';
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
    if (only && !second && runPasses(after.clone(), [only]).some(({ edits }) => edits > 0))
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

/** Whether the passes changed anything. */
async function check(model: Model, list: readonly Pass[], seed: number): Promise<boolean> {
  const { changed, problem } = await outcome(model, list);
  if (problem === undefined) return changed;
  const smallest = await shrunk(model, async (candidate) => (await outcome(candidate, list)).problem !== undefined);
  const why = ((await outcome(smallest, list)).problem ?? problem).split('\n').slice(0, 3).join('\n');
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
      }
      // The networks have what the passes look for.
      expect(changed.size).toBeGreaterThanOrEqual(NETWORKS >= 400 ? 9 : 1);
    },
    600_000,
  );
});
