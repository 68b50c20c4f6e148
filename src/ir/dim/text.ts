/**
 * Parses the expressions that exporters write into dim_param, and our own text.
 *
 *   sum     := product (('+' | '-') product)*
 *   product := power (('*' | '//' | '/' | '%') power)*
 *   power   := factor ('**' number)?
 *   factor  := number | name | call | '(' sum ')' | '-' factor | '`' any '`'
 *   call    := floor(sum) | ceil(sum) | min(sum, ...) | max(sum, ...) | mod(sum, sum) | floordiv(sum, sum)     in any case; also ceiling, PythonMod ...
 *
 * `//` rounds down. A quotient `/` is exact until floor or ceil rounds it: `floor(h/2 + 1/2)`.
 */

import { table } from '../table';
import { constant, constantOf, divide, extreme, floorDivide, named, plus, type Sum, times, ZERO } from './sum';

/** undefined if the text is not an expression, or has no normal form. */
export function parseSum(text: string): Sum | undefined {
  const parser = new Parser(text);
  const whole = parser.sum();
  return whole?.by === 1 && parser.isDone() ? whole.over : undefined;
}

/** over / by, reduced to lowest terms only when necessary. */
interface Quotient {
  readonly over: Sum;
  readonly by: number;
}

const FUNCTIONS: Readonly<Record<string, (args: readonly Quotient[]) => Sum | undefined>> = table({
  floor: ([x]) => x && floorDivide(x.over, x.by),
  ceil: ([x]) => x && floorDivide(plus(x.over, constant(x.by - 1)), x.by),
  min: (args) => (args.every(({ by }) => by === 1) ? extreme('min', overs(args)) : undefined),
  max: (args) => (args.every(({ by }) => by === 1) ? extreme('max', overs(args)) : undefined),
  floordiv: ([x, y]) => x && y && floorQuotient(x, y),
  mod: ([x, y]) => x && y && modulo(x, y),
});
const ALIASES: Readonly<Record<string, string>> = table({
  ceiling: 'ceil',
  cleandiv: 'floordiv',
  pythonmod: 'mod',
});
const overs = (args: readonly Quotient[]): Sum[] => args.map(({ over }) => over);

function floorQuotient(x: Quotient, y: Quotient): Sum | undefined {
  const by = constantOf(y.over);
  if (x.by !== 1 || y.by !== 1) return undefined;
  return by !== undefined && by > 0 ? floorDivide(x.over, by) : divide(x.over, y.over);
}
function modulo(x: Quotient, y: Quotient): Sum | undefined {
  const quotient = floorQuotient(x, y);
  return quotient && plus(x.over, times(quotient, y.over), -1);
}

const MOST_TERMS = 100;

class Parser {
  private at = 0;
  constructor(private readonly text: string) {}

  isDone(): boolean {
    this.space();
    return this.at === this.text.length;
  }

  sum(): Quotient | undefined {
    let left = this.product();
    for (;;) {
      const sign = left && this.sign();
      if (!left || !sign) return left;
      const right = this.product();
      left = right && {
        over: plus(times(left.over, constant(right.by)), right.over, (sign === '+' ? 1 : -1) * left.by),
        by: left.by * right.by,
      };
      left = left && reduced(left);
    }
  }
  /** A minus inside a name (`batch-size`) is part of the name: as an operator it is surrounded by spaces, or follows a bracket or a number. */
  private sign(): '+' | '-' | undefined {
    const match = /^(\s*)([+-])(\s*)/.exec(this.text.slice(this.at));
    if (!match || (match[2] === '-' && !match[1] && !match[3] && !/[)\d`]/.test(this.text[this.at - 1] ?? ''))) return undefined;
    this.at += match[0].length;
    return match[2] === '+' ? '+' : '-';
  }
  private product(): Quotient | undefined {
    let left = this.power();
    for (;;) {
      this.space();
      if (!left) return undefined;
      if (this.take('//')) left = whole(combine(left, this.power(), floorQuotient));
      else if (this.take('/')) left = combine(left, this.power(), exactQuotient);
      else if (this.take('%')) left = whole(combine(left, this.power(), modulo));
      else if (this.take('*')) left = combine(left, this.power(), (x, y) => reduced({ over: times(x.over, y.over), by: x.by * y.by }));
      else return left;
    }
  }
  private power(): Quotient | undefined {
    const base = this.factor();
    this.space();
    if (!base || !this.take('**')) return base;
    this.space();
    const exponent = Number(this.match(/^\d/));
    // A power of a sum has many terms, and is not an image size.
    if (base.by !== 1 || !Number.isInteger(exponent) || base.over.size ** exponent > MOST_TERMS) return undefined;
    return { over: new Array<Sum>(exponent).fill(base.over).reduce(times, constant(1)), by: 1 };
  }
  private factor(): Quotient | undefined {
    this.space();
    if (this.take('(')) {
      const inner = this.sum();
      return this.close() ? inner : undefined;
    }
    if (this.take('-')) {
      const inner = this.factor();
      return inner && { over: plus(ZERO, inner.over, -1), by: inner.by };
    }
    const number = this.match(/^\d+(?![\w.])/);
    if (number !== undefined) return whole(constant(Number(number)));
    const quoted = this.match(/^`[^`]*`/);
    if (quoted !== undefined) return whole(named(quoted.slice(1, -1)));
    const name = this.match(/^[A-Za-z_][A-Za-z0-9_.]*/);
    if (name === undefined) return undefined;
    return this.take('(') ? this.call(name.toLowerCase()) : whole(named(name));
  }
  private call(name: string): Quotient | undefined {
    const known = Object.hasOwn(ALIASES, name) ? (ALIASES[name] ?? name) : name;
    const args: Quotient[] = [];
    do {
      const arg = this.sum();
      if (!arg) return undefined;
      args.push(arg);
      this.space();
    } while (this.take(','));
    return this.close() && Object.hasOwn(FUNCTIONS, known) ? whole(FUNCTIONS[known]?.(args)) : undefined;
  }
  private close(): boolean {
    this.space();
    return this.take(')');
  }
  private take(token: string): boolean {
    // `*` must not match half of `**`.
    if (!this.text.startsWith(token, this.at) || (token === '*' && this.text.startsWith('**', this.at))) return false;
    this.at += token.length;
    return true;
  }
  private match(pattern: RegExp): string | undefined {
    const found = pattern.exec(this.text.slice(this.at))?.[0];
    this.at += found?.length ?? 0;
    return found;
  }
  private space(): void {
    while (/\s/.test(this.text[this.at] ?? '')) this.at++;
  }
}

const whole = (over: Sum | undefined): Quotient | undefined => over && { over, by: 1 };
const combine = <T>(x: Quotient, y: Quotient | undefined, operation: (x: Quotient, y: Quotient) => T): T | undefined =>
  y && operation(x, y);

function exactQuotient(x: Quotient, y: Quotient): Quotient | undefined {
  const by = constantOf(y.over);
  if (by !== undefined && by > 0) return reduced({ over: times(x.over, constant(y.by)), by: x.by * by });
  const quotient = divide(times(x.over, constant(y.by)), y.over);
  return quotient && reduced({ over: quotient, by: x.by });
}
function reduced(quotient: Quotient): Quotient {
  const exact = quotient.by === 1 ? undefined : divide(quotient.over, constant(quotient.by));
  return exact ? { over: exact, by: 1 } : quotient;
}
