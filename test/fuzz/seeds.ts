/**
 * What is mutated: sound files of every format that is read. Models come from fixtures/ and from generators; the rest is made from a small pair of models,
 * once (`npm run fuzz -- --make-seeds`), and kept in fixtures/fuzz/sound. fixtures/fuzz/found has inputs that once broke something.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bufferSource } from '../../src/ir/bytes';
import { readModel } from '../../src/onnx/read';
import { parseModel } from '../../src/onnx/text/parser';
import { printModel } from '../../src/onnx/text/printer';
import { modelToBytes } from '../../src/onnx/write';
import { randomNetwork } from '../support/random-network';
import { randomTrunk } from '../support/random-trunk';
import { NETWORKS } from '../verify/oracle/networks';
import { modelBytes, modelTree } from './onnx-tree';
import { type Branch, copied, isBranch } from './tree';

const FIXTURES = join(__dirname, '../../fixtures');
export const SOUND = join(FIXTURES, 'fuzz/sound');
export const FOUND = join(FIXTURES, 'fuzz/found');
/** Larger ones make each mutant slow. */
const MOST_BYTES = 32_000;
/** These have their turn more seldom. */
const LARGE = 6000;
const MOST_LETTERS = 12_000;
const SLOW = /bomb|dimdouble/;

export class Seeds {
  private readonly makers: readonly (() => Uint8Array)[];
  private readonly slow = new Set<number>();
  private readonly texts = new Map<number, string | undefined>();
  private readonly trees = new Map<number, Branch | undefined>();
  readonly sound: ReadonlyMap<string, Uint8Array>;

  constructor() {
    const slow: (() => Uint8Array)[] = [];
    const onnx = (folder: string): (() => Uint8Array)[] =>
      filesBelow(join(FIXTURES, folder))
        .filter((path) => path.endsWith('.onnx'))
        .map((path) => {
          const make = () => new Uint8Array(readFileSync(path));
          if (SLOW.test(path)) slow.push(make);
          return make;
        });
    const generated = [
      ...[...NETWORKS.values()].map((make) => () => modelToBytes(make())),
      ...Array.from({ length: 40 }, (_, seed) => () => modelToBytes(randomNetwork(seed, 2 + (seed % 7)))),
      ...Array.from({ length: 10 }, (_, seed) => () => modelToBytes(randomTrunk(seed, { layers: 1 + (seed % 4) }))),
    ];
    // Classifiers more often than single operators.
    this.makers = [...onnx('opsets'), ...generated, ...onnx('fuzz/sound'), ...generated, ...onnx('conformance'), ...onnx('fuzz/found')];
    for (const [index, make] of this.makers.entries()) if (slow.includes(make)) this.slow.add(index);
    this.sound = new Map(
      existsSync(SOUND)
        ? filesBelow(SOUND).map((path) => [path.slice(SOUND.length + 1).replaceAll('\\', '/'), new Uint8Array(readFileSync(path))])
        : [],
    );
    const weights = Uint8Array.from({ length: 4096 }, (_, at) => at);
    this.beside = new Map([['weights.bin', weights], ...this.files('small.png', 'pair.onnx')]);
  }

  get models(): number {
    return this.makers.length;
  }

  /** A copy to change; undefined: too large, or no message. */
  model(index: number): Branch | undefined {
    const tree = copied(this.treeOf(index));
    return isBranch(tree) ? tree : undefined;
  }

  private treeOf(index: number): Branch | undefined {
    if (!this.trees.has(index)) this.trees.set(index, this.decoded(index));
    return this.trees.get(index);
  }

  /** Whether mutants of it take long. */
  isLarge(index: number): boolean {
    // Its size is known once it has been read: a seed and a number must be one input whatever came before.
    this.treeOf(index);
    return this.slow.has(index);
  }

  /** A model as text, with or without its weights. Undefined: too long, or none that is read. */
  modelText(index: number, weights: 'elide' | 'inline'): string | undefined {
    const key = 2 * index + (weights === 'inline' ? 1 : 0);
    if (!this.texts.has(key)) this.texts.set(key, this.printed(index, weights));
    return this.texts.get(key);
  }

  private printed(index: number, weights: 'elide' | 'inline'): string | undefined {
    const tree = this.model(index);
    if (!tree) return undefined;
    try {
      const text = printModel(readModel(bufferSource(modelBytes(tree))), { weights, types: 'both', beyond: true });
      if (text.length > MOST_LETTERS) return undefined;
      parseModel(text);
      return text;
    } catch {
      return undefined;
    }
  }

  private decoded(index: number): Branch | undefined {
    const bytes = this.makers[index]?.();
    if (!bytes || bytes.length > MOST_BYTES) return undefined;
    if (bytes.length > LARGE) this.slow.add(index);
    try {
      return modelTree(bytes);
    } catch {
      return undefined;
    }
  }

  /** What is beside every model: external data, a picture, a model to compare with. Always the same map: what is there is not written again. */
  readonly beside: ReadonlyMap<string, Uint8Array>;
  private readonly sets = new Map<string, ReadonlyMap<string, Uint8Array>>();

  files(...names: readonly string[]): ReadonlyMap<string, Uint8Array> {
    const key = names.join();
    const known = this.sets.get(key) ?? new Map(names.map((name) => [name, this.file(name)]));
    this.sets.set(key, known);
    return known;
  }

  file(name: string): Uint8Array {
    const bytes = this.sound.get(name);
    if (!bytes) throw new Error(`fixtures/fuzz/sound has no ${name}`);
    return bytes;
  }
  text(name: string): string {
    return new TextDecoder().decode(this.file(name));
  }
  names(of: RegExp): readonly string[] {
    return [...this.sound.keys()].filter((name) => of.test(name));
  }
}

function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
