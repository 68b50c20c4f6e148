/** The conversion behind a converted file, done again: what its rules make, of the original's weights and of others. */
import { type Compiled, compile } from '../compile';
import { CompileError } from '../diagnostics/compile-error';
import type { SizeRequest } from '../input-size';
import type { Model } from '../ir/model';
import { declaredHead, declaredSize } from '../metadata';
import type { Rewrite } from '../verify/report';

/** Whether a pass made weights anew. Constants folded in the original itself are computed there as well. */
export const rounds = ({ report }: Compiled): boolean =>
  report.passes.some(({ pass, edits, numbers }) => edits > 0 && numbers === 'rounding' && pass !== 'fold-constants');

/** What the rules of a conversion did. */
export const rewritesOf = (compiled: Compiled | undefined): readonly Rewrite[] =>
  (compiled?.report.remarks ?? []).flatMap(({ kind, pass, rule, origin }) => (kind === 'applied' ? [{ pass, rule, origin }] : []));

/** The conversion that the file says it is, done again: it tells which rules make what. undefined: it cannot be done. */
export function compiledAnew(original: Model, converted: Model): Compiled | undefined {
  try {
    return compile(original, { head: declaredHead(converted) });
  } catch (error) {
    if (error instanceof CompileError) return undefined;
    throw error;
  }
}

/** The conversion that the file says it is, for any weights: at the level of folding that makes the same graph. */
export function conversionAgain(
  original: Model,
  converted: Model,
  inputSize: SizeRequest | undefined,
): (model: Model) => Model | undefined {
  const head = declaredHead(converted);
  if (!head) return () => undefined;
  const attempt = (model: Model, optimise: 0 | 1 | 2): Model | undefined => {
    try {
      return compile(model, { head, optimise, inputSize: inputSize ?? declaredSize(converted) }).model;
    } catch (error) {
      if (error instanceof CompileError) return undefined;
      throw error;
    }
  };
  const names = (model: Model | undefined): string => JSON.stringify(model?.graph.nodes.map((node) => [node.op, node.name]));
  const level = ([2, 1, 0] as const).find((each) => names(attempt(original, each)) === names(converted)) ?? 2;
  return (model) => attempt(model, level);
}
