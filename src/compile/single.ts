/**
 * `--float32`: a network in bfloat16, float64 or float16 becomes one in float32. Types, constants and the attributes that give types change; no Cast is
 * added, and those between these types become identities, which the passes remove. Weights in bfloat16 and float16 keep their values; float64 is rounded.
 *
 *   convolutionize.float32    bfloat16
 */

import { dtypeNumber, dtypeNumbered } from '../ir/dtypes';
import { allNodes, type Graph } from '../ir/graph';
import type { Model } from '../ir/model';
import { computedTensor, readNumbers } from '../ir/tensor';
import type { Attr, DType, Tensor, Value } from '../ir/types';

const SINGLE = 'convolutionize.float32';
/** Element types that become float32. */
const OTHERS: ReadonlySet<DType> = new Set(['bfloat16', 'double', 'float16']);
/** ONNX's code of float32. */
const FLOAT = dtypeNumber('float');
/** Attributes that give an element type by its code. */
const TYPE_ATTRIBUTES = ['to', 'dtype', 'output_dtype', 'stash_type', 'softmax_precision'];

/** The types of a network's values and constants that `inSingle` would change, most frequent first. */
export function otherFloats({ graph }: Model): readonly DType[] {
  const counts = new Map<DType, number>();
  for (const dtype of [...valuesOf(graph).map(({ type }) => type?.dtype), ...constantsOf(graph).map(({ constant }) => constant.dtype)])
    if (dtype && OTHERS.has(dtype)) counts.set(dtype, (counts.get(dtype) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a).map(([dtype]) => dtype);
}

/** Returns the network in float32, and does not change the given one. */
export function inSingle(of: Model): Model {
  const types = otherFloats(of);
  const model = of.clone();
  const { graph } = model;
  for (const each of graphsOf(graph))
    for (const constant of [...each.constants]) {
      if (!OTHERS.has(constant.constant.dtype)) continue;
      const { name } = constant;
      const made = each.addConstant(`${name}_single`, singleTensor(constant.constant));
      each.replaceAllUses(constant, made);
      if (constant.uses.length === 0 && !each.isOutput(constant)) each.removeConstant(constant);
      each.rename(made, name);
    }
  for (const node of allNodes(graph)) {
    const attrs = new Map([...node.attrs].map(([name, attr]) => [name, singleAttr(name, attr)]));
    if ([...attrs].some(([name, attr]) => attr !== node.attrs.get(name))) node.graph.respell(node, { attrs });
  }
  for (const value of valuesOf(graph))
    if (value.type && OTHERS.has(value.type.dtype)) graph.setType(value, { ...value.type, dtype: 'float' });
  if (types.length > 0) model.metadata.set(SINGLE, types.join(', '));
  return model;
}

/** True if the model was made by `--float32`. */
export const isSingled = (model: Model): boolean => model.metadata.has(SINGLE);

const graphsOf = (graph: Graph): readonly Graph[] => [...new Set([graph, ...allNodes(graph).map((node) => node.graph)])];
const valuesOf = (graph: Graph): readonly Value[] =>
  graphsOf(graph).flatMap((each) => [...each.inputs, ...each.nodes.flatMap(({ outputs }) => outputs)]);
const constantsOf = (graph: Graph): Graph['constants'] => graphsOf(graph).flatMap(({ constants }) => constants);

const singleTensor = (tensor: Tensor): Tensor => computedTensor('float', tensor.shape, () => readNumbers(tensor));

function singleAttr(name: string, attr: Attr): Attr {
  if (attr.kind === 'int' && TYPE_ATTRIBUTES.includes(name) && OTHERS.has(dtypeNumbered(Number(attr.value))))
    return { ...attr, value: FLOAT };
  if (attr.kind === 'tensor' && OTHERS.has(attr.value.dtype)) return { ...attr, value: singleTensor(attr.value) };
  return attr;
}
