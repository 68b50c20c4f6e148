/** A converted TensorFlow.js model, for verification, and the conversion behind it. */
import { compile } from '../../compile';
import type { SizeRequest } from '../../compile/input-size';
import { declaredHead, declaredSize } from '../../compile/metadata';
import type { Model } from '../../ir/model';
import { slidingNames } from '../../ir/tied';
import { lowerToTfjs } from '../../tfjs/lower';
import { ifPossible } from '../again';
import type { TfjsBackend } from '../tfjs/backend';
import { aboutOf, readModelJson } from '../tfjs/files';
import { type Emitted, tfjsIntegers } from '../tfjs/integers';
import { tfjsRuntime, tfjsStandIn } from '../tfjs/model';
import type { OtherModel } from '../verify';

/** `path`: its model.json. */
export const tfjsAsOther = (path: string, backend: TfjsBackend = 'wasm'): OtherModel => ({
  runtime: tfjsRuntime(path, backend),
  standIn: () => tfjsStandIn(path),
  integers: (original, standIn, inputSize) => tfjsIntegers(path, original, conversionAgain(original, standIn, path, inputSize), backend),
});

/**
 * Returns a function that repeats the declared conversion for any weights, and emits the graph for TensorFlow.js: in the layout that the model declares, and fused or not, whichever reproduces its nodes.
 * undefined if it is not a conversion by this program.
 */
function conversionAgain(
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
