/**
 * npm run sabotage -- [--only TEXT] [--head window|cell|image]: every kind of fault put into the conversions of small networks, under every head that they have;
 * prints what was found and what was not. TEXT: a part of the name of a network.
 */
import { parseArgs } from 'node:util';
import { CompileError } from '../../../src/diagnostics/compile-error';
import type { Model } from '../../../src/ir/model';
import type { VerifyReport } from '../../../src/verify/report';
import { CLAIMS, claiming, FAULTS, OF_FIELDS, OF_ORDER } from './faults';
import { judged, NoPlace } from './judge';
import { NETWORKS } from './networks';

const HEADS = ['window', 'cell', 'image'] as const;
type Head = (typeof HEADS)[number];

class Score {
  private made = 0;
  private found = 0;
  private unverified = 0;
  private right = 0;
  private conversions = 0;
  private readonly without = new Map<string, number>();

  conversion(name: string, report: VerifyReport | undefined): void {
    this.conversions++;
    if (report?.verdict === 'equal') this.right++;
    else console.log(`FALSE ALARM  ${name}: ${report?.verdict}`);
  }
  /** A fault that cannot be put into a network is no fault of it. */
  noPlace(reason: string): void {
    this.without.set(reason, (this.without.get(reason) ?? 0) + 1);
  }
  /** An unverified conversion is not written either. */
  fault(name: string, isFound: boolean, verdict: string | undefined): void {
    this.made++;
    if (verdict === 'unverified') {
      this.unverified++;
      console.log(`UNVERIFIED   ${name}`);
    } else if (isFound) this.found++;
    else console.log(`NOT FOUND    ${name}: ${verdict}`);
  }
  text(what: string): string {
    const share = ((100 * this.found) / Math.max(1, this.made)).toFixed(1);
    const none = [...this.without].map(([reason, times]) => `\n  no place for ${times}: ${reason}`).join('');
    return `${what}: ${this.found} of ${this.made} faults found (${share} %), ${this.unverified} unverified; ${this.right} of ${this.conversions} right conversions equal${none}`;
  }
  get isPerfect(): boolean {
    return this.found + this.unverified === this.made && this.right === this.conversions;
  }
}

/** All faults in one conversion. */
async function spoil(score: Score, network: string, head: Head, make: () => Model): Promise<void> {
  const name = `${network}, head ${head}`;
  let right: VerifyReport | undefined;
  try {
    right = await judged(make(), undefined, { head });
  } catch (error) {
    // Some networks have no such head.
    if (error instanceof CompileError && head !== 'window') return;
    throw error;
  }
  score.conversion(name, right);
  for (const [fault, put] of FAULTS) {
    const isField = fault === OF_FIELDS && (head === 'image' || right?.contract?.kind === 'whole-image');
    if (isField) score.noPlace('the contract says nothing of the pixels that a cell looks at');
    if (head === 'image' && OF_ORDER.has(fault)) score.noPlace('it changes which cell is where, and the mean over all is the same');
    if (isField || (head === 'image' && OF_ORDER.has(fault))) continue;
    try {
      const report = await judged(make(), put, { head });
      if (report) score.fault(`${name}, ${fault}`, report.verdict === 'different', report.verdict);
    } catch (error) {
      if (error instanceof NoPlace) score.noPlace(error.message);
      else if (!(error instanceof CompileError)) throw error;
      // A model that the runtime does not take is found as well.
      else score.fault(`${name}, ${fault}`, true, error.diagnostic.message);
    }
  }
  for (const [claim, { change, isTold }] of head === 'image' ? [] : CLAIMS) {
    const report = await judged(make(), undefined, { head, claim: (contract) => claiming(contract, change) });
    const edges = report?.checks.find(({ name: check }) => check === 'edges of the field');
    if (report) score.fault(`${name}, ${claim}`, isTold ? edges?.status === 'informative' : report.verdict === 'different', report.verdict);
  }
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { only: { type: 'string', default: '' }, head: { type: 'string' } } });
  const scores: Score[] = [];
  for (const head of HEADS.filter((each) => values.head === undefined || each === values.head)) {
    const score = new Score();
    for (const [network, make] of NETWORKS) if (network.includes(values.only)) await spoil(score, network, head, make);
    console.log(score.text(`head ${head}`));
    scores.push(score);
  }
  return scores.every(({ isPerfect }) => isPerfect) ? 0 : 1;
}

main().then((code) => process.exit(code));
