/** JSON summary of a model, conforming to docs/schemas/inspect.schema.json; incompatible changes get a new schema number. */
import type { ModelSummary, Port, SummaryLayer } from '../analysis/summary';
import type { Value } from '../ir/types';

export const INSPECT_SCHEMA = 'convolutionize/inspect/1';

/** null represents unknown values. */
export function summaryJson(file: string, summary: ModelSummary): object {
  const { list } = summary;
  return {
    schema: INSPECT_SCHEMA,
    file,
    irVersion: summary.irVersion,
    opsets: Object.fromEntries(summary.opsets),
    producer: summary.producer,
    metadata: Object.fromEntries(summary.metadata),
    inputs: summary.inputs.map(port),
    outputs: summary.outputs.map(port),
    listedFor: summary.at?.windows.map((window) => ({ ...window, channels: window.channels ?? null })) ?? null,
    layers: list.layers.map((layer) => ({
      index: layer.index,
      name: layer.name,
      kind: layer.kind,
      notation: layer.notation,
      nodes: layer.nodes.map((node) => ({ name: node.name, op: node.op, origin: node.origin })),
      reads: layer.reads,
      outputs: layer.outputs.map(port),
      weights: weightsOf(layer).map((weight) => port(weight)),
      receptiveField: layer.field ?? null,
      parameters: layer.parameters,
      multiplyAdds: layer.multiplyAdds ?? null,
    })),
    kinds: list.kinds,
    total: { layers: list.layers.length, parameters: list.parameters, multiplyAdds: list.multiplyAdds, complete: list.complete },
    unlisted: list.unlisted,
  };
}

const port = ({ name, type }: Port): object => ({
  name,
  dtype: type?.dtype ?? null,
  shape: type?.shape?.map((dim) => dim ?? null) ?? null,
});

function weightsOf({ nodes }: SummaryLayer): readonly Value[] {
  return [...new Set(nodes.flatMap((node) => node.inputs).filter((input): input is Value => input?.constant !== undefined))];
}
