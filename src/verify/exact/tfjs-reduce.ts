/**
 * Keeps the values of a TensorFlow.js graph small, as reduce.ts does for an ONNX model. Uses operators that the WebAssembly backend has, all of them
 * exact:
 *
 *   x modulo m, with the sign of x  =  x - m t,   t = floor(relu(x / m)) - floor(relu(-x / m))        m a power of two
 *   x rounded down                  =  floor(x + half a part)
 */
import type { WeightEntry } from '../tfjs/files';
import { halfPart, MODULUS, type Reducer } from './bounds';

export interface GraphNode {
  readonly name: string;
  readonly op: string;
  readonly input?: readonly string[];
  readonly attr?: Readonly<Record<string, unknown>>;
}

export interface Addition {
  readonly nodes: readonly GraphNode[];
  readonly weights: readonly { readonly spec: WeightEntry; readonly bytes: ArrayBuffer }[];
}

/** `reducers`: by tensor (`node`, or `node:k`). All readers of such a tensor read it reduced; outputs of the signature stay unchanged. */
export function reducedGraph(nodes: readonly GraphNode[], reducers: ReadonlyMap<string, Reducer>): Addition {
  const made: GraphNode[] = [];
  const weights: Addition['weights'][number][] = [];
  const numbers = new Map<number, string>();
  const number = (value: number): string => {
    const known = numbers.get(value);
    if (known !== undefined) return known;
    const name = `exact/number_${numbers.size}`;
    numbers.set(value, name);
    weights.push({ spec: { name, shape: [], dtype: 'float32' }, bytes: Float32Array.of(value).buffer });
    made.push({ name, op: 'Const', attr: { dtype: FLOAT, value: { tensor: { dtype: 'DT_FLOAT', tensorShape: { dim: [] } } } } });
    return name;
  };
  const names = new Map<string, string>();
  for (const [tensor, reducer] of reducers) {
    const base = `exact/${names.size}`;
    const add = (name: string, op: string, ...input: readonly string[]): string => {
      made.push({ name: `${base}/${name}`, op, input, attr: { T: FLOAT } });
      return `${base}/${name}`;
    };
    if (reducer.kind === 'floor') {
      names.set(tensor, add('down', 'Floor', add('raised', 'AddV2', tensor, number(halfPart(reducer.cells)))));
      continue;
    }
    const share = add('share', 'Mul', tensor, number(1 / MODULUS));
    const above = add('above', 'Floor', add('positive', 'Relu', share));
    const below = add('below', 'Floor', add('negative', 'Relu', add('opposite', 'Mul', share, number(-1))));
    const times = add('times', 'Mul', add('whole', 'Sub', above, below), number(MODULUS));
    names.set(tensor, add('rest', 'Sub', tensor, times));
  }
  const reread = nodes.map((node) =>
    node.input ? { ...node, input: node.input.map((input) => names.get(input.replace(/:0$/, '')) ?? input) } : node,
  );
  return { nodes: [...reread, ...made], weights };
}

const FLOAT = { type: 'DT_FLOAT' };
