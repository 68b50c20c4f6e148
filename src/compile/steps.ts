/** The steps of a conversion: its passes, their order and their repetition. */
import { evaluation, type Head, type Pipeline, pipelineFor } from '../../passes';
import { unknownPass } from '../diagnostics/catalogue';
import type { Model } from '../ir/model';
import { table } from '../ir/table';
import { type PassReport, PassRunner, type RunOptions } from '../rewrite/manager';
import type { Pass, Role } from '../rewrite/pass';
import type { CompileOptions, PluginPass } from './options';

/** The passes of a conversion according to its options: including the caller's own, without skipped ones. */
export function stepsOf(head: Head, options: CompileOptions): Pipeline {
  const plugins = options.plugins ?? [];
  const last = plugins.filter(({ after }) => after === undefined);
  return selected(withPlugins(pipelineFor(head, options.optimise ?? 2, last), plugins), options);
}

/** Infers all types, including those of values that depend on arithmetic over constants. Folds constant parts of the graph on the way. */
export function settle(of: Model | PassRunner, passes: readonly Pass[] = evaluation): PassReport[] {
  const runner = of instanceof PassRunner ? of : new PassRunner(of);
  const reports: PassReport[] = [];
  // Each round knows more shapes than the one before, and so more constants.
  for (let rounds = runner.model.graph.nodeCount; rounds > 0; rounds--) {
    const round = runner.run(passes);
    reports.push(...round);
    if (round.every(({ edits }) => edits === 0)) break;
  }
  return reports;
}

export const hasRole = (step: Pass | readonly Pass[], role: Role): boolean =>
  ('run' in step ? [step] : step).some((pass) => pass.role === role);

/** True if not all passes of the pipeline are to be run. */
export const leavesOut = ({ passes, skip }: CompileOptions): boolean => passes !== undefined || (skip?.length ?? 0) > 0;

/** Runs a group until a whole round changes nothing. */
export function runGroup(runner: PassRunner, step: Pass | readonly Pass[], options: CompileOptions): PassReport[] {
  const group = 'run' in step ? [step] : step;
  const run: RunOptions = {
    ...(options.validate && { validate: options.validate }),
    ...(options.onPass && { onPass: options.onPass }),
    onAttempt: options.onAttempt,
    budget: options.budget,
  };
  const reports = runner.run(group, run);
  if (group.length === 1 || reports.every(({ edits }) => edits === 0)) return reports;
  // Each round moves at least one Flatten past one node, so the number of nodes bounds the rounds.
  for (let rounds = runner.model.graph.nodeCount; rounds > 0; rounds--) {
    const round = runner.run(group, run);
    if (round.every((report) => report.edits === 0)) break;
    reports.push(...round);
  }
  return reports;
}

/** Inserts each plugin after the pass that it names. Throws CompileError UNKNOWN_PASS if that pass does not exist. */
function withPlugins(pipeline: Pipeline, plugins: readonly PluginPass[]): Pipeline {
  const steps = [...pipeline];
  for (const plugin of plugins) {
    const { after } = plugin;
    if (after === undefined) continue;
    const at = steps.findIndex((step) => namesIn(step).includes(after));
    if (at < 0)
      throw unknownPass(
        after,
        steps.flatMap((step) => namesIn(step)),
      );
    steps.splice(at + 1, 0, plugin);
  }
  return steps;
}

const namesIn = (step: Pass | readonly Pass[]): readonly string[] => ('run' in step ? [step] : step).map(({ name }) => name);

/** Always run: a conversion frees its sizes, whatever else is skipped. */
const ALWAYS: readonly (Role | undefined)[] = ['frees', 'fits'];

function selected(pipeline: Pipeline, { passes, skip }: CompileOptions): Pipeline {
  const known = [...new Set(pipeline.flat().map((pass) => pass.name))];
  for (const name of [...(passes ?? []), ...(skip ?? [])]) if (!known.includes(name)) throw unknownPass(name, known);
  const keeps = (pass: Pass): boolean =>
    ALWAYS.includes(pass.role) || ((!passes || passes.includes(pass.name)) && !skip?.includes(pass.name));
  return pipeline.map((step) => ('run' in step ? [step] : step).filter(keeps)).filter((group) => group.length > 0);
}

/** Merges the reports of the rounds of each pass. */
export function merged(reports: readonly PassReport[]): PassReport[] {
  const byName = new Map<string, PassReport>();
  for (const report of reports) {
    const before = byName.get(report.pass);
    byName.set(report.pass, before ? added(before, report) : report);
  }
  return [...byName.values()];
}

function added(a: PassReport, b: PassReport): PassReport {
  const applied: Record<string, number> = table({ ...a.applied });
  for (const [rule, count] of Object.entries(b.applied)) applied[rule] = (applied[rule] ?? 0) + count;
  return {
    pass: a.pass,
    role: a.role,
    numbers: a.numbers,
    applied,
    remarks: [...a.remarks, ...b.remarks],
    refusals: [...a.refusals, ...b.refusals],
    nodesBefore: a.nodesBefore,
    nodesAfter: b.nodesAfter,
    edits: a.edits + b.edits,
    ms: a.ms + b.ms,
  };
}
