/** Shells complete commands, options and values. A shell that is not installed here is skipped, and says so. */
import { spawnSync } from 'node:child_process';
import { completionCommand } from '../../src/cli/completion';
import { Terminal } from '../../src/cli/terminal';

async function script(shell: 'bash' | 'zsh' | 'fish'): Promise<string> {
  let text = '';
  await completionCommand({ shell }, new Terminal({ write: (part) => (text += part) }, { write: () => true }, {}));
  return text;
}

const has = (shell: string): boolean => spawnSync(shell, ['-c', 'true']).status === 0;
const ifThere = (shell: string): typeof test => (has(shell) ? test : test.skip);

describe('bash', () => {
  const complete = async (...words: readonly string[]): Promise<string[]> => {
    const lines = [
      await script('bash'),
      'COMP_WORDS=("$@")',
      'COMP_CWORD=$(($# - 1))',
      '_convolutionize',
      'printf "%s\\n" "$' + '{COMPREPLY[@]}"',
    ];
    const { stdout, stderr } = spawnSync('bash', ['-c', lines.join('\n'), 'bash', 'convolutionize', ...words], { encoding: 'utf8' });
    expect(stderr).toBe('');
    return stdout.split('\n').filter((line) => line !== '');
  };

  ifThere('bash')('completes commands, options, values and arguments', async () => {
    expect(await complete('he')).toEqual(['heatmap']);
    expect(await complete('convert', '--stri')).toEqual(['--stride']);
    expect(await complete('convert', '--head', '')).toEqual(['window', 'cell', 'image', 'original']);
    expect(await complete('convert', 'a.onnx', '-O', '')).toEqual(['0', '1', '2']);
    expect(await complete('heatmap', '--head', '')).toEqual(['auto', 'window', 'cell']);
    expect(await complete('debug', '')).toEqual(['bisect', 'reduce']);
    expect(await complete('verify', '--output-file')).toEqual(['--output-file']);
    // Files are bash's own.
    expect(await complete('convert', 'a')).toEqual([]);
  });
});

ifThere('zsh')('zsh reads its script', async () => {
  const { status, stderr } = spawnSync('zsh', ['-f', '-c', `autoload -Uz compinit; compinit -u -D\n${await script('zsh')}`], {
    encoding: 'utf8',
  });
  expect([status, stderr]).toEqual([0, '']);
});

ifThere('fish')('fish completes by its script', async () => {
  const text = `${await script('fish')}\ncomplete -C 'convolutionize convert --he'`;
  const { stdout } = spawnSync('fish', ['--no-config', '-c', text], { encoding: 'utf8' });
  expect(stdout.split('\n').map((line) => line.split('\t')[0])).toEqual(expect.arrayContaining(['--head', '--help']));
});
