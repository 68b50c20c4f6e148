/** Every operator of ONNX with none but the attributes that it needs, over inputs of several ranks and types: what is done with it is done, or is an error with a code. */
import { summarise } from '../../src/analysis/summary';
import { compile } from '../../src/compile';
import { CompileError } from '../../src/diagnostics/compile-error';
import { bufferSource } from '../../src/ir/bytes';
import { Graph } from '../../src/ir/graph';
import { Model } from '../../src/ir/model';
import { type AttributeSchema, NEWEST_OPSET, type OperatorSchema, onnxOps, operatorSchema, type Parameter } from '../../src/ir/operators';
import { fromNumbers } from '../../src/ir/tensor';
import type { Attr, DType } from '../../src/ir/types';
import { readModel } from '../../src/onnx/read';
import { modelToBytes } from '../../src/onnx/write';
import { lowerToTfjs } from '../../src/tfjs/lower';

/** Something of the right kind, for an attribute that must be there. */
function needed({ kind, name }: AttributeSchema): Attr | undefined {
  switch (kind) {
    case 'int':
      return { kind, value: 1 };
    case 'float':
      return { kind, value: 0.5 };
    case 'ints':
      return { kind, value: name === 'kernel_shape' ? [1, 1] : [1] };
    case 'floats':
      return { kind, value: [1] };
    case 'string':
      return { kind, value: 'x' };
    case 'tensor':
      return { kind, value: fromNumbers('float', [1], [1]) };
    default:
      return undefined;
  }
}

function dtypeOf({ types }: OperatorSchema, { type }: Parameter): DType | undefined {
  const among = types.get(type) ?? new Set([type]);
  const simple: readonly DType[] = ['float', 'int64', 'uint8', 'bool', 'int32'];
  return simple.find((dtype) => among.has(dtype));
}

/** Undefined where an input or attribute is of a kind that has no simple example (sequences, graphs). */
function network(schema: OperatorSchema, count: number, rank: number): Model | undefined {
  const graph = new Graph('g');
  const inputs = Array.from({ length: count }, (_, at) => {
    const parameter = schema.inputs[Math.min(at, schema.inputs.length - 1)];
    const dtype = parameter && dtypeOf(schema, parameter);
    return dtype && graph.addInput(`x${at}`, { dtype, shape: [1, 3, 8, 8].slice(0, rank) });
  });
  const given = [...schema.attributes.values()].filter(({ required }) => required).map((each) => [each.name, needed(each)] as const);
  const attrs = new Map(given.flatMap(([name, attr]) => (attr ? [[name, attr] as const] : [])));
  if (inputs.includes(undefined) || attrs.size < given.length) return undefined;
  const outputs = Array.from({ length: Math.max(1, schema.outputs.filter(({ optional }) => !optional).length) }, (_, at) => `y${at}`);
  const node = graph.addNode({ op: schema.op, inputs, attrs, outputs, name: 'node' });
  graph.setOutputs(node.outputs);
  return new Model({ graph, opsets: new Map([['', NEWEST_OPSET]]) });
}

function answered(action: () => unknown): string {
  try {
    action();
    return 'done';
  } catch (error) {
    return error instanceof CompileError ? 'refused' : `${error}`;
  }
}

test('no operator needs an attribute that may be left out', () => {
  const wrong: string[] = [];
  let done = 0;
  for (const op of onnxOps) {
    const schema = operatorSchema(op);
    if (!schema || schema.deprecated) continue;
    const least = schema.inputs.filter(({ optional, variadic, minimum }) => !optional && !(variadic && minimum === 0)).length;
    for (const count of new Set([least, schema.inputs.length]))
      for (const rank of [0, 1, 2, 3, 4]) {
        const made = network(schema, count, rank);
        if (!made) continue;
        const read = (): Model => readModel(bufferSource(modelToBytes(made)));
        const ways: readonly (readonly [string, () => unknown])[] = [
          ['summarise', () => summarise(read())],
          ['original', () => compile(read(), { head: 'original', optimise: 2 })],
          ['TensorFlow.js', () => lowerToTfjs(read())],
          // Only four axes are those of an image.
          ...(rank === 4 ? [['window', () => compile(read(), { head: 'window' })] as const] : []),
        ];
        for (const [way, action] of ways) {
          const answer = answered(action);
          if (answer === 'done') done++;
          else if (answer !== 'refused') wrong.push(`${op}, ${count} inputs of rank ${rank}, ${way}: ${answer}`);
        }
      }
  }
  expect(wrong).toEqual([]);
  expect(done).toBeGreaterThan(500);
});
