/**
 * Ends the program at random moments (kills.ts), until 200 runs were ended before they were done: `npm run kills -- 200`; a second number is the seed,
 * a third argument another program. Exit code 1 where anything is left behind or half done.
 * dist/ has to be built.
 */
import { join } from 'node:path';
import { Kills } from './kills';

const [, , wanted = '200', seed = '1', program = join(__dirname, '../../dist/cli.js')] = process.argv;
const kills = new Kills(program);
kills
  .run(Number(wanted), Number(seed), (text) => console.log(text))
  .then(({ moments, hits, done, problems }) => {
    const struck = [...hits].map(([signal, count]) => `${signal} ${count}`).join(', ');
    console.log(`${moments} runs; ended before it was done: ${struck}; outputs new ${done} times; ${problems.length} problems`);
    for (const problem of problems) console.log(problem);
    process.exitCode = problems.length > 0 ? 1 : 0;
  })
  .catch((error: unknown) => {
    console.error(error);
    process.exitCode = 70;
  })
  .finally(() => kills.remove());
