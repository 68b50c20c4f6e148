/**
 * Metadata that a conversion writes into the model, so that a reader of the file knows the meaning of a cell of its map.
 *
 *   convolutionize.version   0.1.0
 *   convolutionize.window    {"image":[224,224]}      per image input: lengths of the window of one cell, height before width
 *   convolutionize.sizes     {"image":{"height":{"multiple":32,"rest":0,"minimum":224}, ...}}   per image input: sizes accepted without cutting (sizes.ts)
 *   convolutionize.stride    {"scores":[32,32]}       per output: pixels between neighbouring cells, along each spatial axis
 *   convolutionize.field     {"scores":[[-6,40],[-6,40]]}  per output: first pixel on which cell 0 depends and their number, along each axis; or "whole"
 *   convolutionize.moves     {"period":{"rows":8,"columns":8}}  pixels by which an image must move for cells to repeat, if more than the stride;
 *                            "edges": [[16,16],[16,16]] pixels cut off at both ends before a layer pads;
 *                            "congruent": it holds at sizes that are congruent to the window's modulo these
 *   convolutionize.density   {"scores":[4,4]}         per output that was made finer: number of cells for each original cell
 *   convolutionize.head      window                   meaning of a cell: window | cell | image; or original: folded only
 *   convolutionize.contract  border                   everywhere | border | whole-image; described by convolutionize.meaning
 *   convolutionize.axes      {"height":"border","width":"fixed"}   contract along each axis, if it differs between axes; fixed: does not slide along this axis
 *   convolutionize.meaning   equal at the original size; elsewhere ...
 *
 * The mapping from each node to nodes of the original is written by onnx/origins.ts.
 */
import { type AxisContract, type Contract, describeContract, unequalAxes } from '../analysis/contract';
import { windowStride } from '../analysis/meaned-map';
import type { AxisField, ReceptiveField } from '../analysis/receptive-field';
import { jsonIn } from '../formats/json';
import { imageInputs, lettersOf } from '../ir/axis-roles';
import type { Graph } from '../ir/graph';
import type { Model } from '../ir/model';
import type { ShapeInference } from '../ir/shape-inference';
import { declareWindows, sizesIn, windowsOf } from '../ir/sizes/windows';
import { axisName, LETTERS, type Letter, listOf, type PlacesName, perAxis, placesName } from '../ir/spatial';
import { table } from '../ir/table';
import { pixelStride } from '../operators/pixel-stride';
import { version } from '../version';
import { type ImageWindow, type SizeRequest, windowLengths } from './input-size';
import { declareSizes } from './sizes';

const STRIDE = 'convolutionize.stride';
const FIELD = 'convolutionize.field';
const MOVES = 'convolutionize.moves';
const HEAD = 'convolutionize.head';
const DENSITY = 'convolutionize.density';
const CONTRACT = 'convolutionize.contract';
const AXES = 'convolutionize.axes';
const MEANING = 'convolutionize.meaning';

/** Cells along each spatial axis for each cell of the network's own map. */
export type Density = Readonly<Record<string, readonly number[]>>;

/** Output of a converted classifier: one prediction per window of the original size, per cell of the last map, or per image; `original`: as before. */
export type Head = 'window' | 'cell' | 'image' | 'original';

/** Head with which the model was converted, from its metadata; undefined for other models. */
export const declaredHead = (model: Model): Head | undefined =>
  (['window', 'cell', 'image', 'original'] as const).find((head) => head === model.metadata.get(HEAD));

interface Converted {
  readonly windows: readonly ImageWindow[];
  readonly contract: Contract;
  readonly head: Head;
  readonly density: Density;
  readonly inference: ShapeInference;
}

export function writeMetadata(model: Model, { windows, contract, head, density, inference }: Converted): void {
  const { metadata, graph } = model;
  metadata.set('convolutionize.version', version);
  declareWindows(
    model,
    windows.map((window) => [window.input, windowLengths(window)]),
  );
  if (head !== 'original') declareSizes(model, inference);
  metadata.set(
    STRIDE,
    JSON.stringify(
      Object.fromEntries(graph.outputs.map((output) => [output.name, head === 'image' ? windowStride(output) : pixelStride(output)])),
    ),
  );
  const fields = Object.entries(contract.fields ?? {}).filter(([name]) => graph.outputs.some((output) => output.name === name));
  if (fields.length > 0)
    metadata.set(FIELD, JSON.stringify(Object.fromEntries(fields.map(([name, field]) => [name, fieldTexts(field, graph)]))));
  const { period, congruent, edges } = contract;
  if (period || congruent || edges) metadata.set(MOVES, JSON.stringify({ period, congruent, edges }));
  if (Object.keys(density).length > 0) metadata.set(DENSITY, JSON.stringify(density));
  metadata.set(HEAD, head);
  metadata.set(CONTRACT, contract.kind);
  const axes = unequalAxes(contract);
  if (axes) metadata.set(AXES, JSON.stringify(axes));
  else metadata.delete(AXES);
  metadata.set(MEANING, describeContract(contract));
}

/** Contract of a model whose weights will be stored in these types: its values will only be close to those that the contract describes. */
export function withFewerBits(model: Model, contract: Contract, fewerBits: readonly string[]): Contract {
  const said: Contract = { ...contract, fewerBits };
  model.metadata.set(MEANING, describeContract(said));
  return said;
}

/** Field along each spatial axis; `whole` along an axis that does not slide. */
const fieldTexts = (field: ReceptiveField, graph: Graph): readonly (readonly [number, number] | 'whole')[] =>
  graph.tied.size === 0
    ? listOf(field).map(fieldText)
    : lettersOf(imageInputs(graph)).map((letter) => fieldText(field[placesName(letter)] ?? 'whole'));

/** First pixel and number of pixels, as integers for the file. */
function fieldText(field: AxisField | 'whole'): readonly [number, number] | 'whole' {
  if (field === 'whole') return field;
  const start = Math.floor(field.offset);
  return [start, Math.ceil(field.offset + field.window) - start];
}

/** Pixels between neighbouring cells, from the file; undefined if it does not contain them. */
export function declaredStrides(model: Model): Readonly<Record<string, readonly number[]>> | undefined {
  const strides: Record<string, readonly number[]> = table({});
  const { length } = lettersOf(imageInputs(model.graph));
  for (const [name, list] of entriesOf(model.metadata.get(STRIDE))) {
    if (!Array.isArray(list)) continue;
    const own: unknown[] = list;
    if (own.length === (length || 2) && own.every((stride): stride is number => typeof stride === 'number' && stride > 0))
      strides[name] = own;
  }
  return Object.keys(strides).length > 0 ? strides : undefined;
}

function declaredFields(model: Model): Contract['fields'] {
  const fields: Record<string, ReceptiveField> = table({});
  const strides = declaredStrides(model);
  const letters = declaredLetters(model);
  for (const [name, list] of entriesOf(model.metadata.get(FIELD))) {
    if (!Array.isArray(list) || list.length !== letters.length) continue;
    const axis = (of: unknown, stride: number): AxisField | 'whole' | undefined => {
      if (of === 'whole') return of;
      if (!Array.isArray(of)) return undefined;
      const [offset, window]: unknown[] = of;
      return Number.isSafeInteger(offset) && isLength(window) ? { offset: Number(offset), window, stride } : undefined;
    };
    const own = letters.flatMap((letter, at): (readonly [PlacesName, AxisField | 'whole'])[] => {
      const field = axis(list[at], strides?.[name]?.[at] ?? 1);
      return field ? [[placesName(letter), field]] : [];
    });
    if (own.length === letters.length) fields[name] = Object.fromEntries(own);
  }
  return Object.keys(fields).length > 0 ? fields : undefined;
}

function declaredMoves(model: Model): Pick<Contract, 'period' | 'congruent' | 'edges'> {
  const moves = new Map(entriesOf(model.metadata.get(MOVES)));
  const letters = declaredLetters(model);
  const own = (name: string): Contract['period'] => {
    const sides = new Map<string, unknown>(Object.entries(moves.get(name) ?? {}));
    const known = letters.flatMap((letter): (readonly [PlacesName, number])[] => {
      const length = sides.get(placesName(letter));
      return isLength(length) ? [[placesName(letter), length]] : [];
    });
    return known.length === letters.length ? Object.fromEntries(known) : undefined;
  };
  const sides = new Map<string, unknown>(Object.entries(moves.get('edges') ?? {}));
  const edges = letters.flatMap((letter): (readonly [PlacesName, readonly [number, number]])[] => {
    const pair: unknown = sides.get(placesName(letter));
    const [near, far]: unknown[] = Array.isArray(pair) ? pair : [];
    return typeof near === 'number' && typeof far === 'number' && near >= 0 && far >= 0 ? [[placesName(letter), [near, far]]] : [];
  });
  return {
    period: own('period'),
    congruent: own('congruent'),
    ...(edges.length > 0 && edges.length === letters.length && { edges: Object.fromEntries(edges) }),
  };
}

/** Density of each output that was made finer, from the file; empty for other models. */
export const declaredDensity = (model: Model): Density => Object.fromEntries(sizesIn(model.metadata.get(DENSITY)));

/** Contract from the file, for models whose graph cannot be analysed; undefined if the file does not contain it. */
export function declaredContract(model: Model): Contract | undefined {
  const kind = (['everywhere', 'border', 'whole-image', 'original'] as const).find((known) => known === model.metadata.get(CONTRACT));
  return (
    kind && {
      kind,
      padded: [],
      global: [],
      meaning: model.metadata.get(MEANING),
      fields: declaredFields(model),
      ...(kind !== 'original' && { axes: declaredAxes(model, kind) }),
      ...declaredMoves(model),
    }
  );
}

/** Contract along each axis, from the file; axes that it does not list have the contract of the whole. */
function declaredAxes(model: Model, kind: AxisContract): Contract['axes'] {
  const said = new Map(entriesOf(model.metadata.get(AXES)));
  const known: readonly AxisContract[] = ['everywhere', 'border', 'whole-image', 'fixed'];
  return perAxis(declaredLetters(model), (letter) => known.find((one) => one === said.get(axisName(letter))) ?? kind);
}

/** Size that a converted model was made for, as a request; undefined if the file does not contain it, or was edited by other tools. */
export function declaredSize(model: Model): SizeRequest | undefined {
  const windows = windowsOf(model);
  const shapes = new Map<string, readonly number[]>();
  for (const [input, roles] of imageInputs(model.graph)) {
    const window = windows.get(input.name);
    if (!window) return undefined;
    const letters: readonly string[] = LETTERS.filter((letter) => roles.includes(letter));
    if (letters.length !== window.length) return undefined;
    // Fixed at another size since.
    const isOther = (role: string, axis: number): boolean => {
      const [own, dim] = [window[letters.indexOf(role)], input.type?.shape?.[axis]];
      return own !== undefined && typeof dim === 'number' && dim !== own;
    };
    if (roles.some(isOther)) return undefined;
    shapes.set(
      input.name,
      roles.map((role, axis) => {
        const dim = input.type?.shape?.[axis];
        return window[letters.indexOf(role)] ?? (typeof dim === 'number' ? dim : 1);
      }),
    );
  }
  return shapes.size > 0 ? { shapes } : undefined;
}

/** Spatial axes of the model's images; height and width if its inputs do not determine them. */
function declaredLetters(model: Model): readonly Letter[] {
  const letters = lettersOf(imageInputs(model.graph));
  return letters.length > 0 ? letters : ['H', 'W'];
}

/** Entries of a JSON object; empty if the text is not one. */
const entriesOf = (text: string | undefined): readonly (readonly [string, unknown])[] => Object.entries(jsonIn(text) ?? {});

const isLength = (value: unknown): value is number => typeof value === 'number' && Number.isSafeInteger(value) && value > 0;
