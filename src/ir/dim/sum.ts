/**
 * Integer expressions in normal form: a sum of terms. A term is a number times atoms; an atom is a name, floor(E/n), min(E, F, ...) or max(E, F, ...).
 * Normal form aims to give equal expressions equal text (`keyOf`); expressions with equal text are always equal.
 *
 * Nested divisions by numbers collapse, floor((floor(E/m) + c)/n) = floor((E + c m)/(m n)), which is exact for integers and keeps the expressions of deep
 * networks short.
 */
import { highest, lowest } from './bounds';

export type Atom =
  | { readonly kind: 'name'; readonly key: string; readonly name: string }
  | { readonly kind: 'floor'; readonly key: string; readonly of: Sum; readonly by: number }
  | { readonly kind: 'min' | 'max'; readonly key: string; readonly sides: readonly Sum[] };

export interface Term {
  /** Text of the atoms, joined by `*`; '' for the constant. */
  readonly key: string;
  readonly coefficient: number;
  /** Sorted by their text. */
  readonly atoms: readonly Atom[];
}

/** Terms by key. No coefficient is zero. */
export type Sum = ReadonlyMap<string, Term>;

export const ZERO: Sum = new Map();
const sumOf = (term: Term): Sum => (term.coefficient === 0 ? ZERO : new Map([[term.key, term]]));
export const constant = (value: number): Sum => sumOf({ key: '', coefficient: value, atoms: [] });
const atomic = (atom: Atom): Sum => sumOf({ key: atom.key, coefficient: 1, atoms: [atom] });

/** Names that are not plain are quoted inside expressions: `` `batch size` + 1 ``. */
export const named = (name: string): Sum => atomic({ kind: 'name', key: isPlain(name) ? name : `\`${name.replaceAll('`', "'")}\``, name });
const isPlain = (name: string): boolean => /^[A-Za-z_][A-Za-z0-9_.]*$/.test(name);

/** Value of the sum if it is the same at every size; otherwise undefined. */
export function constantOf(sum: Sum): number | undefined {
  if (sum.size === 0) return 0;
  return sum.size === 1 ? sum.get('')?.coefficient : undefined;
}
const constantPart = (sum: Sum): number => sum.get('')?.coefficient ?? 0;
/** The sum's only atom; undefined if the sum contains anything else. */
const onlyAtom = (sum: Sum): Atom | undefined => {
  const [term] = sum.values();
  return sum.size === 1 && term?.coefficient === 1 && term.atoms.length === 1 ? term.atoms[0] : undefined;
};

/** a + factor * b */
export function plus(a: Sum, b: Sum, factor = 1): Sum {
  const sum = new Map(a);
  for (const [key, term] of b) {
    const coefficient = (sum.get(key)?.coefficient ?? 0) + factor * term.coefficient;
    if (coefficient === 0) sum.delete(key);
    else sum.set(key, { ...term, coefficient });
  }
  return sum;
}

export function times(a: Sum, b: Sum): Sum {
  const product = new Map<string, Term>();
  for (const x of a.values()) {
    for (const y of b.values()) {
      const term = termTimes(x, y);
      const coefficient = (product.get(term.key)?.coefficient ?? 0) + term.coefficient;
      if (coefficient === 0) product.delete(term.key);
      else product.set(term.key, { ...term, coefficient });
    }
  }
  return product;
}

function termTimes(x: Term, y: Term): Term {
  const atoms = [...x.atoms, ...y.atoms].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  return { key: atoms.map((atom) => atom.key).join('*'), coefficient: x.coefficient * y.coefficient, atoms };
}

/** a / b by polynomial long division; undefined if there is a remainder. */
export function divide(a: Sum, b: Sum): Sum | undefined {
  const lead = leading(b);
  if (!lead) return undefined;
  let [rest, quotient] = [a, ZERO];
  // Each round removes the leading term; a quotient is assumed to have at most this many terms.
  for (let rounds = 0; rounds < 100; rounds++) {
    const term = leading(rest);
    if (!term) return quotient;
    const part = termQuotient(term, lead);
    if (!part) return undefined;
    quotient = plus(quotient, sumOf(part));
    rest = plus(rest, times(sumOf(part), b), -1);
  }
  return undefined;
}

function termQuotient(a: Term, b: Term): Term | undefined {
  if (a.coefficient % b.coefficient !== 0) return undefined;
  const atoms = [...a.atoms];
  for (const { key } of b.atoms) {
    const at = atoms.findIndex((atom) => atom.key === key);
    if (at < 0) return undefined;
    atoms.splice(at, 1);
  }
  return { key: atoms.map((atom) => atom.key).join('*'), coefficient: a.coefficient / b.coefficient, atoms };
}

/** The largest term, in an order compatible with multiplication: by the power of the first atom, then of the second ... */
function leading(sum: Sum): Term | undefined {
  let best: Term | undefined;
  for (const term of sum.values()) if (!best || isBefore(term, best)) best = term;
  return best;
}
function isBefore(a: Term, b: Term): boolean {
  for (let at = 0; ; at++) {
    const [x, y] = [a.atoms[at]?.key, b.atoms[at]?.key];
    if (x === y) {
      if (x === undefined) return false;
      continue;
    }
    return y === undefined || (x !== undefined && x < y);
  }
}

/** Quotient rounded towards minus infinity; n > 0. */
export function floorDivide(sum: Sum, n: number): Sum {
  if (n === 1) return sum;
  // Several terms may cancel to the extent that the quotient is the same at every size.
  const least = sum.size > 2 || (sum.size === 2 && !sum.has('')) ? Math.floor(lowest(sum) / n) : Number.NaN;
  if (Number.isFinite(least) && least === Math.floor(highest(sum) / n)) return constant(least);
  const whole = new Map<string, Term>();
  const rest = new Map<string, Term>();
  for (const [key, term] of sum) {
    const quotient = Math.floor(term.coefficient / n);
    const remainder = term.coefficient - quotient * n;
    if (quotient !== 0) whole.set(key, { ...term, coefficient: quotient });
    if (remainder !== 0) rest.set(key, { ...term, coefficient: remainder });
  }
  const terms = [...rest.values()].filter(({ key }) => key !== '');
  if (terms.length === 0) return whole;
  const [only] = terms;
  const [inner] = only?.atoms ?? [];
  if (terms.length === 1 && only?.coefficient === 1 && only.atoms.length === 1 && inner?.kind === 'floor')
    return plus(whole, floorDivide(plus(inner.of, constant(constantPart(rest) * inner.by)), inner.by * n));
  // floor((g E + c)/(g n)) = floor((E + floor(c/g))/n).
  const shared = terms.reduce((factor, { coefficient }) => gcd(factor, coefficient), n);
  if (shared > 1) {
    const reduced = new Map(terms.map((term) => [term.key, { ...term, coefficient: term.coefficient / shared }]));
    return plus(whole, floorDivide(plus(reduced, constant(Math.floor(constantPart(rest) / shared))), n / shared));
  }
  return plus(whole, atomic({ kind: 'floor', key: `floor(${wrapped(keyOf(rest))}/${n})`, of: rest, by: n }));
}
const gcd = (a: number, b: number): number => (b === 0 ? Math.abs(a) : gcd(b, a % b));
const wrapped = (text: string): string => (/^(`[^`]*`|[^\s+*/()`-]+|[a-z]+\([^()]*\))$/.test(text) ? text : `(${text})`);

/** min or max of all sums. */
export function extreme(kind: 'min' | 'max', sums: readonly Sum[]): Sum {
  const sides = new Map<string, Sum>();
  for (const sum of sums) {
    for (const side of taken(kind, sum)) sides.set(keyOf(side), side);
  }
  // Drops sides that never win.
  for (const [key, side] of sides) {
    const loses = ([other, rival]: [string, Sum]): boolean =>
      other !== key && lowest(kind === 'max' ? plus(rival, side, -1) : plus(side, rival, -1)) >= 0;
    if ([...sides].some(loses)) sides.delete(key);
  }
  const [first = ZERO] = sides.values();
  if (sides.size === 1) return first;
  const keys = [...sides.keys()].sort();
  return atomic({ kind, key: `${kind}(${keys.join(', ')})`, sides: keys.map((key) => sides.get(key) ?? ZERO) });
}

/** The sides of an extreme within the sum: max(a, b) + c is the largest of a + c and b + c. Otherwise the sum itself. */
function taken(kind: 'min' | 'max', sum: Sum): readonly Sum[] {
  for (const term of sum.values()) {
    const [atom] = term.atoms;
    if (term.coefficient !== 1 || term.atoms.length !== 1 || atom?.kind !== kind) continue;
    const rest = plus(sum, sumOf(term), -1);
    return atom.sides.flatMap((side) => taken(kind, plus(side, rest)));
  }
  return [sum];
}

/** A sum that equals this one wherever it is at least `least`: sides of a max that would make it smaller are left out, inside floors as well. */
export function positive(sum: Sum, least = 1): Sum {
  for (const term of sum.values()) {
    const [atom] = term.atoms;
    if (term.coefficient !== 1 || term.atoms.length !== 1) continue;
    const rest = plus(sum, sumOf(term), -1);
    if (atom?.kind === 'max') {
      const sides = atom.sides.filter((side) => highest(plus(side, rest)) >= least);
      if (sides.length > 0 && sides.length < atom.sides.length) return positive(plus(extreme('max', sides), rest), least);
    }
    const more = constantOf(rest);
    if (atom?.kind !== 'floor' || more === undefined) continue;
    // floor(E/n) + c is at least k where E is at least n (k - c).
    const inner = positive(atom.of, atom.by * (least - more));
    if (inner !== atom.of) return plus(floorDivide(inner, atom.by), rest);
  }
  return sum;
}

/** Replaces names with sums; a name without a replacement stays. */
export function substitute(sum: Sum, replacement: (name: string) => Sum | undefined): Sum {
  let result = ZERO;
  for (const { coefficient, atoms } of sum.values()) {
    const product = atoms.reduce((left, atom) => times(left, substituteAtom(atom, replacement)), constant(coefficient));
    result = plus(result, product);
  }
  return result;
}
function substituteAtom(atom: Atom, replacement: (name: string) => Sum | undefined): Sum {
  switch (atom.kind) {
    case 'name':
      return replacement(atom.name) ?? atomic(atom);
    case 'floor':
      return floorDivide(substitute(atom.of, replacement), atom.by);
    default:
      return extreme(
        atom.kind,
        atom.sides.map((side) => substitute(side, replacement)),
      );
  }
}

export function collectNames(sum: Sum, names: Set<string>): void {
  for (const { atoms } of sum.values()) {
    for (const atom of atoms) {
      if (atom.kind === 'name') names.add(atom.name);
      else if (atom.kind === 'floor') collectNames(atom.of, names);
      else for (const side of atom.sides) collectNames(side, names);
    }
  }
}

/** Value of the sum for these values of its names; undefined if one is missing. */
export function evaluate(sum: Sum, numberFor: (name: string) => number | undefined): number | undefined {
  let total = 0;
  for (const { coefficient, atoms } of sum.values()) {
    let product = coefficient;
    for (const atom of atoms) {
      const value = evaluateAtom(atom, numberFor);
      if (value === undefined) return undefined;
      product *= value;
    }
    total += product;
  }
  return total;
}
function evaluateAtom(atom: Atom, numberFor: (name: string) => number | undefined): number | undefined {
  if (atom.kind === 'name') return numberFor(atom.name);
  if (atom.kind === 'floor') {
    const of = evaluate(atom.of, numberFor);
    return of === undefined ? undefined : Math.floor(of / atom.by);
  }
  let extreme: number | undefined;
  for (const side of atom.sides) {
    const value = evaluate(side, numberFor);
    if (value === undefined) return undefined;
    extreme = extreme === undefined ? value : Math[atom.kind](extreme, value);
  }
  return extreme;
}

/**
 * A period P, so that the sum at size + P equals the sum at size plus a constant, as long as the same side of each min or max applies: the period of
 * floor(E/n) is n times the period of E. Products of names grow by more than a constant, but their remainders repeat all the same.
 */
export function period(sum: Sum): number {
  let common = 1;
  for (const { atoms } of sum.values())
    for (const atom of atoms) {
      const own =
        atom.kind === 'name'
          ? 1
          : atom.kind === 'floor'
            ? atom.by * period(atom.of)
            : atom.sides.map(period).reduce(leastCommonMultiple, 1);
      common = leastCommonMultiple(common, own);
    }
  return common;
}
const leastCommonMultiple = (a: number, b: number): number => (a / gcd(a, b)) * b;

/** The sum as text: names in order, the constant last. */
export function keyOf(sum: Sum): string {
  if (sum.size === 0) return '0';
  const terms = [...sum.values()].sort((a, b) => (a.key === '' ? 1 : b.key === '' ? -1 : a.key < b.key ? -1 : 1));
  return terms
    .map(({ key, coefficient }, at) => {
      const sign = coefficient < 0 ? (at === 0 ? '-' : ' - ') : at === 0 ? '' : ' + ';
      const size = Math.abs(coefficient);
      return `${sign}${key === '' ? size : size === 1 ? key : `${size}*${key}`}`;
    })
    .join('');
}

/** The name, unquoted, if the sum is a single name; otherwise its text. */
export function textOf(sum: Sum): string {
  const atom = onlyAtom(sum);
  return atom?.kind === 'name' ? atom.name : keyOf(sum);
}
