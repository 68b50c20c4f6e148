/**
 * `convert --explain NODE`: which rules looked at a node, and what came of it.
 *
 * A node is meant by its name in the file, or by a value that it makes; what rewrites made of it is followed by origin.
 */
import { unknownNode } from '../diagnostics/catalogue';
import { formatLocation, printable } from '../diagnostics/format';
import { allNodes } from '../ir/graph';
import type { Model } from '../ir/model';
import type { Node } from '../ir/types';
import type { RunOptions } from '../rewrite/manager';
import { table } from './table';

type Seen = Parameters<NonNullable<RunOptions['onAttempt']>>[0];
type PassInfo = Parameters<NonNullable<RunOptions['onPass']>>[0];

export interface Explained {
  readonly pass: string;
  /** undefined: the pass has no rules. */
  readonly rule: string | undefined;
  /** The node as it was called then. */
  readonly node: string;
  readonly op: string;
  readonly outcome: Seen['outcome'];
  readonly reason: string | undefined;
  /** Where the reason lies, if not at the node itself. */
  readonly at: string | undefined;
}

export class Explanation {
  private readonly found = new Map<string, Explained>();
  /** Passes that ran, in order, and whether any rule of theirs was tried at the node. */
  private readonly passes = new Map<string, boolean>();
  private became: readonly string[] = [];
  private subject: Node | undefined;
  private names: ReadonlySet<string> = new Set();
  /** Operators of the source, by name of node. */
  private operators: ReadonlyMap<string, string> = new Map();

  constructor(private readonly wanted: string) {}

  /** Throws CompileError UNKNOWN_NODE with the names that are most alike. */
  start(source: Model): void {
    const nodes = [...allNodes(source.graph)];
    this.subject =
      nodes.find(({ name }) => name === this.wanted) ?? nodes.find(({ outputs }) => outputs.some(({ name }) => name === this.wanted));
    if (!this.subject)
      throw unknownNode(
        this.wanted,
        nearest(
          this.wanted,
          nodes.map(({ name }) => name),
        ),
      );
    this.names = new Set([this.subject.name, this.subject.origin[0] ?? '']);
    this.operators = new Map(nodes.map(({ name, op }) => [name, op]));
  }

  onAttempt({ pass, rule, node, outcome, reason, at, matched }: Seen): void {
    const isPart =
      matched?.some((part) => this.isMeant(part)) || (at?.node !== undefined && this.names.has(at.node) && outcome !== 'no-match');
    if (!this.isMeant(node) && !isPart) return;
    this.passes.set(pass, true);
    const elsewhere = at && at.node !== node.name ? formatLocation(at) : undefined;
    this.add({ pass, rule, node: node.name, op: node.op, outcome, reason, at: elsewhere });
  }

  onPass({ pass, model, report }: PassInfo): void {
    if (!this.passes.has(pass.name)) this.passes.set(pass.name, false);
    // Those of rules were told as attempts already.
    if (!('rules' in pass))
      for (const { kind, rule, reason, at, origin } of report.remarks)
        if ((at.node !== undefined && this.names.has(at.node)) || this.names.has(origin[0] ?? '')) {
          this.passes.set(pass.name, true);
          this.add({ pass: pass.name, rule, node: at.node ?? at.value ?? '', op: at.op ?? '', outcome: kind, reason, at: undefined });
        }
    this.became = [...allNodes(model.graph)].filter((node) => this.isMeant(node)).map(({ op, name }) => `${op} ${name}`);
  }

  get facts(): object {
    const { subject } = this;
    return {
      node: subject?.name,
      op: subject?.op,
      became: this.became,
      attempts: [...this.found.values()].map((entry) => ({
        ...entry,
        rule: entry.rule ?? null,
        reason: entry.reason ?? null,
        at: entry.at ?? null,
      })),
      silent: this.silent,
    };
  }

  lines(): string[] {
    const { subject } = this;
    if (!subject) return [];
    const rows = [...this.found.values()].map(({ pass, rule, node, op, outcome, reason, at }) => [
      pass,
      rule ?? '',
      node === subject.name ? '' : `${printable(op)} ${printable(node)}`,
      `${WORDS[outcome]}${reason === undefined ? '' : `: ${printable(reason)}`}${at === undefined ? '' : ` (${at})`}`,
    ]);
    return [
      `${printable(subject.op)} ${printable(subject.name)}`,
      this.became.length > 0 ? `  became ${this.became.map(printable).join(', ')}` : '  nothing stands for it any more',
      '',
      ...table([{ title: 'pass' }, { title: 'rule' }, { title: 'at' }, { title: 'outcome' }], rows),
      ...(this.silent.length > 0 ? ['', `Passes that had nothing to say about it: ${this.silent.join(', ')}.`] : []),
    ];
  }

  private get silent(): string[] {
    return [...this.passes].filter(([, spoke]) => !spoke).map(([pass]) => pass);
  }

  /** What first and foremost stands for it: the first of its origins that has its operator, else the first of all. */
  private isMeant({ name, op, origin }: Node): boolean {
    const main = origin.find((source) => this.operators.get(source) === op) ?? origin[0];
    return this.names.has(name) || (main !== undefined && this.names.has(main));
  }

  /** Groups of passes are repeated: the last word counts, but what was done stays. */
  private add(entry: Explained): void {
    const key = JSON.stringify([entry.pass, entry.rule, entry.node, entry.outcome === 'applied']);
    this.found.delete(key);
    this.found.set(key, entry);
  }
}

const WORDS: Readonly<Record<Seen['outcome'], string>> = {
  applied: 'applied',
  refused: 'left alone',
  'near-miss': 'nearly',
  'no-match': 'does not match',
};

/** The three that are most alike: those that contain it, then by edit distance. */
export function nearest(wanted: string, names: readonly string[]): string[] {
  const lower = wanted.toLowerCase();
  const likeness = (other: string): number =>
    other.includes(lower) || lower.includes(other)
      ? Math.abs(other.length - lower.length) / 100
      : 1 + distance(lower, other) / Math.max(lower.length, other.length, 1);
  // A part of a path may stand for it: `Gemm` for /classifier/Gemm.
  const partsOf = (name: string): string[] => (lower.includes('/') ? [] : name.split('/').filter((part) => part.length > 1));
  const score = (name: string): number => Math.min(...[name, ...partsOf(name)].map((part) => likeness(part.toLowerCase())));
  return [...new Set(names)]
    .map((name) => ({ name, score: score(name) }))
    .filter(({ score: value }) => value < 1.6)
    .sort((a, b) => a.score - b.score)
    .slice(0, 3)
    .map(({ name }) => name);
}

/** Levenshtein's. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next[j] = Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1));
    row = next;
  }
  return row[b.length] ?? 0;
}
