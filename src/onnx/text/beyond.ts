/**
 * Lists, as comment lines, what the textual syntax cannot express: documentation and metadata of nodes, values, tensors and graphs,
 * quantisation, training, and attributes that have no textual form.
 */
import type { Graph } from '../../ir/graph';
import type { Model } from '../../ir/model';
import type { Attr, ConstValue, Node, Value } from '../../ir/types';
import type { GraphExtras, ModelExtras, NodeExtras, ValueExtras } from '../read';
import type { TensorExtras } from '../read-tensor';
import { isIdentifier, quoted } from './names';
import { elementFormat } from './tensor-text';

// Extras are opaque to everything except the formats; this is one.
interface Known {
  readonly model?: ModelExtras['model'];
  readonly graph?: GraphExtras['graph'];
  readonly node?: NodeExtras['node'];
  readonly info?: ValueExtras['info'];
  readonly proto?: TensorExtras['proto'];
}
const known = (extras: unknown): Known => (typeof extras === 'object' && extras !== null ? extras : {});

/** Whether the attribute can be written at all. */
export function hasForm(attr: Attr): boolean {
  switch (attr.kind) {
    case 'opaque':
      return false;
    case 'string':
      return typeof attr.value === 'string';
    case 'strings':
      return attr.value.every((value) => typeof value === 'string');
    case 'tensor':
      return elementFormat(attr.value.dtype) !== undefined;
    case 'tensors':
      return attr.value.every((tensor) => elementFormat(tensor.dtype) !== undefined);
    default:
      return true;
  }
}

/** Notes on a node where the text omits something or extends the syntax. Always printed, because without them the text might be misread. */
export function unsayable({ opType, domain, attrs }: Node): string[] {
  const remarks: string[] = [];
  const odd = [opType, ...(domain === '' ? [] : domain.split('.')), ...attrs.keys()].filter((word) => !isIdentifier(word));
  if (odd.length > 0) remarks.push(`not ONNX syntax: ${odd.map(quoted).join(', ')} in quotes`);
  for (const [name, attr] of attrs) {
    if (attr.kind === 'tensors' || attr.kind === 'graphs') remarks.push(`not ONNX syntax: the list '${name}'`);
    if (!hasForm(attr)) remarks.push(`attribute '${name}' is not shown: the syntax has no form for it`);
  }
  return remarks;
}

/** Notes on the model as a whole. */
export function aboutModel(model: Model): string[] {
  const { training_info, configuration, $unknowns } = known(model.extras).model ?? {};
  return [
    ...counted(training_info, 'training graph'),
    ...counted(configuration, 'device configuration'),
    ...counted($unknowns, 'unknown field'),
    ...aboutGraph(model.graph),
  ];
}

/** Notes on a graph, its inputs and its outputs. */
export function aboutGraph(graph: Graph): string[] {
  const { doc_string, metadata_props, quantization_annotation, $unknowns } = known(graph.extras).graph ?? {};
  return [
    ...documentation(`graph '${graph.name}'`, doc_string, metadata_props, $unknowns),
    ...(quantization_annotation ?? []).map(({ tensor_name, quant_parameter_tensor_names }) =>
      [`quantisation of '${tensor_name}':`, ...(quant_parameter_tensor_names ?? []).map(({ key, value }) => `${key} = '${value}'`)].join(
        ' ',
      ),
    ),
    ...graph.inputs.flatMap(aboutValue),
  ];
}

export function aboutConstant(constant: ConstValue): string[] {
  const { doc_string, metadata_props, $unknowns } = known(constant.constant.extras).proto ?? {};
  return [...documentation(`'${constant.name}'`, doc_string, metadata_props, $unknowns), ...aboutValue(constant)];
}

export function aboutNode(node: Node): string[] {
  const { doc_string, metadata_props, device_configurations, overload, $unknowns } = known(node.extras).node ?? {};
  return [
    ...documentation('', doc_string, metadata_props, $unknowns),
    ...(overload ? [`overload '${overload}'`] : []),
    ...counted(device_configurations, 'device configuration'),
    ...node.outputs.flatMap(aboutValue),
  ];
}

function aboutValue(value: Value): string[] {
  const { doc_string, metadata_props, type, $unknowns } = known(value.extras).info ?? {};
  return [
    ...documentation(`'${value.name}'`, doc_string, metadata_props, $unknowns),
    ...(type ? [`'${value.name}' is declared to be no tensor`] : []),
  ];
}

function documentation(
  what: string,
  doc: string | null | undefined,
  props: readonly { readonly key?: string | null; readonly value?: string | null }[] | null | undefined,
  unknowns: readonly unknown[] | null | undefined,
): string[] {
  const of = (text: string): string => (what === '' ? text : `${what}: ${text}`);
  return [
    ...(doc ? [of(doc)] : []),
    ...(props ?? []).map(({ key, value }) => of(`${key} = ${value}`)),
    ...counted(unknowns, 'unknown field').map(of),
  ];
}

const counted = (list: readonly unknown[] | null | undefined, what: string): string[] =>
  list?.length
    ? [
        `${list.length} ${what}${list.length > 1 ? 's are' : ' is'} not shown: the syntax has no form for ${list.length > 1 ? 'them' : 'it'}`,
      ]
    : [];
