/** What becomes of errors. */
import { main } from '../../src/cli/main';
import { InvariantError } from '../../src/diagnostics/compile-error';

jest.mock('../../src/cli/passes', () => ({
  passesCommand: async () => {
    throw new InvariantError("pass 'x' broke the IR", { cause: new Error('the reason') });
  },
}));

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const out: string[] = [];
  const err: string[] = [];
  const code = await main(args, {
    stdout: { write: (text) => out.push(text) },
    stderr: { write: (text) => err.push(text) },
    env: {},
  });
  return { code, out: out.join(''), err: err.join('') };
}

test('a bug of ours is exit code 70, and asks for a report', async () => {
  const { code, out, err } = await run('passes');
  expect([code, out]).toEqual([70, '']);
  expect(err).toMatch(/^error\[INTERNAL\]: convolutionize \S+ has a bug: pass 'x' broke the IR\n {2}hint: .*--debug/);
  expect(err).not.toContain('main.spec');
});

test('--debug shows where, down to the cause', async () => {
  const { err } = await run('passes', '--debug');
  expect(err).toContain('main.spec');
  expect(err).toContain('caused by Error: the reason');
});

test('--json tells machines', async () => {
  expect(JSON.parse((await run('passes', '--json')).out)).toMatchObject({ exitCode: 70, error: { code: 'INTERNAL' } });
});
