/**
 * What is mutated: sound files of every format that is read. Models come from fixtures/ and from generators; the rest is made from a small pair of models,
 * once (`npm run fuzz -- --make-seeds`), and kept in fixtures/fuzz/sound. fixtures/fuzz/found has inputs that once broke something.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { modelToBytes } from '../../src/onnx/write';
import { randomNetwork } from '../support/random-network';
import { randomTrunk } from '../support/random-trunk';
import { NETWORKS } from '../verify/oracle/networks';
import { modelTree } from './onnx-tree';
import { type Branch, copied, isBranch } from './tree';

const FIXTURES = join(__dirname, '../../fixtures');
export const SOUND = join(FIXTURES, 'fuzz/sound');
export const FOUND = join(FIXTURES, 'fuzz/found');
/** Larger ones make each mutant slow. */
const MOST_BYTES = 32_000;

export class Seeds {
  private readonly makers: readonly (() => Uint8Array)[];
  private readonly trees = new Map<number, Branch | undefined>();
  readonly sound: ReadonlyMap<string, Uint8Array>;

  constructor() {
    const onnx = (folder: string): (() => Uint8Array)[] =>
      filesBelow(join(FIXTURES, folder))
        .filter((path) => path.endsWith('.onnx'))
        .map((path) => () => new Uint8Array(readFileSync(path)));
    const generated = [
      ...[...NETWORKS.values()].map((make) => () => modelToBytes(make())),
      ...Array.from({ length: 40 }, (_, seed) => () => modelToBytes(randomNetwork(seed, 2 + (seed % 7)))),
      ...Array.from({ length: 10 }, (_, seed) => () => modelToBytes(randomTrunk(seed, { layers: 1 + (seed % 4) }))),
    ];
    // Classifiers more often than single operators.
    this.makers = [...onnx('opsets'), ...generated, ...onnx('fuzz/sound'), ...generated, ...onnx('conformance'), ...onnx('fuzz/found')];
    this.sound = new Map(
      existsSync(SOUND)
        ? filesBelow(SOUND).map((path) => [path.slice(SOUND.length + 1).replaceAll('\\', '/'), new Uint8Array(readFileSync(path))])
        : [],
    );
  }

  get models(): number {
    return this.makers.length;
  }

  /** A copy to change; undefined: too large, or no message. */
  model(index: number): Branch | undefined {
    if (!this.trees.has(index)) this.trees.set(index, this.decoded(index));
    const tree = copied(this.trees.get(index));
    return isBranch(tree) ? tree : undefined;
  }

  private decoded(index: number): Branch | undefined {
    const bytes = this.makers[index]?.();
    if (!bytes || bytes.length > MOST_BYTES) return undefined;
    try {
      return modelTree(bytes);
    } catch {
      return undefined;
    }
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
