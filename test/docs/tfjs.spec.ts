/** docs/tfjs.md lists the operators that can be written. `npm run docs` puts the list there. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { supportedOperators } from '../../src/tfjs/ops';

const path = join(__dirname, '../../docs/tfjs.md');
const LIST = /<!-- operators -->\n[\s\S]*?\n(?=With limits:)/;
const list = `<!-- operators -->\n\n${supportedOperators.join(', ')}.\n\n`;

test('every operator that can be written is on the page', () => {
  const page = readFileSync(path, 'utf8');
  expect(page).toMatch(LIST);
  if (process.env.UPDATE_DOCS)
    writeFileSync(
      path,
      page.replace(LIST, () => list),
    );
  expect(LIST.exec(readFileSync(path, 'utf8'))?.[0]).toBe(list);
});
