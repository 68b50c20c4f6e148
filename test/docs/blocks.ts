/** The fenced blocks of a page of Markdown, and the commands in them. */

export interface Block {
  readonly page: string;
  readonly line: number;
  /** `sh`: commands. `console`: commands after `$`, each with what it prints. Anything else: not run here. */
  readonly language: string;
  readonly text: string;
}

export interface Command {
  /** As the page shows it, without its comment. */
  readonly text: string;
  /** What the page says that it prints; undefined: nothing is said. */
  readonly output: string | undefined;
}

export function blocksOf(page: string, markdown: string): Block[] {
  const blocks: Block[] = [];
  for (const { 0: whole, 1: language = '', 2: text = '', index } of markdown.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm))
    if (whole !== '') blocks.push({ page, line: markdown.slice(0, index).split('\n').length, language, text });
  return blocks;
}

export function commandsIn({ language, text }: Block): Command[] {
  if (language === 'console')
    return text
      .split(/^\$ /m)
      .slice(1)
      .map((part) => {
        const [first = '', ...rest] = part.split('\n');
        return { text: uncommented(first), output: rest.join('\n') };
      });
  if (language !== 'sh') return [];
  return text
    .replace(/\\\n\s*/g, '')
    .split('\n')
    .map(uncommented)
    .filter((line) => line !== '')
    .map((line) => ({ text: line, output: undefined }));
}

const uncommented = (line: string): string => line.replace(/(^|\s)#.*$/, '').trim();

/** Words of a command, as a shell takes them apart: quotes hold together. Nothing else of a shell's is understood, and `*`, `|`, `>` and `$` are errors. */
export function wordsOf(command: string): string[] {
  const words = command.match(/(?:[^\s'"]|'[^']*'|"[^"]*")+/g) ?? [];
  return words.map((word) => {
    if (/[*|><$;`]/.test(word.replace(/'[^']*'|"[^"]*"/g, ''))) throw new Error(`only plain commands are run here, not '${command}'`);
    return word.replace(/'([^']*)'|"([^"]*)"/g, (_, single, double) => single ?? double);
  });
}
