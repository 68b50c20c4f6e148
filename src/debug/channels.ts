/**
 * Reduces the channels along one value of a network: the weights that produce it and those that read it are cut to their first channels.
 * The change is followed through operators that treat channels independently; anything else prevents it.
 */

import { intAttr } from '../ir/attrs';
import type { Model } from '../ir/model';
import { isUnaryElementwise } from '../ir/operator-traits';
import { table } from '../ir/table';
import { slicedAlong } from '../ir/tensor';
import { isConst, type Node, type Value } from '../ir/types';
import { asConv, asProduct } from '../operators/layers';

const POOLS = ['MaxPool', 'AveragePool', 'LpPool', 'GlobalAveragePool', 'GlobalMaxPool', 'Identity', 'Dropout'];
const ARITHMETIC = ['Add', 'Sub', 'Mul', 'Div'];

/** `pick`: a graph input, or the result of a layer. Returns undefined if not possible. Types of inner values are dropped and must be inferred again. */
export function withFewerChannels(source: Model, pick: string, keep: (channels: number) => number): Model | undefined {
  const model = source.clone();
  const { graph } = model;
  const start = [...graph.inputs, ...graph.nodes.flatMap((node) => node.outputs)].find(({ name }) => name === pick);
  const channels = start?.type?.shape?.[1];
  if (!start?.type?.shape || typeof channels !== 'number') return undefined;
  const kept = keep(channels);
  if (kept >= channels || kept < 1) return undefined;
  const { producer } = start;
  if (!producer) graph.setType(start, { dtype: start.type.dtype, shape: start.type.shape.map((dim, axis) => (axis === 1 ? kept : dim)) });
  else if (!cutLayer(producer, channels, kept)) return undefined;
  if (!follow(start, channels, kept)) return undefined;
  for (const node of graph.nodes) for (const output of node.outputs) graph.setType(output, undefined);
  for (const constant of [...graph.constants]) if (constant.uses.length === 0 && !graph.isOutput(constant)) graph.removeConstant(constant);
  return model;

  /** Replaces the constant by a copy with only the first `to` elements along an axis. */
  function cutConstant(node: Node, slot: number, axis: number, from: number, to: number): boolean {
    const value = node.inputs[slot];
    if (!isConst(value) || value.constant.shape[axis] !== from || value.constant.data.kind === 'strings') return false;
    graph.replaceInput(node, slot, graph.addConstant(`${value.name}_cut`, slicedAlong(value.constant, axis, 0, to)));
    return true;
  }

  /** Reduces the outputs of the layer that produces the value. */
  function cutLayer(node: Node, from: number, to: number): boolean {
    const product = asProduct(node);
    const isLayer = product?.isGemm ?? asConv(node)?.groups === 1;
    if (!isLayer || !cutConstant(node, 1, product?.isGemm && !product.transB ? 1 : 0, from, to)) return false;
    const bias = node.inputs[2];
    return bias === undefined || cutConstant(node, 2, (bias.type?.shape?.length ?? 1) - 1, from, to);
  }

  /** Adapts all readers of the value. */
  function follow(value: Value, from: number, to: number): boolean {
    return [...value.uses].every(({ user, slot }) => reader(user, slot, value, from, to));
  }

  function reader(node: Node, slot: number, value: Value, from: number, to: number): boolean {
    const [output] = node.outputs;
    const on = (a = from, b = to): boolean => output !== undefined && follow(output, a, b);
    const cut = (at: number, axis: number): boolean => cutConstant(node, at, axis, from, to);
    const readers = table<() => boolean>({
      BatchNormalization: () => [1, 2, 3, 4].every((at) => cut(at, 0)) && on(),
      Conv: () => {
        const group = intAttr(node, 'group');
        if (group === 1) return cut(1, 1);
        if (group !== from || node.inputs[1]?.type?.shape?.[0] !== from) return false;
        graph.respell(node, { attrs: new Map([...node.attrs, ['group', { kind: 'int', value: to }]]) });
        return cut(1, 0) && (node.inputs[2] === undefined || cut(2, 0)) && on();
      },
      Flatten: () => {
        const features = output?.type?.shape?.[1];
        if (intAttr(node, 'axis') !== 1 || typeof features !== 'number') return false;
        return on(features, (features / from) * to);
      },
      Gemm: () => intAttr(node, 'transA') === 0 && cut(1, intAttr(node, 'transB') === 0 ? 0 : 1),
      MatMul: () => node.inputs[1]?.type?.shape?.length === 2 && cut(1, 0),
    });
    if (isUnaryElementwise(node.op) || POOLS.includes(node.op)) return on();
    if (ARITHMETIC.includes(node.op)) {
      const other = node.inputs[1 - slot];
      if (!isConst(other)) return false;
      const { shape } = other.constant;
      const axis = shape.length - ((value.type?.shape?.length ?? 0) - 1);
      return (shape[axis] ?? 1) === 1 || cutConstant(node, 1 - slot, axis, from, to) ? on() : false;
    }
    return slot === 0 && (readers[node.op]?.() ?? false);
  }
}
