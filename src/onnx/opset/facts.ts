/**
 * Element types and ranks where the file does not give them: adapters run before shape inference.
 * Both functions walk from a value towards its sources, and return undefined rather than guess.
 */
import { intAttr, intsAttr } from '../../ir/attrs';
import { isBroadcasting, isUnaryElementwise } from '../../ir/operator-traits';
import { operatorSchema } from '../../ir/operators';
import type { DType, Node, Value } from '../../ir/types';

/** Element type of the value, from its own type or through the type variables of the operators that lead to it. */
export function dtypeOf(value: Value | undefined): DType | undefined {
  const seen = new Set<Value>();
  const open = value ? [value] : [];
  for (let next = open.pop(); next; next = open.pop()) {
    if (seen.has(next)) continue;
    seen.add(next);
    if (next.type) return next.type.dtype;
    const node = next.producer;
    const schema = node?.domain === '' ? operatorSchema(node.opType) : undefined;
    if (!node || !schema) continue;
    const index = node.outputs.indexOf(next);
    const formal = schema.outputs[Math.min(index, schema.outputs.length - 1)];
    if (!formal) continue;
    const [only, ...others] = schema.types.get(formal.type) ?? [formal.type];
    if (others.length === 0 && (only === 'int64' || only === 'bool' || only === 'float')) return only;
    node.inputs.forEach((input, slot) => {
      const parameter = schema.inputs[Math.min(slot, schema.inputs.length - 1)];
      if (input && parameter?.type === formal.type && (!parameter.variadic || parameter.homogeneous)) open.push(input);
    });
  }
  return undefined;
}

/** Operators whose output has as many axes as their first input. */
const KEEPS_RANK = new Set([
  'AveragePool',
  'BatchNormalization',
  'Conv',
  'ConvTranspose',
  'DepthToSpace',
  'Dropout',
  'GlobalAveragePool',
  'GlobalMaxPool',
  'GlobalLpPool',
  'GroupNormalization',
  'InstanceNormalization',
  'LRN',
  'LayerNormalization',
  'LogSoftmax',
  'LpNormalization',
  'LpPool',
  'MaxPool',
  'Pad',
  'Resize',
  'Slice',
  'Softmax',
  'SpaceToDepth',
  'Split',
  'Transpose',
  'Upsample',
]);

/** Number of axes, from the value's type or through operators with an obvious rank. */
export function rankOf(value: Value | undefined): number | undefined {
  const known = new Map<Value, number | undefined>();
  const waiting = new Set<Value>();
  const open = value ? [value] : [];
  while (open.length > 0) {
    const next = open[open.length - 1];
    if (!next || known.has(next)) {
      open.pop();
      continue;
    }
    const plain = next.type?.shape?.length ?? plainRank(next.producer);
    if (plain !== undefined) {
      known.set(next, plain);
      continue;
    }
    const sources = rankSources(next.producer);
    const missing = sources.filter((source) => !known.has(source));
    if (missing.length > 0) {
      // In a cyclic graph, which only a later check detects, the walk still terminates.
      if (missing.some((source) => waiting.has(source))) known.set(next, undefined);
      else {
        waiting.add(next);
        open.push(...missing);
      }
      continue;
    }
    const ranks = sources.map((source) => known.get(source));
    known.set(next, ranks.length > 0 && ranks.every((rank) => rank !== undefined) ? Math.max(...ranks) : undefined);
  }
  return value && known.get(value);
}

function plainRank(node: Node | undefined): number | undefined {
  if (node?.domain !== '') return undefined;
  switch (node.opType) {
    case 'Gemm':
    case 'Flatten':
      return 2;
    case 'Conv':
    case 'ConvTranspose':
      return node.inputs[1]?.type?.shape?.length;
    case 'Transpose':
      return intsAttr(node, 'perm')?.length;
    case 'Shape':
    case 'Size':
      return node.opType === 'Shape' ? 1 : 0;
    case 'Reshape':
      return node.inputs[1]?.constant?.shape[0];
    default:
      return undefined;
  }
}

/** Inputs whose greatest rank is the rank of the node's outputs. */
function rankSources(node: Node | undefined): readonly Value[] {
  if (node?.domain !== '') return [];
  const inputs = node.inputs.filter((input) => input !== undefined);
  if (isBroadcasting(node.opType) || node.opType === 'Concat') return inputs;
  if (isUnaryElementwise(node.opType) || KEEPS_RANK.has(node.opType)) return inputs.slice(0, 1);
  if (node.opType.startsWith('Reduce') && intAttr(node, 'keepdims') === 1) return inputs.slice(0, 1);
  return [];
}
