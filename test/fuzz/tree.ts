/** Data as trees (messages of protobuf, JSON, lines of text), and changes that can be made to any of them. */
import type { Dice } from './dice';

export type Tree = null | undefined | boolean | number | bigint | string | Uint8Array | Tree[] | Branch;
export interface Branch {
  [key: string]: Tree;
}

export const isBranch = (tree: Tree): tree is Branch =>
  typeof tree === 'object' && tree !== null && !Array.isArray(tree) && !(tree instanceof Uint8Array);

/** Where something is in a tree. */
export interface Place {
  readonly holder: Tree[] | Branch;
  readonly key: number | string;
  readonly depth: number;
}

export const at = ({ holder, key }: Place): Tree => (Array.isArray(holder) ? holder[Number(key)] : holder[String(key)]);

/** An own property, whatever its name: `__proto__` included. */
export function put({ holder, key }: Place, value: Tree): void {
  if (Array.isArray(holder)) holder[Number(key)] = value;
  else Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true });
}

export function remove({ holder, key }: Place): void {
  if (Array.isArray(holder)) holder.splice(Number(key), 1);
  else Reflect.deleteProperty(holder, key);
}

/** Of a long list of numbers, so many are changed. */
const NUMBERS = 24;

/** Everything in a tree, outermost first. */
export function placesIn(root: Tree): Place[] {
  const places: Place[] = [];
  const open: Tree[] = [root];
  const depths: number[] = [0];
  for (let next = 0; next < open.length; next++) {
    const tree = open[next];
    const depth = depths[next] ?? 0;
    const visit = (holder: Tree[] | Branch, key: number | string, value: Tree): void => {
      places.push({ holder, key, depth });
      if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return;
      open.push(value);
      depths.push(depth + 1);
    };
    if (Array.isArray(tree)) {
      const isNumbers = typeof tree[0] === 'number' || typeof tree[0] === 'bigint';
      const count = isNumbers ? Math.min(tree.length, NUMBERS) : tree.length;
      for (let at = 0; at < count; at++) visit(tree, at, tree[at]);
    } else if (isBranch(tree)) for (const key of Object.keys(tree)) visit(tree, key, tree[key]);
  }
  return places;
}

/** Bytes are shared: changes put others in their place. */
export function copied(tree: Tree): Tree {
  if (typeof tree !== 'object' || tree === null || tree instanceof Uint8Array) return tree;
  if (Array.isArray(tree)) return tree.map(copied);
  const copy: Branch = {};
  for (const key of Object.keys(tree)) {
    if (key === '__proto__') put({ holder: copy, key, depth: 0 }, copied(tree[key]));
    else copy[key] = copied(tree[key]);
  }
  return copy;
}

/** Names that programs trip over. */
export const ODD_NAMES = [
  '',
  ' ',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'length',
  'X',
  'Y',
  '0',
  '-1',
  '../../../etc/passwd',
  '/dev/zero',
  'a/b',
  '.',
  'C:\\x',
  'name with spaces',
  "it's",
  '"',
  '\u001b[31mred\u001b[0m',
  'two\nlines',
  '\n::error::injected',
  '\r\n',
  '\u0000',
  '\u202eright to left',
  '<script>alert(1)</script>',
  ']]>',
  '&amp;',
  '`$(id)`',
  '| a | b |',
  '%s%n',
  'ümlaut 😀',
  'x'.repeat(5000),
];

export const ODD_NUMBERS = [
  -(2 ** 63),
  -(2 ** 31),
  -7,
  -2,
  -1,
  0,
  1,
  2,
  3,
  4,
  7,
  8,
  16,
  255,
  256,
  1000,
  65536,
  2 ** 24,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  2 ** 53 + 2,
  2 ** 62,
  2 ** 63 - 1025,
];
const ODD_FLOATS = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 0.5, 1e-300, 1e-40, 1e30, 1e308, -1.5];

export const oddInteger = (dice: Dice, now: number): number =>
  dice.chance(0.4) ? now + dice.pick([-2, -1, 1, 2, now, -2 * now]) : dice.pick(ODD_NUMBERS);

/** Another value of the same kind. */
export function odd(value: Tree, dice: Dice, words: readonly string[]): Tree {
  if (typeof value === 'number')
    return dice.chance(0.3)
      ? dice.pick(ODD_FLOATS)
      : Number.isInteger(value)
        ? oddInteger(dice, value)
        : value * dice.pick([-1, 0, 2, 1e10]);
  if (typeof value === 'bigint') return BigInt(oddInteger(dice, Number(value)));
  if (typeof value === 'boolean') return !value;
  if (typeof value === 'string') return oddText(value, dice, words);
  if (value instanceof Uint8Array) return oddBytes(value, dice);
  return value;
}

export function oddText(text: string, dice: Dice, words: readonly string[]): string {
  if (dice.chance(0.4)) return dice.pick(ODD_NAMES);
  if (dice.chance(0.5) && words.length > 0) return dice.pick(words);
  const cut = dice.below(text.length + 1);
  return dice.pick([
    text.slice(0, cut),
    text + text,
    text.slice(0, cut) + dice.pick(ODD_NAMES).slice(0, 20) + text.slice(cut),
    text.toUpperCase(),
  ]);
}

/** Bytes flipped, set, left out, doubled or cut off. */
export function oddBytes(bytes: Uint8Array, dice: Dice): Uint8Array {
  const where = dice.below(bytes.length + 1);
  const length = 1 + dice.below(dice.chance(0.2) ? bytes.length + 1 : 8);
  switch (dice.below(6)) {
    case 0:
      return bytes.slice(0, where);
    case 1:
      return joined(bytes.subarray(0, where), bytes.subarray(where + length));
    case 2:
      return joined(bytes.subarray(0, where + length), bytes.subarray(where));
    case 3: {
      const changed = bytes.slice();
      changed.fill(dice.pick([0, 1, 2, 127, 128, 255]), where, where + length);
      return changed;
    }
    case 4:
      return joined(
        bytes.subarray(0, where),
        Uint8Array.from({ length }, () => dice.below(256)),
        bytes.subarray(where),
      );
    default: {
      const changed = bytes.slice();
      if (where < changed.length) changed[where] = (changed[where] ?? 0) ^ (1 << dice.below(8));
      return changed;
    }
  }
}

export const joined = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

/** Parts removed, doubled, exchanged, moved and renamed, and values changed. `keeps`: kinds stay what they are, for messages with a schema. */
export function mutate(root: Tree, dice: Dice, words: readonly string[], keeps: boolean): void {
  const places = placesIn(root);
  if (places.length === 0) return;
  // Deep places are many: the outer ones get their turn as often.
  const depth = dice.below(Math.max(...places.map((place) => place.depth)) + 1);
  const near = places.filter((place) => place.depth === depth);
  const place = dice.pick(dice.chance(0.5) ? near : places);
  const value = at(place);
  const { holder } = place;
  switch (dice.below(keeps ? 6 : 9)) {
    case 0:
      remove(place);
      return;
    case 1:
      if (Array.isArray(holder)) holder.splice(Number(place.key), 0, copied(value));
      else put(place, odd(value, dice, words));
      return;
    case 2: {
      const others = Array.isArray(holder) ? holder.keys() : Object.keys(holder);
      const other: Place = { holder, key: dice.pick([...others]), depth: place.depth };
      if (keeps && typeof at(other) !== typeof value) return;
      if (keeps && !Array.isArray(holder)) return;
      const kept = at(other);
      put(other, value);
      put(place, kept);
      return;
    }
    case 3: {
      const alike = places.filter((other) => other.key === place.key && typeof at(other) === typeof value);
      put(place, copied(at(dice.pick(alike))));
      return;
    }
    case 4:
    case 5:
      put(place, odd(value, dice, words));
      return;
    case 6:
      put(
        place,
        copied(dice.pick<Tree>([null, true, false, -1, 0, 1, 2 ** 53, 1e308, '', dice.pick(ODD_NAMES), [], {}, [[]], [null], { a: {} }])),
      );
      return;
    case 7:
      if (!Array.isArray(holder)) {
        remove(place);
        put({ ...place, key: dice.chance(0.5) ? dice.pick(ODD_NAMES) : dice.pick([...words, 'x']) }, value);
      } else holder.push(dice.pick<Tree>([null, 0, '', {}]));
      return;
    default: {
      let nested: Tree = value;
      for (let level = dice.pick([1, 3, 500]); level > 0; level--) nested = dice.chance(0.5) ? [nested] : { a: nested };
      put(place, nested);
    }
  }
}
