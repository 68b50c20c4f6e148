/** `passes`: lists the steps of a conversion in order. */
import { allPasses } from '../../passes';
import { unknownPass } from '../diagnostics/catalogue';
import { table } from '../reports/table';
import type { Pass } from '../rewrite/pass';
import type { PassesArgs } from './commands';
import type { Terminal } from './terminal';

const NUMBERS: Readonly<Record<Pass['numbers'], string>> = {
  identical: 'numbers: the same',
  reordered: 'numbers: the same products, perhaps summed in another order',
  rounding: 'numbers: something is computed beforehand, and rounded once',
};

export async function passesCommand({ name, json }: Pick<PassesArgs, 'name' | 'json'>, terminal: Terminal): Promise<number> {
  const passes = name === undefined ? allPasses : allPasses.filter((pass) => pass.name === name);
  if (passes.length === 0)
    throw unknownPass(
      name ?? '',
      allPasses.map((pass) => pass.name),
    );
  if (json)
    terminal.result(
      JSON.stringify(
        passes.map(({ name, summary, numbers }) => ({ name, summary, numbers })),
        undefined,
        2,
      ),
    );
  else {
    const rows = passes.map(({ name, summary, numbers }) => [name, `${summary} (${NUMBERS[numbers]})`]);
    terminal.report(table([{ title: 'pass' }, { title: 'what it does (and to the numbers)' }], rows));
  }
  return 0;
}
