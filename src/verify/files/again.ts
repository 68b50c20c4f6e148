/** The conversion behind a converted file, done again: what its rules make, of the original's weights and of others. */
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

/** Whether a pass made weights anew. Constants folded in the original itself are computed there as well. */
export const rounds = ({ report }: Compiled): boolean =>
  report.passes.some(({ role, edits, numbers }) => edits > 0 && numbers === 'rounding' && role !== 'evaluates');

/** What the rules of a conversion did. */
export const rewritesOf = (compiled: Compiled | undefined): readonly Rewrite[] =>
  (compiled?.report.remarks ?? []).flatMap(({ kind, pass, rule, origin }) => (kind === 'applied' ? [{ pass, rule, origin }] : []));

/** The conversion that the file says it is, done again: it tells which rules make what. undefined: it cannot be done. */
export function compiledAnew(original: Model, converted: Model): Compiled | undefined {
  return ifPossible(() => compile(original, { head: declaredHead(converted), slide: slidingNames(converted) }));
}

/** The conversion behind a file that says it is a form of one: done again, and the form. undefined: it says nothing of the kind, or cannot be done again. */
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

/** undefined where it is refused. */
function ifPossible<T>(action: () => T): T | undefined {
  try {
    return action();
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
  const attempt = (model: Model, optimise: 0 | 1 | 2): Model | undefined =>
    ifPossible(
      () => compile(model, { head, optimise, slide: slidingNames(converted), inputSize: inputSize ?? declaredSize(converted) }).model,
    );
  const names = (model: Model | undefined): string => JSON.stringify(model?.graph.nodes.map((node) => [node.op, node.name]));
  const level = ([2, 1, 0] as const).find((each) => names(attempt(original, each)) === names(converted)) ?? 2;
  return (model) => attempt(model, level);
}

/** The same with what is emitted for TensorFlow.js: in the layout that the model declares, fused or not as makes its nodes. undefined: no conversion of this program's. */
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
  // A node may have been tampered with: the way that makes the most of them.
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
