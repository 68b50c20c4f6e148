/**
 * `convert --explain NODE`: which rules looked at a node, with their outcomes.
 *
 * The node is given by its name in the file or by a value that it computes. Nodes that rewrites derived from it are found by their origin.
 */
import { unknownNode } from '../diagnostics/catalogue';
import { formatLocation, printable } from '../diagnostics/format';
import { allNodes } from '../ir/graph';
import type { Model } from '../ir/model';
import type { Node } from '../ir/types';
import { table } from '../reports/table';
import type { RunOptions } from '../rewrite/manager';

type Seen = Parameters<NonNullable<RunOptions['onAttempt']>>[0];
type PassInfo = Parameters<NonNullable<RunOptions['onPass']>>[0];

export interface Explained {
  readonly pass: string;
  /** undefined: the pass has no rules. */
  readonly rule: string | undefined;
  /** Name of the node at that time. */
  readonly node: string;
  readonly op: string;
  readonly outcome: Seen['outcome'];
  readonly reason: string | undefined;
  /** Location of the reason, if it is not the node itself. */
  readonly at: string | undefined;
}

export class Explanation {
  private readonly found = new Map<string, Explained>();
  /** Passes that ran, in order, and whether they had an attempt or a remark at the node. */
  private readonly passes = new Map<string, boolean>();
  private became: readonly string[] = [];
  private subject: Node | undefined;
  private names: ReadonlySet<string> = new Set();
  /** Operators of the source model, by node name. */
  private operators: ReadonlyMap<string, string> = new Map();

  constructor(private readonly wanted: string) {}

  /** Throws CompileError UNKNOWN_NODE, which lists the most similar names. */
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
    // Remarks of rules were already recorded as attempts.
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

  /** Whether the node derives mainly from the explained one. The main origin is the first one with the node's operator, otherwise the first one. */
  private isMeant({ name, op, origin }: Node): boolean {
    const main = origin.find((source) => this.operators.get(source) === op) ?? origin[0];
    return this.names.has(name) || (main !== undefined && this.names.has(main));
  }

  /** Passes may run repeatedly: a later outcome replaces an earlier one, but applied rewrites are kept. */
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

/** The three most similar names: those that contain the wanted name or are contained in it, then by edit distance. */
export function nearest(wanted: string, names: readonly string[]): string[] {
  const lower = wanted.toLowerCase();
  const likeness = (other: string): number =>
    other.includes(lower) || lower.includes(other)
      ? Math.abs(other.length - lower.length) / 100
      : 1 + distance(lower, other) / Math.max(lower.length, other.length, 1);
  // One component of a path may be given: `Gemm` for /classifier/Gemm.
  const partsOf = (name: string): string[] => (lower.includes('/') ? [] : name.split('/').filter((part) => part.length > 1));
  const score = (name: string): number => Math.min(...[name, ...partsOf(name)].map((part) => likeness(part.toLowerCase())));
  return [...new Set(names)]
    .map((name) => ({ name, score: score(name) }))
    .filter(({ score: value }) => value < 1.6)
    .sort((a, b) => a.score - b.score)
    .slice(0, 3)
    .map(({ name }) => name);
}

/** Levenshtein distance. */
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
