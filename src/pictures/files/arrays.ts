/**
 * Opens an input file for a model: as a picture, the way viewers show it, if the model takes pictures; at full depth otherwise or on request.
 */
import { arrayNotFinite, takesNoPicture, usage } from '../../diagnostics/catalogue';
import { fileBytes, STDIN } from '../../sources/files/bytes';
import {
  type ArrayOptions,
  arrayKind,
  bandsText,
  inBands,
  type OpenedArray,
  openArray,
  openBytes,
  type Wanted,
} from '../../sources/files/open';
import { tiffSource } from '../../sources/files/tiff';
import type { Source } from '../../sources/source';
import type { Colour } from '../colours';
import type { Recipe } from '../recipe';
import { requirePicture } from './door';
import { type Image, imageOfPicture, requirePictures, takesPictures } from './image';
import type { PictureModel } from './picture-model';
import { type ReadPicture, readNumbers, readPicture } from './pictures';
import { findRecipe } from './recipes';
import type { PixelSettings } from './settings';

export interface ShownOptions extends ArrayOptions, ReadPicture, Pick<PixelSettings, 'range' | 'normalise' | 'preset'> {
  readonly background?: Colour | undefined;
}

/** Throws CompileError as `readPicture` and `openArray` do; TAKES_NO_PICTURE if the model cannot take this kind of image. */
export async function openImage(path: string, model: PictureModel, options: ShownOptions): Promise<Image> {
  const bytes = path === STDIN ? openBytes(path) : isRegular(path);
  const kind = bytes && arrayKind(bytes);
  const file = path === STDIN ? 'the standard input' : path;
  if (bytes && kind) {
    const rate = options.rate ?? recipeOf(options.preset, model)?.rate;
    return shown(openArray(kind, bytes, file, wantedBy(model), { ...options, rate }), options);
  }
  if (path === STDIN) throw takesNoArray(model);
  if (takesPictures(model) && !atFullDepth(options)) return imageOfPicture(await readPicture(path, options.background, options));
  return shown(await openPictureNumbers(path, model, options), options);
}

const takesNoArray = (model: PictureModel) =>
  takesNoPicture(model.path, 'the standard input holds no .npy, .npz or .wav: pictures are read from files');

/** The bytes of a regular file; undefined if it is missing or a folder, which the caller's reader reports. */
function isRegular(path: string): ReturnType<typeof fileBytes> | undefined {
  try {
    return fileBytes(path);
  } catch {
    return undefined;
  }
}

/** Pictures are read as bytes, as viewers show them, unless an option needs more than bytes. */
const atFullDepth = ({ bands, range, normalise }: ShownOptions): boolean =>
  bands !== undefined || (range !== undefined && Number(range) !== 1 && Number(range) !== 255) || normalise !== undefined;

async function openPictureNumbers(path: string, model: PictureModel, options: ShownOptions): Promise<OpenedArray> {
  const { format } = requirePicture(path);
  const wanted = wantedBy(model);
  if (format !== 'tiff' && wanted.axes !== 2) requirePictures(model);
  if (wanted.axes === 1) requirePictures(model);
  const source = format === 'tiff' ? await tiffPages(path, wanted, options) : await readNumbers(path);
  return { source: inBands(source, path, wanted, options), reading: bandsText(source, options) };
}

const tiffPages = (path: string, { axes }: Wanted, { page }: ShownOptions): Promise<Source> =>
  tiffSource(path, { axes: axes === 3 ? 3 : 2, page }, (value, index) => {
    throw arrayNotFinite(path, value, index);
  });

/** Applies --black and --white, which define the range that the values are scaled from. */
export function shown({ source, reading }: OpenedArray, { black, white, shares }: ShownOptions): Image {
  if (shares) throw usage('--levels is for pictures as viewers show them: say --black and --white');
  const levels = white === undefined ? source.levels : { black: black ?? 0, white };
  return { ...source, levels, reading };
}

/** Recipe that the user or the model gives; undefined if there is none. */
function recipeOf(preset: string | undefined, model: PictureModel): Recipe | undefined {
  const found = findRecipe(preset, model);
  return found.assumed ? undefined : found.recipe;
}

export const wantedBy = ({ input, letters, image: { layout, channels } }: PictureModel): Wanted => ({
  input,
  axes: letters.length,
  channels,
  channelsLast: layout.endsWith('C') && layout.length > 1,
  shape: `[${[...layout].map((role) => (role === 'C' ? channels : role)).join(', ')}]`,
});
