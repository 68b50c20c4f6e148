/**
 * What a conversion writes into the model's metadata, so that whoever finds the file knows what a cell of its map means.
 *
 *   convolutionize.version   0.1.0
 *   convolutionize.window    {"image":[224,224]}      per image input: height and width of what one cell looks at
 *   convolutionize.sizes     {"image":{"height":{"multiple":32,"rest":0,"minimum":224}, ...}}   per image input: sizes that are taken whole (sizes.ts)
 *   convolutionize.stride    {"scores":[32,32]}       per output: pixels between neighbouring cells, along rows and columns
 *   convolutionize.density   {"scores":[4,4]}         per output that was made finer: cells for each one that there was
 *   convolutionize.head      window                   what a cell is: window | cell | image; or original: folded only
 *   convolutionize.contract  border                   everywhere | border | whole-image, and in words:
 *   convolutionize.meaning   equal at the original size; elsewhere ...
 *
 * Which nodes of the original each node stands for is written by onnx/origins.ts.
 */
import { type Contract, describeContract } from '../analysis/contract';
import { imageInputs } from '../ir/axis-roles';
import type { Model } from '../ir/model';
import { declareWindows, sizesIn, windowsOf } from '../ir/sizes/windows';
import { pixelStride } from '../operators/pixel-stride';
import { version } from '../version';
import type { ImageWindow, SizeRequest } from './input-size';
import { declareSizes } from './sizes';

const HEAD = 'convolutionize.head';
const DENSITY = 'convolutionize.density';
const CONTRACT = 'convolutionize.contract';
const MEANING = 'convolutionize.meaning';

/** Cells along rows and columns for each one of the map that the network has by itself. */
export type Density = Readonly<Record<string, readonly [number, number]>>;

/** What a converted classifier gives: one prediction per window of the original size, per cell of the last map, or per image; `original`: what it gave before. */
export type Head = 'window' | 'cell' | 'image' | 'original';

/** What a conversion wrote down about its outputs; undefined for other models. */
export const declaredHead = (model: Model): Head | undefined =>
  (['window', 'cell', 'image', 'original'] as const).find((head) => head === model.metadata.get(HEAD));

export function writeMetadata(model: Model, windows: readonly ImageWindow[], contract: Contract, head: Head, density: Density = {}): void {
  const { metadata, graph } = model;
  metadata.set('convolutionize.version', version);
  declareWindows(
    model,
    windows.map(({ input, height, width }) => [input, [height, width]]),
  );
  if (head !== 'original') declareSizes(model);
  metadata.set(
    'convolutionize.stride',
    JSON.stringify(Object.fromEntries(graph.outputs.map((output) => [output.name, pixelStride(output)]))),
  );
  if (Object.keys(density).length > 0) metadata.set(DENSITY, JSON.stringify(density));
  metadata.set(HEAD, head);
  metadata.set(CONTRACT, contract.kind);
  metadata.set(MEANING, describeContract(contract));
}

/** How much finer its maps were made; nothing for other models. */
export const declaredDensity = (model: Model): Density => Object.fromEntries(sizesIn(model.metadata.get(DENSITY)));

/** The contract as it was written down, for models whose graph cannot be asked; undefined where the file does not say. */
export function declaredContract(model: Model): Contract | undefined {
  const kind = (['everywhere', 'border', 'whole-image', 'original'] as const).find((known) => known === model.metadata.get(CONTRACT));
  return kind && { kind, padded: [], global: [], meaning: model.metadata.get(MEANING) };
}

/** The size that a converted model was made for, as a request; undefined where the file does not say, or was edited by others. */
export function declaredSize(model: Model): SizeRequest | undefined {
  const windows = windowsOf(model);
  const shapes = new Map<string, readonly number[]>();
  for (const [input, roles] of imageInputs(model.graph)) {
    const window = windows.get(input.name);
    if (!window) return undefined;
    const [height, width] = window;
    shapes.set(
      input.name,
      roles.map((role, axis) => {
        const dim = input.type?.shape?.[axis];
        return role === 'H' ? height : role === 'W' ? width : typeof dim === 'number' ? dim : 1;
      }),
    );
  }
  return shapes.size > 0 ? { shapes } : undefined;
}
