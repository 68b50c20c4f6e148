/** Inputs and outputs of a TensorFlow.js graph model: declared in model.json by this compiler, in the signature by others, or not at all. */
import { notTfjs } from '../../diagnostics/catalogue';
import { Graph } from '../../ir/graph';
import { Model } from '../../ir/model';
import { table } from '../../ir/table';
import type { Dim, DType, TensorType } from '../../ir/types';
import type { Session } from '../../verify/onnx-runner';
import { aboutOf, readModelJson } from '../../verify/tfjs/files';
import { tfjsStandIn } from '../../verify/tfjs/model';

/** A Model with a single node for the whole network, with the session's input and output names. Throws CompileError TFJS_NOT_A_MODEL. */
export function tfjsPictureModel(path: string, session: Session): Model {
  const json = readModelJson(path);
  const about = aboutOf(json);
  if (about.inputs && about.outputs) return tfjsStandIn(path);
  const graph = new Graph('tfjs');
  const ports = declared(json);
  const inputs = session.inputNames.map((name) => {
    const type = ports.get(bare(name));
    if (!type) throw notTfjs(path, `does not say what its input '${name}' is`);
    return graph.addInput(name, type);
  });
  const types = session.outputNames.map((name) => ports.get(bare(name)));
  graph.setOutputs(graph.addNode({ op: 'GraphModel', domain: 'tfjs', inputs, outputs: session.outputNames, outputTypes: types }).outputs);
  return new Model({ graph, metadata: labelsOf(json) });
}

type ModelJson = ReturnType<typeof readModelJson>;

/** 'Identity:0' is the first output of the node 'Identity'. */
const bare = (name: string): string => name.replace(/:\d+$/, '');

/** Types by node name: from the signature, otherwise from the placeholders. */
function declared({ signature, modelTopology }: ModelJson): ReadonlyMap<string, TensorType> {
  const types = new Map<string, TensorType>();
  const { node: nodes } = modelTopology as { readonly node?: readonly unknown[] };
  for (const node of nodes ?? []) {
    const [name, op, attr] = [field(node, 'name'), field(node, 'op'), field(node, 'attr')];
    if (typeof name === 'string' && op === 'Placeholder')
      types.set(name, typeOf(field(field(attr, 'dtype'), 'type'), field(field(attr, 'shape'), 'shape')));
  }
  for (const side of ['inputs', 'outputs'])
    for (const port of Object.values(field(signature, side) ?? {})) {
      const name = field(port, 'name');
      const shape = field(port, 'tensorShape');
      if (typeof name === 'string' && shape) types.set(bare(name), typeOf(field(port, 'dtype'), shape));
    }
  return types;
}

const DTYPES: Readonly<Record<string, DType>> = table({ DT_FLOAT: 'float', DT_INT32: 'int32', DT_UINT8: 'uint8', DT_BOOL: 'bool' });

function typeOf(dtype: unknown, shape: unknown): TensorType {
  const dims = field(shape, 'dim');
  const sizes = Array.isArray(dims)
    ? dims.map((dim): Dim => {
        const size = Number(field(dim, 'size'));
        return Number.isSafeInteger(size) && size > 0 ? size : undefined;
      })
    : undefined;
  return { dtype: DTYPES[String(dtype)] ?? 'float', ...(sizes && { shape: sizes }) };
}

/** Metadata that tools store beside the network: strings as they are, lists as JSON. */
const labelsOf = ({ userDefinedMetadata }: ModelJson): Map<string, string> =>
  new Map(
    Object.entries(userDefinedMetadata ?? {}).map(([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)]),
  );

const field = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? Object.entries(value).find(([key]) => key === name)?.[1] : undefined;
