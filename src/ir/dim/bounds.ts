/**
 * Lower and upper bounds of an expression whose names are at least 1: an image has pixels, a batch has images.
 *
 * Each floor is bounded linearly, E/n - (n - 1)/n <= floor(E/n) <= E/n, so that terms that are added and subtracted again cancel. SAME padding computed by
 * an exporter, max(0, 2*floor((h + 2)/4) - floor(h/2) + 1), loses its max this way; otherwise each layer would double the text.
 */
import type { Atom, Sum, Term } from './sum';

/** Lower bound of the sum; -Infinity if none is known. */
export function lowest(sum: Sum): number {
  const [only] = sum.values();
  if (!only) return 0;
  if (sum.size === 1) return lowestTerm(only);
  return Math.max(termByTerm(sum), Math.ceil(relaxed(sum, 4)));
}

/** Upper bound of the sum; Infinity if none is known. */
export function highest(sum: Sum): number {
  return -lowest(new Map([...sum].map(([key, term]) => [key, { ...term, coefficient: -term.coefficient }])));
}

const termByTerm = (sum: Sum): number => [...sum.values()].reduce((total, term) => total + lowestTerm(term), 0);

function lowestTerm({ coefficient, atoms }: Term): number {
  const lows = atoms.map(lowestAtom);
  // A product with factors that may be negative has no known bound.
  if (lows.some((low) => low < 0) && atoms.length > 1) return Number.NEGATIVE_INFINITY;
  const bounds = coefficient > 0 ? lows : atoms.map(highestAtom);
  const product = bounds.reduce((left, bound) => (left === 0 || bound === 0 ? 0 : left * bound), 1);
  return product === 0 ? 0 : coefficient * product;
}

function lowestAtom(atom: Atom): number {
  if (atom.kind === 'name') return 1;
  if (atom.kind === 'floor') return Math.floor(lowest(atom.of) / atom.by);
  return Math[atom.kind](...atom.sides.map(lowest));
}
function highestAtom(atom: Atom): number {
  if (atom.kind === 'name') return Number.POSITIVE_INFINITY;
  if (atom.kind === 'floor') return Math.floor(highest(atom.of) / atom.by);
  return Math[atom.kind](...atom.sides.map(highest));
}

/** Lower bound of the sum with floors made linear and extremes expanded, at most `fuel` nested extremes. Computed in integers over a common denominator. */
function relaxed(sum: Sum, fuel: number): number {
  const linear = new Map<string, Term>();
  let by = 1;
  let constant = 0;
  const add = (term: Term, factor: number): void => {
    const total = (linear.get(term.key)?.coefficient ?? 0) + factor * term.coefficient;
    if (term.key === '') constant += factor * term.coefficient;
    else if (total === 0) linear.delete(term.key);
    else linear.set(term.key, { ...term, coefficient: total });
  };
  for (const term of sum.values()) add(term, 1);
  // Atoms inside an atom have shorter texts, so this terminates.
  for (let next = takeApart(linear); next; next = takeApart(linear)) {
    const { atom, coefficient } = next;
    linear.delete(next.key);
    if (atom.kind === 'floor') {
      for (const [key, term] of linear) linear.set(key, { ...term, coefficient: term.coefficient * atom.by });
      constant *= atom.by;
      by *= atom.by;
      if (coefficient > 0) constant -= coefficient * (atom.by - 1);
      for (const term of atom.of.values()) add(term, coefficient);
      if (!Number.isSafeInteger(by) || !Number.isSafeInteger(constant)) return Number.NEGATIVE_INFINITY;
      continue;
    }
    if (fuel === 0 || atom.kind === 'name') return Number.NEGATIVE_INFINITY;
    const bounds = atom.sides.map((side) => {
      const whole = new Map(linear);
      if (constant !== 0) whole.set('', { key: '', coefficient: constant, atoms: [] });
      for (const term of side.values()) {
        const total = (whole.get(term.key)?.coefficient ?? 0) + coefficient * term.coefficient;
        if (total === 0) whole.delete(term.key);
        else whole.set(term.key, { ...term, coefficient: total });
      }
      return relaxed(whole, fuel - 1) / by;
    });
    // If every side bounds the atom in the required direction, one of them suffices; otherwise the worst counts.
    return (atom.kind === 'max') === coefficient > 0 ? Math.max(...bounds) : Math.min(...bounds);
  }
  return (constant + termByTerm(linear)) / by;
}

/** The term that is a single floor or extreme, longest first. */
function takeApart(linear: ReadonlyMap<string, Term>): { key: string; coefficient: number; atom: Atom } | undefined {
  let found: { key: string; coefficient: number; atom: Atom } | undefined;
  for (const { key, coefficient, atoms } of linear.values()) {
    const [atom] = atoms;
    if (atoms.length === 1 && atom && atom.kind !== 'name' && key.length > (found?.key.length ?? 0)) found = { key, coefficient, atom };
  }
  return found;
}
