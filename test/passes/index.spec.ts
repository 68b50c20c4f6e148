/** Every pass has the spec of its name, and an example that its claim about the numbers is no weaker than it must be. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { allPasses } from '../../passes';

test('every pass has a spec of its own name', () => {
  const without = allPasses.map(({ name }) => name).filter((name) => !existsSync(join(__dirname, `${name}.spec.ts`)));
  expect(without).toEqual([]);
});

/** No run can show it: why not. */
const EXEMPT: Readonly<Record<string, string>> = {
  'open-integers': 'a sum that rounds otherwise is a whole step of an integer: test/passes/close-integers.spec.ts compares the cells',
  'close-integers': 'likewise',
  'inline-functions': 'no runtime has the operator',
  'output-cells': 'the result is a map in place of its mean',
  'turn-back-cells': 'the cells of the result are in another order',
  'dense-stride': 'the result has more cells: test/passes/dense-shift.spec.ts compares those of both',
  'dense-shift': 'likewise',
};

test('no pass claims less about the numbers than an example needs', () => {
  const tooWeak = allPasses
    .filter(({ name, numbers }) => numbers !== 'identical' && !(name in EXEMPT))
    .map(({ name }) => name)
    .filter((name) => !/departs: true/.test(readFileSync(join(__dirname, `${name}.spec.ts`), 'utf8')));
  expect(tooWeak).toEqual([]);
});
