/** A part of `npm run kills`: each command that writes, ended once. CONVOLUTIONIZE_KILLS_MOMENTS gives another number. */
import { useProgram } from '../support/cli';
import { Kills } from './kills';

const moments = Number(process.env.CONVOLUTIONIZE_KILLS_MOMENTS ?? 22);
jest.setTimeout(120_000 + 60_000 * moments);

const program = useProgram();

test('whenever it is ended, outputs are old or whole, and nothing stays behind', async () => {
  const kills = new Kills(program.file);
  try {
    const { problems, hits } = await kills.run(moments, 1);
    expect(problems).toEqual([]);
    // Nearly all were still running.
    expect([...hits.values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThan(0.8 * moments);
  } finally {
    kills.remove();
  }
});
