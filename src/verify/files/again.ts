/** Repeats the conversion behind a converted file, to find out what its rules produce from the original's weights and from others. */
import { type Compiled, compile } from '../../compile';
import { declaredForm, type Form } from '../../compile/form';
import type { SizeRequest } from '../../compile/input-size';
import { declaredDensity, declaredHead, declaredSize, declaredStrides } from '../../compile/metadata';
import { CompileError } from '../../diagnostics/compile-error';
import { inheritOrigin } from '../../files';
import type { Model } from '../../ir/model';
import { slidingNames } from '../../ir/tied';
import { lowerToTfjs } from '../../tfjs/lower';
import type { Rewrite } from '../report';
import { aboutOf, readModelJson } from '../tfjs/files';
import type { Emitted } from '../tfjs/integers';

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
 * conversion cannot be repeated.
 */
export function formedFrom(
  original: Model,
  converted: Model,
): { readonly compiled: Compiled; readonly form: { readonly model: Model; readonly form: Form } } | undefined {
  const form = declaredForm(converted);
  const head = declaredHead(converted);
  if (!form || !head) return undefined;
  const outputs = converted.graph.outputs.map(({ name }) => name);
  const isAll = original.graph.outputs.every(({ name }) => outputs.includes(name)) && outputs.length === original.graph.outputs.length;
  const stride = Object.keys(declaredDensity(converted)).length > 0 ? Object.values(declaredStrides(converted) ?? {})[0] : undefined;
  const inputSize = declaredSize(converted);
  const compiled = ifPossible(() => compile(original, { head, stride, inputSize, ...(!isAll && { outputs }) }));
  if (compiled) inheritOrigin(compiled.model, original);
  return compiled && { compiled, form: { model: converted.clone(), form } };
}

/** Returns undefined if the action throws a CompileError. */
function ifPossible<T>(action: () => T): T | undefined {
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

/**
 * The same, including the graph emitted for TensorFlow.js: in the layout that the model declares, and fused or not, whichever reproduces its nodes.
 * undefined if it is not a conversion by this program.
 */
export function tfjsConversionAgain(
  original: Model,
  standIn: Model,
  path: string,
  inputSize: SizeRequest | undefined,
): ((model: Model) => Emitted | undefined) | undefined {
  const json = readModelJson(path);
  const { inputs = {}, values } = aboutOf(json);
  const head = declaredHead(standIn);
  if (!head || !values) return undefined;
  const inputLayout = Object.values(inputs).some(({ layout }) => layout === 'nchw') ? 'nchw' : 'nhwc';
  const attempt = (model: Model, optimise: 0 | 1 | 2, fuse: boolean): Emitted | undefined =>
    ifPossible(() => {
      const compiled = compile(model, {
        head,
        optimise,
        slide: slidingNames(standIn),
        inputSize: inputSize ?? declaredSize(standIn),
      }).model;
      return { model: compiled, graph: lowerToTfjs(compiled, { inputLayout, fuse }) };
    });
  const topology = json.modelTopology as { readonly node: readonly { readonly name: string; readonly op: string }[] };
  const own = new Set(topology.node.map(({ name, op }) => `${op} ${name}`));
  // A node may have been tampered with: uses the settings that reproduce most nodes.
  let best: { readonly optimise: 0 | 1 | 2; readonly fuse: boolean; readonly share: number } | undefined;
  for (const optimise of [2, 1, 0] as const) {
    for (const fuse of [true, false]) {
      const made = attempt(original, optimise, fuse)?.graph.nodes ?? [];
      const common = made.filter(({ name, op }) => own.has(`${op} ${name}`)).length;
      const share = common / Math.max(own.size, made.length, 1);
      if (share > (best?.share ?? 0)) best = { optimise, fuse, share };
      if (share === 1) return (model) => attempt(model, optimise, fuse);
    }
  }
  return best && best.share > 0.5 ? (model) => attempt(model, best.optimise, best.fuse) : () => undefined;
}
