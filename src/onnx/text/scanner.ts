/**
 * Lists, names and numbers of the textual syntax, on top of the lexer.
 */
import { textUnsupported } from '../../diagnostics/catalogue';
import type { CompileError } from '../../diagnostics/compile-error';
import { Lexer, type Token } from './lexer';
import { isFloatWord } from './names';

/** No real model is nested deeper, and deeper nesting would overflow the stack. */
const MAX_DEPTH = 100;

export class Scanner extends Lexer {
  private depth = 0;

  /** Parses `open item, item close`, possibly empty. */
  list(open: string, close: string, item: () => unknown): void {
    this.expect(open);
    if (this.matches(close)) return;
    do item();
    while (this.matches(','));
    this.expect(close);
  }

  /** Inputs or outputs of a node: any number of names. An empty name, or none before a comma, is an omitted optional value. */
  names(): Token[] {
    const names: Token[] = [];
    for (;;) {
      const name = this.optionalName();
      const comma = this.peek();
      if (name) names.push(name);
      if (!this.matches(',')) return names;
      if (!name) names.push({ kind: 'string', text: '', offset: comma.offset });
    }
  }

  optionalName(): Token | undefined {
    const { kind } = this.peek();
    return kind === 'identifier' || kind === 'string' ? this.next() : undefined;
  }
  name(what: string): string {
    const token = this.optionalName();
    if (!token) throw this.unexpected(this.peek(), what);
    return token.text;
  }
  word(what: string): Token {
    const token = this.next();
    if (token.kind !== 'identifier') throw this.unexpected(token, what);
    return token;
  }
  string(): string {
    return this.stringOf(this.next());
  }
  stringOf(token: Token): string {
    if (token.kind !== 'string') throw this.unexpected(token, 'a string in quotes');
    return token.text;
  }
  integer(): number {
    const token = this.next();
    if (token.kind !== 'int') throw this.unexpected(token, 'an integer');
    const value = Number(token.text);
    if (!Number.isSafeInteger(value)) throw this.error(token, `${token.text} is too large`);
    return value;
  }
  int64(token: Token): number | bigint {
    const value = BigInt(token.text);
    if (BigInt.asIntN(64, value) !== value) throw this.error(token, `${token.text} does not fit into 64 bits`);
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }
  float32(token: Token): number {
    const value = this.float64(token);
    const rounded = Math.fround(value);
    if (Number.isFinite(value) && !Number.isFinite(rounded)) throw this.error(token, `${token.text} does not fit into a float`);
    return rounded;
  }
  float64(token: Token): number {
    if (token.kind !== 'int' && token.kind !== 'float' && !(token.kind === 'identifier' && isFloatWord(token.text))) {
      throw this.unexpected(token, 'a number');
    }
    const word = token.text.toLowerCase();
    if (word.endsWith('nan')) return Number.NaN;
    if (/^-?inf/.test(word)) return word.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
    const value = Number(word);
    if (!Number.isFinite(value)) throw this.error(token, `${token.text} does not fit into a double`);
    return value;
  }

  deeper<T>(at: Token, action: () => T): T {
    if (++this.depth > MAX_DEPTH) throw this.error(at, `nested more than ${MAX_DEPTH} levels deep`);
    const result = action();
    this.depth--;
    return result;
  }
  /** `[ "key" : value, ... ]` */
  pairs<T>(value: () => T): [string, T][] {
    const found: [string, T][] = [];
    this.expect('[');
    if (this.matches(']')) return found;
    do {
      const key = this.string();
      this.expect(':');
      found.push([key, value()]);
    } while (this.matches(','));
    this.expect(']');
    return found;
  }

  unsupported(at: Token, what: string, hint: string): CompileError {
    return textUnsupported(what, this.locate(at.offset), hint);
  }
}
