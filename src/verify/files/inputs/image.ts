/** Reads pictures as inputs, prepared as `predict` prepares them: scaled, cropped, and with the model's own preprocessing. */
import { type ImageWindow, pictureSize, windowLengths } from '../../../compile/input-size';
import { inputShape } from '../../../diagnostics/catalogue';
import { CompileError } from '../../../diagnostics/compile-error';
import { readPicture } from '../../../pictures/files/pictures';
import { declaredRecipe, type FoundRecipe, findRecipe } from '../../../pictures/files/recipes';
import { describedFit, fitPicture } from '../../../pictures/fit';
import { encodePicture, encodingFor } from '../../../pictures/preprocessing';
import type { Numbers } from '../../onnx-runner';

export interface ImagePort {
  readonly name: string;
  readonly dtype: string;
  readonly window: ImageWindow;
}

/** A model that may state how its pictures are prepared. */
export interface Described {
  /** undefined: the model is not a file. */
  readonly path: string | undefined;
  readonly metadata: ReadonlyMap<string, string>;
}

/**
 * How pictures become numbers for an input: as the user says, else as one of the models states, else as is usual for such an input.
 * Throws CompileError BAD_OPTION, CANNOT_READ, PREPROCESSING_INVALID, INPUT_SHAPE.
 */
export function preparationOf(port: ImagePort, preset: string | undefined, models: readonly Described[], file: string): FoundRecipe {
  const { window, dtype } = port;
  const { layout, channels = 3 } = window;
  const size = pictureSize(window);
  // A picture has two spatial axes, and channels.
  if (!size || (layout !== 'NCHW' && layout !== 'NHWC')) throw inputShape(file, port.name, windowLengths(window), 'a picture');
  if (channels !== 1 && channels !== 3) throw inputShape(file, port.name, [1, 3, size.height, size.width], `${channels} channels`);
  const stating = preset === undefined ? models.find(({ path, metadata }) => declaredRecipe(path, metadata) !== undefined) : undefined;
  return findRecipe(preset, { ...(stating ?? { path: undefined, metadata: new Map() }), image: { dtype, layout, channels } });
}

/**
 * The middle of the picture at the size of the input, [1, C, H, W] or [1, H, W, C]. Throws CompileError NOT_A_PICTURE, PICTURE_DAMAGED, PICTURE_TOO_LARGE,
 * LEVELS_UNKNOWN, PAGE_NEEDED.
 */
export async function readImage(file: string, { dtype, window }: ImagePort, { recipe }: FoundRecipe): Promise<Numbers> {
  const { layout, channels = 3 } = window;
  const picture = await readPicture(file).catch((error: unknown) => {
    throw error instanceof CompileError && NO_OPTION.has(error.diagnostic.code)
      ? new CompileError({ ...error.diagnostic, hint: AS_ARRAY }, { cause: error })
      : error;
  });
  const size = pictureSize(window) ?? picture;
  const fitted = fitPicture(picture, { ...describedFit(size, recipe), filter: recipe.filter }) ?? picture;
  return encodePicture(fitted, encodingFor(recipe, { dtype, layout, channels }, fitted));
}

/** Errors of `predict` whose hints name options that `verify` does not have. */
const NO_OPTION = new Set(['LEVELS_UNKNOWN', 'PAGE_NEEDED']);
const AS_ARRAY = 'verify takes no options for it: write what the network takes as .npy, or save the picture with 8 bits and one page';
