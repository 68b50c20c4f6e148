/**
 * npm run false-alarms -- [N] [first seed]: random ordinary networks with flattened, pooled, sigmoid and softmax heads, up to 256 x 256 pixels; none may be
 * called different. Prints one line for each that is not equal, and the figures.
 */
import { CompileError } from '../../../src/diagnostics/compile-error';
import { judged } from './judge';
import { ordinary } from './ordinary';

async function main(count: number, first: number): Promise<number> {
  const verdicts = new Map<string, number>();
  let seconds = 0;
  for (let seed = first; seed < first + count; seed++) {
    const { model, name } = ordinary(seed);
    let verdict: string;
    try {
      const report = await judged(model);
      verdict = report?.verdict ?? 'nothing';
      seconds += report?.seconds ?? 0;
      if (verdict !== 'equal')
        console.log(`${seed} ${name}: ${verdict}\n  ${report?.checks.map((check) => `${check.name} ${check.status}`).join(', ')}`);
    } catch (error) {
      if (!(error instanceof CompileError)) throw error;
      verdict = `refused (${error.code})`;
    }
    verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
  }
  const told = [...verdicts].map(([verdict, times]) => `${times} ${verdict}`).join(', ');
  console.log(`${count} networks: ${told}; ${(seconds / Math.max(1, count)).toFixed(1)} s each`);
  return verdicts.has('different') ? 1 : 0;
}

const [count = '100', first = '1'] = process.argv.slice(2);
main(Number(count), Number(first)).then((code) => process.exit(code));
