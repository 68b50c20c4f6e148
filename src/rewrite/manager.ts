/**
 * Runs passes in order over one model, records their effects and checks their results.
 *
 * Whether a pass changed anything is observed (`Graph.edits`), not reported by the pass. Before a pass all types are up to date. After it the IR must be
 * valid; otherwise an InvariantError names the pass, and also the rule if each rewrite is checked.
 */
import { pluginFailed } from '../diagnostics/catalogue';
import { CompileError, InvariantError } from '../diagnostics/compile-error';
import { allNodes } from '../ir/graph';
import type { Model } from '../ir/model';
import { type InferenceMemo, inferShapes, type ShapeInference } from '../ir/shape-inference';
import { table } from '../ir/table';
import { validateModel } from '../ir/validate';
import type { Attempt } from './apply';
import type { Numbers, Pass, Remark, Role } from './pass';

export interface PassReport {
  readonly pass: string;
  readonly role: Role | undefined;
  /** Effect that it may have on the numbers. */
  readonly numbers: Numbers;
  /** How often each rule applied; for a pass without rules, how often it reported an application. */
  readonly applied: Readonly<Record<string, number>>;
  /** All remarks, in order. */
  readonly remarks: readonly Remark[];
  /** The `remarks` that give a reason why something was left alone. */
  readonly refusals: readonly Remark[];
  readonly nodesBefore: number;
  readonly nodesAfter: number;
  /** 0 if the pass changed nothing. */
  readonly edits: number;
  readonly ms: number;
}

/** One rewrite by a rule, or the whole run of a pass that has no rules and changed something. */
export interface Step {
  readonly pass: string;
  readonly rule?: string | undefined;
  /** Node at which the rule matched, under its name at that time. */
  readonly node?: string | undefined;
}

/** Limits the number of steps: for finding the one that goes wrong. */
export interface Budget {
  readonly left: () => boolean;
  take(step: Step): void;
}

export interface RunOptions {
  /** Called for every rule that was tried at a node, with its outcome. */
  readonly onAttempt?: ((attempt: Attempt & { readonly pass: string }) => void) | undefined;
  /** Steps beyond the budget are skipped. Default: no limit. */
  readonly budget?: Budget | undefined;
  /** When to check the IR. Default: after each pass. `rule` also identifies the rule, at the cost of a check after each rewrite. */
  readonly validate?: 'rule' | 'pass' | 'end';
  /** Called after each pass, once its result is checked: for `--print-ir-after`. */
  readonly onPass?: (info: { readonly pass: Pass; readonly model: Model; readonly report: PassReport }) => void;
}

/** Edits the model and reports on each pass. Throws InvariantError if a pass breaks the IR, and any CompileError caused by the model. */
export const runPasses = (model: Model, passes: readonly Pass[], options: RunOptions = {}): PassReport[] =>
  new PassRunner(model).run(passes, options);

/** Runs passes over one model, any number of times; inferred types are reused as long as they are valid. */
export class PassRunner {
  private readonly memo: InferenceMemo = new WeakMap();
  private inferred: { readonly inference: ShapeInference; readonly edits: number } | undefined;

  constructor(readonly model: Model) {}

  /** Same as `runPasses`. */
  run(passes: readonly Pass[], options: RunOptions = {}): PassReport[] {
    return runOver(this.model, passes, options, () => this.infer());
  }

  /** The types of all values as the graph is now. */
  infer(): ShapeInference {
    const { graph } = this.model;
    if (this.inferred?.edits !== graph.edits) {
      const inference = inferShapes(this.model, this.memo);
      this.inferred = { inference, edits: graph.edits };
    }
    return this.inferred.inference;
  }
}

function runOver(
  model: Model,
  passes: readonly Pass[],
  { validate = 'pass', onPass, onAttempt, budget }: RunOptions,
  infer: () => ShapeInference,
): PassReport[] {
  const reports: PassReport[] = [];
  let inference = infer();
  let nodeCount = countNodes(model);
  for (const pass of passes) {
    if (budget?.left() === false) break;
    const remarks: Remark[] = [];
    const nodesBefore = nodeCount;
    const editsBefore = model.graph.edits;
    const start = performance.now();
    let steps = 0;
    naming(pass, `pass '${pass.name}'`, () =>
      pass.run(model.graph, {
        model,
        inference,
        remark: (remark) => remarks.push({ ...remark, pass: pass.name }),
        ...(onAttempt && { attempted: (attempt) => onAttempt({ ...attempt, pass: pass.name }) }),
        ...(budget && { mayRewrite: budget.left }),
        ...((validate === 'rule' || budget) && {
          afterRule: (rule, root) => {
            if (validate === 'rule') naming(pass, `rule '${rule.name}' at '${root}' broke the IR`, () => validateModel(model));
            budget?.take({ pass: pass.name, rule: rule.name, node: root });
            steps++;
          },
        }),
      }),
    );
    const edits = model.graph.edits - editsBefore;
    if (edits > 0) nodeCount = countNodes(model);
    const report: PassReport = {
      pass: pass.name,
      role: pass.role,
      numbers: pass.numbers,
      applied: countApplied(remarks),
      remarks,
      refusals: remarks.filter((remark) => remark.kind === 'refused'),
      nodesBefore,
      nodesAfter: nodeCount,
      edits,
      ms: performance.now() - start,
    };
    reports.push(report);
    if (budget && steps === 0 && report.edits > 0) budget.take({ pass: pass.name });
    if (report.edits > 0) {
      if (validate !== 'end') naming(pass, `pass '${pass.name}' broke the IR${suspects(report)}`, () => validateModel(model));
      inference = naming(pass, `after pass '${pass.name}'`, infer);
    }
    onPass?.({ pass, model, report });
  }
  if (validate === 'end')
    naming(undefined, `one of the passes ${passes.map((pass) => `'${pass.name}'`).join(', ')} broke the IR`, () => validateModel(model));
  return reports;
}

const countNodes = (model: Model): number => allNodes(model.graph).length;

function countApplied(remarks: readonly Remark[]): Record<string, number> {
  const counts: Record<string, number> = table({});
  for (const { kind, rule, pass } of remarks) if (kind === 'applied') counts[rule ?? pass] = (counts[rule ?? pass] ?? 0) + 1;
  return counts;
}

const suspects = ({ applied }: PassReport): string => {
  const rules = Object.keys(applied);
  return rules.length > 0 ? ` (rules applied: ${rules.join(', ')})` : '';
};

/** Adds the name of the culprit to our own errors. Errors in an external pass are its author's: CompileError PLUGIN_FAILED. */
function naming<T>(pass: Pass | undefined, who: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (pass?.module !== undefined && !(error instanceof CompileError))
      throw pluginFailed(pass.module, `${who}: ${error instanceof Error ? error.message : String(error)}`, error);
    if (error instanceof InvariantError) throw new InvariantError(`${who}: ${error.message}`, { cause: error });
    throw error;
  }
}
