/**
 * Lexer of ONNX's textual syntax (docs/Syntax.md of onnx, as implemented in its parser.cc).
 *
 * identifier   [A-Za-z_][A-Za-z0-9_]*
 * string       "..." over any characters and lines; a backslash makes the next character literal
 * number       -?[0-9]+, with . or an exponent a float; inf, infinity and nan are identifiers that the parser reads as numbers
 * comment      # to the end of the line
 *
 * Tokens are produced on demand with one token of lookahead; positions are offsets, converted to line and column only for errors.
 */
import { textSyntax } from '../../diagnostics/catalogue';
import type { CompileError, Location } from '../../diagnostics/compile-error';

export type TokenKind = 'identifier' | 'int' | 'float' | 'string' | 'punctuation' | 'end';
export interface Token {
  readonly kind: TokenKind;
  /** Without quotes and escapes; numbers without spaces. */
  readonly text: string;
  readonly offset: number;
}

const BLANK = /[ \t\n\v\f\r]+|#[^\n]*/y;
const IDENTIFIER = /[A-Za-z_][A-Za-z0-9_]*/y;
/** Part of a string up to the next quote or backslash. */
const PLAIN = /[^"\\]*/y;
const NUMBER = /-?([0-9]+(\.[0-9]*)?([eE][+-]?[0-9]*)?)/y;
const MINUS_WORD = /-(inf|infinity|nan)(?![A-Za-z0-9_])/iy;
const PUNCTUATION = '<>()[]{},:=.@?';

export class Lexer {
  private at = 0;
  private ahead: Token | undefined;

  constructor(
    private readonly text: string,
    private readonly file: string | undefined,
  ) {}

  peek(): Token {
    this.ahead ??= this.scan();
    return this.ahead;
  }
  next(): Token {
    const token = this.peek();
    this.ahead = undefined;
    return token;
  }

  /** Whether the next token is this punctuation. */
  sees(punctuation: string): boolean {
    const { kind, text } = this.peek();
    return kind === 'punctuation' && text === punctuation;
  }
  /** Consumes the next token if it is this punctuation. */
  matches(punctuation: string): boolean {
    if (!this.sees(punctuation)) return false;
    this.next();
    return true;
  }
  expect(punctuation: string): Token {
    const token = this.next();
    if (token.kind !== 'punctuation' || token.text !== punctuation) throw this.unexpected(token, `'${punctuation}'`);
    return token;
  }

  unexpected(token: Token, wanted: string): CompileError {
    return this.error(token, `expected ${wanted}, found ${describe(token)}`);
  }
  error(at: Token, message: string): CompileError {
    return textSyntax(message, this.locate(at.offset));
  }
  locate(offset: number): Location {
    const before = this.text.slice(0, offset);
    return { file: this.file, line: before.split('\n').length, column: offset - before.lastIndexOf('\n') };
  }

  private scan(): Token {
    while (this.take(BLANK));
    const offset = this.at;
    if (offset >= this.text.length) return { kind: 'end', text: '', offset };
    const identifier = this.take(IDENTIFIER);
    if (identifier) return { kind: 'identifier', text: identifier[0], offset };
    const first = this.text[offset] ?? '';
    if (first === '"') return this.scanString(offset);
    const number = this.take(NUMBER);
    if (number) return this.scanNumber(number, offset);
    const word = this.take(MINUS_WORD);
    if (word) return { kind: 'float', text: `-${word[1]}`, offset };
    // `=>` is one token: a space between its characters is an error.
    if (this.text.startsWith('=>', offset)) {
      this.at += 2;
      return { kind: 'punctuation', text: '=>', offset };
    }
    if (!PUNCTUATION.includes(first)) {
      throw textSyntax(
        `unexpected character ${JSON.stringify(String.fromCodePoint(this.text.codePointAt(offset) ?? 0))}`,
        this.locate(offset),
      );
    }
    this.at++;
    return { kind: 'punctuation', text: first, offset };
  }

  private scanString(offset: number): Token {
    this.at++;
    let text = '';
    for (;;) {
      text += this.take(PLAIN)?.[0] ?? '';
      if (this.text[this.at] === '"') break;
      // PLAIN stops at a quote, a backslash or the end.
      if (this.at + 1 >= this.text.length) throw textSyntax('the string has no end', this.locate(offset));
      text += this.text[this.at + 1];
      this.at += 2;
    }
    this.at++;
    return { kind: 'string', text, offset };
  }

  private scanNumber([, digits = '', fraction, exponent]: RegExpExecArray, offset: number): Token {
    if (exponent !== undefined && !/[0-9]/.test(exponent)) throw textSyntax('the exponent has no digits', this.locate(offset));
    // Nobody writes longer numbers, and they take long to convert.
    if (digits.length > 1000) throw textSyntax(`a number of ${digits.length} digits`, this.locate(offset));
    const sign = this.text[offset] === '-' ? '-' : '';
    return { kind: fraction === undefined && exponent === undefined ? 'int' : 'float', text: sign + digits, offset };
  }

  private take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.at;
    const match = pattern.exec(this.text);
    if (match) this.at = pattern.lastIndex;
    return match ?? undefined;
  }
}

export function describe({ kind, text }: Token): string {
  if (kind === 'end') return 'the end of the text';
  return kind === 'string' ? JSON.stringify(text) : `'${text}'`;
}
