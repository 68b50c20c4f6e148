/** Repeats the conversion behind a converted file, to find out what its rules produce from the original's weights and from others. */
import { type Compiled, compile } from '../compile';
import { declaredForm, type Form } from '../compile/form';
import type { SizeRequest } from '../compile/input-size';
import { declaredDensity, declaredHead, declaredSize, declaredStrides } from '../compile/metadata';
import { CompileError } from '../diagnostics/compile-error';
import type { Model } from '../ir/model';
import { slidingNames } from '../ir/tied';
import type { Rewrite } from './report';

/** True if a pass recomputed weights. Constants folded in the original itself do not count, because the original computes them too. */
export const rounds = ({ report }: Compiled): boolean =>
  report.passes.some(({ role, edits, numbers }) => edits > 0 && numbers === 'rounding' && role !== 'evaluates');

/** Rewrites made by the rules of a conversion. */
export const rewritesOf = (compiled: Compiled | undefined): readonly Rewrite[] =>
  (compiled?.report.remarks ?? []).flatMap(({ kind, pass, rule, origin }) => (kind === 'applied' ? [{ pass, rule, origin }] : []));

/** Repeats the conversion that the file declares, to find out which rules made what. undefined if the conversion is refused. */
export function compiledAnew(original: Model, converted: Model): Compiled | undefined {
  return ifPossible(() => compile(original, { head: declaredHead(converted), slide: slidingNames(converted) }));
}

/**
 * The conversion behind a file that declares itself a form of one, repeated, together with the form. undefined if the file declares no form, or the
 * conversion cannot be repeated. `inherit`: lets the repeated one read the files of the original.
 */
export function formedFrom(
  original: Model,
  converted: Model,
  inherit?: (made: Model, from: Model) => void,
): { readonly compiled: Compiled; readonly form: { readonly model: Model; readonly form: Form } } | undefined {
  const form = declaredForm(converted);
  const head = declaredHead(converted);
  if (!form || !head) return undefined;
  const outputs = converted.graph.outputs.map(({ name }) => name);
  const isAll = original.graph.outputs.every(({ name }) => outputs.includes(name)) && outputs.length === original.graph.outputs.length;
  const stride = Object.keys(declaredDensity(converted)).length > 0 ? Object.values(declaredStrides(converted) ?? {})[0] : undefined;
  const inputSize = declaredSize(converted);
  const compiled = ifPossible(() =>
    compile(original, { head, stride, inputSize, slide: slidingNames(converted), ...(!isAll && { outputs }) }),
  );
  if (compiled) inherit?.(compiled.model, original);
  return compiled && { compiled, form: { model: converted.clone(), form } };
}

/** Returns undefined if the action throws a CompileError. */
export function ifPossible<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (error instanceof CompileError) return undefined;
    throw error;
  }
}

/** Returns a function that repeats the declared conversion for any weights, at the optimisation level that produces the same graph. */
export function conversionAgain(
  original: Model,
  converted: Model,
  inputSize: SizeRequest | undefined,
): (model: Model) => Model | undefined {
  const head = declaredHead(converted);
  if (!head) return () => undefined;
  const attempt = (model: Model, optimise: 0 | 1 | 2): Model | undefined =>
    ifPossible(
      () => compile(model, { head, optimise, slide: slidingNames(converted), inputSize: inputSize ?? declaredSize(converted) }).model,
    );
  const names = (model: Model | undefined): string => JSON.stringify(model?.graph.nodes.map((node) => [node.op, node.name]));
  const level = ([2, 1, 0] as const).find((each) => names(attempt(original, each)) === names(converted)) ?? 2;
  return (model) => attempt(model, level);
}
