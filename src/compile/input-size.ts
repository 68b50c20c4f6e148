/**
 * The size of image that a network was made for: the window of one prediction.
 * The file contains it if the lengths of the input's spatial axes are numbers; otherwise the user must give it, since many sizes fit the same weights.
 */
import { inputSizeConflict, inputSizeNeeded, noImageInput, unknownInput, wrongAxes } from '../diagnostics/catalogue';
import { imageInputs, type Roles } from '../ir/axis-roles';
import type { Model } from '../ir/model';
import { axisName, isLetter, LETTERS, type Letter, lengthsOf, lettersIn, type PerAxis, perAxis } from '../ir/spatial';
import type { Dim, Value } from '../ir/types';

/** `lengths`: along the spatial axes of every image input, or one for all of them. `shapes`: whole shapes by input name, or under '' for the only input. */
export interface SizeRequest {
  readonly lengths?: readonly number[] | undefined;
  readonly shapes?: ReadonlyMap<string, readonly number[]> | undefined;
  /** Name of the option that set the size, for messages. Default: input-size. */
  readonly option?: string | undefined;
}

/** An image input, and its lengths by the names of its spatial axes: `height` and `width`; `time`; `depth`, `height` and `width`. */
export interface ImageWindow extends PerAxis<number> {
  readonly input: string;
  /** Order of its axes: NCHW, NHWC, NCT, NTC, NCDHW, NDHWC; without N if it has no batch, without C if it has no channels. */
  readonly layout: string;
  readonly channels: number | undefined;
}

/** Lengths along the spatial axes, outermost first. */
export const windowLengths = (window: ImageWindow): readonly number[] => lengthsOf(window);
/** The spatial axes, outermost first. */
export const windowLetters = (window: ImageWindow): readonly Letter[] => lettersIn(window);
/** Indices of the spatial axes among the axes of the input. */
export const windowAxes = (window: ImageWindow): readonly number[] => windowLetters(window).map((letter) => window.layout.indexOf(letter));
/** The same window with other lengths. */
export const withLengths = (window: ImageWindow, lengths: readonly number[]): ImageWindow => ({
  ...window,
  ...perAxis(windowLetters(window), (_, at) => lengths[at] ?? 1),
});

/** Height and width of a picture; undefined for images with other axes. */
export const pictureSize = (window: ImageWindow | undefined): { readonly height: number; readonly width: number } | undefined =>
  window?.height !== undefined && window.width !== undefined && window.depth === undefined
    ? { height: window.height, width: window.width }
    : undefined;

/** Writes the sizes into the types of the graph inputs and returns the windows. Throws CompileError if a size is missing or contradicts the file. */
export function resolveWindows(model: Model, request: SizeRequest = {}): ImageWindow[] {
  const { graph } = model;
  for (const [name, shape] of request.shapes ?? []) {
    const input = name === '' ? graph.inputs[0] : graph.inputs.find((candidate) => candidate.name === name);
    if (!input) throw unknownInput(name, graph.inputs);
    setShape(model, input, shape, request.option);
  }
  const images = imageInputs(graph);
  if (images.size === 0) throw noImageInput(graph.inputs);
  return [...images].map(([input, roles]) => {
    const letters = LETTERS.filter((letter) => roles.includes(letter));
    if (request.lengths) setShape(model, input, withSize(input, roles, letters, request.lengths, request.option), request.option);
    const shape = input.type?.shape ?? [];
    const lengths = letters.map((letter) => shape[roles.indexOf(letter)]);
    if (!lengths.every((length): length is number => typeof length === 'number')) throw inputSizeNeeded(input, letters.map(axisName));
    const channels = shape[roles.indexOf('C')];
    return {
      input: input.name,
      layout: roles.join(''),
      ...perAxis(letters, (_, at) => lengths[at] ?? 1),
      channels: typeof channels === 'number' ? channels : undefined,
    };
  });
}

function withSize(input: Value, roles: Roles, letters: readonly Letter[], lengths: readonly number[], option?: string): readonly Dim[] {
  if (lengths.length !== 1 && lengths.length !== letters.length) throw wrongAxes(input, letters.map(axisName), lengths, option);
  return roles.map((role, axis) => {
    const at = isLetter(role) ? letters.indexOf(role) : -1;
    return at < 0 ? input.type?.shape?.[axis] : (lengths[at] ?? lengths[0]);
  });
}

/** Sets the shape of an input; a symbolic batch stays symbolic. Throws CompileError if the rank or a number contradicts the file. */
function setShape(model: Model, input: Value, wanted: readonly Dim[], option?: string): void {
  const known = input.type?.shape;
  if (known && known.length !== wanted.length) throw inputSizeConflict(input, wanted, option);
  const merged = wanted.map((dim, axis) => {
    const own = known?.[axis];
    if (typeof own === 'number' && typeof dim === 'number' && own !== dim) throw inputSizeConflict(input, wanted, option);
    return axis === 0 && typeof own === 'string' ? own : dim;
  });
  model.graph.setType(input, { dtype: input.type?.dtype ?? 'float', shape: merged });
}
