/** An input for the program: a tree that can be changed and shrunk, the files that come of it, and what is done with them. */
import { selfHash } from '../../src/certificate/format';
import { Dice } from './dice';
import { modelBytes } from './onnx-tree';
import type { Door } from './target';
import { type Branch, isBranch, oddBytes, type Tree } from './tree';

export type Head = 'window' | 'cell' | 'image' | 'original';

export type Action =
  | {
      readonly kind: 'library';
      /** Read only, written in other ways too, or converted as well. */
      readonly depth: 'read' | 'print' | 'convert';
      readonly head: Head;
      readonly optimise: 0 | 1 | 2;
      readonly tfjs: boolean;
      readonly stride?: number | undefined;
      readonly draws: boolean;
      readonly runs: boolean;
    }
  /** A file that is no model, read by the function that reads it. */
  | { readonly kind: 'door'; readonly door: Door; readonly name: string }
  /** `may`: names of files and folders that this command line may write. */
  | { readonly kind: 'cli'; readonly args: readonly string[]; readonly may: readonly string[] };

export interface Draft {
  readonly format: string;
  /** How the tree is written down. */
  readonly as: 'onnx' | 'json' | 'text' | 'bytes';
  readonly name: string;
  readonly tree: Branch;
  /** Damage to the finished bytes: a seed each. */
  readonly scars: readonly number[];
  /** The record's own hash is made to fit. */
  readonly hashed?: boolean | undefined;
  readonly others: ReadonlyMap<string, Uint8Array>;
  readonly action: Action;
}

/** A draft made final: as it is handed to a process, or kept. */
export interface Case {
  readonly format: string;
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly action: Action;
}

/** Undefined where the tree cannot be written down: changes can make one too deep. */
export function caseOf(draft: Draft): Case | undefined {
  try {
    const bytes = draft.scars.reduce((left, scar) => oddBytes(left, new Dice(scar)), encoded(draft));
    return { format: draft.format, files: new Map([...draft.others, [draft.name, bytes]]), action: draft.action };
  } catch {
    return undefined;
  }
}

function encoded({ as, tree, hashed }: Draft): Uint8Array {
  const { root } = tree;
  switch (as) {
    case 'onnx':
      return modelBytes(isBranch(root) ? root : {});
    case 'json':
      if (hashed && isBranch(root)) root.sha256 = selfHash(JSON.parse(JSON.stringify(root, ordinary)));
      return Buffer.from(JSON.stringify(root, ordinary) ?? '');
    case 'text':
      return Buffer.from((Array.isArray(root) ? root : []).map(String).join(''));
    case 'bytes':
      return root instanceof Uint8Array ? root : new Uint8Array();
  }
}

const ordinary = (_: string, value: Tree): unknown => (typeof value === 'bigint' ? Number(value) : value);
