/** Every pass has the spec of its name. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { allPasses } from '../../passes';

test('every pass has a spec of its own name', () => {
  const without = allPasses.map(({ name }) => name).filter((name) => !existsSync(join(__dirname, `${name}.spec.ts`)));
  expect(without).toEqual([]);
});
