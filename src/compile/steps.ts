/** The steps of a conversion: which passes, in which order, and how often. */
import { evaluation, type Head, type Pipeline, pipelineFor } from '../../passes';
import { unknownPass } from '../diagnostics/catalogue';
import type { Model } from '../ir/model';
import { table } from '../ir/table';
import { type PassReport, PassRunner, type RunOptions } from '../rewrite/manager';
import type { Pass, Role } from '../rewrite/pass';
import type { CompileOptions, PluginPass } from './options';

/** The passes of a conversion as it was asked for: with the caller's own, without those that are left out. */
export function stepsOf(head: Head, options: CompileOptions): Pipeline {
  const plugins = options.plugins ?? [];
  const last = plugins.filter(({ after }) => after === undefined);
  return selected(withPlugins(pipelineFor(head, options.optimise ?? 2, last), plugins), options);
}

/** Finds all types, of values too that depend on arithmetic over constants. Constant parts of the graph are folded on the way. */
export function settle(of: Model | PassRunner, passes: readonly Pass[] = evaluation): PassReport[] {
  const runner = of instanceof PassRunner ? of : new PassRunner(of);
  const reports: PassReport[] = [];
  // Each round knows more shapes than the one before, and with them more constants.
  for (let rounds = runner.model.graph.nodeCount; rounds > 0; rounds--) {
    const round = runner.run(passes);
    reports.push(...round);
    if (round.every(({ edits }) => edits === 0)) break;
  }
  return reports;
}

export const hasRole = (step: Pass | readonly Pass[], role: Role): boolean =>
  ('run' in step ? [step] : step).some((pass) => pass.role === role);

/** Whether not all passes of the pipeline are to run. */
export const leavesOut = ({ passes, skip }: CompileOptions): boolean => passes !== undefined || (skip?.length ?? 0) > 0;

/** A group runs until a whole round changes nothing. */
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

/** Passes that name a place behind it. Throws CompileError UNKNOWN_PASS where it is not there. */
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

/** The sizes of a conversion are free, whatever else is left out. */
const ALWAYS: readonly (Role | undefined)[] = ['frees', 'fits'];

function selected(pipeline: Pipeline, { passes, skip }: CompileOptions): Pipeline {
  const known = [...new Set(pipeline.flat().map((pass) => pass.name))];
  for (const name of [...(passes ?? []), ...(skip ?? [])]) if (!known.includes(name)) throw unknownPass(name, known);
  const keeps = (pass: Pass): boolean =>
    ALWAYS.includes(pass.role) || ((!passes || passes.includes(pass.name)) && !skip?.includes(pass.name));
  return pipeline.map((step) => ('run' in step ? [step] : step).filter(keeps)).filter((group) => group.length > 0);
}

/** Reports of the rounds of one pass as one. */
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
