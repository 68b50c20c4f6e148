/** YAML written by users: errors are reported with line and column, and aliases cannot make it expand without limit. */
import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml';
import type { CompileError } from '../diagnostics/compile-error';
import { readText } from './read-text';

/** Creates the error for one kind of file. */
export type InvalidYaml = (file: string, what: string, line?: number, column?: number) => CompileError;
export type YamlPath = readonly (string | number)[];

/** Some 20,000 pairs of models. */
const LARGEST = 2 ** 22;

export class YamlFile {
  readonly root: unknown;
  private readonly document: Document;
  private readonly lines = new LineCounter();

  /** Throws CompileError CANNOT_READ, or the given one. */
  constructor(
    readonly file: string,
    private readonly invalid: InvalidYaml,
  ) {
    const text = readText(file);
    if (text.length > LARGEST) throw invalid(file, `it has ${text.length} characters; at most ${LARGEST} are read`);
    // The library describes every error with its whole line, of which there may be one for each character; only the first is reported.
    this.document = parseDocument(text, { lineCounter: this.lines, prettyErrors: false, logLevel: 'error' });
    const [error] = this.document.errors;
    if (error) {
      const at = error.pos[0] < 0 ? undefined : this.lines.linePos(error.pos[0]);
      throw invalid(file, error.message.split('\n')[0] ?? '', at?.line, at?.col);
    }
    try {
      this.root = this.document.toJS({ maxAliasCount: 100 });
    } catch (error) {
      // Aliases without an anchor, and aliases of aliases that would expand without limit.
      throw invalid(file, error instanceof Error ? error.message : String(error));
    }
  }

  /** Reports an error at the last key of the path. */
  failAtKey(path: YamlPath, what: string): never {
    const map = path.length > 1 ? this.document.getIn(path.slice(0, -1), true) : this.document.contents;
    const pair = isMap(map) ? map.items.find(({ key }) => isScalar(key) && key.value === path.at(-1)) : undefined;
    const start = isScalar(pair?.key) ? pair.key.range?.[0] : undefined;
    if (start === undefined) return this.fail(path, what);
    const { line, col } = this.lines.linePos(start);
    throw this.invalid(this.file, what, line, col);
  }

  /** Reports an error at that position, or at the nearest enclosing node. */
  fail(path: YamlPath, what: string): never {
    for (let length = path.length; length >= 0; length--) {
      const node = length === 0 ? this.document.contents : this.document.getIn(path.slice(0, length), true);
      const start = isNode(node) ? node.range?.[0] : undefined;
      if (start === undefined) continue;
      const { line, col } = this.lines.linePos(start);
      throw this.invalid(this.file, what, line, col);
    }
    throw this.invalid(this.file, what);
  }
}
