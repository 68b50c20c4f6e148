/**
 * The same graph model with its sums in a different order, to measure the effect of rounding alone in its own runtime.
 *
 *   Conv2D(X, W) = Conv2D(GatherV2(X, p, channels), W[:, :, p, :])       for every permutation p of the input channels
 *   MatMul(X, W) = MatMul(GatherV2(X, p, last axis), W[p, :])
 *   Mean(X, [a, b, c]) = Mean(Mean(Mean(X, c), b), a)                    the same for Sum: sums of sums err less, so a long sum shows its full error
 *   Mean(X, a) = Mean(ReverseV2(X, a), a)                                if there is only one axis
 *
 * The identities are exact in real numbers, so only the order of additions makes a difference: a wrong weight or pad is on both sides and cancels.
 * Left unchanged: depthwise convolutions (sums of a few products), sums with computed weights, pools (a few cells).
 */
import type { io } from '@tensorflow/tfjs-core';
import { seededRandom } from '../inputs';
import { eachWeight, type TfjsFiles, type WeightEntry } from './files';

interface NodeDef {
  readonly name: string;
  readonly op: string;
  readonly input?: readonly string[];
  readonly attr?: Readonly<Record<string, { readonly b?: boolean }>>;
}

/** Converts model files to model artifacts with sums in a random order. Every weight gets its own buffer. */
export function reordered(files: TfjsFiles, seed: number): Pick<io.ModelArtifacts, 'modelTopology' | 'weightSpecs' | 'weightData'> {
  const random = seededRandom(seed);
  const topology = files.json.modelTopology as { readonly node: readonly NodeDef[] };
  const weights = new Map<string, { spec: WeightEntry; bytes: Uint8Array }>();
  for (const [spec, bytes] of eachWeight(files)) weights.set(spec.name, { spec, bytes: bytes() });
  const orders = new Map<string, readonly number[] | undefined>();
  const nodes: NodeDef[] = [];
  const constant = (name: string, numbers: readonly number[], scalar = false): string => {
    const values = Int32Array.from(numbers);
    const shape = scalar ? [] : [numbers.length];
    weights.set(name, { spec: { name, dtype: 'int32', shape }, bytes: new Uint8Array(values.buffer) });
    nodes.push({
      name,
      op: 'Const',
      attr: { dtype: { type: 'DT_INT32' }, value: { tensor: { dtype: 'DT_INT32' } } } as NodeDef['attr'] & object,
    });
    return name;
  };
  for (const node of topology.node) {
    const [data, other] = (node.input ?? []).map(nameOf);
    if (data === undefined || other === undefined) {
      nodes.push(node);
      continue;
    }
    if (SUMS.has(node.op) && weights.has(other)) {
      nodes.push(...summedOtherwise(node, data, integers(weights.get(other)?.bytes), constant));
      continue;
    }
    const stored = codesOf(other, topology.node, weights) ?? other;
    const weight = weights.get(stored);
    const axis = weight && summedAxis(node, weight.spec);
    if (!weight || axis === undefined) {
      nodes.push(node);
      continue;
    }
    // Two nodes may share a weight: it is permuted once, and both nodes read their data accordingly.
    if (!orders.has(stored)) {
      const length = weight.spec.shape[axis] ?? 1;
      const order = length > 1 ? shuffled(length, random) : undefined;
      orders.set(stored, order);
      if (order) weight.bytes = permuted(weight.bytes, weight.spec.shape, axis, order);
    }
    const order = orders.get(stored);
    if (!order) {
      nodes.push(node);
      continue;
    }
    const gathered = `${node.name}__shuffled`;
    const indices = constant(`${gathered}/indices`, order);
    const lastAxis = constant(`${gathered}/axis`, [node.op.includes('Conv2D') ? 3 : 1], true);
    nodes.push({ name: gathered, op: 'GatherV2', input: [node.input?.[0] ?? data, indices, lastAxis], attr: GATHER_TYPES });
    nodes.push({ ...node, input: [gathered, ...(node.input ?? []).slice(1)] });
  }
  const all = [...weights.values()];
  return {
    modelTopology: { ...topology, node: nodes },
    weightSpecs: all.map(({ spec }) => spec),
    weightData: all.map(({ bytes }) => bytes.buffer as ArrayBuffer),
  };
}

/** The quantised weight behind the Mul that dequantises it, with a scale per position of the last axis: its other axes may be permuted. */
function codesOf(
  name: string,
  nodes: readonly NodeDef[],
  weights: ReadonlyMap<string, { readonly spec: WeightEntry }>,
): string | undefined {
  const node = nodes.find((each) => each.name === name);
  if (node?.op !== 'Mul') return undefined;
  const [codes = '', scale = ''] = (node.input ?? []).map(nameOf);
  return weights.has(codes) && weights.get(scale)?.spec.shape.length === 1 ? codes : undefined;
}

/** Sums axis by axis, starting with the last so that the indices of the others stay valid; a single axis is reversed. */
function summedOtherwise(
  node: NodeDef,
  data: string,
  axes: readonly number[],
  constant: (name: string, numbers: readonly number[]) => string,
): NodeDef[] {
  const [, listed = '', ...rest] = node.input ?? [];
  if (axes.length < 2 || axes.some((axis) => axis < 0)) {
    const reversed = `${node.name}__reversed`;
    return [
      { name: reversed, op: 'ReverseV2', input: [data, listed], attr: FLOAT_TYPE },
      { ...node, input: [reversed, listed, ...rest] },
    ];
  }
  const falling = [...axes].sort((a, b) => b - a);
  return falling.map((axis, at) => {
    const name = at === falling.length - 1 ? node.name : `${node.name}__over_${axis}`;
    const from = at === 0 ? data : `${node.name}__over_${falling[at - 1]}`;
    return { ...node, name, input: [from, constant(`${node.name}__axis_${axis}`, [axis]), ...rest] };
  });
}

/** Copies the bytes, because a weight may begin at an unaligned offset. */
const integers = (bytes: Uint8Array | undefined): readonly number[] => [...new Int32Array((bytes ?? new Uint8Array()).slice().buffer)];

const SUMS = new Set(['Mean', 'Sum']);
const FLOAT_TYPE = { T: { type: 'DT_FLOAT' }, Tidx: { type: 'DT_INT32' } } as NodeDef['attr'] & object;
const GATHER_TYPES = {
  Tparams: { type: 'DT_FLOAT' },
  Tindices: { type: 'DT_INT32' },
  Taxis: { type: 'DT_INT32' },
  batch_dims: { i: '0' },
} as NodeDef['attr'] & object;

/** The axis of the weight that is summed over together with the last axis of the data. */
function summedAxis(node: NodeDef, { shape }: WeightEntry): number | undefined {
  switch (node.op) {
    case 'Conv2D':
    case '_FusedConv2D':
      return shape.length === 4 ? 2 : undefined;
    case 'MatMul':
    case '_FusedMatMul':
      if (shape.length !== 2 || node.attr?.transpose_a?.b) return undefined;
      return node.attr?.transpose_b?.b ? 1 : 0;
    default:
      return undefined;
  }
}

/** `^name` is a control input, `name:0` the first output. */
const nameOf = (input: string): string => input.replace(/^\^/, '').replace(/:0$/, '');

function shuffled(length: number, random: () => number): readonly number[] {
  const order = Array.from({ length }, (_, at) => at);
  for (let at = length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1));
    [order[at], order[other]] = [order[other] ?? 0, order[at] ?? 0];
  }
  return order;
}

/** Permutes elements of any type along one axis. */
function permuted(bytes: Uint8Array, shape: readonly number[], axis: number, order: readonly number[]): Uint8Array {
  const outer = shape.slice(0, axis).reduce((product, dim) => product * dim, 1);
  const block = bytes.byteLength / outer / order.length;
  const result = new Uint8Array(bytes.byteLength);
  for (let row = 0; row < outer; row++) {
    const start = row * order.length * block;
    order.forEach((from, to) => {
      result.set(bytes.subarray(start + from * block, start + (from + 1) * block), start + to * block);
    });
  }
  return result;
}
