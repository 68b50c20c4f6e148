/**
 * Symbolic dimensions: integer expressions over names, kept as strings in a canonical spelling, so that equal strings are equal numbers.
 *
 *   2*height + 1        floor((height + 3)/4) - 5        N*floor(width/2)
 *
 * A sum of monomials over atoms; an atom is a name, floor(E/n), min(E, F) or max(E, F). Nested divisions by numbers collapse,
 * floor((floor(E/m) + c)/n) = floor((E + c m)/(m n)), which is exact for integers and keeps deep networks short. Dimensions are not negative.
 * Exporters' own expressions (`((s0 - 1)//2) + 1`) are read; a name that is none stays one opaque atom. undefined, an unknown dimension, stays unknown.
 */
import type { Dim } from './types';

/** Monomial (atoms sorted, joined by `*`; '' for the constant) to coefficient. No zeros. */
type Sum = ReadonlyMap<string, number>;

export const addDims = (a: Dim, b: Dim): Dim =>
  typeof a === 'number' && typeof b === 'number' ? a + b : combine(a, b, (x, y) => plus(x, y, 1));
export const subtractDims = (a: Dim, b: Dim): Dim =>
  typeof a === 'number' && typeof b === 'number' ? a - b : combine(a, b, (x, y) => plus(x, y, -1));
export const multiplyDims = (a: Dim, b: Dim): Dim => {
  if (typeof a === 'number' && typeof b === 'number') return a * b;
  // Nothing times an unknown number of things is nothing.
  if (a === 0 || b === 0) return 0;
  if (a === 1) return b;
  if (b === 1) return a;
  return combine(a, b, times);
};

/** a / b where it is a whole number at every size, else undefined. */
export function divideDim(a: Dim, b: Dim): Dim {
  if (a === undefined || b === undefined || b === 0) return undefined;
  if (typeof a === 'number' && typeof b === 'number') return a % b === 0 ? a / b : undefined;
  if (a === b) return 1;
  const quotient = divideSum(parseDim(a), parseDim(b));
  return quotient && print(quotient);
}

/** Rounded towards minus infinity. */
export function floorDivideDim(a: Dim, n: number): Dim {
  if (a === undefined || n <= 0) return undefined;
  return typeof a === 'number' ? Math.floor(a / n) : print(floorDivide(parseDim(a), n));
}

/** Rounded towards plus infinity. */
export const ceilDivideDim = (a: Dim, n: number): Dim => floorDivideDim(addDims(a, n - 1), n);

export const minDims = (a: Dim, b: Dim): Dim => choose('min', a, b);
export const maxDims = (a: Dim, b: Dim): Dim => choose('max', a, b);

/** The number that a dimension is for these values of its names, or undefined where one is not bound. */
export function evaluateDim(dim: Dim, bindings: Readonly<Record<string, number>> | ReadonlyMap<string, number>): number | undefined {
  if (typeof dim !== 'string') return dim;
  const bound = (name: string): number | undefined =>
    bindings instanceof Map
      ? bindings.get(name)
      : Object.hasOwn(bindings, name)
        ? (bindings as Readonly<Record<string, number>>)[name]
        : undefined;
  const direct = bound(dim);
  return direct ?? evaluateSum(parseDim(dim), bound);
}

/** Whether the two are the same number whatever their names stand for. */
export const sameDim = (a: Dim, b: Dim): boolean =>
  a !== undefined && (a === b || (typeof a !== typeof b ? false : canonicalDim(a) === canonicalDim(b)));

/** The canonical spelling. */
export const canonicalDim = (dim: Dim): Dim => (typeof dim === 'string' ? print(parseDim(dim)) : dim);

/** Names that the dimension depends on. */
export function namesOf(dim: Dim): Set<string> {
  const names = new Set<string>();
  if (typeof dim === 'string') collect(parseDim(dim), names);
  return names;
}

function collect(sum: Sum, names: Set<string>): void {
  for (const atom of atomsOf(sum)) {
    const call = readCall(atom);
    if (!call) names.add(atom);
    else if (call.kind === 'floor') collect(call.of, names);
    else for (const side of call.sides) collect(side, names);
  }
}

function combine(a: Dim, b: Dim, operation: (a: Sum, b: Sum) => Sum): Dim {
  return a === undefined || b === undefined ? undefined : print(operation(parseDim(a), parseDim(b)));
}

function choose(kind: 'min' | 'max', a: Dim, b: Dim): Dim {
  if (a === undefined || b === undefined) return undefined;
  if (typeof a === 'number' && typeof b === 'number') return Math[kind](a, b);
  const [x, y] = [canonicalDim(a), canonicalDim(b)];
  if (x === y) return x;
  const difference = plus(parseDim(x ?? 0), parseDim(y ?? 0), -1);
  if (isNeverNegative(difference)) return kind === 'max' ? x : y;
  if (isNeverNegative(plus(new Map(), difference, -1))) return kind === 'max' ? y : x;
  return `${kind}(${[String(x), String(y)].sort().join(', ')})`;
}

// ---- sums ----

const constantSum = (value: number): Sum => new Map(value === 0 ? [] : [['', value]]);
const atomSum = (atom: string): Sum => new Map([[atom, 1]]);

function plus(a: Sum, b: Sum, sign: 1 | -1): Sum {
  const sum = new Map(a);
  for (const [monomial, coefficient] of b) {
    const total = (sum.get(monomial) ?? 0) + sign * coefficient;
    if (total === 0) sum.delete(monomial);
    else sum.set(monomial, total);
  }
  return sum;
}

function times(a: Sum, b: Sum): Sum {
  let product: Sum = new Map();
  for (const [x, p] of a)
    for (const [y, q] of b) product = plus(product, new Map([[joinAtoms([...splitAtoms(x), ...splitAtoms(y)]), p * q]]), 1);
  return product;
}

function divideSum(a: Sum, b: Sum): Sum | undefined {
  // By a single monomial each term must divide; by the very same sum with a factor the quotient is a number.
  if (b.size === 1) {
    const [[monomial, coefficient] = ['', 1]] = b;
    const divisor = splitAtoms(monomial);
    const quotient = new Map<string, number>();
    for (const [term, value] of a) {
      const atoms = splitAtoms(term);
      for (const atom of divisor) {
        const at = atoms.indexOf(atom);
        if (at < 0) return undefined;
        atoms.splice(at, 1);
      }
      if (value % coefficient !== 0) return undefined;
      quotient.set(joinAtoms(atoms), value / coefficient);
    }
    return quotient;
  }
  const [[lead, value] = ['', 0]] = a;
  const own = b.get(lead);
  if (own === undefined || value % own !== 0) return undefined;
  const factor = value / own;
  return a.size === b.size && [...a].every(([term, number]) => b.get(term) === number / factor) ? constantSum(factor) : undefined;
}

function floorDivide(sum: Sum, n: number): Sum {
  if (n === 1) return sum;
  const whole = new Map<string, number>();
  const rest = new Map<string, number>();
  for (const [monomial, coefficient] of sum) {
    const quotient = Math.floor(coefficient / n);
    const remainder = coefficient - quotient * n;
    if (quotient !== 0) whole.set(monomial, quotient);
    if (remainder !== 0) rest.set(monomial, remainder);
  }
  if ([...rest.keys()].every((monomial) => monomial === '')) return whole;
  // floor((floor(E/m) + c)/n) = floor((E + c m)/(m n)).
  const terms = [...rest].filter(([monomial]) => monomial !== '');
  const [only] = terms;
  if (terms.length === 1 && only && only[1] === 1) {
    const call = readCall(only[0]);
    if (call?.kind === 'floor') {
      const inner = plus(call.of, constantSum((rest.get('') ?? 0) * call.by), 1);
      return plus(whole, floorDivide(inner, call.by * n), 1);
    }
  }
  // All coefficients and n share a factor: floor((g E + c)/(g n)) = floor((E + floor(c/g))/n).
  const shared = terms.reduce((factor, [, coefficient]) => gcd(factor, coefficient), n);
  if (shared > 1) {
    const reduced = new Map(terms.map(([monomial, coefficient]) => [monomial, coefficient / shared]));
    const constant = Math.floor((rest.get('') ?? 0) / shared);
    return plus(whole, floorDivide(constant === 0 ? reduced : reduced.set('', constant), n / shared), 1);
  }
  return plus(whole, atomSum(`floor(${wrap(print(rest))}/${n})`), 1);
}

/**
 * Whether the sum is proved to be at least 0 at all sizes: E/n - (n-1)/n <= floor(E/n) <= E/n makes it linear, and names are not negative.
 * SAME padding computed by an exporter, max(0, 2*floor((h + 2)/4) - floor(h/2) + 1), loses its max this way; without that, each layer doubles the text.
 */
function isNeverNegative(sum: Sum): boolean {
  const least = relaxed(sum, 'least');
  for (const [monomial, coefficient] of least) {
    if (monomial === '') continue;
    const isSize = splitAtoms(monomial).every((atom) => !readCall(atom));
    if (isSize ? coefficient < -1e-9 : Math.abs(coefficient) > 1e-9) return false;
  }
  // The sum is a whole number, so it need only be above -1; the margin is for the doubles.
  return (least.get('') ?? 0) > -1 + 1e-6;
}

/** A lower or upper bound that is linear in monomials of names; products and extremes of other things stay what they are. */
function relaxed(sum: Sum, side: 'least' | 'most'): Map<string, number> {
  const linear = new Map<string, number>();
  const add = (monomial: string, value: number): void => void linear.set(monomial, (linear.get(monomial) ?? 0) + value);
  for (const [monomial, coefficient] of sum) {
    const atoms = splitAtoms(monomial);
    const call = atoms.length === 1 ? readCall(monomial) : undefined;
    if (call?.kind !== 'floor') {
      add(monomial, coefficient);
      continue;
    }
    const isLeast = (side === 'least') === coefficient > 0;
    const factor = coefficient / call.by;
    for (const [inner, value] of relaxed(call.of, isLeast ? 'least' : 'most')) add(inner, factor * value);
    if (isLeast) add('', -factor * (call.by - 1));
  }
  return linear;
}

const gcd = (a: number, b: number): number => (b === 0 ? Math.abs(a) : gcd(b, a % b));
const wrap = (text: Dim): string => (/^[^\s+*/-]+$/.test(String(text)) ? String(text) : `(${text})`);

function evaluateSum(sum: Sum, bound: (name: string) => number | undefined): number | undefined {
  let total = 0;
  for (const [monomial, coefficient] of sum) {
    let product = coefficient;
    for (const atom of splitAtoms(monomial)) {
      const value = evaluateAtom(atom, bound);
      if (value === undefined) return undefined;
      product *= value;
    }
    total += product;
  }
  return total;
}

function evaluateAtom(atom: string, bound: (name: string) => number | undefined): number | undefined {
  const call = readCall(atom);
  if (!call) return bound(atom);
  if (call.kind === 'floor') {
    const value = evaluateSum(call.of, bound);
    return value === undefined ? undefined : Math.floor(value / call.by);
  }
  const [a, b] = call.sides.map((side) => evaluateSum(side, bound));
  return a === undefined || b === undefined ? undefined : Math[call.kind](a, b);
}

// ---- text ----

/** Names in order, the constant last. */
function print(sum: Sum): Dim {
  if (sum.size === 0) return 0;
  if (sum.size === 1 && sum.has('')) return sum.get('') ?? 0;
  const terms = [...sum].sort(([a], [b]) => (a === '' ? 1 : b === '' ? -1 : a < b ? -1 : 1));
  return terms
    .map(([monomial, coefficient], at) => {
      const sign = coefficient < 0 ? (at === 0 ? '-' : ' - ') : at === 0 ? '' : ' + ';
      const size = Math.abs(coefficient);
      return `${sign}${monomial === '' ? size : size === 1 ? monomial : `${size}*${monomial}`}`;
    })
    .join('');
}

/** Splits at `*` outside of parentheses. */
function splitAtoms(monomial: string): string[] {
  if (monomial === '') return [];
  const atoms: string[] = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at < monomial.length; at++) {
    const c = monomial[at];
    if (c === '(') depth++;
    else if (c === ')') depth--;
    else if (c === '*' && depth === 0) {
      atoms.push(monomial.slice(start, at));
      start = at + 1;
    }
  }
  return [...atoms, monomial.slice(start)];
}
const joinAtoms = (atoms: readonly string[]): string => [...atoms].sort().join('*');
const atomsOf = (sum: Sum): string[] => [...sum.keys()].flatMap(splitAtoms);

type Call =
  | { readonly kind: 'floor'; readonly of: Sum; readonly by: number }
  | { readonly kind: 'min' | 'max'; readonly sides: readonly Sum[] };

/** An atom that is floor, min or max in canonical spelling. */
function readCall(atom: string): Call | undefined {
  const floor = /^floor\((.*)\/(\d+)\)$/.exec(atom);
  if (floor) return { kind: 'floor', of: parseDim(floor[1] ?? ''), by: Number(floor[2]) };
  const extreme = /^(min|max)\((.*)\)$/.exec(atom);
  if (!extreme) return undefined;
  const sides = splitCommas(extreme[2] ?? '').map(parseDim);
  return sides.length === 2 ? { kind: extreme[1] === 'min' ? 'min' : 'max', sides } : undefined;
}

function splitCommas(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '(') depth++;
    else if (text[at] === ')') depth--;
    else if (text[at] === ',' && depth === 0) {
      parts.push(text.slice(start, at).trim());
      start = at + 1;
    }
  }
  return [...parts, text.slice(start).trim()];
}

/** Sums that were read before. A pure function's memory: what it holds never depends on who asked, and it is emptied when it grows large. */
const known = new Map<string, Sum>();
const KNOWN_LIMIT = 20_000;

/** Reads a dimension; what is no expression is one opaque atom. */
function parseDim(dim: string | number): Sum {
  if (typeof dim === 'number') return constantSum(dim);
  const before = known.get(dim);
  if (before) return before;
  const sum = parseText(dim);
  if (known.size >= KNOWN_LIMIT) known.clear();
  known.set(dim, sum);
  return sum;
}

function parseText(dim: string): Sum {
  if (/^[A-Za-z_][A-Za-z0-9_.]*$/.test(dim)) return atomSum(dim);
  const parser = new Parser(dim);
  const sum = parser.sum();
  // An opaque name must not be torn apart later.
  return sum && parser.done ? sum : atomSum(dim.replace(/[*(),\s/+-]/g, '_'));
}

/** sum := product (('+' | '-') product)*; product := factor (('*' | '//') factor)*; factor := number | name | call | '(' sum ')' | '-' factor */
class Parser {
  private at = 0;
  constructor(private readonly text: string) {}

  get done(): boolean {
    this.space();
    return this.at === this.text.length;
  }

  sum(): Sum | undefined {
    let left = this.product();
    for (;;) {
      const sign = left && this.operator();
      if (!left || !sign) return left;
      const right = this.product();
      left = right && plus(left, right, sign === '+' ? 1 : -1);
    }
  }
  /** A minus inside a name (`batch-size`) is part of it: as an operator it has space around it, or stands behind a bracket or a number. */
  private operator(): '+' | '-' | undefined {
    const match = /^(\s*)([+-])(\s*)/.exec(this.text.slice(this.at));
    if (!match || (match[2] === '-' && !match[1] && !match[3] && !/[)\d]/.test(this.text[this.at - 1] ?? ''))) return undefined;
    this.at += match[0].length;
    return match[2] === '+' ? '+' : '-';
  }
  private product(): Sum | undefined {
    let left = this.factor();
    for (;;) {
      this.space();
      if (!left) return undefined;
      if (this.take('//') || this.take('/')) {
        const right = this.factor();
        const by = right && print(right);
        left = typeof by === 'number' && by > 0 ? floorDivide(left, by) : undefined;
      } else if (this.take('*')) {
        const right = this.factor();
        left = right && times(left, right);
      } else return left;
    }
  }
  private factor(): Sum | undefined {
    this.space();
    if (this.take('(')) return this.closed(this.sum());
    if (this.take('-')) {
      const inner = this.factor();
      return inner && plus(new Map(), inner, -1);
    }
    const number = /^\d+/.exec(this.text.slice(this.at));
    if (number) {
      this.at += number[0].length;
      return constantSum(Number(number[0]));
    }
    const name = /^[A-Za-z_][A-Za-z0-9_.]*/.exec(this.text.slice(this.at));
    if (!name) return undefined;
    this.at += name[0].length;
    if (!this.take('(')) return atomSum(name[0]);
    return this.call(name[0].toLowerCase());
  }
  private call(name: string): Sum | undefined {
    const first = this.sum();
    if (name === 'floor') return this.closed(first);
    this.space();
    if ((name !== 'min' && name !== 'max') || !first || !this.take(',')) return undefined;
    const second = this.closed(this.sum());
    const chosen = second && choose(name, print(first), print(second));
    return chosen === undefined
      ? undefined
      : typeof chosen === 'number'
        ? constantSum(chosen)
        : /^(min|max)\(/.test(chosen)
          ? atomSum(chosen)
          : parseDim(chosen);
  }
  private closed(sum: Sum | undefined): Sum | undefined {
    this.space();
    return sum && this.take(')') ? sum : undefined;
  }
  private take(token: string): boolean {
    if (!this.text.startsWith(token, this.at)) return false;
    this.at += token.length;
    return true;
  }
  private space(): void {
    while (/\s/.test(this.text[this.at] ?? '')) this.at++;
  }
}
