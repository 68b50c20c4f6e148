/** Graphs with given types, for tests of what only reads types. */
import { type AttrLiteral, attributes } from '../../src/ir/attrs';
import { Graph } from '../../src/ir/graph';
import { fromNumbers } from '../../src/ir/tensor';
import type { Dim, DType, Value } from '../../src/ir/types';

export class TypedGraph {
  readonly graph = new Graph('g');
  private last: Value | undefined;
  private count = 0;

  input(name: string, ...shape: Dim[]): Value {
    this.last = this.graph.addInput(name, { dtype: 'float', shape });
    return this.last;
  }

  /** A weight whose payload must not be read. */
  weight(...shape: number[]): Value {
    const byteLength = shape.reduce((product, dim) => product * dim, 4);
    return this.graph.addConstant(`w${this.count++}`, {
      dtype: 'float',
      shape,
      data: {
        kind: 'computed',
        byteLength,
        compute: () => {
          throw new Error('a weight was read');
        },
      },
    });
  }

  constant(dtype: DType, shape: number[], numbers: number[]): Value {
    return this.graph.addConstant(`c${this.count++}`, fromNumbers(dtype, shape, numbers));
  }

  /** A node over the value made last (`'last'`) or the given ones; its output has the given shape. */
  node(op: string, inputs: readonly (Value | 'last' | undefined)[], shape: readonly Dim[], attrs: Record<string, AttrLiteral> = {}): Value {
    const node = this.graph.addNode({
      op,
      name: `n${this.count++}`,
      inputs: inputs.map((input) => (input === 'last' ? this.last : input)),
      attrs: attributes(attrs),
      outputTypes: [{ dtype: 'float', shape }],
    });
    const [output] = node.outputs;
    if (!output) throw new Error('no output');
    this.last = output;
    return output;
  }

  done(...outputs: Value[]): Graph {
    this.graph.setOutputs(outputs.length > 0 ? outputs : this.last ? [this.last] : []);
    return this.graph;
  }
}
