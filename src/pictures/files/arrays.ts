/**
 * What a model is shown, from a file: pictures as viewers show them for models of pictures; numbers at full depth for all else, and where it is asked for.
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

/** Throws CompileError as `readPicture` and `openArray` do; TAKES_NO_PICTURE for pictures and models that do not belong together. */
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

/** A file that can be looked into; what is missing or a folder is told by whoever reads it. */
function isRegular(path: string): ReturnType<typeof fileBytes> | undefined {
  try {
    return fileBytes(path);
  } catch {
    return undefined;
  }
}

/** Pictures become bytes as viewers show them, unless something is asked for that bytes cannot give. */
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

/** --black and --white say what the numbers are shares of. */
export function shown({ source, reading }: OpenedArray, { black, white, shares }: ShownOptions): Image {
  if (shares) throw usage('--levels is for pictures as viewers show them: say --black and --white');
  const levels = white === undefined ? source.levels : { black: black ?? 0, white };
  return { ...source, levels, reading };
}

/** What the model says of its images; undefined: nothing. */
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
