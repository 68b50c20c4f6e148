/** Help fits the terminal, names every option once under a heading, and its examples parse. */
import { chooseAction } from '../../src/cli/commands';
import { COMMANDS } from '../../src/cli/options';
import { optionsOf } from '../../src/cli/options/option';

const help = async (args: readonly string[], columns: number | undefined): Promise<string> => {
  const chosen = await chooseAction(args, columns);
  return chosen.kind === 'text' ? chosen.text : 'an action';
};
const widest = (text: string): number => Math.max(...text.split('\n').map((line) => line.length));

describe.each(['', ...COMMANDS.map(({ name }) => name)])("'%s --help'", (command) => {
  const args = command === '' ? ['--help'] : [command, '--help'];

  test.each([60, 80, 100])('fits %d columns', async (columns) => {
    expect(widest(await help(args, columns))).toBeLessThanOrEqual(columns);
  });

  test('is laid out for 100 columns where the width is not known or larger', async () => {
    expect(await help(args, undefined)).toBe(await help(args, 100));
    expect(await help(args, 300)).toBe(await help(args, 100));
  });
});

describe.each(COMMANDS)('$name', (command) => {
  test('each option stands once in the help, beneath a heading, with a sentence that begins with a capital or its value', async () => {
    const text = await help([command.name, '-h'], 100);
    const shown = [...text.matchAll(/^ {2}(?:-\w, | {4})--([\w.-]+)/gm)].map(([, name]) => name);
    const named = Object.entries(optionsOf(command)).flatMap(([name, { hidden }]) => (hidden ? [] : [name]));
    expect(shown).toEqual([...named, 'config', 'json', 'quiet', 'debug', 'no-color', 'help', 'version']);
    for (const [name, { hidden, describe: sentence, type, choices, value }] of Object.entries(optionsOf(command))) {
      if (hidden) continue;
      expect([name, sentence]).toEqual([name, expect.stringMatching(/^([A-Z]|\w+: )/)]);
      if (type !== 'boolean' && !choices) expect([name, value]).toEqual([name, expect.any(String)]);
    }
  });

  test.each(command.examples)('%s', async (line) => {
    expect((await chooseAction(line.replace(/ >.*/, '').split(' '), 80)).kind).toBe('action');
  });
});

test('help COMMAND, and --help behind other arguments', async () => {
  const expected = await help(['convert', '--help'], 80);
  expect(expected).toContain('Usage: convolutionize convert [INPUT] [OUTPUT] [OPTIONS]');
  expect(await help(['help', 'convert'], 80)).toBe(expected);
  expect(await help(['convert', 'a.onnx', '--zebra', '--help'], 80)).toBe(expected);
  expect((await chooseAction(['convert', '--', '--help'], 80)).kind).toBe('action');
  await expect(chooseAction(['help', 'inspct'], 80)).rejects.toThrow("did you mean 'inspect'?");
});
