/** Every network that the lecture names, at full size with seeded weights: converted, and verified against its original. */
import { familyTree } from '../../fixtures/builders';
import { compile } from '../../src/compile';
import { tensorByteLength } from '../../src/ir/tensor';
import { verifyFiles } from '../../src/verify/files/verify';
import { expectEqual } from '../support/checks';

/** These take a minute or more to run: they are verified with FAMILY_TREE=all, and converted every time. Smaller ones of the same make are verified every time. */
const LARGE = new Set([
  'prelu-net-b',
  'vgg19',
  'wide-resnet50-2',
  'inception-v4',
  'densenet121',
  'resnext50-32x4d',
  'efficientnet-b1',
  'efficientnet-b2',
  'efficientnet-b3',
  'efficientnet-b4',
  'efficientnet-b5',
  'efficientnet-b6',
  'efficientnet-b7',
]);

const ALL = process.env.FAMILY_TREE === 'all';
const CONVERT_ONLY: ReadonlySet<string> = ALL ? new Set() : LARGE;
/** Seconds for what reaches beyond the checks that a verdict needs: these networks are large, and there are many of them. */
const BUDGET = ALL ? 30 : 8;

describe.each(Object.entries(familyTree))('%s', (name, { build }) => {
  test(CONVERT_ONLY.has(name) ? 'becomes a map' : 'becomes a map that is verified', async () => {
    const original = build();
    const compiled = compile(original);
    for (const { converted } of compiled.report.outputs) expect(converted?.slice(2).every((dim) => typeof dim === 'string')).toBe(true);
    const bytes = (model: typeof original): number =>
      model.graph.constants.reduce((sum, { constant }) => sum + tensorByteLength(constant), 0);
    // Folding may take numbers away; it adds none but sizes and axes.
    expect(bytes(compiled.model) - bytes(compiled.original)).toBeLessThan(4096);
    if (CONVERT_ONLY.has(name)) return;
    const report = await verifyFiles(original, compiled.model, { compiled, budget: BUDGET });
    expectEqual(report, 'original size', ...(compiled.report.contract.kind === 'everywhere' ? (['crops of the image'] as const) : []));
  }, 900_000);
});
