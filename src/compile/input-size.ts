/**
 * The size of image that a network was made for: the window of one prediction.
 * It is in the file when the input's height and width are numbers; else the user has to say it, since many sizes fit the same weights.
 */
import { inputSizeConflict, inputSizeNeeded, noImageInput, unknownInput } from '../diagnostics/catalogue';
import { imageInputs } from '../ir/axis-roles';
import type { Model } from '../ir/model';
import type { Dim, Value } from '../ir/types';

/** `hw`: for every image input. `shapes`: whole shapes by input name, or under '' for the only input. */
export interface SizeRequest {
  readonly hw?: readonly [height: number, width: number] | undefined;
  readonly shapes?: ReadonlyMap<string, readonly number[]> | undefined;
}

export interface ImageWindow {
  readonly input: string;
  readonly layout: 'NCHW' | 'NHWC';
  /** Pixels. */
  readonly height: number;
  readonly width: number;
  readonly channels: number | undefined;
}

/** Writes the sizes into the types of the graph inputs and tells them. Throws CompileError where one is missing or contradicts the file. */
export function resolveWindows(model: Model, request: SizeRequest = {}): ImageWindow[] {
  const { graph } = model;
  for (const [name, shape] of request.shapes ?? []) {
    const input = name === '' ? graph.inputs[0] : graph.inputs.find((candidate) => candidate.name === name);
    if (!input) throw unknownInput(name, graph.inputs);
    setShape(model, input, shape);
  }
  const images = imageInputs(graph);
  if (images.size === 0) throw noImageInput(graph.inputs);
  return [...images].map(([input, roles]) => {
    const rows = roles.indexOf('H');
    const columns = roles.indexOf('W');
    if (request.hw) {
      const wanted: Dim[] = [...(input.type?.shape ?? [])];
      wanted[rows] = request.hw[0];
      wanted[columns] = request.hw[1];
      setShape(model, input, wanted);
    }
    const shape = input.type?.shape ?? [];
    const [height, width] = [shape[rows], shape[columns]];
    if (typeof height !== 'number' || typeof width !== 'number') throw inputSizeNeeded(input);
    const channels = shape[roles.indexOf('C')];
    return {
      input: input.name,
      layout: roles[1] === 'C' ? 'NCHW' : 'NHWC',
      height,
      width,
      channels: typeof channels === 'number' ? channels : undefined,
    };
  });
}

/** A number in the file stays; a symbolic batch stays symbolic where the request only repeats a batch of one. */
function setShape(model: Model, input: Value, wanted: readonly Dim[]): void {
  const known = input.type?.shape;
  const shape = known && known.length !== 4 && known.length !== wanted.length ? undefined : known;
  if (known && (!shape || known.length !== wanted.length)) throw inputSizeConflict(input, wanted.map(Number));
  const merged = wanted.map((dim, axis) => {
    const own = shape?.[axis];
    if (typeof own === 'number' && typeof dim === 'number' && own !== dim) throw inputSizeConflict(input, wanted.map(Number));
    return axis === 0 && typeof own === 'string' ? own : dim;
  });
  model.graph.setType(input, { dtype: input.type?.dtype ?? 'float', shape: merged });
}
