/**
 * Summary of one model: its inputs and outputs, its layers with shapes and costs. The facts behind `inspect`.
 *
 * Shapes that depend on the image size are reported for one size: the requested one, or else the one recorded in a converted model.
 */
import { type ImageWindow, resolveWindows, type SizeRequest } from '../compile/input-size';
import { declaredSize } from '../compile/metadata';
import { imageInputs } from '../ir/axis-roles';
import type { Model } from '../ir/model';
import { inferShapes } from '../ir/shape-inference';
import { isSpatialRole } from '../ir/spatial';
import type { TensorType } from '../ir/types';
import { type Layer, type LayerList, listLayers } from './layers';
import { type ReceptiveField, receptiveFields } from './receptive-field';

export interface Port {
  readonly name: string;
  readonly type: TensorType | undefined;
}

export interface ModelSummary {
  readonly irVersion: number;
  readonly opsets: ReadonlyMap<string, number>;
  readonly producer: { readonly name: string; readonly version: string };
  readonly metadata: ReadonlyMap<string, string>;
  /** As declared in the file. */
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  /**
   * Image sizes for which `list` holds. `chosen`: true if the size was requested, or recorded in a file that leaves it open; false if the file fixes it.
   * undefined if no size is known and shapes are symbolic.
   */
  readonly at: { readonly windows: readonly ImageWindow[]; readonly chosen: boolean } | undefined;
  readonly list: Omit<LayerList, 'layers'> & { readonly layers: readonly SummaryLayer[] };
}

/** A layer, and the receptive field of a cell of its output; undefined if there is none or it is unknown. */
export type SummaryLayer = Layer & { readonly field: ReceptiveField | undefined };

/**
 * Summarises a model, without modifying it. `infer` determines the types; the compiler knows more than plain inference if exporters left arithmetic on
 * constants in the graph.
 * Throws CompileError if the requested size does not fit the model, or if the model is inconsistent.
 */
export function summarise(source: Model, request?: SizeRequest, infer: (model: Model) => void = inferShapes): ModelSummary {
  const model = source.clone();
  const ports = (values: Model['graph']['inputs']): Port[] => values.map(({ name, type }) => ({ name, type }));
  const inputs = ports(model.graph.inputs);
  const at = chooseSize(model, request);
  if (!at?.chosen) infer(model);
  const outputs = ports(model.graph.outputs);
  if (at?.chosen) infer(model);
  const { irVersion, opsets, producer, metadata } = source;
  const list = listLayers(model.graph);
  const fields = receptiveFields(model.graph);
  const layers = list.layers.map((layer): SummaryLayer => ({ ...layer, field: layer.outputs[0] && fields.of(layer.outputs[0]) }));
  return { irVersion, opsets, producer, metadata, inputs, outputs, at, list: { ...list, layers } };
}

function chooseSize(model: Model, request: SizeRequest | undefined): ModelSummary['at'] {
  if (request && (request.lengths || request.shapes?.size)) return { windows: resolveWindows(model, request), chosen: true };
  const open = [...imageInputs(model.graph)].some(([input, roles]) =>
    roles.some((role, axis) => isSpatialRole(role) && typeof input.type?.shape?.[axis] !== 'number'),
  );
  if (!open) return imageInputs(model.graph).size > 0 ? { windows: resolveWindows(model), chosen: false } : undefined;
  const declared = declaredSize(model);
  return declared && { windows: resolveWindows(model, declared), chosen: true };
}
